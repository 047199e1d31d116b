"""The door to write: rules across fields, one POST each, and what an action makes us forget."""

from collections.abc import AsyncIterator

import pytest
import structlog

from esim_graph.actions import Actions
from esim_graph.domain.identifiers import Eid, Iccid, parse_activation_code
from esim_graph.domain.operation import OperationKind, OperationRequest, OperationStatus
from esim_graph.domain.transaction import ActionRequest, TransactionAction, TransactionStatus
from esim_graph.errors import BadUserInput, UpstreamError, UpstreamRefused
from esim_graph.sandbox.landmarks import READY_TO_ACTIVATE, READY_TO_DOWNLOAD, READY_TO_ENABLE
from support.gateway import Gateway, open_gateway

DEVICE, ICCID = str(READY_TO_ENABLE.device_id), Iccid(READY_TO_ENABLE.iccid)
CODE = parse_activation_code(str(READY_TO_DOWNLOAD.activation_code))


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_gateway() as opened:
        yield opened


@pytest.fixture
def actions(gateway: Gateway) -> Actions:
    return Actions(gateway.runtime.rooms, gateway.runtime.rooms.call_deadline())


@pytest.mark.parametrize("action", [TransactionAction.ENABLE, TransactionAction.DISABLE, TransactionAction.DELETE])
async def test_an_action_is_one_call_and_a_transaction(
    gateway: Gateway, actions: Actions, action: TransactionAction
) -> None:
    transaction = await actions.act(ActionRequest(action=action, device_id=DEVICE, iccid=ICCID))

    assert (transaction.action, transaction.status) == (action, TransactionStatus.IN_PROGRESS)
    assert gateway.sandbox.world.transactions[transaction.vendor_id].action == action.value
    assert [call.endpoint for call in gateway.sandbox.calls] == [action.value]


@pytest.mark.parametrize(("iccid", "code"), [(None, None), (ICCID, CODE)])
async def test_a_download_takes_exactly_one_of_iccid_and_code(
    gateway: Gateway, actions: Actions, iccid: Iccid | None, code: object
) -> None:
    request = ActionRequest(
        action=TransactionAction.DOWNLOAD, device_id=DEVICE, iccid=iccid, activation_code=CODE if code else None
    )

    with pytest.raises(BadUserInput) as caught:
        await actions.act(request)

    assert caught.value.argument == "iccid"
    assert gateway.sandbox.calls.count() == 0


async def test_an_operation_takes_a_carrier_or_an_iccid(gateway: Gateway, actions: Actions) -> None:
    with pytest.raises(BadUserInput) as caught:
        await actions.start_operation(OperationRequest(kind=OperationKind.ACTIVATE, device_id=DEVICE))

    assert caught.value.argument == "carrier"
    assert gateway.sandbox.calls.count() == 0


async def test_an_operation_may_take_both(gateway: Gateway, actions: Actions) -> None:
    operation = await actions.start_operation(
        OperationRequest(kind=OperationKind.ENABLE, device_id=DEVICE, iccid=ICCID, carrier=READY_TO_ENABLE.carrier)
    )

    assert (operation.status, operation.iccid) == (OperationStatus.STARTING, ICCID)
    assert gateway.sandbox.calls.count() == 1


async def test_what_the_vendor_refuses_is_refused(actions: Actions) -> None:
    with pytest.raises(UpstreamRefused):
        await actions.act(
            ActionRequest(
                action=TransactionAction.ENABLE, device_id=DEVICE, iccid=ICCID, eid=Eid(str(READY_TO_ACTIVATE.eid))
            )
        )


@pytest.mark.parametrize("kind", ["reset_after", "cut_body"])
async def test_an_action_that_was_carried_out_unheard_is_not_sent_again(
    gateway: Gateway, actions: Actions, kind: str
) -> None:
    """The vendor has acted and only the answer is lost: a second POST would act twice."""
    gateway.sandbox.faults.script("reset_after" if kind == "reset_after" else "cut_body", "digi")
    before = len(gateway.sandbox.world.transactions)

    with pytest.raises(UpstreamError) as caught:
        await actions.act(ActionRequest(action=TransactionAction.ENABLE, device_id=DEVICE, iccid=ICCID))

    assert caught.value.retryable is False
    assert len(gateway.sandbox.world.transactions) == before + 1
    assert gateway.sandbox.calls.count() == 1


async def test_an_accepted_action_is_one_line_in_the_log_without_a_code(gateway: Gateway, actions: Actions) -> None:
    with structlog.testing.capture_logs() as logs:
        transaction = await actions.act(
            ActionRequest(
                action=TransactionAction.DOWNLOAD,
                device_id=str(READY_TO_DOWNLOAD.device_id),
                activation_code=CODE,
            )
        )

    lines = [line for line in logs if line["event"] == "action_accepted"]
    assert [(line["action"], line["transaction"]) for line in lines] == [("download", transaction.vendor_id)]
    assert CODE.reveal() not in repr(logs)
    assert gateway.sandbox.calls.count() == 1
