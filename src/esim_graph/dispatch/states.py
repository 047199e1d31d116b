"""States that nobody saw: how a transaction or operation began, and what a request's row alone tells of it."""

from dataclasses import replace

from esim_graph.domain.operation import FollowedOperation, Operation, OperationKind, OperationStatus
from esim_graph.domain.subject import State
from esim_graph.domain.transaction import Transaction, TransactionAction, TransactionStatus
from esim_graph.requests import Request


def beginning_of(state: State) -> State:
    """How it was when Digi took it up, so that whoever follows it sees and writes down all that came after."""
    if isinstance(state, Transaction):
        if state.status is TransactionStatus.IN_PROGRESS:
            return state
        begun = TransactionStatus.IN_PROGRESS
        return replace(
            state,
            status=begun,
            status_raw=begun.value,
            message=None,
            message_code=None,
            updated_at=state.created_at,
        )
    operation, starting = state.operation, OperationStatus.STARTING
    if operation.status is not starting:
        operation = replace(
            operation,
            status=starting,
            status_raw=starting.value,
            message=None,
            message_code=None,
            download_tx=None,
            enable_tx=None,
            updated_at=operation.created_at,
        )
    return FollowedOperation(operation, {starting: None})


def without_status(request: Request, vendor_id: str) -> State:
    """What a row tells when nothing else is known any more; its status is None."""
    wanted = request.wanted
    if wanted.noun == "transaction":
        return Transaction(
            vendor_id=vendor_id,
            action=TransactionAction.read(wanted.action),
            action_raw=wanted.action,
            status=None,
            status_raw=None,
            iccid=wanted.iccid,
            eid=wanted.eid,
            device_id=request.device_id,
            customer_id=None,
            message=None,
            message_code=None,
            created_at=request.sent_at,
            updated_at=None,
        )
    operation = Operation(
        vendor_id=vendor_id,
        kind=OperationKind.read(wanted.action),
        kind_raw=wanted.action,
        status=None,
        status_raw=None,
        cause=None,
        cause_raw=None,
        cause_id=None,
        carrier=wanted.carrier,
        iccid=wanted.iccid,
        eid=wanted.eid,
        device_id=request.device_id,
        customer_id=None,
        created_by=None,
        source=None,
        job_id=None,
        message=None,
        message_code=None,
        download_tx=None,
        enable_tx=None,
        created_at=request.sent_at,
        updated_at=None,
    )
    return FollowedOperation(operation, {})
