"""What nobody foresaw: lost answers, rows of another version, errors in a loop. It goes on all the same."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from esim_graph import subjects
from esim_graph.database import Database, Work
from esim_graph.database.tables import EVENTS, SUBJECTS
from esim_graph.domain.account import Account
from esim_graph.errors import DatabaseUnavailable, UpstreamRateLimited
from esim_graph.sandbox import Sandbox
from esim_graph.subjects import Known
from progress.replicas import checking, door, following, looks, move, start_enable, start_operation
from progress.rest import SECONDS, PollClock
from support.gateway import Gateway

NEWER = '{"operation": {"kind": "a word of a newer version"}}'


class LosesAnswers:
    """A database whose next write of a look is done and not told."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loses = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, work: Work[Any]) -> Any:
        result = await self._database.write(work)
        if self._loses and "take_in" in getattr(work, "__qualname__", ""):
            self._loses = False
            raise DatabaseUnavailable("It did not answer in time.")
        return result


class Slow:
    """A Digi whose inventory is not told before the gate opens."""

    def __init__(self, digi: Any) -> None:
        self._digi = digi
        self.asked, self.gate = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._digi, name)

    async def profiles_by_iccid(self, *_: Any, **__: Any) -> dict[Any, Any]:
        self.asked.set()
        await self.gate.wait()
        return {}


def account_of(gateway: Gateway) -> Account:
    return Account(gateway.runtime.rooms.tenant, gateway.runtime.settings.digi.account)


async def written(gateway: Gateway, noun: subjects.Noun, vendor_id: str) -> Known:
    async with door(gateway)._database.read() as connection:
        return (await subjects.known(connection, account_of(gateway), noun, [vendor_id]))[vendor_id]


def failing_once(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same, whose first call fails in a way that nobody thought of."""
    calls = 0

    def fail(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("Nobody foresaw this.")
        return work(*args)

    return fail


async def test_a_write_whose_answer_is_lost_stops_nothing(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next look finds its row changed, and begins with that."""
    operation = await start_operation(gateway)
    events = door(gateway).operation(operation, None)
    await following(events)
    recorder = door(gateway)._recorder
    monkeypatch.setattr(recorder, "_database", LosesAnswers(recorder._database))
    move(sandbox, operation, "download")
    await clock.look_again()
    assert await following(events) == (2, "DOWNLOAD")

    move(sandbox, operation, "successful")
    await clock.pass_time(10)

    assert await following(events) == (3, "SUCCESSFUL")


async def test_a_first_look_and_a_beat_that_meet_hold_what_was_written_last(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The beat may find the claim before the look has written what it found."""
    transaction = await start_enable(gateway)
    await clock.rest()
    await clock.pass_time(260)  # given up
    move(sandbox, transaction, "complete")
    recorder = door(gateway)._recorder
    slow = Slow(recorder._digi)
    monkeypatch.setattr(recorder, "_digi", slow)
    async with aclosing(door(gateway).transaction(transaction, None)) as events:
        reading = asyncio.ensure_future(checking(events))
        await slow.asked.wait()
        follower = door(gateway)._follower
        follower.beat_soon()
        async with asyncio.timeout(SECONDS):
            while not follower._held:  # noqa: ASYNC110
                await asyncio.sleep(0)
        slow.gate.set()
        assert not (await reading).is_terminal

        await clock.pass_time(130)

        assert (await checking(events)).is_terminal


async def test_a_row_that_cannot_be_read_stops_nothing_else(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """It is told once, and left to the version that wrote it; so are its events."""
    operation = await start_operation(gateway)
    await clock.rest()
    await door(gateway)._database.write(partial(_add_newer, account_of(gateway), clock))
    async with aclosing(door(gateway).operation(operation, None)) as events:
        assert await following(events) == (1, "STARTING")
        with capture_logs() as logs:
            await clock.pass_time(60)
            move(sandbox, operation, "successful")
            await clock.pass_time(40)

            assert await following(events) == (2, "SUCCESSFUL")

    told = [(line["vendor_id"], line["sequence"]) for line in logs if line["event"] == "state_not_readable"]
    assert len(told) == len(set(told)) <= 2
    assert not [line for line in logs if line["event"] in ("leases_not_renewed", "look_failed")]


async def _add_newer(account: Account, clock: PollClock, connection: AsyncConnection) -> None:
    now = clock.now()
    of = {"tenant": account.tenant, "account": account.digi, "noun": "operation", "vendor_id": "newer"}
    await connection.execute(
        sa.insert(SUBJECTS).values(
            **of,
            state=NEWER,
            sequence=2,
            began_at=now - timedelta(days=1),
            follow_until=now + timedelta(days=1),
            fence=1,
        )
    )
    for sequence in (1, 2):
        await connection.execute(sa.insert(EVENTS).values(**of, state=NEWER, sequence=sequence, final=False, at=now))


@pytest.mark.parametrize("step", ["_hold_written", "_look_at_what_is_due", "_seconds_to_next", "_renew"])
async def test_a_loop_outlives_an_error(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """It is logged, and the follower follows on."""
    operation = await start_operation(gateway)
    await clock.rest()
    follower = door(gateway)._follower
    monkeypatch.setattr(follower, step, failing_once(getattr(follower, step)))
    with capture_logs() as logs:
        await clock.pass_time(10)
        move(sandbox, operation, "successful")
        await clock.pass_time(40)

    assert (await written(gateway, "operation", operation)).ended_at is not None
    assert len([line for line in logs if line.get("exc_info")]) == 1


async def test_discovery_outlives_an_error(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digi is asked again after the usual wait."""
    dashboard = door(gateway)._dashboard
    monkeypatch.setattr(dashboard, "_discover", failing_once(dashboard._discover))
    async with aclosing(door(gateway).operations(None, None)) as events:
        reading = asyncio.ensure_future(anext(events))
        await clock.pass_time(31)
        await sandbox.calls.wait_for(1, "digi", "operations")
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_what_digi_asks_for_holds_back_discovery(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> None:
    """Whether it told that to discovery itself or to a first look."""
    known = next(iter(sandbox.world.operations))
    sandbox.faults.script("status", "digi", "operation", status=429, retry_after=600, times=1)
    async with asyncio.timeout(SECONDS), aclosing(door(gateway).operation(known, None)) as one:
        with pytest.raises(UpstreamRateLimited):
            await anext(one)
    async with aclosing(door(gateway).operations(None, None)) as events:
        reading = asyncio.ensure_future(anext(events))
        await clock.pass_time(300)
        assert looks(sandbox, "operations") == 0

        await clock.pass_time(310)
        await sandbox.calls.wait_for(1, "digi", "operations")
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_a_watch_that_is_resumed_ends_when_it_is_closed(gateway: Gateway) -> None:
    """Not when somebody collects what is left of it."""
    operation = await start_operation(gateway)
    events = door(gateway).operation(operation, 0)
    assert await following(events) == (1, "STARTING")

    await events.aclose()

    assert not door(gateway)._feed.is_watched(f"operation {operation}")
