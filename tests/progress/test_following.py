"""Following to the end: how often Digi is asked, what a bad minute does, and when it stops."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from esim_graph.domain.operation import OperationStatus
from esim_graph.domain.transaction import TransactionStatus, Verification
from esim_graph.errors import NotFound, UpstreamAuthFailed, UpstreamTimeout, UpstreamUnavailable
from esim_graph.sandbox import Sandbox, landmarks
from progress.replicas import checking, door, following, looks, move, start_enable, start_operation
from progress.rest import SECONDS, PollClock
from support.gateway import Gateway


async def test_the_present_state_comes_first_and_the_end_last(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """Without a call for the first; after the final state nothing more is asked."""
    operation = await start_operation(gateway)
    events = door(gateway).operation(operation, None)
    assert await following(events) == (1, "STARTING")
    assert looks(sandbox) == 0

    move(sandbox, operation, "successful")
    await clock.look_again()

    assert await following(events) == (2, "SUCCESSFUL")
    with pytest.raises(StopAsyncIteration):
        await anext(events)
    await clock.pass_time(60)
    assert looks(sandbox) == 1


async def test_it_is_followed_whether_somebody_watches_or_not(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """From its acceptance on."""
    operation = await start_operation(gateway)
    move(sandbox, operation, "successful")
    await clock.look_again()

    events = [event async for event in door(gateway).operation(operation, None)]

    assert [event.sequence for event in events] == [2]  # type: ignore[union-attr]
    assert looks(sandbox) == 1


async def test_it_looks_ever_less_often_while_nothing_happens(gateway: Gateway, clock: PollClock) -> None:
    """From the shortest interval by 1.3 to the longest, and not beyond."""
    operation = await start_operation(gateway)
    async with aclosing(door(gateway).operation(operation, None)) as events:
        await following(events)
        waits = [await clock.look_again() for _ in range(14)]

    assert waits[:3] == [pytest.approx(2), pytest.approx(2.6), pytest.approx(3.38)]
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(30)


async def test_it_looks_often_again_after_a_change(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> None:
    """Changes come in company."""
    operation = await start_operation(gateway)
    async with aclosing(door(gateway).operation(operation, None)) as events:
        await following(events)
        for _ in range(5):
            await clock.look_again()

        move(sandbox, operation, "enable")
        await clock.look_again()
        await following(events)

        assert await clock.look_again() == pytest.approx(2)


async def test_it_comes_back_no_sooner_than_the_vendor_asks(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """And the stream lives through it."""
    operation = await start_operation(gateway)
    async with aclosing(door(gateway).operation(operation, None)) as events:
        await following(events)
        sandbox.faults.script("status", "digi", "operation", status=429, retry_after=45, times=1)
        await clock.look_again()

        move(sandbox, operation, "enable")
        assert await clock.look_again() == pytest.approx(45)
        assert await following(events) == (2, "ENABLE")


async def test_a_bad_minute_of_the_vendor_is_outlived(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> None:
    """A stream that has begun goes on when the vendor is back."""
    operation = await start_operation(gateway)
    async with aclosing(door(gateway).operation(operation, None)) as events:
        await following(events)
        sandbox.faults.script("status", "digi", "operation", status=503, times=6)
        while sandbox.faults.all()[0].struck < 6:
            await clock.look_again()
        move(sandbox, operation, "enable")
        await clock.look_again()

        assert await following(events) == (2, "ENABLE")


async def test_a_failure_that_will_not_pass_ends_the_watch_and_not_the_following(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """Refused credentials may be mended while nobody watches."""
    operation = await start_operation(gateway)
    events = door(gateway).operation(operation, None)
    await following(events)
    sandbox.switches.digi.expired_keys = True
    await clock.look_again()
    async with asyncio.timeout(SECONDS):
        with pytest.raises(UpstreamAuthFailed):
            await anext(events)

    sandbox.switches.digi.expired_keys = False
    move(sandbox, operation, "successful")
    assert await clock.look_again() == pytest.approx(30)

    assert await following(door(gateway).operation(operation, None)) == (2, "SUCCESSFUL")


async def test_what_the_vendor_does_not_know_is_not_found(gateway: Gateway) -> None:
    """An operation and a transaction alike."""
    for events in (
        door(gateway).operation("no-such-operation", None),
        door(gateway).transaction("no-such-transaction", None),
    ):
        async with asyncio.timeout(SECONDS):
            with pytest.raises(NotFound):
                await anext(events)


async def test_what_the_vendor_does_not_list_any_more_is_looked_for_on(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """It may only lag behind."""
    operation = await start_operation(gateway)
    async with aclosing(door(gateway).operation(operation, None)) as events:
        await following(events)
        row = sandbox.world.operations.pop(operation)
        for _ in range(3):
            await clock.look_again()

        sandbox.world.operations[operation] = row
        move(sandbox, operation, "successful")
        await clock.look_again()

        assert await following(events) == (2, "SUCCESSFUL")


async def test_a_watch_ends_at_its_own_deadline(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> None:
    """Counted from its beginning; the subject is followed as long as the last watch asks for."""
    operation = await start_operation(gateway)
    early, late = door(gateway).operation(operation, None), door(gateway).operation(operation, None)
    await following(early)
    await clock.pass_time(120)
    await following(late)

    await clock.pass_time(120)
    async with asyncio.timeout(SECONDS):
        with pytest.raises(UpstreamTimeout, match="240 s"):
            await anext(early)
    move(sandbox, operation, "successful")
    await clock.look_again()

    assert await following(late) == (2, "SUCCESSFUL")


async def test_what_nobody_watches_is_given_up_at_the_deadline_and_taken_up_again(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """It stays unfinished; whoever watches it then has it looked at first."""
    operation = await start_operation(gateway)
    await clock.rest()
    await clock.pass_time(250)
    asked = looks(sandbox)
    await clock.pass_time(100)
    assert looks(sandbox) == asked
    assert gateway.runtime.metrics.registry.get_sample_value("esim_graph_followed") == 0

    move(sandbox, operation, "enable")

    async with aclosing(door(gateway).operation(operation, None)) as events:
        assert await following(events) == (2, "ENABLE")
        assert gateway.runtime.metrics.registry.get_sample_value("esim_graph_followed") == 1


async def test_a_thousand_watchers_cost_as_many_looks_as_one(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """Each gets every state."""
    operation = await start_operation(gateway)
    watchers = [door(gateway).operation(operation, None) for _ in range(1_000)]
    assert set(await asyncio.gather(*map(following, watchers))) == {(1, "STARTING")}

    move(sandbox, operation, "enable")
    await clock.look_again()
    assert set(await asyncio.gather(*map(following, watchers))) == {(2, "ENABLE")}
    move(sandbox, operation, "successful")
    await clock.look_again()

    assert set(await asyncio.gather(*map(following, watchers))) == {(3, "SUCCESSFUL")}
    assert looks(sandbox) == 2
    for watcher in watchers:
        await watcher.aclose()


async def test_many_who_come_at_once_share_the_first_look(gateway: Gateway, sandbox: Sandbox) -> None:
    """At an operation that somebody else began."""
    operation = next(row.id for row in sandbox.world.operations.values() if row.status == "successful")
    watchers = [door(gateway).operation(operation, None) for _ in range(100)]

    assert set(await asyncio.gather(*map(following, watchers))) == {(1, "SUCCESSFUL")}

    assert looks(sandbox) == 1


async def test_a_first_look_that_nobody_waits_for_ends(gateway: Gateway, sandbox: Sandbox) -> None:
    """And whoever comes next is not troubled by it."""
    sandbox.faults.script("hold", "digi", "operation", times=1)
    operation = next(iter(sandbox.world.operations))
    reading = asyncio.ensure_future(following(door(gateway).operation(operation, None)))
    await sandbox.calls.wait_for(1, "digi", "operation")

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert (await following(door(gateway).operation(operation, None)))[0] == 1


async def test_a_first_look_that_fails_says_so_at_once(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> None:
    """Its caller can choose what to do."""
    sandbox.faults.script("reset_before", "digi", "operation")
    reading = asyncio.ensure_future(following(door(gateway).operation(next(iter(sandbox.world.operations)), None)))
    await sandbox.calls.wait_for(1, "digi", "operation")
    async with asyncio.timeout(SECONDS):
        while not reading.done():
            await clock.advance(1)  # the transport's own second try

    with pytest.raises(UpstreamUnavailable):
        await reading


async def test_many_that_nobody_watches_are_one_question(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> None:
    """Digi lists them; none of them is checked by itself."""
    running = list(sandbox.world.transactions.values())[:30]
    for row in running:
        row.status, row.managed = "in_progress", True
        async with aclosing(door(gateway).transaction(row.transaction, None)) as events:
            await checking(events)
    await clock.pass_time(20)  # so that nobody counts as a watcher any more
    sandbox.calls.clear()

    await clock.pass_time(60)
    assert looks(sandbox, "transactions") < 10  # they find together
    sandbox.calls.clear()
    await clock.pass_time(60)

    assert looks(sandbox, "progress") == 0
    assert looks(sandbox, "transactions") in (2, 3)


async def test_who_is_watched_is_checked_and_no_more_than_some_at_once(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """The others are listed, until it is their turn."""
    running = list(sandbox.world.transactions.values())[:30]
    watchers = []
    for row in running:
        row.status, row.managed = "in_progress", True
        watchers.append(door(gateway).transaction(row.transaction, None))
        await checking(watchers[-1])
    sandbox.calls.clear()
    first = await clock.look_again()
    assert looks(sandbox, "progress") == 20
    assert looks(sandbox, "transactions") == 1

    await clock.look_again()

    checked = {call.path.rsplit("/", 1)[-1] for call in sandbox.calls.of("digi", "progress")}
    assert first == pytest.approx(2)
    assert checked == {row.transaction for row in running}
    for watcher in watchers:
        await watcher.aclose()


async def test_steps_that_were_seen_outlive_the_watch(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> None:
    """For whoever asks for the operation afterwards; Digi itself tells only the present one."""
    operation = await start_operation(gateway)
    move(sandbox, operation, "enable")
    await clock.look_again()

    rooms = gateway.runtime.rooms
    read = (await rooms.upstreams.digi.operations_by_id([operation], deadline=rooms.call_deadline()))[operation]
    seen = await door(gateway).recall_sightings([read, replace(read, vendor_id="another")])

    assert set(seen) == {operation}
    assert set(seen[operation]) == {OperationStatus.STARTING, OperationStatus.ENABLE}


async def test_complete_is_not_done_until_the_inventory_shows_it(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """Then only the inventory is asked; when it shows the result, the profile is read anew."""
    device = landmarks.READY_TO_ENABLE
    profile = f'{{ profile(iccid: "{device.iccid}") {{ status }} }}'
    transaction = await start_enable(gateway)
    async with aclosing(door(gateway).transaction(transaction, None)) as events:
        await checking(events)
        move(sandbox, transaction, "complete")
        await clock.look_again()
        complete = await checking(events)
        assert (await gateway.data(profile))["profile"]["status"] == "INACTIVE"
        checks = looks(sandbox, "progress")

        sandbox.world.change_profile(str(device.iccid), status="active")
        await clock.look_again()
        verified = await checking(events)

    assert (complete.status, complete.verification) == (TransactionStatus.COMPLETE, Verification.PENDING)
    assert (verified.verification, verified.is_terminal) == (Verification.VERIFIED, True)
    assert looks(sandbox, "progress") == checks
    assert (await gateway.data(profile))["profile"]["status"] == "ACTIVE"


async def test_what_the_inventory_does_not_show_in_time_is_unverified(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """At half of the deadline, counted from when it was seen complete; also while Digi is down."""
    transaction = await start_enable(gateway)
    async with aclosing(door(gateway).transaction(transaction, None)) as events:
        await checking(events)
        sandbox.switches.digi.report_lag = 100_000
        move(sandbox, transaction, "complete")
        await clock.look_again()
        began = clock.monotonic()
        assert not (await checking(events)).is_terminal
        sandbox.faults.status(503, "digi")

        reading = asyncio.ensure_future(checking(events))
        while gateway.runtime.metrics.registry.get_sample_value("esim_graph_followed"):
            await clock.look_again()
        unverified = await reading

    assert unverified.verification is Verification.UNVERIFIED
    assert clock.monotonic() - began == pytest.approx(120)


async def test_closing_stops_everything(gateway: Gateway) -> None:
    """Nothing outlives the process's end."""
    await following(door(gateway).operation(await start_operation(gateway), None))

    await door(gateway).close()

    assert not any(task.get_name().startswith("follower") for task in asyncio.all_tasks())
    assert gateway.runtime.metrics.registry.get_sample_value("esim_graph_followed") == 0
