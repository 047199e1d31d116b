"""A page reads its own rows and no more, however many there are and whatever a filter says."""

import itertools
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database import Database, open_database
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.status_change import StatusChange, StatusFilter, StatusSource
from esim_graph.journal.rows import Place, page, page_statement
from esim_graph.telemetry import Metrics
from journal.conftest import Opened, by
from support.clock import ManualClock
from support.database import fresh_database_url
from support.journal_rows import BEGIN, device_of, eid_of, fill, iccid_of
from support.status_reports import ICCID, OTHER, at, event, failure, reading

S = ProfileState
NOW = ManualClock().now()
ROWS = 200_000
PROFILES = 2_000
CHUNK = 20_000  # in one write, which has its time
PAGE = 51
SECONDS = 0.25  # for a page, on a machine that does other things too; `make bench` measures
GIVEN: dict[str, Any] = {
    "iccid": iccid_of(7),
    "eid": eid_of(7),
    "device_id": device_of(7),
    "state": S.DISABLED,
    "source": StatusSource.ESIMFLY,
    "only_errors": True,
    "since": datetime.fromtimestamp(BEGIN + 50_000, UTC),
    "until": datetime.fromtimestamp(BEGIN + 150_000, UTC),
}
FILTERS = [
    StatusFilter(**{name: GIVEN[name] for name in names})
    for count in (0, 1, 2, 3, len(GIVEN))
    for names in itertools.combinations(GIVEN, count)
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def large() -> AsyncIterator[Database]:
    """A journal of 200,000 rows."""
    async with open_database(fresh_database_url(), metrics=Metrics()) as database:
        for begin in range(1, ROWS, CHUNK):
            await database.write(partial(fill, begin=begin, end=begin + CHUNK - 1, profiles=PROFILES))
        if database.dialect == "postgresql":  # which does so by itself, a minute later
            await database.write(lambda connection: connection.execute(sa.text("ANALYZE status_changes")))
        yield database


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_is_read_from_an_index_in_its_own_order(large: Database) -> None:
    """For every filter, from the beginning and from the middle: nothing is scanned, and no more than a page sorted."""
    middle: Place = (datetime.fromtimestamp(BEGIN + 100_000, UTC), 100_000)
    poor = []
    for wanted, behind in itertools.product(FILTERS, (None, middle)):
        async with large.read() as connection:
            plan = await explain(connection, wanted, behind)
        if not all("ix_status_changes_" in line for line in plan):
            poor.append(f"{wanted} {behind}: {plan}")

    assert not poor, "\n".join(poor[:5])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_of_many_rows_takes_no_longer_than_one_of_few(large: Database) -> None:
    """The whole log, one profile, deep in either, and what was never there."""
    deep: Place = (datetime.fromtimestamp(BEGIN + 10, UTC), 10)
    asked = [
        (StatusFilter(), None),
        (StatusFilter(), deep),
        (StatusFilter(iccid=iccid_of(7)), None),
        (StatusFilter(state=S.EXPIRED), None),
        (StatusFilter(source=StatusSource.ESIMGO), None),
        (StatusFilter(source=StatusSource.ESIMFLY, state=S.ENABLED, only_errors=True), None),
    ]
    async with large.read() as connection:
        for wanted, behind in asked:
            taken = []
            for _ in range(3):
                began = time.perf_counter()
                await page(connection, "default", wanted, now=NOW, behind=behind, limit=PAGE)
                taken.append(time.perf_counter() - began)
            assert min(taken) < SECONDS, wanted


@pytest.mark.asyncio(loop_scope="module")
async def test_pages_follow_one_another_without_a_gap(large: Database) -> None:
    """All rows of one profile, newest first."""
    wanted, found, behind = StatusFilter(iccid=iccid_of(7)), list[StatusChange](), None
    async with large.read() as connection:
        while rows := await page(connection, "default", wanted, now=NOW, behind=behind, limit=7):
            found.extend(rows)
            behind = (rows[-1].at, rows[-1].number)

    numbers = [change.number for change in found]
    assert len(numbers) == ROWS // PROFILES
    assert numbers == sorted(numbers, reverse=True)


async def test_a_filter_selects_what_it_says(opened: Opened) -> None:
    """Every combination of fields, against the same said plainly."""
    more: dict[str, Any] = {"eid": "8" * 32, "device_id": "device"}
    for number, (iccid, source) in enumerate(itertools.product((ICCID, OTHER), StatusSource)):
        given: dict[str, Any] = {"iccid": iccid, "source": source} | (more if number % 2 else {})
        await opened.record(
            event(f"{number} a", S.INSTALLED, number * 10, **given),
            event(f"{number} b", S.ENABLED, number * 10 + 5, **given),
            failure(f"{number} c", number * 10 + 7, **given),
        )
    everything = await opened.changes()
    values: dict[str, Any] = {
        "iccid": ICCID, "eid": "8" * 32, "device_id": "device", "state": S.ENABLED, "source": StatusSource.DIGI,
        "only_errors": True, "since": at(10), "until": at(50),
    }  # fmt: skip

    for count in range(len(values) + 1):
        for names in itertools.combinations(values, count):
            wanted = StatusFilter(**{name: values[name] for name in names})
            assert await opened.changes(wanted) == [one for one in everything if is_wanted(one, wanted)], wanted
    assert len(everything) == 18


async def test_rows_of_one_instant_are_told_apart_by_their_number(opened: Opened) -> None:
    """No page boundary between them loses one."""
    await opened.record(*(event(str(number), S.ENABLED, 0) for number in range(5)))

    found: list[object] = []
    behind = None
    while True:
        ((*rows,),) = await opened.journal.pages([StatusFilter()], limit=2, behind=behind)
        if not rows:
            break
        found.extend(by(rows, "number"))
        behind = (rows[-1].at, rows[-1].number)

    assert found == [5, 4, 3, 2, 1]


async def test_spans_are_relative_to_now(opened: Opened) -> None:
    """However far: beyond all years means no bound."""
    await opened.record(event("1", S.INSTALLED, 0), event("2", S.ENABLED, 3_000))

    recent = await opened.changes(StatusFilter(since=timedelta(minutes=-30)))
    ever = await opened.changes(StatusFilter(since=timedelta(weeks=-999_999), until=timedelta(weeks=999_999)))

    assert by(recent, "to_state") == [S.ENABLED]
    assert len(ever) == 2


async def test_rows_are_found_by_their_numbers_in_one_statement(opened: Opened) -> None:
    """And no others are."""
    await opened.record(reading(S.ENABLED, 0), reading(S.DISABLED, 1), reading(S.ENABLED, 2))
    statements: list[str] = []

    @partial(sa.event.listen, opened.database._readers.sync_engine, "before_cursor_execute")
    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    found = await opened.journal.changes([3, 1, 17, 1])

    assert {number: change.to_state for number, change in found.items()} == {1: S.ENABLED, 3: S.ENABLED}
    assert len([statement for statement in statements if "status_changes" in statement]) == 1


async def explain(connection: AsyncConnection, wanted: StatusFilter, behind: Place | None) -> list[str]:
    """Each way in which the database looks into the table for a page."""
    is_sqlite = connection.dialect.name == "sqlite"
    statement = page_statement("default", wanted, now=NOW, behind=behind, limit=PAGE)
    dialect = sqlite.dialect() if is_sqlite else postgresql.dialect()
    text = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    rows = await connection.execute(sa.text(f"{'EXPLAIN QUERY PLAN' if is_sqlite else 'EXPLAIN'} {text}"))
    if is_sqlite:
        details = [row.detail for row in rows]
        # Of the pages of several sources one page is sorted; nothing else is.
        assert not any("TEMP B-TREE" in detail for detail in details) or "UNION ALL" in text, details
        return [detail for detail in details if "status_changes" in detail and "SCAN (subquery" not in detail]
    lines = [row[0].strip() for row in rows]
    return [line for line in lines if "Scan" in line and "Subquery Scan" not in line]


def is_wanted(change: StatusChange, wanted: StatusFilter) -> bool:
    """What a filter means, said once more."""
    given = {
        "iccid": change.iccid,
        "eid": change.eid,
        "device_id": change.device_id,
        "state": change.to_state,
        "source": change.source,
    }
    return (
        all(getattr(wanted, name) in (None, value) for name, value in given.items())
        and (change.is_error or not wanted.only_errors)
        and (wanted.since is None or change.at >= wanted.since)  # type: ignore[operator]
        and (wanted.until is None or change.at < wanted.until)  # type: ignore[operator]
    )
