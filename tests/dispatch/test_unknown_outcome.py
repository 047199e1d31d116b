"""A POST whose answer never came: found, or known not to have begun, and never sent twice."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog

from dispatch.replicas import DISABLE, DOWNLOAD, ENABLE, OPERATION, House, MovedClock, Replica
from esim_graph.actions import Outcome
from esim_graph.database.tables import REQUESTS, SUBJECTS
from esim_graph.domain.transaction import ActionRequest, TransactionAction
from esim_graph.errors import (
    ConflictingOperation,
    IdempotencyKeyReused,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)

SHORT = 1.5  # seconds for one operation
ROOMY = 4.0  # likewise, where all of it must be enough on a busy machine


async def test_what_was_accepted_before_the_connection_broke_is_found(gateway: Replica) -> None:
    before = len(gateway.sandbox.world.transactions)
    gateway.sandbox.faults.script("reset_after", "digi", "enable")

    outcome = await gateway.act(key="k")

    assert outcome.value.vendor_id in gateway.sandbox.world.transactions
    assert not outcome.replayed
    assert len(gateway.sandbox.world.transactions) == before + 1
    assert gateway.calls() == {"transactions": 2, "enable": 1}
    assert (await gateway.act(key="k")).value.vendor_id == outcome.value.vendor_id
    assert (await gateway.act()).value.vendor_id == outcome.value.vendor_id
    assert gateway.sandbox.calls.count("digi", "enable") == 1


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (DOWNLOAD, {"kind": "reset_after"}),
        (ENABLE, {"kind": "cut_body"}),
        (ENABLE, {"kind": "invalid_json"}),
        (ENABLE, {"kind": "wrong_types"}),
    ],
)
async def test_an_answer_that_cannot_be_read_is_looked_up(
    gateway: Replica, request_: ActionRequest, fault: dict[str, Any]
) -> None:
    gateway.sandbox.faults.script(vendor="digi", endpoint=request_.action.value, **fault)

    outcome = await gateway.act(request_)

    assert outcome.value.vendor_id in gateway.sandbox.world.transactions
    assert gateway.sandbox.calls.count("digi", request_.action.value) == 1


async def test_an_operation_is_found_alike(gateway: Replica) -> None:
    gateway.sandbox.faults.script("reset_after", "digi", "start_operation")

    outcome = await gateway.start(replace(OPERATION, carrier="Telekom.de"))

    assert outcome.value.vendor_id in gateway.sandbox.world.operations
    assert gateway.calls() == {"operations": 2, "start_operation": 1}


@pytest.mark.parametrize("fault", [{"kind": "reset_before"}, {"kind": "status", "status": 500}])
async def test_what_was_not_accepted_is_said_not_to_have_started(house: House, fault: dict[str, Any]) -> None:
    clock = MovedClock()
    before = len(house.sandbox.world.transactions)
    house.sandbox.faults.script(vendor="digi", endpoint="enable", times=1, **fault)
    async with house.open(clock=clock, operation_timeout=ROOMY) as gateway:
        with pytest.raises(UpstreamUnavailable) as caught:
            await gateway.act(key="k")

        assert caught.value.retryable
        assert "did not start" in caught.value.message
        assert len(house.sandbox.world.transactions) == before
        assert gateway.calls() == {"transactions": 5, "enable": 1}
        clock.moved = timedelta(seconds=10)
        again = await gateway.act(key="k")
        assert not again.replayed
        assert len(house.sandbox.world.transactions) == before + 1
        assert gateway.calls() == {"transactions": 7, "enable": 2}


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"key": "k"}, {"key": "k"}),
        ({"key": "k"}, {"key": "another"}),
        ({"key": "k"}, {}),
        ({}, {}),
        ({}, {"force": True}),
        ({"key": "k", "force": True}, {"key": "k", "force": True}),
    ],
)
async def test_what_digis_list_shows_late_is_not_sent_twice(
    house: House, first: dict[str, Any], again: dict[str, Any]
) -> None:
    before = set(house.sandbox.world.transactions)
    house.sandbox.faults.script("reset_after", "digi", "enable", times=1)
    house.hide_transactions(1 + 4 + 2)
    async with house.open(operation_timeout=ROOMY) as gateway, house.open(operation_timeout=ROOMY) as other:
        with pytest.raises(UpstreamUnavailable) as caught:
            await gateway.act(**first)

        outcome = await other.act(**again)

        assert caught.value.retryable
        assert {outcome.value.vendor_id} == set(house.sandbox.world.transactions) - before
        assert outcome.replayed
        assert house.sandbox.calls.count("digi", "enable") == 1


async def test_what_does_not_go_together_waits_for_digis_list_too(house: House) -> None:
    house.sandbox.faults.script("reset_after", "digi", "enable", times=1)
    house.hide_transactions(1 + 4 + 1)
    async with house.open(operation_timeout=ROOMY) as gateway:
        with pytest.raises(UpstreamUnavailable):
            await gateway.act()

        with pytest.raises(ConflictingOperation) as conflict:
            await gateway.act(DISABLE)

        assert conflict.value.running is not None
        assert house.sandbox.calls.count("digi", "disable") == 0


async def test_trying_again_at_once_waits_for_digis_list_and_is_sent(house: House) -> None:
    """Within its own time, however short an operation's is."""
    house.sandbox.faults.script("reset_before", "digi", "enable", times=1)
    async with house.open(operation_timeout=ROOMY) as gateway:
        with pytest.raises(UpstreamUnavailable):
            await gateway.act(key="k")

        outcome = await gateway.act(key="k")

        assert not outcome.replayed
        assert list(house.sandbox.world.transactions)[-1] == outcome.value.vendor_id
        assert house.sandbox.calls.count("digi", "enable") == 2


