"""Looks that find nothing new cost nothing; those that do are written, later and together."""

import asyncio

import pytest
import sqlalchemy as sa
import structlog

from esim_graph.database.tables import PROFILE_STATES
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.lifecycle import ProfileState
from journal.conftest import Opened, by, open_journal
from support.clock import settle
from support.database import fresh_database_url
from support.status_reports import ICCID, OTHER, event, failure, reading

S = ProfileState


def writes(opened: Opened) -> float:
    """Commits so far."""
    return opened.metrics.registry.get_sample_value("esim_graph_database_commits_total") or 0.0


async def test_a_first_sighting_and_each_change_are_written(opened: Opened) -> None:
    """And nothing between them."""
    for seconds, state in enumerate((S.DISABLED, S.DISABLED, S.ENABLED, S.ENABLED, S.DISABLED)):
        await opened.observe(reading(state, seconds))

    written = await opened.written()
    assert by(written, "from_state") == [None, S.DISABLED, S.ENABLED]
    assert by(written, "to_state") == [S.DISABLED, S.ENABLED, S.DISABLED]


async def test_a_page_of_a_thousand_that_say_nothing_new_is_no_write(opened: Opened) -> None:
    """Nor is it after a restart, when all of them are looked up."""
    page = [reading(S.ENABLED, 0, iccid=Iccid(f"89{10**16 + number}")) for number in range(1_000)]
    again = [reading(S.ENABLED, 1, iccid=report.iccid) for report in page]
    await opened.observe(*page)
    before = writes(opened)

    await opened.observe(*again)
    await opened.observe(*again)

    assert len(await opened.changes()) == 1_000
    assert writes(opened) == before


async def test_an_absence_is_written_where_something_was(opened: Opened) -> None:
    """Of what was never seen it says nothing."""
    await opened.observe(reading(S.ENABLED, 0))

    await opened.observe(reading(S.DELETED, 1), reading(S.DELETED, 1, iccid=OTHER))

    written = await opened.written()
    assert by(written, "iccid") == [ICCID, ICCID]
    assert by(written, "to_state") == [S.ENABLED, S.DELETED]


async def test_a_list_of_old_transactions_is_written_once(opened: Opened) -> None:
    """However often the page is looked at; the memory of a process saves the look into the database."""
    page = [event("1", S.INSTALLED, 0), event("2", S.ENABLED, 10), failure("3", 20)]

    await opened.observe(*page)
    before = writes(opened)
    await opened.observe(*page)

    assert len(await opened.changes()) == 3
    assert writes(opened) == before


async def test_a_confirmation_is_kept_though_it_is_no_row(opened: Opened) -> None:
    """What comes after it is no late news any more."""
    await opened.record(event("1", S.INSTALLED, 0), event("2", S.ENABLED, 10, lag=600))

    await opened.observe(reading(S.ENABLED, 100))
    await opened.observe(reading(S.DISABLED, 200))

    assert by(await opened.written(), "to_state") == [S.INSTALLED, S.ENABLED, S.DISABLED]


async def test_what_another_replica_wrote_is_noticed_a_minute_later() -> None:
    """Until then this one believes what it saw itself."""
    url = fresh_database_url()
    async with open_journal(url) as one, open_journal(url) as other:
        await one.observe(reading(S.ENABLED, 0))
        await one.observe(reading(S.ENABLED, 1))
        await other.observe(reading(S.DISABLED, 10))

        await one.observe(reading(S.ENABLED, 20))
        assert len(await one.changes()) == 2
        await one.clock.advance(61)
        await one.observe(reading(S.ENABLED, 90))

        assert by(await one.written(), "to_state") == [S.ENABLED, S.DISABLED, S.ENABLED]


async def test_more_than_can_be_taken_in_is_dropped_and_counted(opened: Opened) -> None:
    """A look never waits for the journal."""
    many = [reading(S.ENABLED, 0, iccid=Iccid(f"89{10**16 + number}")) for number in range(10_001)]

    opened.journal.observe(many)

    assert opened.metrics.registry.get_sample_value("esim_graph_observations_dropped_total") == 1
    await opened.journal.settled()
    assert len(await opened.changes()) == 1_000  # as many as a page has


async def test_what_was_observed_is_written_before_it_closes() -> None:
    """As far as there is time."""
    url = fresh_database_url()
    async with open_journal(url) as opened:
        opened.journal.observe([reading(S.ENABLED, 0)])

    async with open_journal(url) as later:
        assert len(await later.changes()) == 1


async def test_a_database_that_fails_loses_no_later_look(opened: Opened) -> None:
    """What could not be written is seen again."""
    await _break(opened)
    await opened.observe(reading(S.ENABLED, 0))
    await _mend(opened)

    await opened.observe(reading(S.ENABLED, 1))

    assert by(await opened.changes(), "to_state") == [S.ENABLED]


@pytest.mark.parametrize("text", ["marked \0", "marked \ud800"], ids=["nul", "half a character"])
async def test_a_report_that_cannot_be_written_takes_no_other_with_it(opened: Opened, text: str) -> None:
    """It is logged without what it says; SQLite, other than PostgreSQL, can keep a NUL."""
    bad = failure("2", 10, message=text, iccid=OTHER)

    with structlog.testing.capture_logs() as logs:
        await opened.observe(event("1", S.INSTALLED, 0), bad, event("3", S.ENABLED, 20))
    await opened.observe(reading(S.DISABLED, 1_000))

    kept = [change for change in await opened.written() if change.iccid == ICCID]
    assert by(kept, "to_state") == [S.INSTALLED, S.ENABLED, S.DISABLED]
    if opened.database.dialect == "postgresql" or "\0" not in text:
        assert [(line["event"], line["count"]) for line in logs] == [("observations_lost", 1)]
    assert "marked" not in repr(logs)


async def test_looks_of_many_at_once_are_one_row(opened: Opened) -> None:
    """Whoever they are."""

    async def look(seconds: int) -> None:
        opened.journal.observe([reading(S.ENABLED, seconds)])

    await asyncio.gather(*(look(seconds) for seconds in range(20)))
    await settle()
    await opened.journal.settled()

    assert len(await opened.changes()) == 1


async def _break(opened: Opened) -> None:
    """Take a table away."""
    await opened.database.write(
        lambda connection: connection.execute(sa.text("ALTER TABLE profile_states RENAME TO gone"))
    )


async def _mend(opened: Opened) -> None:
    await opened.database.write(
        lambda connection: connection.execute(sa.text(f"ALTER TABLE gone RENAME TO {PROFILE_STATES.name}"))
    )
