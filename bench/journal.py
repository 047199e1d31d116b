"""Measures the journal: what an append costs, and how long a page of it takes, however many rows there are.

    make bench
    .venv/bin/python bench/journal.py --rows 10000000 --folder /var/tmp

On a SQLite file with ``synchronous=FULL`` and on a PostgreSQL of its own with ``fsync=on``, both in a folder on
disk that is removed at the end. Appends pass through ``Journal.record``, each durable when it returns; the rows
to read from are written by the database itself, without its indexes, which are made afterwards.
"""

import argparse
import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from esim_graph.clock import SystemClock
from esim_graph.database import Database, open_database
from esim_graph.database.migrate import migrate
from esim_graph.database.tables import STATUS_CHANGES
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.status_change import Report, StatusFilter, StatusSource
from esim_graph.journal import Journal
from esim_graph.telemetry import Metrics

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.database import Aside, PostgresqlServer
from support.journal_rows import BEGIN, ROWS_OF_A_PROFILE, device_of, eid_of, fill, iccid_of

_AT_ONCE = 500_000  # rows in one statement
_APPENDS = 2_000
_CALLERS = 64
_OBSERVED = 20_000
_PAGE = 51  # the default of fifty, and one that tells whether there are more


class _Durable(PostgresqlServer):
    """A server that waits for the disk."""

    def start(self) -> None:
        given = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c max_wal_size=8GB"
        self._control("start", "-w", "-l", str(self.folder / "log"), "-o", given)


