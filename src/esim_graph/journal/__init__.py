"""The journal: every status change that this gateway causes or observes, from any vendor, for ever.

Who makes a change known says so inside the write that it belongs to (``record``), so that both are
there or neither. Who merely looked leaves what was seen (``observe``) and goes on; a task compares
it with what is known and writes only what is new.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, suppress

from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.clock import Clock
from esim_graph.database import Database
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.lifecycle import rank
from esim_graph.domain.status_change import (
    Change,
    KnownState,
    Report,
    StatusChange,
    StatusFilter,
    StatusSource,
    judge,
)
from esim_graph.errors import CursorExpired, DatabaseUnavailable
from esim_graph.events import Entry, Feed
from esim_graph.journal import rows
from esim_graph.journal.news import News, is_news
from esim_graph.journal.rows import Key, Place
from esim_graph.telemetry import Metrics, logger

_WAITING = 10_000  # reports of looks
_AT_ONCE = 500  # of them in one write; others wait behind it
_CLOSING_SECONDS = 5.0
_REPLAYED = 10_000  # changes that a watcher may have missed


class Journal:
    """One tenant's journal."""

    def __init__(self, tenant: str, database: Database, *, clock: Clock, metrics: Metrics) -> None:
        self._tenant = tenant
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._news = News(clock)
        self._waiting: asyncio.Queue[Report] = asyncio.Queue(_WAITING)
        self._overflowing = False
        self._writer: asyncio.Task[None] | None = None
        self._feed: Feed[StatusChange] = Feed(self._read_on, self._newest_number)

    async def record(self, connection: AsyncConnection, reports: Iterable[Report]) -> int:
        """Judge *reports* and append what they change; returns how many rows.

        For use inside a ``Database.write``, since all writes stand in one queue; call ``wake`` when it is
        durable. A report whose identity is in the journal adds nothing. The rows are counted at once, so the
        metric has those few as well whose write is undone.
        """
        ordered = sorted(reports, key=_in_time)
        if not ordered:
            return 0
        self._news.forget((report.iccid, report.source) for report in ordered)
        identities = {
            report.identity: rows.digest(report.source, report.identity)
            for report in ordered
            if report.identity is not None
        }
        newest, states, recorded = await rows.look_up(
            connection, self._tenant, [report.iccid for report in ordered], list(identities.values())
        )
        touched: dict[Key, KnownState] = {}
        changes: list[tuple[Report, Change]] = []
        for report in ordered:
            if report.identity is not None:
                if (digest := identities[report.identity]) in recorded:
                    continue
                recorded.add(digest)
            key = (report.iccid, report.source)
            before = states.get(key)
            verdict = judge(before, report)
            if verdict.known is not None and verdict.known != before:
                states[key] = touched[key] = verdict.known
            if verdict.change is not None:
                changes.append((report, verdict.change))
        if changes:
            written = [_row(place, *change) for place, change in enumerate(changes, newest + 1)]
            digests = [
                # All writes stand in one queue, so the same look of two replicas is news only once.
                rows.digest(report.source, f"reading {place}")
                if report.identity is None
                else identities[report.identity]
                for place, (report, _) in enumerate(changes, newest + 1)
            ]
            await rows.append(connection, self._tenant, written, digests)
            self._metrics.status_changes.inc(len(written))
        if touched:
            await rows.keep_states(connection, self._tenant, touched)
        return len(changes)

    def wake(self) -> None:
        """What ``record`` wrote is durable: whoever watches can have it."""
        self._feed.wake()

    def observe(self, reports: Iterable[Report]) -> None:
        """Leave what was seen. It never waits: where too much comes at once, some is dropped and counted."""
        for report in reports:
            if not self._news.may_be(report):
                continue
            try:
                self._waiting.put_nowait(report)
            except asyncio.QueueFull:
                self._metrics.observations_dropped.inc()
                if not self._overflowing:
                    self._overflowing = True
                    logger().warning("observations_dropped")
                return
            if self._writer is None:
                self._writer = asyncio.create_task(self._write_all(), name="journal writer")

    async def settled(self) -> None:
        """Wait until everything observed so far is written, or known to be nothing new."""
        await self._waiting.join()

    async def pages(
        self, wanted: Sequence[StatusFilter], *, limit: int, behind: Place | None = None
    ) -> list[list[StatusChange]]:
        """The first rows of each list, newest first; those behind a place where one is given.

        A statement for each, on one connection.
        """
        now = self._clock.now()
        async with self._database.read() as connection:
            return [
                await rows.page(connection, self._tenant, one, now=now, behind=behind, limit=limit) for one in wanted
            ]

    async def changes(self, numbers: Iterable[int]) -> dict[int, StatusChange]:
        """The rows with these numbers, as many as there are."""
        async with self._database.read() as connection:
            return await rows.by_number(connection, self._tenant, numbers)

    async def states(self, iccids: Sequence[Iccid]) -> dict[Iccid, dict[StatusSource, KnownState]]:
        """What every source last said of each profile."""
        async with self._database.read() as connection:
            known = await rows.known_states(connection, self._tenant, iccids)
        found: dict[Iccid, dict[StatusSource, KnownState]] = {iccid: {} for iccid in iccids}
        for (iccid, source), state in known.items():
            found[iccid][source] = state
        return found

    async def watch(self, iccid: Iccid | None, after: int | None) -> AsyncGenerator[StatusChange | CursorExpired, None]:
        """Yield each change as it is written, of one profile or of all; it does not end by itself.

        Without *after* the newest one there is comes first; with it, all that were written behind that
        number. Where those are too many, that is said first, and then the newest one follows.

        Raises:
            DatabaseUnavailable: the journal cannot be read.
        """
        if after is not None and await self._is_too_far_back(iccid, after):
            yield CursorExpired(f"after is more than {_REPLAYED:,} changes behind; the newest one follows.")
            after = None

        async def history(behind: int | None, limit: int) -> Sequence[Entry[StatusChange]]:
            async with self._database.read() as connection:
                if behind is None:
                    found = await rows.newest(connection, self._tenant, iccid)
                else:
                    found = await rows.behind_number(connection, self._tenant, iccid, behind, limit)
            return [_entry(change) for change in found]

        async with aclosing(self._feed.watch(iccid, after, history, coalesce=False)) as entries:
            async for entry in entries:
                yield entry.value

    async def close(self) -> None:
        """Write what was observed, and stop."""
        if self._writer is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await self._waiting.join()
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._feed.close()

    async def _is_too_far_back(self, iccid: Iccid | None, after: int) -> bool:
        async with self._database.read() as connection:
            newest = await rows.newest_number(connection, self._tenant)
            if 0 <= newest - after <= _REPLAYED:
                return False
            # A number that was never given out is another database's.
            return after > newest or await rows.is_more_than(connection, self._tenant, iccid, after, _REPLAYED)

    async def _read_on(self, number: int, limit: int) -> Sequence[Entry[StatusChange]]:
        async with self._database.read() as connection:
            return [
                _entry(change) for change in await rows.behind_number(connection, self._tenant, None, number, limit)
            ]

    async def _newest_number(self) -> int:
        async with self._database.read() as connection:
            return await rows.newest_number(connection, self._tenant)

    async def _write_all(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < _AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                await self._take_in(batch)
            except DatabaseUnavailable:
                logger().warning("observations_lost", count=len(batch))  # the next look sees the same again
            except Exception:
                # The edge: nobody awaits this task, and without it nothing that is seen would be written again.
                await self._take_in_each(batch)
            finally:
                self._overflowing = False
                for _ in batch:
                    self._waiting.task_done()

    async def _take_in_each(self, batch: Sequence[Report]) -> None:
        """Write one by one what could not be written together: one bad report must not take the others with it."""
        errors: list[str] = []  # without their texts, which might repeat the report
        for place, report in enumerate(batch):
            try:
                await self._take_in([report])
            except DatabaseUnavailable:
                logger().warning("observations_lost", count=len(batch) - place)
                break  # each of the others would wait as long
            except Exception as error:
                errors.append(type(error).__name__)
        if errors:
            logger().error("observations_lost", count=len(errors), error=" ".join(sorted(set(errors))))

    async def _take_in(self, batch: Sequence[Report]) -> None:
        """Write what is new in a batch. A look that found nothing new takes no part in the queue of writes."""
        reports = [report for report in batch if self._news.may_be(report)]  # others may have said it meanwhile
        if not reports:
            return
        digests = {report: rows.digest(report.source, report.identity) for report in reports if report.identity}
        async with self._database.read() as connection:
            recorded = await rows.recorded(connection, self._tenant, digests.values())
            known = await rows.known_states(
                connection, self._tenant, (report.iccid for report in reports if report.is_reading)
            )
        for report in reports:
            if report.is_reading:
                key = (report.iccid, report.source)
                self._news.know(key, known.get(key))
        new = [
            report
            for report in reports
            if (
                is_news(known.get((report.iccid, report.source)), report)
                if report.is_reading
                else digests[report] not in recorded
            )
        ]

        async def write(connection: AsyncConnection) -> int:
            return await self.record(connection, new)

        written = await self._database.write(write) if new else 0
        if written:
            self.wake()
        self._news.are_recorded(reports)


def _in_time(report: Report) -> tuple[object, int]:
    return report.happened_at, -1 if report.state is None else rank(report.state)


def _entry(change: StatusChange) -> Entry[StatusChange]:
    return Entry(change.number, change.iccid, change.number, change, final=False)


def _row(number: int, report: Report, change: Change) -> StatusChange:
    return StatusChange(
        number=number,
        iccid=report.iccid,
        eid=report.eid,
        device_id=report.device_id,
        from_state=change.before,
        to_state=change.after,
        at=report.happened_at,
        seen_at=report.seen_at,
        source=report.source,
        actor=report.actor,
        transaction_id=report.transaction_id,
        operation_id=report.operation_id,
        message=report.message,
        message_code=report.message_code,
        is_error=report.is_error,
        unexpected=change.unexpected,
        late=change.late,
    )
