"""Coming again: what was missed is told first, nothing twice, and what is gone is said to be."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph import subjects
from esim_graph.database import open_database
from esim_graph.database.tables import EVENTS, SUBJECTS
from esim_graph.domain.account import Account
from esim_graph.domain.operation import FollowedOperation
from esim_graph.errors import CursorExpired
from esim_graph.progress import Event, log
from esim_graph.sandbox import Sandbox
from esim_graph.telemetry import Metrics
from progress.replicas import door, following, move, open_replica, start_operation
from progress.rest import SECONDS, PollClock
from support.gateway import Gateway

STEPS = ["starting", "download", "download_verify", "enable", "enable_verify", "successful"]
Events = AsyncGenerator[Event[FollowedOperation] | CursorExpired, None]


async def take(events: Events, count: int | None = None) -> list[Any]:
    """So many events, or all: sequences, and the errors that stand for an event."""
    found: list[Any] = []
    async with asyncio.timeout(SECONDS), aclosing(events) as reading:
        async for event in reading:
            found.append(type(event) if isinstance(event, CursorExpired) else event.sequence)
            if len(found) == count:
                break
    return found


@pytest.fixture
async def finished(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> str:
    """An operation that was seen in each of its six states."""
    return await finish(gateway, sandbox, clock)


async def finish(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> str:
    operation = await start_operation(gateway)
    await clock.rest()
    for status in STEPS[1:]:
        move(sandbox, operation, status)
        await clock.look_again()
    return operation


@pytest.mark.parametrize("after", range(1, 7))
async def test_what_was_missed_is_replayed_to_the_end(gateway: Gateway, finished: str, after: int) -> None:
    """Behind the last one there is only the end."""
    assert await take(door(gateway).operation(finished, after)) == list(range(after + 1, 7))


async def test_what_was_missed_is_replayed_and_then_it_goes_live(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """Without a gap between the two, and nothing twice."""
    operation = await start_operation(gateway)
    await clock.rest()
    for status in STEPS[1:3]:
        move(sandbox, operation, status)
        await clock.look_again()
    events = door(gateway).operation(operation, 1)
    seen = [await following(events), await following(events)]

    for status in STEPS[3:]:
        move(sandbox, operation, status)
        await clock.look_again()
        seen.append(await following(events))

    assert seen == [(number, status.upper()) for number, status in enumerate(STEPS[1:], start=2)]


async def test_without_a_cursor_the_present_state_comes_alone(gateway: Gateway, finished: str) -> None:
    """And not the way to it."""
    assert await take(door(gateway).operation(finished, None)) == [6]


async def test_events_of_long_ago_are_gone_and_the_present_state_follows(
    sandbox: Sandbox, clock: PollClock, database_url: str
) -> None:
    """A day behind the end of their subject; until then they are kept."""
    async with open_replica(sandbox, database_url, clock=clock) as gateway:
        operation = await finish(gateway, sandbox, clock)
    await grow_older(database_url, timedelta(hours=23))
    async with open_replica(sandbox, database_url, clock=clock) as gateway:
        assert await take(door(gateway).operation(operation, 3)) == [4, 5, 6]
    await grow_older(database_url, timedelta(hours=2))

    async with open_replica(sandbox, database_url, clock=clock) as gateway, asyncio.timeout(SECONDS):
        while (told := await take(door(gateway).operation(operation, 3))) == [4, 5, 6]:
            pass

        assert told == [CursorExpired, 6]
        assert await take(door(gateway).operation(operation, 6)) == []


async def test_events_that_go_while_a_watch_begins_are_missed_and_not_waited_for(
    gateway: Gateway, finished: str, database_url: str
) -> None:
    """Between the look at the cursor and the reading; the end would never come."""
    async with open_database(database_url, metrics=Metrics()) as database:
        await database.write(lambda connection: connection.execute(sa.text("DELETE FROM events")))

    with pytest.raises(CursorExpired):
        await door(gateway)._events_behind(("operation", finished), 3, 10)
    assert await door(gateway)._events_behind(("operation", finished), 6, 10) == []


async def test_what_ended_a_season_ago_is_forgotten(sandbox: Sandbox, clock: PollClock, database_url: str) -> None:
    """Until then estimates are made of it."""
    async with open_replica(sandbox, database_url, clock=clock) as gateway:
        await finish(gateway, sandbox, clock)
    await grow_older(database_url, timedelta(days=89))
    async with open_replica(sandbox, database_url, clock=clock):
        assert await rows_of_subjects(database_url) == 1
    await grow_older(database_url, timedelta(days=2))

    async with open_replica(sandbox, database_url, clock=clock), asyncio.timeout(SECONDS):
        while await rows_of_subjects(database_url):
            pass


async def test_pruning_keeps_what_is_followed_and_comes_to_an_end(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many old events there are, page by page; no subject goes before its events."""
    monkeypatch.setattr(log, "_PRUNED_AT_ONCE", 2)
    running = await start_operation(gateway)
    await clock.rest()
    progress, ended = door(gateway), "an-operation-of-long-ago"
    await progress._database.write(partial(_add_old, progress._account, running, ended, clock.now()))

    await progress._prune()

    async with progress._database.read() as connection:
        events = [tuple(row) for row in await connection.execute(sa.select(EVENTS.c.vendor_id, EVENTS.c.sequence))]
        left = [row.vendor_id for row in await connection.execute(sa.select(SUBJECTS.c.vendor_id))]
    assert events == [(running, 1)] + [(running, sequence) for sequence in range(2, 7)]
    assert left == [running]


