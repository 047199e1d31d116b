"""The door to write: rules across fields, the plan behind a carrier's name, and what the log says."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import structlog

from esim_graph.actions import Actions
from esim_graph.domain.activation_plan import PlanWarningCode
from esim_graph.domain.identifiers import Eid, Iccid, parse_activation_code
from esim_graph.domain.operation import OperationKind, OperationRequest, OperationStatus
from esim_graph.domain.transaction import ActionRequest, TransactionAction, TransactionStatus
from esim_graph.errors import BadUserInput, CarrierAmbiguous, IdempotencyKeyReused, UpstreamRefused
from esim_graph.sandbox.landmarks import READY_TO_ACTIVATE, READY_TO_DOWNLOAD, READY_TO_ENABLE
from support.gateway import Gateway, open_gateway

DEVICE, ICCID = str(READY_TO_ENABLE.device_id), Iccid(READY_TO_ENABLE.iccid)
CODE = parse_activation_code(str(READY_TO_DOWNLOAD.activation_code))
BY_CARRIER = OperationRequest(kind=OperationKind.ENABLE, device_id=DEVICE, carrier=READY_TO_ENABLE.carrier)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_gateway(poll={"min_interval": 3600, "max_interval": 3600}) as opened:
        yield opened


@pytest.fixture
def actions(gateway: Gateway) -> Actions:
    return Actions(gateway.runtime.rooms, gateway.runtime.rooms.call_deadline())


@pytest.mark.parametrize("action", [TransactionAction.ENABLE, TransactionAction.DISABLE, TransactionAction.DELETE])
async def test_an_action_is_one_question_one_call_and_a_transaction(
    gateway: Gateway, actions: Actions, action: TransactionAction
) -> None:
    transaction = (await actions.act(ActionRequest(action=action, device_id=DEVICE, iccid=ICCID))).value

    assert (transaction.action, transaction.status) == (action, TransactionStatus.IN_PROGRESS)
    assert gateway.sandbox.world.transactions[transaction.vendor_id].action == action.value
    assert [call.endpoint for call in gateway.sandbox.calls] == ["transactions", action.value]


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
    operation = (await actions.start_operation(replace(BY_CARRIER, iccid=ICCID))).value.operation

    assert (operation.status, operation.iccid) == (OperationStatus.STARTING, ICCID)
    assert [call.endpoint for call in gateway.sandbox.calls] == ["operations", "start_operation"]


async def test_an_operation_by_carrier_is_planned_first(gateway: Gateway, actions: Actions) -> None:
    await actions.start_operation(BY_CARRIER, idempotency_key="k")
    again = await actions.start_operation(BY_CARRIER, idempotency_key="k")

    assert again.replayed
    assert [call.endpoint for call in gateway.sandbox.calls] == ["inventory", "operations", "start_operation"]


async def test_an_ambiguous_carrier_is_refused_unless_that_is_acknowledged(gateway: Gateway, actions: Actions) -> None:
    for profile in gateway.sandbox.world.profiles_on(str(READY_TO_ENABLE.eid)):
        profile.carrier = str(READY_TO_ENABLE.carrier)

    with pytest.raises(CarrierAmbiguous) as caught:
        await actions.start_operation(BY_CARRIER, idempotency_key="k", acknowledged=[PlanWarningCode.ALREADY_ACTIVE])
    began = await actions.start_operation(
        BY_CARRIER, idempotency_key="k", acknowledged=[PlanWarningCode.CARRIER_AMBIGUOUS]
    )

    assert caught.value.argument == "carrier"
    assert ICCID in caught.value.message
    assert not began.replayed
    assert [call.endpoint for call in gateway.sandbox.calls] == ["inventory", "operations", "start_operation"]


async def test_what_is_acknowledged_is_part_of_the_input(actions: Actions) -> None:
    await actions.start_operation(BY_CARRIER, idempotency_key="k")

    with pytest.raises(IdempotencyKeyReused):
        await actions.start_operation(BY_CARRIER, idempotency_key="k", acknowledged=[PlanWarningCode.CARRIER_AMBIGUOUS])


async def test_what_is_acknowledged_twice_is_the_same_input(actions: Actions) -> None:
    code = PlanWarningCode.CARRIER_AMBIGUOUS
    await actions.start_operation(BY_CARRIER, idempotency_key="k", acknowledged=[code])

    again = await actions.start_operation(BY_CARRIER, idempotency_key="k", acknowledged=[code, code])

    assert again.replayed


async def test_what_the_vendor_refuses_is_refused(actions: Actions) -> None:
    with pytest.raises(UpstreamRefused):
        await actions.act(
            ActionRequest(
                action=TransactionAction.ENABLE, device_id=DEVICE, iccid=ICCID, eid=Eid(str(READY_TO_ACTIVATE.eid))
            )
        )


async def test_an_accepted_action_is_one_line_in_the_log_without_a_code(gateway: Gateway, actions: Actions) -> None:
    with structlog.testing.capture_logs() as logs:
        outcome = await actions.act(
            ActionRequest(
                action=TransactionAction.DOWNLOAD,
                device_id=str(READY_TO_DOWNLOAD.device_id),
                activation_code=CODE,
            )
        )

    lines = [line for line in logs if line["event"] == "request_accepted"]
    assert [(line["noun"], line["action"], line["vendor_id"]) for line in lines] == [
        ("transaction", "download", outcome.value.vendor_id)
    ]
    assert CODE.reveal() not in repr(logs)
