"""Following transactions and operations to their end: the door to watch.

What is followed is a row in the database, and so is each state that it was seen in. One replica
looks at it, however many watch it and wherever; who comes later, or again with a cursor, is given
what was written, and goes on with what is written next.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

from esim_graph import subjects
from esim_graph.clock import Clock
from esim_graph.config import PollSettings
from esim_graph.database import Database
from esim_graph.domain import reports
from esim_graph.domain.account import Account
from esim_graph.domain.operation import EstimatedCompletion, FollowedOperation, Operation, Sightings
from esim_graph.domain.selection import Filter
from esim_graph.domain.subject import Noun, State
from esim_graph.domain.transaction import Transaction
from esim_graph.errors import CursorExpired, DatabaseUnavailable, UpstreamTimeout
from esim_graph.events import Entry, Feed, Watcher
from esim_graph.journal import Journal
from esim_graph.memory import Memory
from esim_graph.progress import log, verification
from esim_graph.progress.dashboard import Dashboard
from esim_graph.progress.estimates import Durations, estimate
from esim_graph.progress.expiry import Expiry
from esim_graph.progress.first_looks import FirstLooks
from esim_graph.progress.follower import Follower
from esim_graph.progress.gathering import Gathering
from esim_graph.progress.pace import Rest
from esim_graph.progress.recording import Recorder
from esim_graph.subjects import Known, Name, key_of
from esim_graph.telemetry import Metrics, logger
from esim_graph.upstreams.digi import DigiClient

__all__ = ["Event", "Progress"]

S = TypeVar("S", Transaction, FollowedOperation)

_SHORTEST_LEASE = 1.0
_LEASE_SHARE = 0.5  # of the longest interval
_KEPT = timedelta(hours=24)  # events, behind the end of their subject
_SUBJECTS_KEPT = timedelta(days=90)  # likewise; estimates are made of them
_PRUNE_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Event(Generic[S]):
    """One state of a subject. ``sequence`` starts at 1 and grows with every event of the subject."""

    sequence: int
    value: S


class Progress:
    """All that is followed of one account."""

    def __init__(
        self,
        account: Account,
        digi: DigiClient,
        memory: Memory,
        journal: Journal,
        database: Database,
        *,
        settings: PollSettings,
        clock: Clock,
        metrics: Metrics,
        call_seconds: float,
    ) -> None:
        self._account = account
        self._journal = journal
        self._database = database
        self._settings = settings
        self._clock = clock
        self._lease = max(settings.max_interval * _LEASE_SHARE, _SHORTEST_LEASE)
        #: What this process calls itself in the rows of what it follows.
        self.holder = secrets.token_hex(8)
        self._feed: Feed[State] = Feed(self._read_log, self._newest_number)
        self._rows: dict[Noun, Gathering[str, Known]] = {
            "transaction": Gathering(partial(self._read_rows, "transaction"), name="transaction rows"),
            "operation": Gathering(partial(self._read_rows, "operation"), name="operation rows"),
        }
        self._durations = Durations(account, database, clock)
        rest = Rest()
        self._recorder = Recorder(
            account, digi, memory, journal, database, self._feed,
            holder=self.holder, lease=self._lease, rest=rest, settings=settings, clock=clock, call_seconds=call_seconds,
        )  # fmt: skip
        self._follower = Follower(
            account, digi, self._recorder, database, self._feed, self._durations,
            lease=self._lease, rest=rest, settings=settings, clock=clock, metrics=metrics, call_seconds=call_seconds,
        )  # fmt: skip
        self._first_looks = FirstLooks(self._recorder)
        self._dashboard = Dashboard(
            account, digi, self._recorder, self._follower, database, self._feed,
            rest=rest, settings=settings, clock=clock, call_seconds=call_seconds, kept=_KEPT,
        )  # fmt: skip
        self._expiry = Expiry(settings.deadline, clock)
        self._pruning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow what is unfinished from now on, whether somebody watches it or not."""
        self._follower.start()
        self._pruning = asyncio.create_task(self._prune_on(), name="event pruning")

    async def close(self) -> None:
        """Stop following; other replicas take over at once."""
        if self._pruning is not None:
            self._pruning.cancel()
            await asyncio.gather(self._pruning, return_exceptions=True)
        await self._dashboard.close()
        await self._first_looks.close()
        await self._follower.close()
        await self._recorder.close()
        await self._durations.close()
        await self._expiry.close()
        for rows in self._rows.values():
            await rows.close()
        await self._feed.close()

    def lease_until(self, now: datetime) -> datetime:
        """Until when a claim made now is good."""
        return self._recorder.lease_until(now)

    def follow_until(self, now: datetime) -> datetime:
        """Until when something that begins now is followed."""
        return self._recorder.follow_until(now)

    def took_up(self, noun: Noun, vendor_id: str) -> None:
        """Follow what was begun (``subjects.begin``) with ``holder`` as its holder, now that it is committed."""
        self._follower.took_up(noun, vendor_id)

    async def transaction(
        self, vendor_id: str, after: int | None
    ) -> AsyncGenerator[Event[Transaction] | CursorExpired, None]:
        """Yield a transaction's present state, or its events behind *after*, and each new one until it is terminal.

        While somebody watches, looks make Digi check with the device's servers. Where the events behind
        *after* are no longer there, or never were, a ``CursorExpired`` comes first and then the present state.

        Raises:
            NotFound: Digi does not know it.
            UpstreamTimeout: it was not terminal before ``POLL__DEADLINE``, counted from the watch's beginning.
            UpstreamError: nobody follows it yet and the first look failed, or a later one for good.
            DatabaseUnavailable: its events cannot be read.
        """
        async with aclosing(self._watch(("transaction", vendor_id), after)) as entries:
            async for entry in entries:
                if isinstance(entry, CursorExpired):
                    yield entry
                elif isinstance(entry.value, Transaction):
                    yield Event(entry.sequence, entry.value)

    async def operation(
        self, vendor_id: str, after: int | None
    ) -> AsyncGenerator[Event[FollowedOperation] | CursorExpired, None]:
        """Yield an operation's events as ``transaction`` does.

        Raises:
            NotFound, UpstreamTimeout, UpstreamError, DatabaseUnavailable: as for a transaction.
        """
        async with aclosing(self._watch(("operation", vendor_id), after)) as entries:
            async for entry in entries:
                if isinstance(entry, CursorExpired):
                    yield entry
                elif isinstance(entry.value, FollowedOperation):
                    yield Event(entry.sequence, entry.value)

    async def operations(
        self, where: Filter | None, after: int | None
    ) -> AsyncGenerator[Event[FollowedOperation] | CursorExpired, None]:
        """Yield the present state of each unfinished operation that *where* selects, then what becomes of all.

        An operation has at most one event a second, its newest state; its end is never left out. Here
        ``sequence`` is an event's place among those of all operations. Digi is asked for operations that
        others began as long as somebody watches. It does not end by itself.

        Raises:
            UpstreamError: Digi cannot be asked for operations, and will not be.
            DatabaseUnavailable: the events cannot be read.
        """
        async with aclosing(self._dashboard.watch(where, after)) as entries:
            async for entry in entries:
                if isinstance(entry, CursorExpired):
                    yield entry
                elif isinstance(entry.value, FollowedOperation):
                    yield Event(entry.number, entry.value)

    async def recall_transactions(self, found: Sequence[Transaction]) -> list[Transaction]:
        """Transactions that were read from Digi, with what is known here of each; one read for all."""
        rows = await self._recall("transaction", [transaction.vendor_id for transaction in found])
        now, follow_seconds = self._clock.now(), self._settings.deadline
        for transaction in found:
            row = rows.get(transaction.vendor_id)
            actor = None if row is None else row.actor
            self._journal.observe(reports.of_transaction(None, transaction, actor=actor, seen_at=now))
        recalled = []
        for transaction in found:
            row = rows.get(transaction.vendor_id)
            if row is not None and isinstance(row.state, Transaction):
                transaction = verification.looked_at(row.state, transaction, now=now)
            recalled.append(verification.by_age(transaction, follow_seconds=follow_seconds, now=now))
        return recalled

    async def recall_sightings(self, found: Sequence[Operation]) -> dict[str, Sightings]:
        """When the steps of operations that were read were seen by who followed them; often nobody did."""
        rows = await self._recall("operation", [operation.vendor_id for operation in found])
        seen = {key: row.state.seen for key, row in rows.items() if isinstance(row.state, FollowedOperation)}
        now = self._clock.now()
        for operation in found:
            row = rows.get(operation.vendor_id)
            followed = FollowedOperation(operation, seen.get(operation.vendor_id, {}))
            actor = None if row is None else row.actor
            self._journal.observe(reports.of_operation(None, followed, actor=actor, seen_at=now))
        return seen

    async def estimate(self, operation: Operation) -> EstimatedCompletion | None:
        """When an operation will have ended, by what others of its kind took; None where nobody can tell."""
        if operation.is_terminal or operation.kind is None or operation.created_at is None:
            return None
        samples = await self._durations.of("operation", str(operation.kind.value), operation.carrier)
        return estimate(samples, began_at=operation.created_at, now=self._clock.now())

    async def _watch(self, name: Name, after: int | None) -> AsyncGenerator[Entry[State] | CursorExpired, None]:
        key = key_of(name)

        async def history(behind: int | None, limit: int) -> Sequence[Entry[State]]:
            if behind is None:
                return [subjects.entry_of(await self._meet(name))]
            return await self._events_behind(name, behind, limit)

        with self._watching(name, key) as watcher:
            if after is not None:
                try:
                    if not await self._is_over(name, after):
                        missed = self._feed.watch(key, after, history, coalesce=True, watcher=watcher)
                        async with aclosing(missed) as entries:
                            async for entry in entries:
                                yield entry
                except CursorExpired as error:
                    expired = error
                else:
                    return
                yield expired
            async with aclosing(self._feed.watch(key, None, history, coalesce=True, watcher=watcher)) as entries:
                async for entry in entries:
                    yield entry

    async def _events_behind(self, name: Name, behind: int, limit: int) -> Sequence[Entry[State]]:
        """A page of a subject's events.

        Raises:
            CursorExpired: the next one is gone.
        """
        noun, vendor_id = name
        async with self._database.read() as connection:
            entries = await log.of_subject(connection, self._account, noun, vendor_id, behind, limit)
            if not entries:
                # Nothing new, or pruned since the watch began: then the row tells of more.
                rows = await subjects.known(connection, self._account, noun, [vendor_id])
                newest = rows[vendor_id].sequence if vendor_id in rows else behind
            else:
                newest = entries[0].sequence - 1
        if newest > behind:
            raise _expired()
        return entries

    @contextmanager
    def _watching(self, name: Name, key: str) -> Iterator[Watcher]:
        watcher = Watcher()
        self._follower.is_watched_now(name, first=not self._feed.is_watched(key))
        late = UpstreamTimeout(
            f"The {key} has not ended within {self._settings.deadline:g} s; it goes on at Digi.", upstream="digi"
        )
        self._expiry.add(watcher, late)
        try:
            yield watcher
        finally:
            self._expiry.remove(watcher)

    async def _is_over(self, name: Name, after: int) -> bool:
        """Whether nothing comes behind *after*.

        Raises:
            CursorExpired: what comes behind it is gone, or *after* was never reached.
        """
        subject = await self._meet(name)
        if after > subject.sequence:
            raise _expired()
        if after == subject.sequence:
            return subject.ended_at is not None
        async with self._database.read() as connection:
            if not await log.of_subject(connection, self._account, *name, after, 1):
                raise _expired()
        return False

    async def _meet(self, name: Name) -> Known:
        """What is known of a subject; one that nobody follows is looked at first."""
        noun, vendor_id = name
        subject = await self._rows[noun].get(vendor_id)
        now = self._clock.now()
        if subject is None or (subject.ended_at is None and subject.follow_until <= now):
            subject = await self._first_looks.take(name, subject)
            self._follower.hold(subject, at_once=False)
        elif subject.ended_at is None and not (
            subject.is_held(now) and subject.follow_until > now + timedelta(seconds=self._lease)
        ):
            self._follower.beat_soon()
        return subject

    async def _recall(self, noun: Noun, vendor_ids: Sequence[str]) -> Mapping[str, Known]:
        if not vendor_ids:
            return {}
        try:
            return await self._read_rows(noun, vendor_ids)
        except DatabaseUnavailable:
            logger().warning("subjects_not_read")  # what Digi says is worth showing without it
            return {}

    async def _read_rows(self, noun: Noun, vendor_ids: Sequence[str]) -> Mapping[str, Known]:
        async with self._database.read() as connection:
            return await subjects.known(connection, self._account, noun, vendor_ids)

    async def _read_log(self, number: int, limit: int) -> Sequence[Entry[State]]:
        async with self._database.read() as connection:
            return await log.after(connection, self._account, number, limit)

    async def _newest_number(self) -> int:
        async with self._database.read() as connection:
            return await log.newest(connection, self._account)

    async def _prune_on(self) -> None:
        while True:
            try:
                await self._prune()
            except DatabaseUnavailable:
                logger().warning("events_not_pruned")
            except Exception:
                logger().exception("events_not_pruned")
            await self._clock.sleep(_PRUNE_SECONDS)

    async def _prune(self) -> None:
        """Drop what nobody can ask for any more: events first, since they are told by their subjects' ends."""
        account, now = self._account, self._clock.now()
        place = await self._prune_events(None, now)
        while place is not None:
            place = await self._prune_events(place, now)
        while await self._database.write(
            lambda connection: subjects.prune(connection, account, ended_before=now - _SUBJECTS_KEPT)
        ):
            pass

    async def _prune_events(self, behind: log.Place | None, now: datetime) -> log.Place | None:
        return await self._database.write(
            lambda connection: log.prune(connection, self._account, ended_before=now - _KEPT, behind=behind)
        )


def _expired() -> CursorExpired:
    return CursorExpired("The events behind this cursor are no longer there; the present state follows.")
