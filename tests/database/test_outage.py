"""A database that cannot be used is one clear error, and is used again as soon as it is back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database import CannotOpenDatabase, open_database
from esim_graph.database.engine import open_writer
from esim_graph.database.migrate import migrate
from esim_graph.database.tables import KEYS
from esim_graph.errors import DatabaseUnavailable
from esim_graph.telemetry import Metrics
from support.database import PostgresqlServer, empty_database_url, fresh_database_url, postgresql_server

SECRET = "marked-password"


@pytest.fixture
def server(pytestconfig: pytest.Config) -> Iterator[PostgresqlServer]:
    """A PostgreSQL of the test's own, to be stopped and started."""
    if pytestconfig.getoption("database") != "postgresql":
        pytest.skip("only with --database=postgresql")
    with postgresql_server() as running:
        yield running


@pytest.fixture
def sqlite_only(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("database") != "sqlite":
        pytest.skip("only with --database=sqlite")


async def count(connection: AsyncConnection) -> int | None:
    return await connection.scalar(sa.select(sa.func.count()).select_from(KEYS))


async def test_a_server_that_was_away_is_used_again(server: PostgresqlServer) -> None:
    """Reads and writes fail with our own error meanwhile, and need nothing done to succeed again."""
    async with open_database(server.fresh(), metrics=Metrics()) as database, asyncio.timeout(30):
        assert await database.write(count) == 0
        server.stop()
        with pytest.raises(DatabaseUnavailable):
            await database.write(count)
        with pytest.raises(DatabaseUnavailable):
            async with database.read() as connection:
                await count(connection)
        server.start()

        assert await database.write(count) == 0
        async with database.read() as connection:
            assert await count(connection) == 0


async def test_a_server_that_restarted_unnoticed_costs_no_write(server: PostgresqlServer) -> None:
    """Connections are looked at before they are used."""
    async with open_database(server.fresh(), metrics=Metrics()) as database:
        await database.write(count)
        server.stop()
        server.start()

        assert await database.write(count) == 0


async def test_a_server_that_goes_away_in_a_write_fails_its_whole_group(server: PostgresqlServer) -> None:
    """Nobody is told that it was done; the next group finds a new connection."""

    async def cut_off(connection: AsyncConnection) -> None:
        server.stop()
        server.start()
        await count(connection)

    async with open_database(server.fresh(), metrics=Metrics()) as database, asyncio.timeout(30):
        done = await asyncio.gather(*(database.write(work) for work in (count, cut_off, count)), return_exceptions=True)

        assert [type(outcome) for outcome in done] == [DatabaseUnavailable] * 3
        assert await database.write(count) == 0


async def test_a_server_that_is_away_at_the_start_is_one_line(server: PostgresqlServer) -> None:
    """Without the address, which may hold a password."""
    url = server.url("nowhere").replace("postgres@", f"postgres:{SECRET}@")
    for migrating in (False, True):
        with pytest.raises(CannotOpenDatabase, match="does not exist") as raised:
            await (migrate(url) if migrating else _open(url))
        assert SECRET not in str(raised.value)
    server.stop()
    with pytest.raises(CannotOpenDatabase) as raised:
        await _open(url)
    server.start()

    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_postgresql_is_not_migrated_by_a_start(server: PostgresqlServer) -> None:
    """Replicas start at any time; who migrates chooses when."""
    url = server.empty()

    with pytest.raises(CannotOpenDatabase, match="run esim-graph migrate"):
        await _open(url)
    await migrate(url)
    await _open(url)


async def test_a_replica_that_stands_still_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, server: PostgresqlServer
) -> None:
    """In the middle of a write, with the lock of all: the server cuts it off after a while."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def stand_still(connection: AsyncConnection) -> None:
        begun.set()
        await go_on.wait()
        await count(connection)

    monkeypatch.setattr("esim_graph.database.engine.SECONDS", 0.2)
    url = server.fresh()
    async with open_database(url, metrics=Metrics()) as one, open_database(url, metrics=Metrics()) as other:
        writing = asyncio.create_task(one.write(stand_still))
        await begun.wait()

        assert await other.write(count) == 0
        go_on.set()
        with pytest.raises(DatabaseUnavailable):
            await writing


async def test_replicas_that_migrate_at_once_do_it_once() -> None:
    """The second waits for the first and finds nothing to do."""
    url = empty_database_url()

    found = await asyncio.gather(*(migrate(url) for _ in range(4)))

    assert found.count(None) == 1


async def test_a_newer_database_is_left_alone() -> None:
    """By a start as by a migration."""
    url = fresh_database_url()
    writer = open_writer(url)
    async with writer.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    await writer.dispose()

    with pytest.raises(CannotOpenDatabase, match="newer"):
        await migrate(url)
    with pytest.raises(CannotOpenDatabase, match=r"newer|migrate"):
        await _open(url)


@pytest.mark.usefixtures("sqlite_only")
async def test_a_new_sqlite_file_may_be_opened_by_several_at_once() -> None:
    """Each finds it migrated."""
    url = empty_database_url()

    await asyncio.gather(*(_open(url) for _ in range(8)))


@pytest.mark.usefixtures("sqlite_only")
async def test_a_sqlite_commit_is_on_disk_when_it_returns() -> None:
    """SYNCHRONOUS is FULL, and the journal a write-ahead log, for the connection that writes."""
    writer = open_writer(fresh_database_url())
    async with writer.connect() as connection:
        assert await connection.scalar(sa.text("PRAGMA synchronous")) == 2
        assert await connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
    await writer.dispose()


@pytest.mark.usefixtures("sqlite_only")
async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """So is one in a folder that is not there, and a folder."""
    (tmp_path / "letter").write_text("Dear reader, this is no database, although it is long enough for one." * 20)
    for name in ("letter", "nowhere/file", "."):
        for migrating in (False, True):
            url = f"sqlite+aiosqlite:///{tmp_path}/{name}"
            with pytest.raises(CannotOpenDatabase) as raised:
                await (migrate(url) if migrating else _open(url))
            assert str(tmp_path) in str(raised.value)
            assert "\n" not in str(raised.value)


async def _open(url: str) -> None:
    async with open_database(url, metrics=Metrics()):
        pass
