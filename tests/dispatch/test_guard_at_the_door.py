"""What runs on a device: the same is joined, the opposed refused, whoever began it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dispatch.replicas import (
    CARRIER,
    DEVICE,
    DISABLE,
    DOWNLOAD,
    ENABLE,
    ICCID,
    OPERATION,
    House,
    Replica,
)
from esim_graph.database.tables import SUBJECTS
from esim_graph.domain.identifiers import Iccid, parse_activation_code
from esim_graph.domain.operation import FollowedOperation, OperationKind, OperationRequest
from esim_graph.domain.transaction import Transaction, TransactionAction
from esim_graph.errors import ConflictingOperation, UpstreamUnavailable
from esim_graph.sandbox.landmarks import KNOWN_TO_ALL, READY_TO_ACTIVATE

ACTIVATE = OperationRequest(
    kind=OperationKind.ACTIVATE,
    device_id=str(READY_TO_ACTIVATE.device_id),
    carrier=READY_TO_ACTIVATE.carrier,
)
SAME_OPERATIONS: list[Any] = [
    (OPERATION, OPERATION),
    (replace(OPERATION, carrier=CARRIER), OPERATION),
    (ACTIVATE, ACTIVATE),
    (ACTIVATE, replace(ACTIVATE, carrier=str(READY_TO_ACTIVATE.carrier).upper())),
]


async def test_the_same_action_is_given_the_running_transaction(gateway: Replica) -> None:
    first = await gateway.act()
    gateway.sandbox.calls.clear()

    second = await gateway.act()

    assert (second.value, second.replayed) == (first.value, True)
    assert gateway.calls() == {}


async def test_the_same_action_on_another_replica_too(house: House) -> None:
    async with house.open() as one, house.open() as other:
        first = await one.act()
        second = await other.act()

        assert (second.value.vendor_id, second.replayed) == (first.value.vendor_id, True)
        assert house.sandbox.calls.count("digi", "enable") == 1


@pytest.mark.parametrize("action", [TransactionAction.DISABLE, TransactionAction.DELETE])
async def test_an_opposed_action_is_refused_with_what_runs(gateway: Replica, action: TransactionAction) -> None:
    running = await gateway.act()

    with pytest.raises(ConflictingOperation) as caught:
        await gateway.act(replace(ENABLE, action=action), key="k")

    assert isinstance(caught.value.running, Transaction)
    assert caught.value.running.vendor_id == running.value.vendor_id
    assert gateway.calls() == {"transactions": 2, "enable": 1}
    assert not (await gateway.act(replace(ENABLE, action=action), key="k2", force=True)).replayed


async def test_a_key_that_met_a_conflict_may_be_used_again(gateway: Replica) -> None:
    await gateway.act()
    with pytest.raises(ConflictingOperation):
        await gateway.act(DISABLE, key="k")
    gateway.sandbox.world.advance(700)
    for transaction in gateway.sandbox.world.transactions.values():
        transaction.status = "complete"

    outcome = await gateway.act(DISABLE, key="k")

    assert not outcome.replayed


@pytest.mark.parametrize("again", [ENABLE, DISABLE])
async def test_force_sends_it_whatever_runs(gateway: Replica, again: Any) -> None:
    first = await gateway.act()

    second = await gateway.act(again, force=True)

    assert (second.value.vendor_id != first.value.vendor_id, second.replayed) == (True, False)
    assert gateway.sandbox.calls.count("digi", again.action.value) == (2 if again is ENABLE else 1)


async def test_a_forced_one_still_has_one_key(gateway: Replica) -> None:
    await gateway.act()
    forced = await gateway.act(key="k", force=True)

    again = await gateway.act(key="k", force=True)

    assert (again.value.vendor_id, again.replayed) == (forced.value.vendor_id, True)
    assert gateway.sandbox.calls.count("digi", "enable") == 2


async def test_another_profile_and_another_device_are_in_nobodys_way(gateway: Replica) -> None:
    await gateway.act()

    other = replace(DISABLE, device_id=str(KNOWN_TO_ALL.device_id), iccid=Iccid(KNOWN_TO_ALL.iccid))
    beside = replace(DISABLE, iccid=Iccid(KNOWN_TO_ALL.iccid))

    assert not (await gateway.act(other)).replayed
    assert not (await gateway.act(beside)).replayed


async def test_two_opposed_at_the_same_instant_are_one_action(house: House) -> None:
    house.sandbox.faults.latency(0.05, "digi")
    async with house.open() as one, house.open() as other:
        outcomes = await asyncio.gather(one.act(ENABLE), other.act(DISABLE), return_exceptions=True)

        began = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        (refused,) = [outcome for outcome in outcomes if isinstance(outcome, ConflictingOperation)]
        assert len(began) == 1
        assert isinstance(refused.running, Transaction)
        assert refused.running.vendor_id == began[0].value.vendor_id


async def test_what_another_program_began_is_joined_and_followed(house: House) -> None:
    async with house.open_stranger() as stranger, house.open() as gateway:
        began = await stranger.act()
        house.sandbox.calls.clear()

        joined = await gateway.act(key="k")

        assert (joined.value.vendor_id, joined.replayed) == (began.value.vendor_id, True)
        assert gateway.calls() == {"transactions": 1}
        assert [row["vendor_id"] for row in await house.rows(SUBJECTS)] == [began.value.vendor_id]
        assert (await gateway.act(key="k")).value.vendor_id == began.value.vendor_id
        assert gateway.calls() == {"transactions": 1}


async def test_what_another_program_began_is_in_the_way(house: House) -> None:
    async with house.open_stranger() as stranger, house.open() as gateway:
        began = await stranger.act()

        with pytest.raises(ConflictingOperation) as caught:
            await gateway.act(DISABLE)

        assert isinstance(caught.value.running, Transaction)
        assert caught.value.running.vendor_id == began.value.vendor_id


@pytest.mark.parametrize(("first", "second"), SAME_OPERATIONS)
async def test_the_same_operation_is_given_the_running_one(
    gateway: Replica, first: OperationRequest, second: OperationRequest
) -> None:
    running = await gateway.start(first)
    gateway.sandbox.calls.clear()

    again = await gateway.start(second)

    assert (again.value, again.replayed) == (running.value, True)
    assert gateway.calls() == {}


async def test_an_operation_of_another_program_is_joined(house: House) -> None:
    async with house.open_stranger() as stranger, house.open() as gateway:
        began = await stranger.start(OPERATION)

        joined = await gateway.start(OPERATION)

        assert (joined.value.vendor_id, joined.replayed) == (began.value.vendor_id, True)
        assert house.sandbox.calls.count("digi", "start_operation") == 1


async def test_an_operation_of_another_kind_is_in_the_way(gateway: Replica) -> None:
    running = await gateway.start(ACTIVATE)

    with pytest.raises(ConflictingOperation) as caught:
        await gateway.start(replace(ACTIVATE, kind=OperationKind.DOWNLOAD))

    assert isinstance(caught.value.running, FollowedOperation)
    assert caught.value.running.vendor_id == running.value.vendor_id


async def test_an_operation_is_in_the_way_of_an_action_on_its_profile(gateway: Replica) -> None:
    running = await gateway.start(OPERATION)

    with pytest.raises(ConflictingOperation) as caught:
        await gateway.act(DISABLE)

    assert isinstance(caught.value.running, FollowedOperation)
    assert caught.value.running.vendor_id == running.value.vendor_id


async def test_an_action_is_in_the_way_of_an_operation_on_its_profile(gateway: Replica) -> None:
    running = await gateway.act()

    with pytest.raises(ConflictingOperation) as caught:
        await gateway.start(OPERATION)

    assert isinstance(caught.value.running, Transaction)
    assert caught.value.running.vendor_id == running.value.vendor_id


async def test_the_enable_inside_a_running_operation_is_joined(gateway: Replica) -> None:
    operation = await gateway.start(OPERATION)
    gateway.sandbox.world.advance(61)
    inside = gateway.sandbox.world.operations[operation.value.vendor_id].enable_tx

    joined = await gateway.act(ENABLE)

    assert (joined.value.vendor_id, joined.replayed) == (inside, True)
    assert gateway.sandbox.calls.count("digi", "enable") == 0


async def test_a_download_by_the_same_code_is_joined(gateway: Replica) -> None:
    first = await gateway.act(DOWNLOAD)

    same = await gateway.act(DOWNLOAD)
    other = await gateway.act(replace(DOWNLOAD, activation_code=parse_activation_code("LPA:1$rsp.example.com$OTHER")))

    assert (same.value.vendor_id, same.replayed) == (first.value.vendor_id, True)
    assert (other.value.vendor_id != first.value.vendor_id, other.replayed) == (True, False)


async def test_what_digi_forgot_to_close_is_in_nobodys_way(house: House) -> None:
    async with house.open_stranger() as stranger, house.open() as gateway:
        began = await stranger.act()
        row = house.sandbox.world.transactions[began.value.vendor_id]
        row.created -= timedelta(hours=1)
        row.updated = row.created

        outcome = await gateway.act(DISABLE)

        assert not outcome.replayed


@pytest.mark.parametrize(("minutes", "waits"), [(19, True), (21, False)])
async def test_an_unknown_status_is_in_the_way_until_the_polls_deadline(
    house: House, minutes: float, waits: bool
) -> None:
    async with house.open_stranger() as stranger, house.open() as gateway:
        began = await stranger.act()
        row = house.sandbox.world.transactions[began.value.vendor_id]
        row.status = "unknown"
        row.updated -= timedelta(minutes=minutes)

        outcome = await gateway.act()

        assert outcome.replayed is waits


async def test_nothing_is_sent_where_digi_cannot_be_asked(gateway: Replica) -> None:
    gateway.sandbox.faults.status(503, "digi", "transactions")

    with pytest.raises(UpstreamUnavailable) as caught:
        await gateway.act()

    assert caught.value.retryable
    assert gateway.sandbox.calls.count("digi", "enable") == 0


async def test_what_has_ended_is_done_again(gateway: Replica) -> None:
    first = await gateway.act()
    gateway.sandbox.world.advance(700)
    row = gateway.sandbox.world.transactions[first.value.vendor_id]
    row.status = "complete"

    again = await gateway.act(DISABLE)

    assert not again.replayed
    assert (again.value.device_id, again.value.iccid) == (DEVICE, ICCID)
