"""Writes are grouped, ordered and durable; each fails alone; an outage ends by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database import Database, Work, insert, open_database
from esim_graph.database.keys import signing_key
from esim_graph.database.tables import EVENTS, KEYS
from esim_graph.errors import DatabaseUnavailable
from esim_graph.telemetry import Metrics
from support.database import fresh_database_url

_NOW = datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)


@asynccontextmanager
async def opened(url: str | None = None, metrics: Metrics | None = None) -> AsyncIterator[Database]:
    async with open_database(url or fresh_database_url(), metrics=metrics or Metrics()) as database:
        yield database


def keep(name: str) -> Work[str]:
    """A write of one row; a name that is there already is an IntegrityError."""

    async def work(connection: AsyncConnection) -> str:
        await connection.execute(insert(connection, KEYS).values(name=name, value="x"))
        return name

    return work


async def kept(database: Database) -> set[str]:
    async with database.read() as connection:
        return set(await connection.scalars(sa.select(KEYS.c.name)))


def committed(metrics: Metrics) -> tuple[float, float]:
    """How many writes, in how many commits."""
    found = [metrics.registry.get_sample_value(f"esim_graph_database_{name}_total") for name in ("writes", "commits")]
    writes, commits = found
    assert writes is not None
    assert commits is not None
    return writes, commits


async def test_writes_that_wait_together_are_one_commit() -> None:
    """A hundred at once are done in two commits: the first one's, and that of all who came meanwhile."""
    metrics = Metrics()
    async with opened(metrics=metrics) as database:
        results = await asyncio.gather(*(database.write(keep(str(number))) for number in range(100)))

        assert results == [str(number) for number in range(100)]
        assert await kept(database) == set(results)
    writes, commits = committed(metrics)
    assert writes == 100
    assert commits <= 2


async def test_a_write_that_fails_undoes_itself_alone() -> None:
    """Its neighbours in the commit are kept; it raises what its own work raised."""

    async def half(connection: AsyncConnection) -> None:
        await keep("half")(connection)
        raise ValueError("changed my mind")

    async with opened() as database:
        done = await asyncio.gather(
            database.write(keep("one")),
            database.write(half),
            database.write(keep("one")),
            database.write(keep("two")),
            return_exceptions=True,
        )

        assert await kept(database) == {"one", "two"}
    assert [type(outcome) for outcome in done] == [str, ValueError, IntegrityError, str]


async def test_a_write_that_fails_alone_undoes_itself_too() -> None:
    """Where nobody else waits, as in most cases."""

    async def half(connection: AsyncConnection) -> None:
        await keep("half")(connection)
        raise ValueError("changed my mind")

    async with opened() as database:
        for work, error in ((half, ValueError), (keep("one"), None), (keep("one"), IntegrityError)):
            if error is None:
                await database.write(work)
            else:
                with pytest.raises(error):
                    await database.write(work)

        assert await kept(database) == {"one"}


