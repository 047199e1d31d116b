"""The root fields that act. Each takes one ``input`` and answers what began, or why it did not."""

from typing import Annotated

import strawberry

from esim_graph.actions import Outcome
from esim_graph.domain import transaction as transactions
from esim_graph.domain.operation import FollowedOperation
from esim_graph.domain.transaction import TransactionAction
from esim_graph.schema.action_inputs import (
    ActionInput,
    OperationStartInput,
    ProfileDeleteInput,
    ProfileDisableInput,
    ProfileDownloadInput,
    ProfileEnableInput,
    read_action,
    read_key,
    read_operation,
)
from esim_graph.schema.arguments import given
from esim_graph.schema.context import Info
from esim_graph.schema.operation import Operation
from esim_graph.schema.payloads import (
    OperationStartPayload,
    ProfileDeletePayload,
    ProfileDisablePayload,
    ProfileDownloadPayload,
    ProfileEnablePayload,
    Settled,
    settle,
)
from esim_graph.schema.transaction import Transaction


@strawberry.type(
    description=(
        "Acts on devices in the field. An action is sent once and never repeated by itself; its result comes "
        "minutes later, see `transactionProgress` and `operationProgress`. What runs already is not sent again: the "
        "answer is what runs, and `replayed`."
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

        async def start() -> Outcome[FollowedOperation]:
            return await info.context.actions.start_operation(
                read_operation(input),
                idempotency_key=read_key(input),
                force=bool(given(input.force)),
                acknowledged=given(input.acknowledge) or (),
            )

        settled = await settle(start())
        followed = settled.value
        return OperationStartPayload(
            operation=None if followed is None else Operation.from_domain(followed.operation, followed.seen),
            replayed=settled.replayed,
            user_errors=settled.user_errors,
        )

    @strawberry.mutation(description="Delete a profile from a device for good.")
    async def profile_delete(
        self,
        info: Info,
        input: Annotated[ProfileDeleteInput, strawberry.argument(description="Which profile, and where.")],
    ) -> ProfileDeletePayload | None:
        """At most one POST."""
        settled = await _act(info, TransactionAction.DELETE, input)
        return ProfileDeletePayload(
            transaction=settled.value, replayed=settled.replayed, user_errors=settled.user_errors
        )

    @strawberry.mutation(description="Disable a profile; the device may lose its connection by that.")
    async def profile_disable(
        self,
        info: Info,
        input: Annotated[ProfileDisableInput, strawberry.argument(description="Which profile, and where.")],
    ) -> ProfileDisablePayload | None:
        """At most one POST."""
        settled = await _act(info, TransactionAction.DISABLE, input)
        return ProfileDisablePayload(
            transaction=settled.value, replayed=settled.replayed, user_errors=settled.user_errors
        )

    @strawberry.mutation(description="Download a profile to a device; it is not enabled by that.")
    async def profile_download(
        self,
        info: Info,
        input: Annotated[ProfileDownloadInput, strawberry.argument(description="Which profile, and where.")],
    ) -> ProfileDownloadPayload | None:
        """At most one POST."""
        settled = await _act(info, TransactionAction.DOWNLOAD, input)
        return ProfileDownloadPayload(
            transaction=settled.value, replayed=settled.replayed, user_errors=settled.user_errors
        )

    @strawberry.mutation(description="Enable a profile that is on the device; another one is disabled by that.")
    async def profile_enable(
        self,
        info: Info,
        input: Annotated[ProfileEnableInput, strawberry.argument(description="Which profile, and where.")],
    ) -> ProfileEnablePayload | None:
        """At most one POST."""
        settled = await _act(info, TransactionAction.ENABLE, input)
        return ProfileEnablePayload(
            transaction=settled.value, replayed=settled.replayed, user_errors=settled.user_errors
        )


async def _act(info: Info, action: TransactionAction, input: ActionInput) -> Settled[Transaction]:
    async def act() -> Outcome[transactions.Transaction]:
        return await info.context.actions.act(
            read_action(action, input), idempotency_key=read_key(input), force=bool(given(input.force))
        )

    settled = await settle(act())
    began = None if settled.value is None else Transaction.from_domain(settled.value)
    return Settled(began, settled.replayed, settled.user_errors)
