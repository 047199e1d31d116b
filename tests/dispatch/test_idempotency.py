"""A key and its answer: the same again, wherever and whenever, and Digi called once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dispatch.replicas import DEVICE, DISABLE, DOWNLOAD, ENABLE, ICCID, OPERATION, House, MovedClock, Replica
from esim_graph.domain.identifiers import Eid, Iccid, parse_activation_code
from esim_graph.domain.operation import OperationKind, OperationRequest
from esim_graph.domain.transaction import ActionRequest
from esim_graph.errors import CursorExpired, IdempotencyKeyReused, UpstreamError, UpstreamRefused
from esim_graph.sandbox.landmarks import KNOWN_TO_ALL, READY_TO_ENABLE

NO_SUCH_DEVICE = replace(ENABLE, device_id="00000000-00000000-00409DFF-FFABCDEF")


async def test_an_action_is_asked_for_once_and_sent_once(gateway: Replica) -> None:
    outcome = await gateway.act()

    assert not outcome.replayed
    assert outcome.value.vendor_id in gateway.sandbox.world.transactions
    assert gateway.calls() == {"transactions": 1, "enable": 1}


async def test_the_same_key_is_answered_with_what_began_at_first(gateway: Replica) -> None:
    first = await gateway.act(key="k")
    gateway.sandbox.calls.clear()

    again = await gateway.act(key="k")

    assert (again.value, again.replayed) == (first.value, True)
    assert gateway.calls() == {}


async def test_an_operation_is_answered_alike(gateway: Replica) -> None:
    first = await gateway.start(key="k")
    assert gateway.calls() == {"operations": 1, "start_operation": 1}
    gateway.sandbox.calls.clear()

    again = await gateway.start(key="k")

    assert (again.value, again.replayed) == (first.value, True)
    assert gateway.calls() == {}


async def test_a_key_outlives_the_process(house: House) -> None:
    async with house.open() as gateway:
        first = await gateway.act(key="k")
    house.sandbox.calls.clear()

    async with house.open() as gateway:
        again = await gateway.act(key="k")

        assert (again.value, again.replayed) == (first.value, True)
        assert gateway.calls() == {}


async def test_a_key_counts_on_every_replica(house: House) -> None:
    async with house.open() as one, house.open() as other:
        first = await one.act(key="k")
        again = await other.act(key="k")

        assert (again.value.vendor_id, again.replayed) == (first.value.vendor_id, True)
        assert one.calls() == {"transactions": 1, "enable": 1}


async def test_a_key_answers_with_what_is_known_now(house: House) -> None:
    async with house.open(poll={"min_interval": 0.01, "max_interval": 0.02}) as gateway:
        first = await gateway.act(key="k")
        async with asyncio.timeout(10):
            house.sandbox.world.advance(700)
            async for event in gateway.runtime.rooms.progress.transaction(first.value.vendor_id, None):
                last = event
        again = await gateway.act(key="k")

    assert not isinstance(last, CursorExpired)
    assert again.value == last.value
    assert again.value.is_terminal


@pytest.mark.parametrize(
    ("request_", "force"),
    [
        (DISABLE, False),
        (ENABLE, True),
        (replace(ENABLE, iccid=Iccid(KNOWN_TO_ALL.iccid)), False),
        (replace(ENABLE, device_id=str(KNOWN_TO_ALL.device_id)), False),
        (replace(ENABLE, eid=Eid(str(READY_TO_ENABLE.eid))), False),
        (DOWNLOAD, False),
    ],
)
async def test_a_key_belongs_to_one_input(gateway: Replica, request_: ActionRequest, force: bool) -> None:
    await gateway.act(ENABLE, key="k")
    gateway.sandbox.calls.clear()

    with pytest.raises(IdempotencyKeyReused):
        await gateway.act(request_, key="k", force=force)

    assert gateway.calls() == {}


async def test_another_code_is_another_input(gateway: Replica) -> None:
    await gateway.act(DOWNLOAD, key="k")

    with pytest.raises(IdempotencyKeyReused):
        await gateway.act(replace(DOWNLOAD, activation_code=parse_activation_code("LPA:1$h$other")), key="k")
    assert (await gateway.act(DOWNLOAD, key="k")).replayed


@pytest.mark.parametrize(
    "other",
    [
        replace(OPERATION, kind=OperationKind.ACTIVATE),
        replace(OPERATION, carrier="EE"),
        replace(OPERATION, iccid=None, carrier="EE"),
    ],
)
async def test_a_key_of_an_operation_belongs_to_one_input(gateway: Replica, other: OperationRequest) -> None:
    await gateway.start(key="k")

    with pytest.raises(IdempotencyKeyReused):
        await gateway.start(other, key="k")
    with pytest.raises(IdempotencyKeyReused):
        await gateway.act(key="k")


@pytest.mark.parametrize("keys", [("k", "k"), ("k", "another"), (None, None), (None, "k")])
async def test_two_at_the_same_instant_are_one_call(gateway: Replica, keys: tuple[str | None, str | None]) -> None:
    gateway.sandbox.faults.latency(0.05, "digi")

    outcomes = await asyncio.gather(*(gateway.act(key=key) for key in keys))

    assert len({outcome.value.vendor_id for outcome in outcomes}) == 1
    assert sorted(outcome.replayed for outcome in outcomes) == [False, True]
    assert gateway.calls() == {"transactions": 1, "enable": 1}


@pytest.mark.parametrize("keys", [("k", "k"), (None, None)])
async def test_two_at_the_same_instant_on_two_replicas_are_one_call(
    house: House, keys: tuple[str | None, str | None]
) -> None:
    house.sandbox.faults.latency(0.05, "digi")
    async with house.open() as one, house.open() as other:
        outcomes = await asyncio.gather(one.act(key=keys[0]), other.act(key=keys[1]))

        assert len({outcome.value.vendor_id for outcome in outcomes}) == 1
        assert sorted(outcome.replayed for outcome in outcomes) == [False, True]
        assert one.calls() == {"transactions": 1, "enable": 1}


async def test_a_crowd_with_one_key_is_one_call(house: House) -> None:
    async with house.open() as one, house.open() as other:
        outcomes = await asyncio.gather(*(gateway.act(key="k") for gateway in (one, other) for _ in range(20)))

        assert len({outcome.value.vendor_id for outcome in outcomes}) == 1
        assert sum(not outcome.replayed for outcome in outcomes) == 1
        assert one.calls() == {"transactions": 1, "enable": 1}


async def test_a_key_of_one_that_joined_another_is_kept_too(gateway: Replica) -> None:
    first = await gateway.act()
    await gateway.act(key="k")
    gateway.sandbox.world.advance(700)

    again = await gateway.act(key="k")

    assert (again.value.vendor_id, again.replayed) == (first.value.vendor_id, True)
    with pytest.raises(IdempotencyKeyReused):
        await gateway.act(DISABLE, key="k")


async def test_a_key_is_kept_for_a_day(house: House) -> None:
    clock = MovedClock()
    async with house.open(clock=clock) as gateway:
        first = await gateway.act(key="k")
        clock.moved = timedelta(hours=23, minutes=59)
        within = await gateway.act(key="k")
        clock.moved = timedelta(hours=24)
        after = await gateway.act(key="k")

        assert (within.value.vendor_id, within.replayed) == (first.value.vendor_id, True)
        assert (after.value.vendor_id != first.value.vendor_id, after.replayed) == (True, False)


async def test_what_digi_refused_is_refused_again_without_asking(gateway: Replica) -> None:
    with pytest.raises(UpstreamRefused) as first:
        await gateway.act(NO_SUCH_DEVICE, key="k")
    gateway.sandbox.calls.clear()

    with pytest.raises(UpstreamRefused) as again:
        await gateway.act(NO_SUCH_DEVICE, key="k")

    assert (first.value.replayed, again.value.replayed) == (False, True)
    assert first.value.message == again.value.message
    assert gateway.calls() == {}


async def test_what_digi_refused_without_a_key_is_asked_again(gateway: Replica) -> None:
    for _ in range(2):
        with pytest.raises(UpstreamRefused) as caught:
            await gateway.act(NO_SUCH_DEVICE)
        assert not caught.value.replayed

    assert gateway.sandbox.calls.count("digi", "enable") == 2


@pytest.mark.parametrize(
    ("fault", "endpoint", "retryable"),
    [
        ({"kind": "status", "status": 429}, "enable", True),
        ({"kind": "status", "status": 401}, "enable", False),
        ({"kind": "status", "status": 403}, "enable", False),
        ({"kind": "status", "status": 503}, "transactions", True),
        ({"kind": "reset_before"}, "transactions", True),
    ],
)
async def test_a_key_of_what_was_not_begun_may_be_used_again(
    gateway: Replica, fault: dict[str, Any], endpoint: str, retryable: bool
) -> None:
    scripted = gateway.sandbox.faults.script(vendor="digi", endpoint=endpoint, **fault)
    before = len(gateway.sandbox.world.transactions)

    with pytest.raises(UpstreamError) as caught:
        await gateway.act(key="k")
    gateway.sandbox.faults.remove(scripted.id)
    again = await gateway.act(key="k")

    assert caught.value.retryable is retryable
    assert not again.replayed
    assert len(gateway.sandbox.world.transactions) == before + 1


async def test_a_caller_who_leaves_does_not_stop_what_was_begun(gateway: Replica) -> None:
    gateway.sandbox.faults.script("hold", "digi", "enable")
    asking = asyncio.create_task(gateway.act(key="k"))
    await gateway.sandbox.calls.wait_for(1, "digi", "enable")

    asking.cancel()
    await asyncio.wait([asking])
    again = asyncio.create_task(gateway.act(key="k"))
    gateway.sandbox.faults.release()

    outcome = await again
    assert (outcome.value.iccid, outcome.value.device_id, outcome.replayed) == (ICCID, DEVICE, True)
    assert gateway.calls() == {"transactions": 1, "enable": 1}