async def test_where_digi_cannot_be_asked_again_nothing_is_sent(house: House) -> None:
    clock = MovedClock()
    house.sandbox.faults.script("reset_before", "digi", "enable", times=1)
    async with house.open(operation_timeout=ROOMY, clock=clock) as gateway:
        with pytest.raises(UpstreamUnavailable):
            await gateway.act(key="k")
        clock.moved = timedelta(seconds=10)
        house.sandbox.faults.status(503, "digi", "transactions")

        with pytest.raises(UpstreamTimeout) as caught:
            await gateway.act(key="k")

        assert caught.value.retryable
        assert house.sandbox.calls.count("digi", "enable") == 1


async def unanswered(house: House, gateway: Replica) -> None:
    """An enable that Digi has begun, while nobody here knows."""
    house.sandbox.faults.script("reset_after", "digi", "enable", times=1)
    house.sandbox.faults.script("hold", "digi", "enable", times=1)
    asking = asyncio.create_task(gateway.act())
    await house.sandbox.calls.wait_for(1, "digi", "enable")
    down = house.sandbox.faults.status(503, "digi", "transactions")
    house.sandbox.faults.release()
    with pytest.raises(UpstreamError) as caught:
        await asking
    assert not caught.value.retryable
    house.sandbox.faults.remove(down.id)


async def ask_together(house: House, *asked: Awaitable[Any]) -> list[Any]:
    """Have all of them look at Digi's list before any of them is answered."""
    held = house.sandbox.faults.script("hold", "digi", "transactions")
    count = house.sandbox.calls.count("digi", "transactions")
    asking = asyncio.gather(*asked, return_exceptions=True)
    await house.sandbox.calls.wait_for(count + len(asked), "digi", "transactions")
    house.sandbox.faults.remove(held.id)
    house.sandbox.faults.release()
    return await asking


async def test_two_with_one_new_key_join_what_was_unknown(house: House) -> None:
    async with house.open(operation_timeout=ROOMY) as gateway:
        await unanswered(house, gateway)

        one, other = await ask_together(house, gateway.act(key="k"), gateway.act(key="k"))

        assert one.value.vendor_id == other.value.vendor_id
        assert (one.replayed, other.replayed) == (True, True)
        assert (await gateway.act(key="k")).value.vendor_id == one.value.vendor_id
        assert house.sandbox.calls.count("digi", "enable") == 1


async def test_two_inputs_with_one_new_key_do_not_both_join(house: House) -> None:
    async with house.open(operation_timeout=ROOMY) as gateway:
        await unanswered(house, gateway)

        outcomes = await ask_together(house, gateway.act(key="k"), gateway.act(key="k", force=True))

        assert [isinstance(outcome, IdempotencyKeyReused) for outcome in outcomes].count(True) == 1
        assert [isinstance(outcome, Outcome) for outcome in outcomes].count(True) == 1
        assert house.sandbox.calls.count("digi", "enable") == 1


