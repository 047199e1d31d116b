"""All operations at once: what there is first, then the newest of each once a second, and every end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from itertools import pairwise

import pytest

from esim_graph.domain.operation import FollowedOperation, OperationStatus
from esim_graph.domain.selection import Condition, Operator
from esim_graph.errors import CursorExpired, UpstreamAuthFailed
from esim_graph.progress import Event
from esim_graph.sandbox import Sandbox
from progress.replicas import door, move, open_replica
from progress.rest import SECONDS
from support.gateway import Gateway

Events = AsyncGenerator[Event[FollowedOperation] | CursorExpired, None]
QUICK = {"min_interval": 0.01, "max_interval": 0.02, "deadline": 60}
ENABLING = Condition("status", Operator.EQ, OperationStatus.ENABLE)


@pytest.fixture
async def quick(sandbox: Sandbox, database_url: str) -> AsyncIterator[Gateway]:
    """A gateway that looks often, in real time."""
    async with open_replica(sandbox, database_url, poll=QUICK) as opened:
        yield opened


@pytest.fixture
def running(sandbox: Sandbox) -> list[str]:
    """Three operations that somebody else began."""
    rows = [row for row in sandbox.world.operations.values() if row.status == "successful"][:3]
    for row in sandbox.world.operations.values():
        if row.status not in ("successful", "failed"):
            sandbox.multistep.change(row, "failed", None, None)
    for row in rows:
        sandbox.multistep.change(row, "download", None, None)
    return [row.id for row in rows]


async def told(events: Events) -> tuple[int, str, str]:
    """The next event: its place, which operation, and its status."""
    async with asyncio.timeout(SECONDS):
        event = await anext(events)
    assert not isinstance(event, CursorExpired)
    operation = event.value.operation
    assert operation.status is not None
    return event.sequence, operation.vendor_id, operation.status.value


async def all_told(events: Events, count: int) -> list[tuple[int, str, str]]:
    return [await told(events) for _ in range(count)]


async def test_operations_that_others_began_are_found_and_followed(
    quick: Gateway, sandbox: Sandbox, running: list[str]
) -> None:
    """By one question for all; each with what becomes of it."""
    async with aclosing(door(quick).operations(None, None)) as events:
        found = await all_told(events, 3)
        for vendor_id in running:
            move(sandbox, vendor_id, "successful")
        ends = await all_told(events, 3)

    assert {vendor_id for _, vendor_id, _ in found} == set(running)
    assert {(vendor_id, status) for _, vendor_id, status in ends} == {(one, "successful") for one in running}
    numbers = [number for number, _, _ in found + ends]
    assert numbers == sorted(set(numbers))


async def test_who_comes_later_gets_the_present_states_first(
    quick: Gateway, sandbox: Sandbox, running: list[str]
) -> None:
    """Of those that have not ended."""
    async with aclosing(door(quick).operations(None, None)) as early:
        await all_told(early, 3)
        move(sandbox, running[0], "failed")
        await told(early)

        async with aclosing(door(quick).operations(None, None)) as late:
            found = await all_told(late, 2)

    assert {vendor_id for _, vendor_id, _ in found} == set(running[1:])


async def test_an_operation_has_at_most_one_event_a_second_and_its_end(
    quick: Gateway, sandbox: Sandbox, running: list[str]
) -> None:
    """The states in between coalesce."""
    loop = asyncio.get_running_loop()
    async with aclosing(door(quick).operations(None, None)) as events:
        await all_told(events, 3)
        at: list[float] = []
        statuses: list[str] = []
        async with aclosing(door(quick).operation(running[0], None)) as all_states:
            await anext(all_states)
            for status in ("download_verify", "enable", "enable_verify", "successful"):
                move(sandbox, running[0], status)
                await anext(all_states)
        while "successful" not in statuses:
            statuses.append((await told(events))[2])
            at.append(loop.time())

    assert len(statuses) <= 2
    assert all(later - earlier > 0.9 for earlier, later in pairwise(at))


async def test_a_filter_is_judged_on_the_newest_state(quick: Gateway, sandbox: Sandbox, running: list[str]) -> None:
    """An operation appears when it comes to match."""
    async with aclosing(door(quick).operations(ENABLING, None)) as events:
        reading = asyncio.ensure_future(told(events))
        await sandbox.calls.wait_for(3, "digi")
        move(sandbox, running[1], "enable")

        assert (await reading)[1:] == (running[1], "enable")


async def test_a_cursor_goes_on_behind_its_event(quick: Gateway, sandbox: Sandbox, running: list[str]) -> None:
    """With what became of all operations since, each end included."""
    async with aclosing(door(quick).operations(None, None)) as events:
        last, _, _ = (await all_told(events, 3))[-1]
    for vendor_id in running:
        move(sandbox, vendor_id, "successful")
        async with aclosing(door(quick).operation(vendor_id, None)) as states:
            async for _ in states:
                pass

    async with aclosing(door(quick).operations(None, last)) as events:
        ends = await all_told(events, 3)

    assert [(vendor_id, status) for _, vendor_id, status in ends] == [(one, "successful") for one in running]
    assert min(number for number, _, _ in ends) > last


async def test_a_cursor_that_was_never_given_out_is_expired(quick: Gateway, running: list[str]) -> None:
    """Then the present states follow."""
    async with aclosing(door(quick).operations(None, 10_000)) as events:
        async with asyncio.timeout(SECONDS):
            assert isinstance(await anext(events), CursorExpired)

        assert {vendor_id for _, vendor_id, _ in await all_told(events, 3)} == set(running)


async def test_digi_is_asked_for_operations_only_while_somebody_watches(
    quick: Gateway, sandbox: Sandbox, running: list[str]
) -> None:
    """One question for all who do."""
    async with aclosing(door(quick).operations(None, None)) as one, aclosing(door(quick).operations(None, None)) as two:
        await asyncio.gather(all_told(one, 3), all_told(two, 3))
        assert any(task.get_name() == "operation discovery" for task in asyncio.all_tasks())
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert names.count("operation discovery") == 1

    async with asyncio.timeout(SECONDS):
        while any(task.get_name() in ("operation discovery", "dashboard") for task in asyncio.all_tasks()):  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_a_failure_that_will_not_pass_ends_it(quick: Gateway, sandbox: Sandbox) -> None:
    """Whatever is known is told before."""
    sandbox.switches.digi.expired_keys = True

    async with asyncio.timeout(SECONDS):
        with pytest.raises(UpstreamAuthFailed):
            await anext(door(quick).operations(ENABLING, None))


async def test_what_happens_while_somebody_is_slow_coalesces(
    quick: Gateway, sandbox: Sandbox, running: list[str]
) -> None:
    """More than the ring holds: what is missing is read from the log again, and the newest of each is told."""
    async with aclosing(door(quick).operations(None, None)) as slow:
        first = await told(slow)
        async with aclosing(door(quick).operation(running[0], None)) as states:
            await anext(states)
            for number in range(70):
                move(sandbox, running[0], "enable", f"note {number}")
                await anext(states)
            move(sandbox, running[0], "successful")
            await anext(states)

        seen: list[tuple[int, str, str]] = [first]
        while seen[-1][2] != "successful":
            seen.append(await told(slow))

    assert len(seen) < 10
    assert [number for number, _, _ in seen] == sorted(number for number, _, _ in seen)
