"""The root fields that act. Each takes one ``input`` and answers what began, or why it did not."""

from collections.abc import Awaitable
from typing import Annotated, TypeVar

import strawberry

from esim_graph.domain.identifiers import ActivationCode, Eid, Iccid, parse_vendor_id
from esim_graph.domain.operation import OperationKind, OperationRequest
from esim_graph.domain.transaction import ActionRequest, TransactionAction
from esim_graph.domain.words import Word
from esim_graph.errors import BadUserInput, UpstreamRefused
from esim_graph.schema.arguments import given
from esim_graph.schema.context import Info
from esim_graph.schema.enums import publish
from esim_graph.schema.operation import Operation
from esim_graph.schema.transaction import Transaction

T = TypeVar("T")

_DEVICE = "Digi's id of the device to act on."
_EID = "The eUICC to act on, where the device has several."


class UserErrorCode(Word):
    """The contract's codes, as far as a form can show them."""

    BAD_USER_INPUT = "BAD_USER_INPUT", "The input is wrong or does not fit together; `field` says where."


publish(UserErrorCode, "Why an action was refused.")


@strawberry.type(description="A refusal that a form can show.")
class UserError:
    """An outage is not among them: that is a top-level error."""

    code: UserErrorCode = strawberry.field(description="What kind of refusal it is.")
    field: list[str] | None = strawberry.field(description="The path of the input that is to be mended, if one is.")
    message: str = strawberry.field(description="One sentence that can be shown.")


@strawberry.type(description="What an action on a profile began.")
class TransactionPayload:
    """Shared by the four actions, each under its own name."""

    transaction: Transaction | None = strawberry.field(
        description="The transaction that began; null if it was refused."
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

    operation: Operation | None = strawberry.field(description="The operation that began; null if it was refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it began.")


@strawberry.input(description="Which profile to delete from which device.")
class ProfileDeleteInput:
    """Both identifiers are required: the wrong profile deleted cannot be had back."""

    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    iccid: Iccid = strawberry.field(description="The profile to delete.")


@strawberry.input(description="Which profile to disable on which device.")
class ProfileDisableInput:
    """Both identifiers are required."""

    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    iccid: Iccid = strawberry.field(description="The profile to disable.")


@strawberry.input(description="Which profile to enable on which device.")
class ProfileEnableInput:
    """Both identifiers are required."""

    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    iccid: Iccid = strawberry.field(description="The profile to enable.")


@strawberry.input(description="Which profile to download to which device: exactly one of `iccid` and `activationCode`.")
class ProfileDownloadInput:
    """By ICCID where Digi has the activation code registered, else by the code."""

    activation_code: ActivationCode | None = strawberry.field(
        default=strawberry.UNSET,
        description="The code, where it is not registered with Digi. It is never given out.",
    )
    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    iccid: Iccid | None = strawberry.field(
        default=strawberry.UNSET, description="The profile, where its activation code is registered with Digi."
    )


@strawberry.input(description="Which operation to start on which device, for a carrier or for one ICCID.")
class OperationStartInput:
    """Digi chooses the profile by the carrier; an ICCID leaves it no choice."""

    carrier: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "The carrier (SPN) whose profile is meant. A profile may report another name than its supplier's, "
            "and then Digi may choose another profile: an `iccid` is safer."
        ),
    )
    device_id: str = strawberry.field(description=_DEVICE)
    eid: Eid | None = strawberry.field(default=strawberry.UNSET, description=_EID)
    iccid: Iccid | None = strawberry.field(default=strawberry.UNSET, description="The profile that is meant.")
    kind: OperationKind = strawberry.field(description="What to do.")