def main() -> None:
    """Measure both and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, help="in the journal that is read from; default 200,000")
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure; default the machine's own")
    parser.add_argument("--pages", type=int, default=200, help="of each kind; default 200")
    arguments = parser.parse_args()
    with _on_disk(arguments.folder) as folder:
        _say(f"SQLite, synchronous=FULL, {arguments.rows:,} rows")
        url = f"sqlite+aiosqlite:///{folder / 'journal.sqlite3'}"
        _run(_measure(url, arguments.rows, arguments.pages))
        _say(f"  file {(folder / 'journal.sqlite3').stat().st_size / 2**30:.2f} GiB")
    with _postgresql(arguments.folder) as server:
        _say(f"PostgreSQL, fsync=on, {arguments.rows:,} rows")
        _run(_measure(server.url("postgres"), arguments.rows, arguments.pages))


async def _measure(url: str, rows: int, pages: int) -> None:
    await migrate(url)
    began = time.perf_counter()
    await _fill(url, rows)
    _say(f"  filled, indexes made                {rows / (time.perf_counter() - began):10,.0f} rows/s")
    metrics = Metrics()
    async with open_database(url, metrics=metrics) as database:
        journal = Journal("default", database, clock=SystemClock(), metrics=metrics)
        await _pages(journal, rows, pages)
        await _appends(database, journal)
        await journal.close()


async def _fill(url: str, rows: int) -> None:
    """Write the rows as fast as the database can; nothing of that is left behind when it is read from."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    sqlite = engine.dialect.name == "sqlite"
    indexes = sorted(STATUS_CHANGES.indexes, key=lambda index: str(index.name))
    async with engine.connect() as connection:
        for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000") if sqlite else ():
            await connection.execute(sa.text(f"PRAGMA {setting}"))
        for index in indexes:
            await connection.run_sync(index.drop)
        for begin in range(1, rows + 1, _AT_ONCE):
            end = min(begin + _AT_ONCE - 1, rows)
            await fill(connection, begin, end, profiles=max(rows // ROWS_OF_A_PROFILE, 1))
        for index in indexes:
            await connection.run_sync(index.create)
        # PostgreSQL does this by itself a minute later. SQLite never does, and needs none.
        await connection.execute(sa.text("PRAGMA journal_mode=WAL" if sqlite else "VACUUM (ANALYZE) status_changes"))
    await engine.dispose()


async def _pages(journal: Journal, rows: int, count: int) -> None:
    profiles = max(rows // ROWS_OF_A_PROFILE, 1)
    chance = random.Random(1)  # noqa: S311 - which rows are read is no secret

    def somebody() -> int:
        return chance.randrange(profiles)

    def somewhere() -> tuple[datetime, int]:
        number = chance.randrange(1, rows + 1)
        return datetime.fromtimestamp(BEGIN + number, UTC), number

    since = datetime.fromtimestamp(BEGIN + rows // 4, UTC)
    until = datetime.fromtimestamp(BEGIN + rows // 2, UTC)
    kinds: dict[str, tuple[Callable[[], StatusFilter], bool]] = {
        "one profile": (lambda: StatusFilter(iccid=iccid_of(somebody())), False),
        "whole log": (StatusFilter, False),
        "whole log, deep": (StatusFilter, True),
        "eid": (lambda: StatusFilter(eid=eid_of(somebody())), False),
        "deviceId": (lambda: StatusFilter(device_id=device_of(somebody())), False),
        "state, deep": (lambda: StatusFilter(state=ProfileState.DISABLED), True),
        "state that never was": (lambda: StatusFilter(state=ProfileState.EXPIRED), False),
        "source, deep": (lambda: StatusFilter(source=StatusSource.ESIMFLY), True),
        "source that never spoke": (lambda: StatusFilter(source=StatusSource.ESIMGO), False),
        "source and state": (
            lambda: StatusFilter(source=StatusSource.ESIMFLY, state=ProfileState.ENABLED),
            True,
        ),
        "onlyErrors, deep": (lambda: StatusFilter(only_errors=True), True),
        "onlyErrors and source": (lambda: StatusFilter(only_errors=True, source=StatusSource.ESIMGO), False),
        "since and until": (lambda: StatusFilter(since=since, until=until), False),
        "one profile, all filters": (
            lambda: StatusFilter(
                iccid=iccid_of(somebody()), state=ProfileState.ENABLED, source=StatusSource.DIGI, since=since
            ),
            False,
        ),
    }
    for name, (wanted, deep) in kinds.items():

        async def page(wanted: Callable[[], StatusFilter] = wanted, deep: bool = deep) -> None:
            await journal.pages([wanted()], limit=_PAGE, behind=somewhere() if deep else None)

        _say(f"  page: {name:28} {await _timed(page, count)}")


async def _appends(database: Database, journal: Journal) -> None:
    left = iter(range(_APPENDS))

    async def caller() -> None:
        for number in left:
            report = _report(number, identity=f"append {number}")

            async def write(connection: AsyncConnection, report: Report = report) -> int:
                return await journal.record(connection, [report])

            await database.write(write)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    _say(f"  append, one at a time, {_CALLERS} callers {_APPENDS / (time.perf_counter() - began):13,.0f} rows/s")
    began = time.perf_counter()
    for number in range(0, _OBSERVED, 1_000):
        journal.observe([_report(_APPENDS + number + place) for place in range(1_000)])
        await journal.settled()
    _say(f"  append, as observed by the page     {_OBSERVED / (time.perf_counter() - began):10,.0f} rows/s")


def _report(number: int, *, identity: str | None = None) -> Report:
    now = datetime.now(UTC) - timedelta(seconds=1)
    return Report(
        iccid=Iccid(f"88{10**16 + number}"),
        source=StatusSource.DIGI,
        seen_at=now,
        state=ProfileState.ENABLED,
        at=now,
        identity=identity,
    )


async def _timed(page: Callable[[], Awaitable[None]], count: int) -> str:
    await page()
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        await page()
        taken.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(taken, n=100)
    return f"p50 {cuts[49]:7.2f} ms   p99 {cuts[98]:7.2f} ms"


def _run(measuring: Coroutine[Any, Any, None]) -> None:
    """On the loop that the program itself runs on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measuring)


@contextmanager
def _on_disk(folder: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="esim-graph-bench-", dir=folder) as name:
        yield Path(name)


@contextmanager
def _postgresql(folder: Path | None) -> Iterator[PostgresqlServer]:
    with _on_disk(folder) as place, Aside() as aside:
        if os.geteuid() == 0:
            shutil.chown(place, "postgres", "postgres")
        server = _Durable(place, aside)
        server.make()
        try:
            yield server
        finally:
            server.stop()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
