"""What the root fields that act take, and how it becomes a request."""

from typing import Annotated

import strawberry

from esim_graph.domain.activation_plan import PlanWarningCode
from esim_graph.domain.identifiers import (
    ActivationCode,
    Eid,
    Iccid,
    parse_device_id,
    parse_idempotency_key,
)
from esim_graph.domain.operation import OperationKind, OperationRequest
from esim_graph.domain.transaction import ActionRequest, TransactionAction
from esim_graph.errors import BadUserInput
from esim_graph.schema.arguments import given

_DEVICE = "Digi's id of the device to act on."
_EID = "The eUICC to act on, where the device has several."
_FORCE = (
    "Send it whatever runs on the device: neither joined to the same action that runs, nor refused for an opposed one. "
    "An `idempotencyKey` counts all the same, and so does an earlier request for the same whose outcome is not known."
)
_KEY = (
    "Under which the same input may be asked for again, 1 to 255 printable characters of your choice: for 24 hours it "
    "is answered with what it began at first, and nothing is sent."
)


@strawberry.input(description="Which profile to delete from which device.")
class ProfileDeleteInput:
    """Both identifiers are required: the wrong profile deleted cannot be had back."""

    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    force: bool | None = strawberry.field(default=strawberry.UNSET, description=_FORCE)
    iccid: Iccid = strawberry.field(description="The profile to delete.")
    idempotency_key: str | None = strawberry.field(default=strawberry.UNSET, description=_KEY)


@strawberry.input(description="Which profile to disable on which device.")
class ProfileDisableInput:
    """Both identifiers are required."""

    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    force: bool | None = strawberry.field(default=strawberry.UNSET, description=_FORCE)
    iccid: Iccid = strawberry.field(description="The profile to disable.")
    idempotency_key: str | None = strawberry.field(default=strawberry.UNSET, description=_KEY)


@strawberry.input(description="Which profile to enable on which device.")
class ProfileEnableInput:
    """Both identifiers are required."""

    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    force: bool | None = strawberry.field(default=strawberry.UNSET, description=_FORCE)
    iccid: Iccid = strawberry.field(description="The profile to enable.")
    idempotency_key: str | None = strawberry.field(default=strawberry.UNSET, description=_KEY)


@strawberry.input(description="Which profile to download to which device: exactly one of `iccid` and `activationCode`.")
class ProfileDownloadInput:
    """By ICCID where Digi has the activation code registered, else by the code."""

    activation_code: ActivationCode | None = strawberry.field(
        default=strawberry.UNSET,
        description="The code, where it is not registered with Digi. It is never given out.",
    )
    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    force: bool | None = strawberry.field(default=strawberry.UNSET, description=_FORCE)
    iccid: Iccid | None = strawberry.field(
        default=strawberry.UNSET, description="The profile, where its activation code is registered with Digi."
    )
    idempotency_key: str | None = strawberry.field(default=strawberry.UNSET, description=_KEY)


@strawberry.input(description="Which operation to start on which device, for a carrier or for one ICCID.")
class OperationStartInput:
    """Digi chooses the profile by the carrier; an ICCID leaves it no choice."""

    acknowledge: list[PlanWarningCode] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Warnings of `activationPlan` to go on in spite of: `CARRIER_AMBIGUOUS` alone stops an operation.",
    )
    carrier: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "The carrier (SPN) whose profile is meant. A profile may report another name than its supplier's, "
            "and then Digi may choose another profile: `activationPlan` tells, and an `iccid` is safer."
        ),
    )
    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    force: bool | None = strawberry.field(default=strawberry.UNSET, description=_FORCE)
    iccid: Iccid | None = strawberry.field(default=strawberry.UNSET, description="The profile that is meant.")
    idempotency_key: str | None = strawberry.field(default=strawberry.UNSET, description=_KEY)
    kind: OperationKind = strawberry.field(description="What to do.")


ActionInput = ProfileDeleteInput | ProfileDisableInput | ProfileDownloadInput | ProfileEnableInput

PlannedOperation = Annotated[OperationStartInput, strawberry.argument(description="What would be started, and where.")]


def read_action(action: TransactionAction, input: ActionInput) -> ActionRequest:
    """What a caller wants done to a profile.

    Raises:
        BadUserInput: an identifier has a form that none has.
    """
    code = given(input.activation_code) if isinstance(input, ProfileDownloadInput) else None
    return ActionRequest(
        action=action,
        device_id=parse_device_id(input.device_id),
        eid=given(input.eid),
        iccid=given(input.iccid),
        activation_code=code,
    )


def read_operation(input: OperationStartInput) -> OperationRequest:
    """What a caller wants started.

    Raises:
        BadUserInput: it is none of the three kinds, the carrier is no printable text, or an identifier has a form
            that none has.
    """
    if input.kind is OperationKind.UNKNOWN:
        raise BadUserInput("kind must be ACTIVATE, DOWNLOAD or ENABLE.", argument="kind")
    carrier = (given(input.carrier) or "").strip() or None
    if carrier is not None and not carrier.isprintable():
        raise BadUserInput("carrier must be printable characters.", argument="carrier")
    return OperationRequest(
        kind=input.kind,
        device_id=parse_device_id(input.device_id),
        eid=given(input.eid),
        carrier=carrier,
        iccid=given(input.iccid),
    )


def read_key(input: ActionInput | OperationStartInput) -> str | None:
    """The key under which the caller may ask again.

    Raises:
        BadUserInput: it is none.
    """
    key = given(input.idempotency_key)
    return None if key is None else parse_idempotency_key(key)