@strawberry.type(
    description=(
        "Acts on devices in the field. An action is sent once and never repeated by itself; its result comes "
        "minutes later, see `transactionProgress` and `operationProgress`."
    )
)
class Mutation:
    """One door: ``actions``."""

    @strawberry.mutation(description="Start a multistep operation.")
    async def operation_start(
        self,
        info: Info,
        input: Annotated[OperationStartInput, strawberry.argument(description="What to start, and where.")],
    ) -> OperationStartPayload | None:
        """Digi carries out the steps."""

        async def start() -> Operation:
            if input.kind is OperationKind.UNKNOWN:
                raise BadUserInput("kind must be ACTIVATE, DOWNLOAD or ENABLE.", argument="kind")
            carrier = given(input.carrier)
            request = OperationRequest(
                kind=input.kind,
                device_id=parse_vendor_id(input.device_id, argument="deviceId"),
                eid=given(input.eid),
                carrier=carrier.strip() or None if carrier else None,
                iccid=given(input.iccid),
            )
            return Operation.from_domain(await info.context.actions.start_operation(request), {})

        operation, errors = await _or_user_errors(start())
        return OperationStartPayload(operation=operation, user_errors=errors)

    @strawberry.mutation(description="Delete a profile from a device for good.")
    async def profile_delete(
        self,
        info: Info,
        input: Annotated[ProfileDeleteInput, strawberry.argument(description="Which profile, and where.")],
    ) -> ProfileDeletePayload | None:
        """One POST."""
        transaction, errors = await _act(info, TransactionAction.DELETE, input)
        return ProfileDeletePayload(transaction=transaction, user_errors=errors)

    @strawberry.mutation(description="Disable a profile; the device may lose its connection by that.")
    async def profile_disable(
        self,
        info: Info,
        input: Annotated[ProfileDisableInput, strawberry.argument(description="Which profile, and where.")],
    ) -> ProfileDisablePayload | None:
        """One POST."""
        transaction, errors = await _act(info, TransactionAction.DISABLE, input)
        return ProfileDisablePayload(transaction=transaction, user_errors=errors)

    @strawberry.mutation(description="Download a profile to a device; it is not enabled by that.")
    async def profile_download(
        self,
        info: Info,
        input: Annotated[ProfileDownloadInput, strawberry.argument(description="Which profile, and where.")],
    ) -> ProfileDownloadPayload | None:
        """One POST."""
        transaction, errors = await _act(info, TransactionAction.DOWNLOAD, input, given(input.activation_code))
        return ProfileDownloadPayload(transaction=transaction, user_errors=errors)

    @strawberry.mutation(description="Enable a profile that is on the device; another one is disabled by that.")
    async def profile_enable(
        self,
        info: Info,
        input: Annotated[ProfileEnableInput, strawberry.argument(description="Which profile, and where.")],
    ) -> ProfileEnablePayload | None:
        """One POST."""
        transaction, errors = await _act(info, TransactionAction.ENABLE, input)
        return ProfileEnablePayload(transaction=transaction, user_errors=errors)


async def _act(
    info: Info,
    action: TransactionAction,
    given_input: ProfileDeleteInput | ProfileDisableInput | ProfileDownloadInput | ProfileEnableInput,
    activation_code: ActivationCode | None = None,
) -> tuple[Transaction | None, list[UserError]]:
    async def act() -> Transaction:
        request = ActionRequest(
            action=action,
            device_id=parse_vendor_id(given_input.device_id, argument="deviceId"),
            eid=given(given_input.eid),
            iccid=given(given_input.iccid),
            activation_code=activation_code,
        )
        return Transaction.from_domain(await info.context.actions.act(request))

    return await _or_user_errors(act())


async def _or_user_errors(action: Awaitable[T]) -> tuple[T | None, list[UserError]]:
    """What an action began, or the refusal in a form's terms."""
    try:
        return await action, []
    except (BadUserInput, UpstreamRefused) as error:
        argument = error.argument if isinstance(error, BadUserInput) else None
        field = None if argument is None else ["input", argument]
        return None, [UserError(code=UserErrorCode.BAD_USER_INPUT, field=field, message=error.message)]
