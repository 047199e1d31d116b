"""What can be followed to its end: a transaction or an operation, as one idea."""

from typing import Literal

from esim_graph.domain.operation import FollowedOperation
from esim_graph.domain.transaction import Transaction

Noun = Literal["transaction", "operation"]
State = Transaction | FollowedOperation  #: of a subject


def noun_of(state: State) -> Noun:
    """Which of the two it is."""
    return "transaction" if isinstance(state, Transaction) else "operation"


def action_of(state: State) -> str | None:
    """What it does, in Digi's word: a transaction's action, an operation's kind."""
    word = state.action if isinstance(state, Transaction) else state.operation.kind
    return None if word is None else str(word.value)


def carrier_of(state: State) -> str | None:
    """The carrier that was asked for; only operations have one."""
    return None if isinstance(state, Transaction) else state.operation.carrier