async def test_what_two_find_at_once_is_counted_once(house: House) -> None:
    async with house.open(operation_timeout=ROOMY) as gateway:
        await unanswered(house, gateway)

        with structlog.testing.capture_logs() as logs:
            await ask_together(house, gateway.act(), gateway.act())

        assert gateway.counted("adopted") == 1
        assert [line["event"] for line in logs].count("request_adopted") == 1


async def test_some_of_what_is_left_over_is_looked_for_at_a_time(house: House) -> None:
    devices = [f"00000000-00000000-00409DFF-FF00000{number}" for number in range(1, 7)]
    await house.leave_over(devices)
    held = house.sandbox.faults.script("hold", "digi", "transactions")

    async with house.open():
        first = await house.sandbox.calls.wait_for(4, "digi", "transactions")
        house.sandbox.faults.remove(held.id)
        house.sandbox.faults.release()
        every = await house.sandbox.calls.wait_for(6, "digi", "transactions")

    assert len(first) == 4
    assert sum(any(device in str(call.query) for call in every) for device in devices) == 6


async def test_an_answer_behind_the_deadline_is_not_waited_for(house: House) -> None:
    house.sandbox.faults.script("late", "digi", "enable", seconds=30)
    async with house.open(operation_timeout=ROOMY) as gateway:
        outcome = await gateway.act()

        assert outcome.value.vendor_id in house.sandbox.world.transactions
        assert not outcome.replayed
        assert house.sandbox.calls.count("digi", "enable") == 1


async def test_what_digi_takes_up_late_is_running_when_asked_again(house: House) -> None:
    house.sandbox.faults.script("hold", "digi", "enable", times=1)
    async with house.open(operation_timeout=SHORT) as gateway:
        with pytest.raises(UpstreamTimeout) as caught:
            await gateway.act(key="k")
        with pytest.raises(UpstreamTimeout) as still:
            await gateway.act(key="k")
        (call,) = house.sandbox.calls.of("digi", "enable")
        house.sandbox.faults.release()
        await house.finished(call)

        outcome = await gateway.act(key="k")

        assert (caught.value.retryable, still.value.retryable) == (False, False)
        assert outcome.value.vendor_id in house.sandbox.world.transactions
        assert outcome.replayed
        assert house.sandbox.calls.count("digi", "enable") == 1


async def test_nothing_is_sent_while_it_is_unknown(house: House) -> None:
    before = len(house.sandbox.world.transactions)
    house.sandbox.faults.script("html", "digi", "enable")  # says success, and Digi never saw it
    async with house.open(operation_timeout=SHORT) as gateway, house.open(operation_timeout=SHORT) as other:
        for asked in (gateway.act(key="k"), gateway.act(key="k"), gateway.act(), other.act(key="another")):
            with pytest.raises(UpstreamError) as caught:
                await asked
            assert not caught.value.retryable
        with pytest.raises(ConflictingOperation) as conflict:
            await other.act(DISABLE)

        assert conflict.value.running is None
        assert house.sandbox.calls.count("digi", "enable") == 1
        assert house.sandbox.calls.count("digi", "disable") == 0
        assert len(house.sandbox.world.transactions) == before


async def test_behind_the_horizon_it_has_not_started_and_is_sent_anew(house: House) -> None:
    clock = MovedClock()
    house.sandbox.faults.script("html", "digi", "enable", times=1)
    async with house.open(operation_timeout=SHORT, clock=clock) as gateway:
        with pytest.raises(UpstreamError):
            await gateway.act(key="k")
        clock.moved = timedelta(seconds=20)

        outcome = await gateway.act(key="k")

        assert not outcome.replayed
        assert house.sandbox.calls.count("digi", "enable") == 2


async def test_where_digi_cannot_be_asked_nobody_says_that_it_did_not_start(house: House) -> None:
    async with house.open(operation_timeout=SHORT) as gateway:
        house.sandbox.faults.script("hold", "digi", "enable")
        house.sandbox.faults.script("reset_after", "digi", "enable")
        asking = asyncio.create_task(gateway.act(key="k"))
        await house.sandbox.calls.wait_for(1, "digi", "enable")
        down = house.sandbox.faults.status(503, "digi", "transactions")
        house.sandbox.faults.release()

        with pytest.raises(UpstreamError) as caught:
            await asking
        house.sandbox.faults.remove(down.id)
        outcome = await gateway.act(key="k")

        assert not caught.value.retryable
        assert outcome.value.vendor_id in house.sandbox.world.transactions
        assert house.sandbox.calls.count("digi", "enable") == 1


