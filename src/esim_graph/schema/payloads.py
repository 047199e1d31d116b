"""What the root fields that act answer: what began, or why it did not."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

import strawberry

from esim_graph.actions import Outcome
from esim_graph.domain import operation as operations
from esim_graph.domain import transaction as transactions
from esim_graph.domain.words import Word
from esim_graph.errors import (
    BadUserInput,
    CarrierAmbiguous,
    ConflictingOperation,
    IdempotencyKeyReused,
    UpstreamRefused,
)
from esim_graph.schema.enums import publish
from esim_graph.schema.node import Node
from esim_graph.schema.operation import Operation
from esim_graph.schema.transaction import Transaction

T = TypeVar("T")

_REPLAYED = "Whether this is the answer to an earlier request, or what ran already: nothing was sent for this one."


class UserErrorCode(Word):
    """The contract's codes, as far as a form can show them."""

    BAD_USER_INPUT = "BAD_USER_INPUT", "The input is wrong or does not fit together; `field` says where."
    CONFLICTING_OPERATION = (
        "CONFLICTING_OPERATION",
        "Something runs on the device that does not go together with it; `conflictsWith` has it. `force` overrides.",
    )
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED", "The key was used within 24 hours for another input."
    CARRIER_AMBIGUOUS = (
        "CARRIER_AMBIGUOUS",
        "Several profiles on the device report this carrier. Name the `iccid`, or `acknowledge` that any will do.",
    )
    CARRIER_SPN_MISMATCH = "CARRIER_SPN_MISMATCH", "A warning of `activationPlan`; it refuses nothing."
    ALREADY_ACTIVE = "ALREADY_ACTIVE", "A warning of `activationPlan`; it refuses nothing."
    WILL_DISABLE_OTHER_PROFILE = "WILL_DISABLE_OTHER_PROFILE", "A warning of `activationPlan`; it refuses nothing."


publish(UserErrorCode, "Why an action was refused.")


@strawberry.type(description="A refusal that a form can show.")
class UserError:
    """An outage is not among them: that is a top-level error."""

    code: UserErrorCode = strawberry.field(description="What kind of refusal it is.")
    conflicts_with: Node | None = strawberry.field(
        description="The `Transaction` or `Operation` that runs, if one stands in the way and is known."
    )
    field: list[str] | None = strawberry.field(description="The path of the input that is to be mended, if one is.")
    message: str = strawberry.field(description="One sentence that can be shown.")


@strawberry.type(description="What an action on a profile began.")
class TransactionPayload:
    """Shared by the four actions, each under its own name."""

    replayed: bool = strawberry.field(description=_REPLAYED)
    transaction: Transaction | None = strawberry.field(
        description="The transaction that began, or runs already; null if it was refused."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it began.")


@strawberry.type(description="What `profileDelete` began.")
class ProfileDeletePayload(TransactionPayload):
    """A payload per mutation, so that each can grow."""


@strawberry.type(description="What `profileDisable` began.")
class ProfileDisablePayload(TransactionPayload):
    """A payload per mutation, so that each can grow."""


@strawberry.type(description="What `profileDownload` began.")
class ProfileDownloadPayload(TransactionPayload):
    """A payload per mutation, so that each can grow."""


@strawberry.type(description="What `profileEnable` began.")
class ProfileEnablePayload(TransactionPayload):
    """A payload per mutation, so that each can grow."""


@strawberry.type(description="What `operationStart` began.")
class OperationStartPayload:
    """The operation, or why there is none."""

    operation: Operation | None = strawberry.field(
        description="The operation that began, or runs already; null if it was refused."
    )
    replayed: bool = strawberry.field(description=_REPLAYED)
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it began.")


@dataclass(frozen=True, slots=True)
class Settled(Generic[T]):
    """What a payload is made of."""

    value: T | None
    replayed: bool
    user_errors: list[UserError]


async def settle(action: Awaitable[Outcome[T]]) -> Settled[T]:
    """What an action began, or the refusal in a form's terms."""
    try:
        outcome = await action
    except (BadUserInput, IdempotencyKeyReused, ConflictingOperation, UpstreamRefused) as error:
        return Settled(None, isinstance(error, UpstreamRefused) and error.replayed, [_user_error(error)])
    return Settled(outcome.value, outcome.replayed, [])


def _user_error(error: BadUserInput | IdempotencyKeyReused | ConflictingOperation | UpstreamRefused) -> UserError:
    code, argument, running = UserErrorCode.BAD_USER_INPUT, None, None
    match error:
        case CarrierAmbiguous():
            code, argument = UserErrorCode.CARRIER_AMBIGUOUS, error.argument
        case BadUserInput():
            argument = error.argument
        case IdempotencyKeyReused():
            code, argument = UserErrorCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey"
        case ConflictingOperation():
            code, running = UserErrorCode.CONFLICTING_OPERATION, _present(error.running)
        case UpstreamRefused():
            pass
    return UserError(
        code=code,
        conflicts_with=running,
        field=None if argument is None else ["input", argument],
        message=error.message,
    )


def _present(running: object | None) -> Node | None:
    match running:
        case transactions.Transaction():
            return Transaction.from_domain(running)
        case operations.FollowedOperation():
            return Operation.from_domain(running.operation, running.seen)
    return None
