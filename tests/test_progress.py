"""Following to the end: how often Digi is asked, what a bad minute does, and when it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from esim_graph import progress as progress_module
from esim_graph.domain.operation import OperationStatus
from esim_graph.errors import (
    NotFound,
    UpstreamAuthFailed,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from esim_graph.events import Event
from esim_graph.progress import FollowedOperation
from esim_graph.sandbox import landmarks
from support.clock import ManualClock
from support.gateway import Gateway, open_gateway

DEVICE = landmarks.READY_TO_ACTIVATE
START = "mutation ($input: OperationStartInput!) { operationStart(input: $input) { operation { vendorId } } }"
ENABLE = "mutation ($input: ProfileEnableInput!) { profileEnable(input: $input) { transaction { vendorId } } }"
SECONDS = 5.0  # of real time, for what goes through a socket


class PollClock(ManualClock):
    """Tells how long the poller means to sleep, as soon as it does."""

    def __init__(self) -> None:
        super().__init__()
        self._waits: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        self._waits.put_nowait(seconds)
        await super().sleep(seconds)

    async def wait(self) -> float:
        """How long the poller sleeps from now on."""
        async with asyncio.timeout(SECONDS):
            return await self._waits.get()

    async def look_again(self) -> float:
        """Let the poller sleep, look and lie down again; how long it slept."""
        slept = await self.wait()
        await self.advance(slept)
        return slept


@pytest.fixture
def clock() -> PollClock:
    return PollClock()


@pytest.fixture
async def gateway(clock: PollClock) -> AsyncIterator[Gateway]:
    poll = {"min_interval": 2, "max_interval": 30, "deadline": 1200}
    async with open_gateway(clock=clock, poll=poll) as opened:
        opened.sandbox.switches.digi.throttle_window_calls = 0
        yield opened


@pytest.fixture
async def operation(gateway: Gateway) -> str:
    """An activation that stays in its first step."""
    wanted = {"kind": "ACTIVATE", "deviceId": DEVICE.device_id, "carrier": DEVICE.carrier}
    data = await gateway.data(START, {"input": wanted})
    identifier: str = data["operationStart"]["operation"]["vendorId"]
    return identifier


def _move(gateway: Gateway, vendor_id: str, status: str) -> None:
    gateway.sandbox.multistep.change(gateway.sandbox.world.operations[vendor_id], status, None, None)


async def _next(events: AsyncIterator[Event[FollowedOperation]]) -> tuple[int, str | None]:
    async with asyncio.timeout(SECONDS):
        event = await anext(events)
    status = event.value.operation.status
    return event.sequence, None if status is None else status.name


def _reading(events: AsyncIterator[Event[Any]]) -> asyncio.Task[Event[Any]]:
    async def read() -> Event[Any]:
        return await anext(events)

    return asyncio.create_task(read())


async def test_the_present_state_comes_first_and_the_end_last(
    gateway: Gateway, clock: PollClock, operation: str
) -> None:
    """Without waiting; after the final state nothing more is asked."""
    events = gateway.runtime.rooms.progress.operation(operation)
    assert await _next(events) == (1, "STARTING")

    _move(gateway, operation, "successful")
    await clock.look_again()

    assert await _next(events) == (2, "SUCCESSFUL")
    with pytest.raises(StopAsyncIteration):
        await anext(events)
    assert gateway.sandbox.calls.count("digi", "operation") == 2


async def test_it_looks_ever_less_often_while_nothing_happens(
    gateway: Gateway, clock: PollClock, operation: str
) -> None:
    """From the shortest interval by 1.3 to the longest, and not beyond."""
    async with aclosing(gateway.runtime.rooms.progress.operation(operation)) as events:
        await _next(events)
        waits = [await clock.look_again() for _ in range(14)]

    assert waits[:3] == [2, pytest.approx(2.6), pytest.approx(3.38)]
    assert waits == sorted(waits)
    assert waits[-1] == 30


async def test_it_looks_often_again_after_a_change(gateway: Gateway, clock: PollClock, operation: str) -> None:
    """Changes come in company."""
    async with aclosing(gateway.runtime.rooms.progress.operation(operation)) as events:
        await _next(events)
        for _ in range(5):
            await clock.look_again()

        _move(gateway, operation, "enable")
        await clock.look_again()
        await _next(events)

        assert await clock.wait() == 2


async def test_it_comes_back_no_sooner_than_the_vendor_asks(gateway: Gateway, clock: PollClock, operation: str) -> None:
    """And the stream lives through it."""
    async with aclosing(gateway.runtime.rooms.progress.operation(operation)) as events:
        await _next(events)
        gateway.sandbox.faults.script("status", "digi", "operation", status=429, retry_after=45, times=1)
        await clock.look_again()

        assert await clock.wait() == 45
        _move(gateway, operation, "enable")
        await clock.advance(45)
        assert await _next(events) == (2, "ENABLE")


async def test_a_bad_minute_of_the_vendor_is_outlived(gateway: Gateway, clock: PollClock, operation: str) -> None:
    """A stream that has begun goes on when the vendor is back."""
    async with aclosing(gateway.runtime.rooms.progress.operation(operation)) as events:
        await _next(events)
        gateway.sandbox.faults.script("status", "digi", "operation", status=503, times=6)
        reading = _reading(events)
        while gateway.sandbox.faults.all()[0].struck < 6:
            await clock.look_again()
        _move(gateway, operation, "enable")
        while not reading.done():
            await clock.look_again()

        assert (await reading).value.operation.status is OperationStatus.ENABLE


async def test_a_stream_that_cannot_begin_says_so_at_once(gateway: Gateway, clock: PollClock, operation: str) -> None:
    """Its caller can choose what to do."""
    gateway.sandbox.faults.script("reset_before", "digi", "operation")
    reading = _reading(gateway.runtime.rooms.progress.operation(operation))
    await clock.look_again()  # the transport's own second try

    async with asyncio.timeout(SECONDS):
        with pytest.raises(UpstreamUnavailable):
            await reading


async def test_a_failure_that_will_not_pass_ends_it(gateway: Gateway, clock: PollClock, operation: str) -> None:
    """Refused credentials do not mend themselves."""
    events = gateway.runtime.rooms.progress.operation(operation)
    await _next(events)
    gateway.sandbox.faults.script("status", "digi", "operation", status=401)
    await clock.look_again()

    async with asyncio.timeout(SECONDS):
        with pytest.raises(UpstreamAuthFailed):
            await anext(events)


async def test_what_the_vendor_does_not_know_is_not_found(gateway: Gateway) -> None:
    """An operation and a transaction alike."""
    for events in (
        gateway.runtime.rooms.progress.operation("no-such-operation"),
        gateway.runtime.rooms.progress.transaction("no-such-transaction"),
    ):
        async with asyncio.timeout(SECONDS):
            with pytest.raises(NotFound):
                await anext(events)


async def test_it_ends_at_the_deadline(gateway: Gateway, clock: PollClock, operation: str) -> None:
    """Not a longest interval before it; the subject itself goes on."""
    began = clock.monotonic()
    events = gateway.runtime.rooms.progress.operation(operation)
    await _next(events)
    reading = _reading(events)

    while not reading.done():
        await clock.look_again()

    with pytest.raises(UpstreamTimeout, match="1200 s"):
        await reading
    assert clock.monotonic() - began == pytest.approx(1200)


async def test_all_who_watch_share_one_poller(gateway: Gateway, clock: PollClock, operation: str) -> None:
    """Ten cost as many calls as one; each gets every state."""
    door = gateway.runtime.rooms.progress
    watchers = [door.operation(operation) for _ in range(10)]
    assert {await _next(events) for events in watchers} == {(1, "STARTING")}

    _move(gateway, operation, "successful")
    await clock.look_again()

    assert {await _next(events) for events in watchers} == {(2, "SUCCESSFUL")}
    assert gateway.sandbox.calls.count("digi", "operation") == 2


async def test_it_stops_with_the_last_who_watches(gateway: Gateway, clock: PollClock, operation: str) -> None:
    """And not with the first to leave."""
    door, registry = gateway.runtime.rooms.progress, gateway.runtime.metrics.registry
    stays, leaves = door.operation(operation), door.operation(operation)
    await _next(stays)
    await _next(leaves)

    await leaves.aclose()
    assert registry.get_sample_value("esim_graph_followed") == 1
    await clock.look_again()
    assert len(await gateway.sandbox.calls.wait_for(2, "digi", "operation")) == 2
    await clock.wait()
    await stays.aclose()

    assert registry.get_sample_value("esim_graph_followed") == 0
    await clock.advance(1_000)
    assert gateway.sandbox.calls.count("digi", "operation") == 2


async def test_leaving_in_the_middle_of_a_look_ends_the_call(gateway: Gateway, operation: str) -> None:
    """Nobody waits for its answer."""
    gateway.sandbox.faults.script("hold", "digi", "operation")
    reading = _reading(gateway.runtime.rooms.progress.operation(operation))
    await gateway.sandbox.calls.wait_for(1, "digi", "operation")

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert gateway.runtime.metrics.registry.get_sample_value("esim_graph_followed") == 0


async def test_numbers_grow_from_one_watching_to_the_next(gateway: Gateway, operation: str) -> None:
    """Who comes back later can tell that nothing is older than what it saw."""
    door = gateway.runtime.rooms.progress
    for number in (1, 2, 3):
        async with aclosing(door.operation(operation)) as events:
            assert await _next(events) == (number, "STARTING")


async def test_steps_that_were_seen_are_remembered(gateway: Gateway, clock: PollClock, operation: str) -> None:
    """For whoever asks for the operation afterwards; Digi itself tells only the present one."""
    door = gateway.runtime.rooms.progress
    async with aclosing(door.operation(operation)) as events:
        await _next(events)
        _move(gateway, operation, "enable")
        await clock.look_again()
        await _next(events)

    assert set(door.sightings(operation)) == {OperationStatus.STARTING, OperationStatus.ENABLE}
    assert door.sightings("another") == {}


async def test_a_step_that_was_there_at_the_first_look_has_no_time(gateway: Gateway, operation: str) -> None:
    """It began before anybody looked."""
    _move(gateway, operation, "enable")

    async with aclosing(gateway.runtime.rooms.progress.operation(operation)) as events:
        await _next(events)

    assert gateway.runtime.rooms.progress.sightings(operation) == {OperationStatus.ENABLE: None}


async def test_no_more_subjects_are_followed_than_the_vendor_bears(
    gateway: Gateway, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is refused at once; another watcher of the same subject is not one more."""
    monkeypatch.setattr(progress_module, "_MAX_FOLLOWED", 1)
    door = gateway.runtime.rooms.progress
    async with aclosing(door.operation(operation)) as events, aclosing(door.operation(operation)) as others:
        await _next(events)
        await _next(others)

        with pytest.raises(UpstreamRateLimited):
            await anext(door.operation("another"))


