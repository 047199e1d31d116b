"""A journal over a database of its own."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database import Database, open_database
from esim_graph.domain.status_change import Report, StatusChange, StatusFilter
from esim_graph.journal import Journal
from esim_graph.telemetry import Metrics
from support.clock import ManualClock
from support.database import fresh_database_url
from support.status_reports import at


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal and what it stands on."""

    journal: Journal
    database: Database
    metrics: Metrics
    clock: ManualClock

    async def record(self, *reports: Report) -> int:
        """Record them as somebody's write does."""

        async def write(connection: AsyncConnection) -> int:
            return await self.journal.record(connection, reports)

        rows = await self.database.write(write)
        self.journal.wake()
        return rows

    async def observe(self, *reports: Report) -> None:
        """Observe them, and wait until that is taken in."""
        self.journal.observe(reports)
        await self.journal.settled()

    async def changes(self, wanted: StatusFilter | None = None, *, limit: int = 1_000) -> list[StatusChange]:
        """The first page of a list."""
        (found,) = await self.journal.pages([wanted or StatusFilter()], limit=limit)
        return found

    async def written(self) -> list[StatusChange]:
        """All rows in the order of writing."""
        return sorted(await self.changes(), key=lambda change: change.number)


@asynccontextmanager
async def open_journal(url: str, *, tenant: str = "default") -> AsyncIterator[Opened]:
    """Open a database and its journal."""
    metrics, clock = Metrics(), ManualClock(at(3_600))
    async with open_database(url, metrics=metrics) as database:
        journal = Journal(tenant, database, clock=clock, metrics=metrics)
        try:
            yield Opened(journal, database, metrics, clock)
        finally:
            await journal.close()


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    async with open_journal(fresh_database_url()) as one:
        yield one


def by(changes: Iterable[StatusChange], name: str) -> list[object]:
    """One field of each."""
    return [getattr(change, name) for change in changes]