async def test_a_process_that_ends_in_the_middle_leaves_it_to_the_next(house: House) -> None:
    house.sandbox.faults.script("late", "digi", "enable", seconds=30)
    async with house.open() as gateway:
        asking = asyncio.create_task(gateway.act(key="k"))
        await house.sandbox.calls.wait_for(1, "digi", "enable")
    await asyncio.wait([asking])

    async with house.open() as gateway:
        outcome = await gateway.act(key="k")

        assert outcome.value.vendor_id in house.sandbox.world.transactions
        assert outcome.replayed
        assert house.sandbox.calls.count("digi", "enable") == 1


async def test_a_process_that_ends_before_it_sent_leaves_nothing(house: House) -> None:
    held = house.sandbox.faults.script("hold", "digi", "transactions")
    async with house.open() as gateway:
        asking = asyncio.create_task(gateway.act(key="k"))
        await house.sandbox.calls.wait_for(1, "digi", "transactions")
    await asyncio.wait([asking])
    house.sandbox.faults.remove(held.id)

    async with house.open() as gateway:
        outcome = await gateway.act(key="k")

        assert not outcome.replayed
        assert house.sandbox.calls.count("digi", "enable") == 1


async def test_a_replica_takes_over_from_one_that_gives_no_sign_of_life(house: House) -> None:
    """The other's clock has moved on, so that it takes the first for dead."""
    clock = MovedClock()
    house.sandbox.faults.script("late", "digi", "enable", seconds=30)
    async with house.open() as dead, house.open(clock=clock) as gateway:
        asking = asyncio.create_task(dead.act(key="k"))
        await house.sandbox.calls.wait_for(1, "digi", "enable")
        clock.moved = timedelta(seconds=10)

        outcome = await gateway.act(key="k")

        assert outcome.value.vendor_id in house.sandbox.world.transactions
        assert house.sandbox.calls.count("digi", "enable") == 1
        asking.cancel()


async def test_what_is_left_over_is_found_without_anybody_asking(house: House) -> None:
    house.sandbox.faults.script("late", "digi", "enable", seconds=30)
    async with house.open() as gateway:
        asking = asyncio.create_task(gateway.act())
        await house.sandbox.calls.wait_for(1, "digi", "enable")
    await asyncio.wait([asking])
    (begun,) = [row for row in house.sandbox.world.transactions.values() if row.status == "in_progress"]

    async with house.open(), asyncio.timeout(10):
        await house.sandbox.calls.wait_for(2, "digi", "transactions")
        known = await house.rows(SUBJECTS, until=bool)

    assert [row["vendor_id"] for row in known] == [begun.transaction]
    assert [(row["state"], row["vendor_id"]) for row in await house.rows(REQUESTS)] == [("accepted", begun.transaction)]


async def test_a_forced_one_does_not_take_what_another_request_began(house: House) -> None:
    async with house.open() as gateway:
        first = await gateway.act()
        house.sandbox.faults.script("reset_after", "digi", "enable")

        second = await gateway.act(force=True)

        assert second.value.vendor_id != first.value.vendor_id
        assert second.value.action is TransactionAction.ENABLE
        assert second.value.vendor_id in house.sandbox.world.transactions


async def test_two_that_are_unknown_are_not_made_one(house: House) -> None:
    before = set(house.sandbox.world.transactions)
    house.sandbox.faults.script("late", "digi", "enable", seconds=30)
    async with house.open(operation_timeout=ROOMY) as gateway:
        outcomes = await asyncio.gather(gateway.act(force=True), gateway.act(force=True))

        assert {outcome.value.vendor_id for outcome in outcomes} == set(house.sandbox.world.transactions) - before
        assert len(set(house.sandbox.world.transactions) - before) == 2


async def test_that_it_did_not_start_is_found_without_anybody_asking(house: House) -> None:
    clock = MovedClock()
    house.sandbox.faults.script("html", "digi", "enable", times=1)
    async with house.open(operation_timeout=SHORT) as gateway:
        with pytest.raises(UpstreamError):
            await gateway.act(key="k")
    clock.moved = timedelta(seconds=30)

    async with house.open(operation_timeout=SHORT, clock=clock):
        await house.rows(REQUESTS, until=lambda rows: rows[0]["state"] == "not_started")
