"""Which requests are the same and which do not go together, and what still counts as running; no I/O."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from esim_graph.domain.operation import OperationStatus
from esim_graph.domain.subject import State, action_of, carrier_of, noun_of
from esim_graph.domain.transaction import Transaction, TransactionAction, TransactionStatus
from esim_graph.requests import Wanted

#: A transaction takes 3 to 10 minutes, an operation some more. What has not moved for so long is a row
#: that Digi forgot to close, and must not keep a device shut for ever.
STALE_AFTER = timedelta(hours=1)
_NO_WORD = "unknown"


class Relation(Enum):
    """How what is asked for and what runs go together."""

    SAME = "same"
    OPPOSED = "opposed"


@dataclass(frozen=True, slots=True)
class Running:
    """Something that runs on the device."""

    wanted: Wanted
    state: State


def relation(asked: Wanted, other: Wanted) -> Relation | None:
    """How two requests for one device go together; None if they have nothing to do with each other."""
    if _differ(asked.eid, other.eid):
        return None
    if asked.noun != other.noun:
        return Relation.OPPOSED if _equal(asked.iccid, other.iccid) else None
    if asked.noun == "transaction":
        return _of_transactions(asked, other)
    return _of_operations(asked, other)


def judge(asked: Wanted, running: Iterable[Running]) -> tuple[Relation, Running] | None:
    """What of all that runs stands in the way: first whatever is the same, since that is the answer."""
    related = [(found, one) for one in running if (found := relation(asked, one.wanted)) is not None]
    return next((pair for pair in related if pair[0] is Relation.SAME), None) or next(iter(related), None)


def wanted_of(state: State, code_digest: str | None = None) -> Wanted:
    """What a transaction or operation was begun for."""
    return Wanted(
        noun=noun_of(state),
        action=action_of(state) or _NO_WORD,
        eid=state.eid if isinstance(state, Transaction) else state.operation.eid,
        iccid=state.iccid,
        carrier=carrier_of(state),
        code_digest=code_digest,
    )


def running_of(
    states: Iterable[tuple[State, datetime | None]],
    *,
    now: datetime,
    unknown_for: timedelta,
    code_digests: Mapping[str, str],
) -> Sequence[Running]:
    """Those that run, operations before the transactions inside them; each is given with when we first knew it."""
    return sorted(
        (
            Running(wanted_of(state, code_digests.get(state.vendor_id)), state)
            for state, since in states
            if is_running(state, since=since, now=now, unknown_for=unknown_for)
        ),
        key=lambda one: one.wanted.noun == "transaction",
    )


def is_running(state: State, *, since: datetime | None = None, now: datetime, unknown_for: timedelta) -> bool:
    """Whether Digi still works on it.

    One that Digi calls complete does not run, verified or not. *since* is for one that has no
    dates of Digi's; *unknown_for* is how long a transaction whose status Digi does not know
    counts as running since it last changed.
    """
    patience = STALE_AFTER
    if isinstance(state, Transaction):
        if state.status in (TransactionStatus.COMPLETE, TransactionStatus.FAILED):
            return False
        if state.status is not TransactionStatus.IN_PROGRESS:
            patience = unknown_for
        moved = state.updated_at or state.created_at or since
    else:
        if state.operation.status in (OperationStatus.SUCCESSFUL, OperationStatus.FAILED):
            return False
        moved = state.operation.updated_at or state.operation.created_at or since
    return moved is None or now - moved < patience


def _of_transactions(asked: Wanted, other: Wanted) -> Relation | None:
    if _equal(asked.code_digest, other.code_digest):
        return Relation.SAME
    if not _equal(asked.iccid, other.iccid):
        return None
    same = asked.action == other.action != TransactionAction.UNKNOWN.value
    return Relation.SAME if same else Relation.OPPOSED


def _of_operations(asked: Wanted, other: Wanted) -> Relation | None:
    carrier = _equal(_name(asked.carrier), _name(other.carrier))
    if _differ(asked.iccid, other.iccid) or not (carrier or _equal(asked.iccid, other.iccid)):
        return None
    if asked.action != other.action:
        return Relation.OPPOSED
    # One that names an ICCID is not the same as one for whose carrier Digi has yet to choose a profile.
    undecided = asked.iccid is not None and other.iccid is None
    return Relation.OPPOSED if undecided else Relation.SAME


def _equal(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _name(carrier: str | None) -> str | None:
    return None if carrier is None else carrier.strip().casefold()
