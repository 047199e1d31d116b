"""The door to write: the four actions on a profile, and multistep operations."""

from collections.abc import Collection

from esim_graph.clock import Deadline
from esim_graph.dispatch import Outcome
from esim_graph.domain.activation_plan import PlanWarningCode, check_target, plan_of
from esim_graph.domain.operation import FollowedOperation, OperationRequest
from esim_graph.domain.transaction import ActionRequest, Transaction, TransactionAction
from esim_graph.errors import BadUserInput, CarrierAmbiguous
from esim_graph.runtime import Rooms

__all__ = ["Actions", "Outcome"]


class Actions:
    """All writes of one caller's operation."""

    def __init__(self, rooms: Rooms, deadline: Deadline) -> None:
        self._rooms = rooms
        self._deadline = deadline

    async def act(
        self, request: ActionRequest, *, idempotency_key: str | None = None, force: bool = False
    ) -> Outcome[Transaction]:
        """Have Digi do something to a profile; the device does it in its own time, 3 to 10 minutes.

        Raises:
            BadUserInput: the input's fields do not fit together; Digi was not called.
            GatewayError: see ``Dispatch.act``.
        """
        if request.action is TransactionAction.DOWNLOAD and (
            (request.iccid is None) == (request.activation_code is None)
        ):
            raise BadUserInput(
                "A download takes exactly one of iccid (its activation code is registered with Digi) "
                "and activationCode.",
                argument="iccid",
            )
        return await self._rooms.dispatch.act(
            request, idempotency_key=idempotency_key, force=force, actor=self._rooms.actor, deadline=self._deadline
        )

    async def start_operation(
        self,
        request: OperationRequest,
        *,
        idempotency_key: str | None = None,
        force: bool = False,
        acknowledged: Collection[PlanWarningCode] = (),
    ) -> Outcome[FollowedOperation]:
        """Have Digi start a multistep operation.

        Raises:
            BadUserInput: neither a carrier nor an ICCID says which profile is meant.
            CarrierAmbiguous: several profiles report the carrier, and that is not *acknowledged*.
            GatewayError: see ``Dispatch.act``.
        """
        check_target(request)

        async def check(deadline: Deadline) -> None:
            if request.iccid is not None or PlanWarningCode.CARRIER_AMBIGUOUS in acknowledged:
                return
            digi = self._rooms.upstreams.digi
            profiles = await digi.profiles_on(request.device_id, eid=request.eid, deadline=deadline)
            ambiguous = plan_of(request, profiles).warning(PlanWarningCode.CARRIER_AMBIGUOUS)
            if ambiguous is not None:
                raise CarrierAmbiguous(ambiguous.message, argument="carrier")

        return await self._rooms.dispatch.start_operation(
            request,
            idempotency_key=idempotency_key,
            force=force,
            actor=self._rooms.actor,
            deadline=self._deadline,
            check=check,
            acknowledged=[code.value for code in acknowledged],
        )
