"""The door to write: the four actions on a profile, and multistep operations."""

from esim_graph.clock import Deadline
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.operation import Operation, OperationRequest
from esim_graph.domain.transaction import ActionRequest, Transaction, TransactionAction
from esim_graph.errors import BadUserInput
from esim_graph.runtime import Rooms
from esim_graph.telemetry import logger


class Actions:
    """All writes of one caller's operation."""

    def __init__(self, rooms: Rooms, deadline: Deadline) -> None:
        self._rooms = rooms
        self._deadline = deadline

    async def act(self, request: ActionRequest) -> Transaction:
        """Have Digi do something to a profile; the device does it in its own time, 3 to 10 minutes.

        Raises:
            BadUserInput: the input's fields do not fit together; Digi was not called.
            UpstreamRefused: Digi says that the input is wrong.
            UpstreamError: not ``retryable`` where nobody knows whether the action began.
        """
        if request.action is TransactionAction.DOWNLOAD and (
            (request.iccid is None) == (request.activation_code is None)
        ):
            raise BadUserInput(
                "A download takes exactly one of iccid (its activation code is registered with Digi) "
                "and activationCode.",
                argument="iccid",
            )
        logger().info("action_sent", action=request.action.value)
        try:
            transaction = await self._rooms.upstreams.digi.act(request, deadline=self._deadline)
        finally:
            await self._forget(request.iccid)
        logger().info("action_accepted", action=request.action.value, transaction=transaction.vendor_id)
        return transaction

    async def start_operation(self, request: OperationRequest) -> Operation:
        """Have Digi start a multistep operation.

        Raises:
            BadUserInput: neither a carrier nor an ICCID says which profile is meant.
            UpstreamRefused: Digi says that the input is wrong.
            UpstreamError: not ``retryable`` where nobody knows whether the operation began.
        """
        if request.carrier is None and request.iccid is None:
            raise BadUserInput(
                "An operation takes a carrier or an iccid, to tell which profile is meant.", argument="carrier"
            )
        logger().info("operation_sent", kind=request.kind.value)
        try:
            operation = await self._rooms.upstreams.digi.start_operation(request, deadline=self._deadline)
        finally:
            await self._forget(request.iccid)
        logger().info("operation_accepted", kind=request.kind.value, operation=operation.vendor_id)
        return operation

    async def _forget(self, iccid: Iccid | None) -> None:
        """Whatever Digi answered, or did not: what is remembered may no longer be true."""
        if iccid is not None:
            await self._rooms.memory.forget(iccid)
