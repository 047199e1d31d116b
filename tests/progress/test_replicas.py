"""Several replicas: one of them looks, all of them tell, and none of them is missed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph import subjects
from esim_graph.database import open_database
from esim_graph.domain.account import Account
from esim_graph.domain.operation import FollowedOperation
from esim_graph.errors import CursorExpired
from esim_graph.progress import leases
from esim_graph.sandbox import Sandbox
from esim_graph.subjects import Known
from esim_graph.telemetry import Metrics
from progress.replicas import (
    checking,
    die,
    door,
    following,
    looks,
    move,
    open_replica,
    start_enable,
    start_operation,
)
from progress.rest import PollClock
from support.gateway import Gateway


@pytest.fixture
async def other(sandbox: Sandbox, clock: PollClock, database_url: str, gateway: Gateway) -> AsyncIterator[Gateway]:
    """A second replica."""
    async with open_replica(sandbox, database_url, clock=clock) as opened:
        yield opened


async def test_one_of_two_replicas_looks_and_both_tell(
    gateway: Gateway, other: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """Watched on both, the operation costs the looks of one."""
    operation = await start_operation(gateway)
    here, there = door(gateway).operation(operation, None), door(other).operation(operation, None)
    assert {await following(here), await following(there)} == {(1, "STARTING")}

    for number, status in ((2, "download"), (3, "enable"), (4, "successful")):
        move(sandbox, operation, status)
        await clock.look_again(followers=2)
        assert {await following(here), await following(there)} == {(number, status.upper())}

    assert looks(sandbox) == 3


async def test_when_a_replica_dies_another_follows_within_one_interval(
    gateway: Gateway, other: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """Its lease ends, and whoever is left takes over."""
    operation = await start_operation(gateway)
    async with aclosing(door(other).operation(operation, None)) as events:
        await following(events)
        await clock.rest(followers=2)
        await die(gateway)
        move(sandbox, operation, "enable")

        await clock.pass_time(30)

        assert await following(events) == (2, "ENABLE")


async def test_when_a_replica_closes_another_follows_at_its_next_beat(
    gateway: Gateway, other: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """The lease is given back."""
    operation = await start_operation(gateway)
    await clock.rest(followers=2)
    move(sandbox, operation, "successful")
    await door(gateway).close()

    await clock.pass_time(5)

    assert await following(door(other).operation(operation, None)) == (2, "SUCCESSFUL")


async def test_after_a_restart_what_is_unfinished_is_followed_again(
    sandbox: Sandbox, clock: PollClock, database_url: str
) -> None:
    """Though nobody watches it."""
    async with open_replica(sandbox, database_url, clock=clock) as first:
        operation = await start_operation(first)
        await clock.rest()
    move(sandbox, operation, "successful")

    async with open_replica(sandbox, database_url, clock=clock) as second:
        await clock.rest()

        assert await following(door(second).operation(operation, None)) == (2, "SUCCESSFUL")


async def test_who_watches_elsewhere_has_the_holder_check(
    gateway: Gateway, other: Gateway, sandbox: Sandbox, clock: PollClock
) -> None:
    """A transaction that somebody watches on another replica is no less watched."""
    transaction = await start_enable(gateway)
    await clock.look_again(followers=2)
    assert looks(sandbox, "progress") == 0

    async with aclosing(door(other).transaction(transaction, None)) as events:
        await checking(events)
        await clock.pass_time(20, followers=2)

        assert looks(sandbox, "progress") > 0


async def test_two_that_meet_something_that_has_ended_tell_one_end(
    gateway: Gateway, other: Gateway, sandbox: Sandbox
) -> None:
    """And who began it stays the one that is told."""
    row = next(row for row in sandbox.world.transactions.values() if row.status == "failed")

    async def all_of(replica: Gateway) -> list[int]:
        async with aclosing(door(replica).transaction(row.transaction, None)) as events:
            return [event.sequence async for event in events if not isinstance(event, CursorExpired)]

    assert list(await asyncio.gather(all_of(gateway), all_of(other))) == [[1], [1]]
    begin_again = partial(_begin_again, door(gateway)._account, row.transaction, gateway.runtime.rooms.clock.now())
    before, again = await door(gateway)._database.write(begin_again)
    assert again == before


async def _begin_again(
    account: Account, vendor_id: str, now: datetime, connection: AsyncConnection
) -> tuple[Known, Known]:
    before = (await subjects.known(connection, account, "transaction", [vendor_id]))[vendor_id]
    again = await subjects.begin(
        connection, account, before.state, actor="another", now=now, follow_until=now, holder=None, held_until=None
    )
    return before, again


async def test_one_that_slept_through_its_lease_writes_nothing(gateway: Gateway, database_url: str) -> None:
    """The fence has risen: its successor's word stands."""
    operation = await start_operation(gateway)
    account = Account(gateway.runtime.rooms.tenant, gateway.runtime.settings.digi.account)
    now = gateway.runtime.rooms.clock.now()
    later, much_later = now + timedelta(seconds=60), now + timedelta(seconds=120)
    async with open_database(database_url, metrics=Metrics()) as database:
        async with database.read() as connection:
            slept = (await subjects.known(connection, account, "operation", [operation]))[operation]
        (successor,) = await database.write(
            lambda connection: leases.claim(
                connection, account, holder="successor", now=later, held_until=much_later, limit=10
            )
        )
        assert isinstance(slept.state, FollowedOperation)
        news = replace(slept.state, operation=replace(slept.state.operation, message="news"))

        late, in_time = [
            await database.write(partial(_change, account, known, news, now)) for known in (slept, successor)
        ]

    assert late is None
    assert in_time is not None
    assert (in_time.sequence, in_time.fence) == (2, slept.fence + 1)


async def _change(
    account: Account, known: Known, state: FollowedOperation, now: datetime, connection: AsyncConnection
) -> Known | None:
    return await subjects.change(connection, account, known, state, now=now, seconds=None)