async def test_a_subject_with_events_is_not_forgotten(gateway: Gateway, clock: PollClock) -> None:
    """However old it is."""
    progress, now = door(gateway), clock.now()
    running = await start_operation(gateway)
    await clock.rest()
    await progress._database.write(partial(_add_old, progress._account, running, "old", now))

    gone = await progress._database.write(
        lambda connection: subjects.prune(connection, progress._account, ended_before=now)
    )

    assert gone == 0


async def _add_old(account: Account, running: str, ended: str, now: datetime, connection: AsyncConnection) -> None:
    """Five old events of what still runs, and of what ended in the last season."""
    old, of = now - timedelta(days=100), {"tenant": account.tenant, "account": account.digi, "noun": "operation"}
    await connection.execute(
        sa.insert(SUBJECTS).values(
            **of, vendor_id=ended, state="{}", sequence=5, began_at=old, ended_at=old, follow_until=old, fence=1
        )
    )
    for sequence in range(2, 7):
        for vendor_id in (running, ended):
            await connection.execute(
                sa.insert(EVENTS).values(**of, vendor_id=vendor_id, sequence=sequence, final=False, at=old, state="{}")
            )


async def rows_of_subjects(database_url: str) -> int:
    async with open_database(database_url, metrics=Metrics()) as database, database.read() as connection:
        counted: int = await connection.scalar(sa.text("SELECT count(*) FROM subjects"))
        return counted


async def grow_older(database_url: str, age: timedelta) -> None:
    """Move what is written into the past."""
    async with open_database(database_url, metrics=Metrics()) as database:
        for statement in (
            "UPDATE events SET at = at - :microseconds",
            "UPDATE subjects SET ended_at = ended_at - :microseconds",
        ):
            await database.write(partial(_execute, statement, age // timedelta(microseconds=1)))


async def _execute(statement: str, microseconds: int, connection: AsyncConnection) -> None:
    await connection.execute(sa.text(statement), {"microseconds": microseconds})


async def test_a_cursor_from_the_future_is_expired_too(gateway: Gateway, finished: str) -> None:
    """It was given out by a database that is no more."""
    assert await take(door(gateway).operation(finished, 99)) == [CursorExpired, 6]


async def test_an_operation_that_is_followed_on_goes_on_behind_an_expired_cursor(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """The stream lives."""
    operation = await start_operation(gateway)
    events = door(gateway).operation(operation, 99)
    async with asyncio.timeout(SECONDS):
        assert isinstance(await anext(events), CursorExpired)
    assert await following(events) == (1, "STARTING")

    move(sandbox, operation, "successful")
    await clock.look_again()

    assert await following(events) == (2, "SUCCESSFUL")


async def test_a_slow_watcher_misses_states_in_between_and_never_the_end(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """What it reads late is in order, and is what a quick one saw."""
    operation = await start_operation(gateway)
    slow, quick = door(gateway).operation(operation, None), door(gateway).operation(operation, None)
    await following(slow)
    seen = [await following(quick)]
    for number in range(100):
        move(sandbox, operation, "starting", f"note {number}")
        await clock.look_again()
        seen.append(await following(quick))
    move(sandbox, operation, "failed")
    await clock.look_again()
    seen.append(await following(quick))

    late = await take(slow)

    assert [sequence for sequence, _ in seen] == list(range(1, 103))
    assert len(late) < 100
    assert late == sorted(late)
    assert late[-1] == 102