async def test_what_is_remembered_of_subjects_is_bounded(
    gateway: Gateway, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was followed longest ago is forgotten first."""
    monkeypatch.setattr(progress_module, "_REMEMBERED_SUBJECTS", 2)
    door = gateway.runtime.rooms.progress
    async with aclosing(door.operation(operation)) as events:
        await _next(events)
    assert door.sightings(operation)

    for number in range(2):
        with pytest.raises(NotFound):
            await anext(door.operation(f"unknown-{number}"))
    assert door.sightings(operation)  # what does not exist pushes nothing out

    for other in await _other_operations(gateway, 2):
        async with aclosing(door.operation(other)) as events:
            await _next(events)

    assert not door.sightings(operation)


async def test_a_transaction_is_followed_and_its_checks_are_remembered(gateway: Gateway, clock: PollClock) -> None:
    """Each look makes Digi check; when it ends, the profile is read anew."""
    device = landmarks.READY_TO_ENABLE
    wanted = {"deviceId": device.device_id, "iccid": device.iccid}
    profile = f'{{ profile(iccid: "{device.iccid}") {{ status }} }}'
    data = await gateway.data(ENABLE, {"input": wanted})
    vendor_id = data["profileEnable"]["transaction"]["vendorId"]
    door = gateway.runtime.rooms.progress
    events = door.transaction(vendor_id)
    async with asyncio.timeout(SECONDS):
        first = await anext(events)
    assert not first.value.is_terminal
    assert (await gateway.data(profile))["profile"]["status"] == "INACTIVE"

    gateway.sandbox.world.change_profile(device.iccid, status="active")
    transaction = gateway.sandbox.world.transactions[vendor_id]
    gateway.sandbox.actions.change(transaction, "complete", None, None)
    await clock.look_again()

    async with asyncio.timeout(SECONDS):
        assert (await anext(events)).value.is_terminal
    assert door.checked_at(vendor_id) == clock.now()
    assert (await gateway.data(profile))["profile"]["status"] == "ACTIVE"


async def test_closing_stops_every_poller(gateway: Gateway, operation: str) -> None:
    """Nothing outlives the process's end."""
    events = gateway.runtime.rooms.progress.operation(operation)
    await _next(events)

    await gateway.runtime.rooms.progress.close()

    assert not any(task.get_name().startswith("follow ") for task in asyncio.all_tasks())


async def _other_operations(gateway: Gateway, count: int) -> list[str]:
    data = await gateway.data(
        "query ($first: Int) { operations(first: $first) { nodes { vendorId } } }", {"first": count}
    )
    return [node["vendorId"] for node in data["operations"]["nodes"]]
