"""Digi's verbs that act, and what they leave behind, against the sandbox."""

from collections.abc import Callable
from typing import Literal

import pytest

from esim_graph.clock import Deadline
from esim_graph.domain.identifiers import ActivationCode, Eid, Iccid
from esim_graph.domain.operation import OperationKind, OperationRequest, OperationStatus
from esim_graph.domain.selection import Selection
from esim_graph.domain.transaction import ActionRequest, Transaction, TransactionAction, TransactionStatus
from esim_graph.errors import (
    UpstreamRefused,
    UpstreamUnavailable,
)
from esim_graph.sandbox import Sandbox, landmarks
from esim_graph.upstreams import Upstreams
from esim_graph.upstreams.digi import DigiClient
from upstreams.transports import CLOCK

ICCID = Iccid(landmarks.KNOWN_TO_ALL.iccid)
READY = landmarks.READY_TO_ENABLE
ALL = Selection()
Soon = Callable[[], Deadline]


@pytest.fixture
def digi(upstreams: Upstreams) -> DigiClient:
    return upstreams.digi


def enable() -> ActionRequest:
    assert READY.device_id
    assert READY.eid
    return ActionRequest(
        action=TransactionAction.ENABLE, device_id=READY.device_id, eid=Eid(READY.eid), iccid=Iccid(READY.iccid)
    )


def activate() -> OperationRequest:
    device = landmarks.READY_TO_ACTIVATE
    assert device.device_id
    return OperationRequest(kind=OperationKind.ACTIVATE, device_id=device.device_id, carrier=device.carrier)


# Transactions and actions


ANSWERS: list[Literal["transaction", "row", "list"]] = ["transaction", "row", "list"]


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("shape", ANSWERS)
async def test_an_action_becomes_a_transaction(
    sandbox: Sandbox,
    digi: DigiClient,
    deadline: Deadline,
    shape: Literal["transaction", "row", "list"],
    status: Literal[200, 201, 202],
) -> None:
    sandbox.switches.digi.action_answer = shape
    sandbox.switches.digi.accepted_status = status

    transaction = await digi.act(enable(), deadline=deadline)

    assert transaction.action is TransactionAction.ENABLE
    assert transaction.status is TransactionStatus.IN_PROGRESS
    assert (transaction.iccid, transaction.device_id) == (READY.iccid, READY.device_id)


@pytest.mark.parametrize("ids", ["uuid", "integer"])
async def test_a_transaction_is_found_by_its_id(
    sandbox: Sandbox, digi: DigiClient, soon: Soon, ids: Literal["uuid", "integer"]
) -> None:
    sandbox.switches.digi.identifiers = ids
    started = await digi.act(enable(), deadline=soon())

    found = await digi.transactions_by_id([started.vendor_id, "no-such-id"], deadline=soon())

    assert list(found) == [started.vendor_id]


async def test_many_transactions_are_one_call(sandbox: Sandbox, digi: DigiClient, soon: Soon) -> None:
    page = await digi.transaction_page(ALL, size=20, cursor=None, deadline=soon())
    ids = [transaction.vendor_id for transaction in page.items]
    assert len(ids) == 20
    sandbox.calls.clear()

    found = await digi.transactions_by_id(ids, deadline=soon())

    assert set(found) == set(ids)
    assert sandbox.calls.count("digi") == 1


async def test_progress_is_checked_and_says_when(digi: DigiClient, soon: Soon) -> None:
    started = await digi.act(enable(), deadline=soon())

    checked = await digi.transaction_progress(started.vendor_id, deadline=soon())

    assert checked is not None
    assert checked.last_checked_at is not None
    assert abs((checked.last_checked_at - CLOCK.now()).total_seconds()) < 10.0


async def test_the_progress_of_an_unknown_transaction_is_none(digi: DigiClient, deadline: Deadline) -> None:
    assert await digi.transaction_progress("no-such-id", deadline=deadline) is None


async def test_a_download_takes_the_code_in_and_nothing_out(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline
) -> None:
    free = landmarks.READY_TO_DOWNLOAD
    assert free.device_id
    assert free.activation_code
    code = ActivationCode(free.activation_code)
    asked = ActionRequest(action=TransactionAction.DOWNLOAD, device_id=free.device_id, activation_code=code)

    transaction = await digi.act(asked, deadline=deadline)

    assert isinstance(transaction, Transaction)
    assert free.activation_code not in repr(transaction)


@pytest.mark.parametrize("status", [400, 404])
async def test_an_action_on_an_unknown_device_is_refused(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline, status: Literal[400, 404]
) -> None:
    sandbox.switches.digi.unknown_device_status = status
    stranger = ActionRequest(
        action=TransactionAction.ENABLE, device_id="00000000-00000000-00000000-00000000", iccid=ICCID
    )

    with pytest.raises(UpstreamRefused):
        await digi.act(stranger, deadline=deadline)


async def test_an_action_whose_answer_is_lost_is_not_sent_again(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline
) -> None:
    sandbox.faults.script("reset_after", "digi", "enable", times=1)

    with pytest.raises(UpstreamUnavailable) as lost:
        await digi.act(enable(), deadline=deadline)

    assert not lost.value.retryable
    assert sandbox.calls.count("digi", "enable") == 1


# Operations


@pytest.mark.parametrize("shape", ["row", "id", "list"])
async def test_an_operation_starts(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline, shape: Literal["row", "id", "list"]
) -> None:
    sandbox.switches.digi.operation_answer = shape

    operation = await digi.start_operation(activate(), deadline=deadline)

    assert (operation.kind, operation.status) == (OperationKind.ACTIVATE, OperationStatus.STARTING)


@pytest.mark.parametrize("empty", ["null", "absent"])
async def test_an_operation_is_found_by_its_id(
    sandbox: Sandbox, digi: DigiClient, soon: Soon, empty: Literal["null", "absent"]
) -> None:
    sandbox.switches.digi.empty_values = empty
    started = await digi.start_operation(activate(), deadline=soon())

    found = await digi.operation(started.vendor_id, deadline=soon())

    assert found is not None
    assert (found.vendor_id, found.enable_tx) == (started.vendor_id, None)


async def test_an_unknown_operation_is_none(digi: DigiClient, deadline: Deadline) -> None:
    assert await digi.operation("no-such-id", deadline=deadline) is None


@pytest.mark.parametrize(("many", "endpoint"), [(1, "operation"), (5, "operations")])
async def test_operations_by_their_ids_are_one_call(
    sandbox: Sandbox, digi: DigiClient, soon: Soon, many: int, endpoint: str
) -> None:
    page = await digi.operation_page(ALL, size=many, cursor=None, deadline=soon())
    ids = [operation.vendor_id for operation in page.items]
    sandbox.calls.clear()

    found = await digi.operations_by_id(ids, deadline=soon())

    assert set(found) == set(ids)
    assert [call.endpoint for call in sandbox.calls] == [endpoint]