async def test_a_caller_who_leaves_does_not_undo() -> None:
    """What was asked for is done."""
    async with opened() as database:
        task = asyncio.create_task(database.write(keep("one")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await database.write(keep("two"))

        assert await kept(database) == {"one", "two"}


async def test_what_was_written_is_there_after_opening_again() -> None:
    """Also what still waited when it was closed."""
    url = fresh_database_url()
    async with opened(url) as database:
        await database.write(keep("one"))
        waiting = asyncio.create_task(database.write(keep("two")))
        await asyncio.sleep(0)

    assert await waiting == "two"
    async with opened(url) as database:
        assert await kept(database) == {"one", "two"}


async def test_a_write_after_the_end_is_refused() -> None:
    """Nothing is opened again for it."""
    async with opened() as database:
        await database.write(keep("one"))

    with pytest.raises(DatabaseUnavailable):
        await database.write(keep("two"))


async def test_numbers_become_visible_in_growing_order() -> None:
    """Two processes' databases write at once; whoever reads everything after the last number misses none."""

    def event(vendor_id: str) -> Work[None]:
        async def work(connection: AsyncConnection) -> None:
            row = {"tenant": "t", "account": "a", "noun": "transaction", "vendor_id": vendor_id, "sequence": 1}
            await connection.execute(sa.insert(EVENTS).values(row | {"final": False, "at": _NOW, "state": "{}"}))

        return work

    newer = sa.select(EVENTS.c.id).order_by(EVENTS.c.id)
    seen: list[int] = []

    async def follow(database: Database) -> None:
        while len(seen) < 200:
            async with database.read() as connection:
                after = seen[-1] if seen else 0
                seen.extend(await connection.scalars(newer.where(EVENTS.c.id > after)))

    async def write(database: Database, name: str) -> None:
        for number in range(20):
            await asyncio.gather(*(database.write(event(f"{name} {number} {part}")) for part in range(5)))

    url = fresh_database_url()
    async with opened(url) as one, opened(url) as other, opened(url) as third, asyncio.timeout(60):
        await asyncio.gather(write(one, "one"), write(other, "other"), follow(third))

        async with third.read() as connection:
            everything = list(await connection.scalars(newer))
    assert seen == everything


async def test_a_read_sees_one_state_and_waits_for_no_writer() -> None:
    """While a write is going on, and after it."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection) -> None:
        await keep("slow")(connection)
        begun.set()
        await go_on.wait()

    async with opened() as database, asyncio.timeout(5):
        await database.write(keep("one"))
        writing = asyncio.create_task(database.write(slow))
        await begun.wait()
        async with database.read() as connection:
            names = sa.select(KEYS.c.name)
            assert list(await connection.scalars(names)) == ["one"]
            go_on.set()
            await writing
            assert list(await connection.scalars(names)) == ["one"]

        assert await kept(database) == {"one", "slow"}


async def test_a_read_cannot_write() -> None:
    """A write belongs into the queue."""
    async with opened() as database:
        with pytest.raises((DatabaseUnavailable, sa.exc.DBAPIError)):
            async with database.read() as connection:
                await keep("one")(connection)

        assert await kept(database) == set()


@pytest.mark.parametrize("error", [TimeoutError, ConnectionResetError, ValueError])
async def test_a_readers_own_error_is_its_own(error: type[Exception]) -> None:
    """It is not taken for an outage of the database."""
    async with opened() as database:
        with pytest.raises(error):
            async with database.read():
                raise error


async def test_a_read_that_is_cancelled_gives_its_connection_back() -> None:
    """More of them than there are connections."""
    async with opened() as database:
        for turns in range(40):
            task = asyncio.create_task(kept(database))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

        assert await kept(database) == set()


async def test_a_write_that_waited_too_long_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was told that it was not, and asks again, must not find it done twice."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection) -> None:
        begun.set()
        await go_on.wait()

    async with opened() as database:
        writing = asyncio.create_task(database.write(slow))
        await begun.wait()
        with monkeypatch.context() as patch:
            patch.setattr("esim_graph.database.SECONDS", 0.01)
            with pytest.raises(DatabaseUnavailable):
                await database.write(keep("late"))
        go_on.set()
        await writing

        await database.write(keep("one"))
        assert await kept(database) == {"one"}


async def test_the_queue_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds it full waits for room, but not for ever."""
    monkeypatch.setattr("esim_graph.database._QUEUE", 2)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection) -> None:
        begun.set()
        await go_on.wait()

    async with opened() as database:
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(database.write(slow))]
        await begun.wait()
        tasks += [asyncio.create_task(database.write(keep(name))) for name in ("one", "two")]
        await asyncio.sleep(0)
        with monkeypatch.context() as patch:
            patch.setattr("esim_graph.database.SECONDS", 0.01)
            with pytest.raises(DatabaseUnavailable):
                await database.write(keep("three"))
        go_on.set()
        await asyncio.gather(*tasks)

        assert await kept(database) == {"one", "two"}


async def test_replicas_share_the_signing_key() -> None:
    """Made by whoever comes first, and the same ever after; another database has another."""
    url = fresh_database_url()
    async with opened(url) as one, opened(url) as other, opened() as stranger:
        first, second = await asyncio.gather(signing_key(one), signing_key(other))

        assert first == second == await signing_key(one)
        assert len(first) == 32
        assert await signing_key(stranger) != first
