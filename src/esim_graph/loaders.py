"""The door to read: one loader per relation, remembered for one operation or one event.

Loads made in one tick are one batch. What a loader gives is shielded: graphql-core cancels
the siblings of a failed field, and a cancelled waiter would cancel the shared answer of all.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from strawberry.dataloader import DataLoader

from esim_graph.clock import Deadline
from esim_graph.connections import Cursors, FetchPage, KeyedSlice, Position, Slice, check_first, read_slice
from esim_graph.domain.activation_plan import ActivationPlan, check_target, plan_of
from esim_graph.domain.bundle import BundleEvent
from esim_graph.domain.canonical import Absence, Findings, Lifecycle, lifecycle_of
from esim_graph.domain.freshness import Freshness
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.live_status import LiveStatus
from esim_graph.domain.operation import EstimatedCompletion, Operation, OperationRequest, Sightings
from esim_graph.domain.page import Page
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.reports import of_profile
from esim_graph.domain.selection import AnyOf, Condition, Operator, Order, Selection
from esim_graph.domain.status_change import KnownState, StatusChange, StatusFilter, StatusSource
from esim_graph.domain.transaction import Transaction
from esim_graph.errors import CursorExpired, UpstreamError, UpstreamForbidden, UpstreamNotConfigured
from esim_graph.runtime import Rooms

K = TypeVar("K")
T = TypeVar("T")
S = TypeVar("S", Transaction, Operation)

_ICCIDS_A_CALL = 100  # keeps the query of a shared first page within a URL's length
_ROWS_A_CALL = 1000
_WORTH_SHARING = 2  # eSIMs
_SHARED_ROUNDS = 3
_NEWEST_FIRST = Order("created_at", descending=True)

LiveKey = tuple[Iccid | int, float | None]  #: identifier, and the oldest answer accepted in seconds


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A page of a list with the means to write its cursors."""

    slice: Slice[T] | KeyedSlice[T]
    cursors: Cursors

    def cursor(self, row: int) -> str:
        """The cursor behind one row."""
        return self.cursors.write(self.slice.behind(row))

    @property
    def end_cursor(self) -> str | None:
        """The cursor behind the last row; None on an empty page."""
        return self.cursor(len(self.slice.items) - 1) if self.slice.items else None


class Loaders:
    """All reads of one caller's operation, each asked at most once."""

    def __init__(self, rooms: Rooms, deadline: Deadline) -> None:
        self._rooms = rooms
        self._deadline = deadline
        self._loading: set[asyncio.Task[Any]] = set()
        self._profiles_at: dict[Iccid, datetime] = {}
        self._sightings: dict[str, Sightings] = {}
        self._profile = DataLoader(self._owned(self._load_profiles))
        self._live_status = DataLoader(self._owned(self._load_live_statuses))
        self._bundle_history = DataLoader(self._owned(self._load_bundle_histories))
        self._transaction = DataLoader(self._owned(self._load_transactions))
        self._operation = DataLoader(self._owned(self._load_operations))
        self._first_transactions = DataLoader(self._owned(self._load_first_transactions))
        self._first_operations = DataLoader(self._owned(self._load_first_operations))
        self._first_changes = DataLoader(self._owned(self._load_first_changes))
        self._change = DataLoader(self._owned(self._load_changes))
        self._known_states = DataLoader(self._owned(self._load_known_states))

    def close(self) -> None:
        """Stop what is still being loaded: its operation has ended without it."""
        for task in self._loading:
            task.cancel()

    def _owned(self, load: Callable[[list[K]], Awaitable[Sequence[T]]]) -> Callable[[list[K]], Awaitable[Sequence[T]]]:
        """The same load, in a task that ``close`` can stop; strawberry starts it and forgets it."""

        async def run(keys: list[K]) -> Sequence[T]:
            task = asyncio.current_task()
            assert task is not None
            self._loading.add(task)
            try:
                return await load(keys)
            finally:
                self._loading.discard(task)

        return run

    def profile(self, iccid: Iccid) -> Awaitable[Profile | None]:
        """A profile by its ICCID; None if Digi reports none."""
        return asyncio.shield(self._profile.load(iccid))

    def live_status(
        self, identifier: Iccid | int, max_age: float | None
    ) -> Awaitable[tuple[LiveStatus, Freshness] | None]:
        """A live status by ICCID or by eSIMfly's number; None if eSIMfly does not know it."""
        return asyncio.shield(self._live_status.load((identifier, max_age)))

    def bundle_history(self, iccid: Iccid) -> Awaitable[list[BundleEvent]]:
        """What happened to the bundles of an eSIM."""
        return asyncio.shield(self._bundle_history.load(iccid))

    def transaction(self, vendor_id: str) -> Awaitable[Transaction | None]:
        """A transaction by Digi's identifier, as Digi last knew it."""
        return asyncio.shield(self._transaction.load(vendor_id))

    def operation(self, vendor_id: str) -> Awaitable[Operation | None]:
        """An operation by Digi's identifier."""
        return asyncio.shield(self._operation.load(vendor_id))

    def sightings(self, vendor_id: str) -> Sightings:
        """When the steps of an operation that was read were seen by whoever followed it; often nothing."""
        return self._sightings.get(vendor_id, {})

    async def estimate(self, operation: Operation) -> EstimatedCompletion | None:
        """When an operation will have ended, as others of its kind did."""
        return await self._rooms.progress.estimate(operation)

    async def activation_plan(self, request: OperationRequest) -> ActivationPlan:
        """What an operation would do to its device.

        Raises:
            BadUserInput: neither a carrier nor an ICCID says which profile is meant.
        """
        check_target(request)
        digi = self._rooms.upstreams.digi
        return plan_of(request, await digi.profiles_on(request.device_id, eid=request.eid, deadline=self._deadline))

    async def profiles(self, selection: Selection, first: int | None, after: str | None) -> Listing[Profile]:
        """A page of profiles; those that are active are known to ``profile`` from then on.

        Of two rows with one ICCID the active one counts, and an inactive row does not tell
        whether there is another.
        """
        digi, deadline = self._rooms.upstreams.digi, self._deadline
        asked_at = self._rooms.clock.now()

        async def fetch(size: int, cursor: str | None) -> Page[Profile]:
            return await digi.profile_page(selection, size=size, cursor=cursor, deadline=deadline)

        listing = await self._list("profiles", selection, fetch, first, after)
        active = {profile.iccid: profile for profile in listing.slice.items if profile.status is ProfileStatus.ACTIVE}
        self._profile.prime_many(active)
        self._profiles_at |= dict.fromkeys(active, asked_at)
        reports = (of_profile(profile, asked_at, whole=False) for profile in listing.slice.items)
        self._rooms.journal.observe(report for report in reports if report is not None)
        return listing

    async def transactions(self, selection: Selection, first: int | None, after: str | None) -> Listing[Transaction]:
        """A page of transactions."""
        return await self._list("transactions", selection, self._transaction_page(selection), first, after)

    async def operations(self, selection: Selection, first: int | None, after: str | None) -> Listing[Operation]:
        """A page of operations."""
        return await self._list("operations", selection, self._operation_page(selection), first, after)

    async def transactions_of(self, iccid: Iccid, first: int | None, after: str | None) -> Listing[Transaction]:
        """An eSIM's transactions, newest first; the first pages of several eSIMs are one call."""
        if after is not None:
            return await self.transactions(_of(iccid), first, after)
        return await asyncio.shield(self._first_transactions.load((iccid, check_first(first))))

    async def operations_of(self, iccid: Iccid, first: int | None, after: str | None) -> Listing[Operation]:
        """An eSIM's operations, newest first; the first pages of several eSIMs are one call."""
        if after is not None:
            return await self.operations(_of(iccid), first, after)
        return await asyncio.shield(self._first_operations.load((iccid, check_first(first))))

    async def status_changes(self, wanted: StatusFilter, first: int | None, after: str | None) -> Listing[StatusChange]:
        """A page of the journal, newest first."""
        count, cursors = check_first(first), self._cursors("status changes", wanted)
        behind = cursors.read(after).cursor
        place = None if behind is None else _read_place(behind)
        (found,) = await self._rooms.journal.pages([wanted], limit=count + 1, behind=place)
        return _listing_of_changes(found, count, cursors)

    async def status_changes_of(self, iccid: Iccid, first: int | None, after: str | None) -> Listing[StatusChange]:
        """An eSIM's status changes, newest first; the first pages of several eSIMs are read on one connection."""
        if after is not None:
            return await self.status_changes(StatusFilter(iccid=iccid), first, after)
        return await asyncio.shield(self._first_changes.load((iccid, check_first(first))))

    def status_change(self, number: int) -> Awaitable[StatusChange | None]:
        """A status change by its number."""
        return asyncio.shield(self._change.load(number))

    def watch_status_changes(
        self, iccid: Iccid | None, after: int | None
    ) -> AsyncGenerator[StatusChange | CursorExpired, None]:
        """Each status change as it is written, of one profile or of all; it does not end by itself."""
        return self._rooms.journal.watch(iccid, after)

    async def lifecycle(self, iccid: Iccid) -> tuple[Lifecycle, dict[StatusSource, str]]:
        """Where a profile is in its life by all vendors, and the codes of those that could not say."""
        profile, live, history = await asyncio.gather(
            self.profile(iccid), self.live_status(iccid, None), self.bundle_history(iccid), return_exceptions=True
        )
        codes: dict[StatusSource, str] = {}
        now = self._rooms.clock.now()
        status, freshness = (live[0], live[1]) if isinstance(live, tuple) else (live, None)
        findings = Findings(
            iccid=iccid,
            now=now,
            profile=_found(profile, StatusSource.DIGI, codes),
            profile_at=self._profiles_at.get(iccid, now),
            live_status=_found(status, StatusSource.ESIMFLY, codes),
            live_status_at=now if freshness is None else freshness.observed_at,
            history=_found(history, StatusSource.ESIMGO, codes),
            known=await asyncio.shield(self._known_states.load(iccid)),
        )
        return lifecycle_of(findings), codes

    async def _load_profiles(self, iccids: list[Iccid]) -> list[Profile | None]:
        found = await self._rooms.memory.observed_profiles(iccids, deadline=self._deadline)
        self._profiles_at |= {iccid: observed_at for iccid, (_, observed_at) in found.items()}
        return [found[iccid][0] if iccid in found else None for iccid in iccids]

    async def _load_first_changes(self, keys: list[tuple[Iccid, int]]) -> list[Listing[StatusChange]]:
        wanted = {key: StatusFilter(iccid=key[0]) for key in keys}
        limit = max(count for _, count in keys) + 1
        pages = await self._rooms.journal.pages(list(wanted.values()), limit=limit)
        return [
            _listing_of_changes(found, key[1], self._cursors("status changes", wanted[key]))
            for key, found in zip(wanted, pages, strict=True)
        ]

    async def _load_changes(self, numbers: list[int]) -> list[StatusChange | None]:
        found = await self._rooms.journal.changes(numbers)
        return [found.get(number) for number in numbers]

    async def _load_known_states(self, iccids: list[Iccid]) -> list[dict[StatusSource, KnownState]]:
        found = await self._rooms.journal.states(iccids)
        return [found[iccid] for iccid in iccids]

    async def _load_live_statuses(
        self, keys: list[LiveKey]
    ) -> Sequence[tuple[LiveStatus, Freshness] | BaseException | None]:
        memory, deadline = self._rooms.memory, self._deadline
        return await _each(memory.live_status(key, max_age=age, deadline=deadline) for key, age in keys)

    async def _load_bundle_histories(self, iccids: list[Iccid]) -> Sequence[list[BundleEvent] | BaseException]:
        memory, deadline = self._rooms.memory, self._deadline
        return await _each(memory.bundle_history(iccid, deadline=deadline) for iccid in iccids)

    async def _load_transactions(self, vendor_ids: list[str]) -> list[Transaction | None]:
        found = await self._rooms.upstreams.digi.transactions_by_id(vendor_ids, deadline=self._deadline)
        recalled = await self._rooms.progress.recall_transactions(list(found.values()))
        by_id = {transaction.vendor_id: transaction for transaction in recalled}
        return [by_id.get(key) for key in vendor_ids]

    async def _load_operations(self, vendor_ids: list[str]) -> list[Operation | None]:
        found = await self._rooms.upstreams.digi.operations_by_id(vendor_ids, deadline=self._deadline)
        self._sightings |= await self._rooms.progress.recall_sightings(list(found.values()))
        return [found.get(key) for key in vendor_ids]

    async def _load_first_transactions(
        self, keys: list[tuple[Iccid, int]]
    ) -> Sequence[Listing[Transaction] | BaseException]:
        return await self._first_pages(keys, self._transaction_page, self.transactions, "transactions")

    async def _load_first_operations(
        self, keys: list[tuple[Iccid, int]]
    ) -> Sequence[Listing[Operation] | BaseException]:
        return await self._first_pages(keys, self._operation_page, self.operations, "operations")

    async def _first_pages(
        self,
        keys: list[tuple[Iccid, int]],
        page_of: Callable[[Selection], FetchPage[S]],
        own_call: Callable[[Selection, int, None], Awaitable[Listing[S]]],
        noun: str,
    ) -> Sequence[Listing[S] | BaseException]:
        """The first pages of many eSIMs from pages they share, as far as those reach."""
        wanted: dict[Iccid, int] = {}
        for iccid, first in keys:
            wanted[iccid] = max(first, wanted.get(iccid, 0))
        read: dict[Iccid, tuple[Sequence[S], bool]] = {}  # the rows, and whether there may be more
        for _ in range(_SHARED_ROUNDS):
            left = [iccid for iccid in wanted if iccid not in read]
            if len(left) < _WORTH_SHARING:
                break
            # A busy eSIM fills a shared page; the others are asked for again without it.
            shared = await self._shared_pages(left, page_of)
            read |= {iccid: page for iccid, page in shared.items() if not page[1] or len(page[0]) >= wanted[iccid]}
        return await _each(
            self._listing_of_rows(noun, iccid, *read[iccid], first)
            if iccid in read
            else own_call(_of(iccid), first, None)
            for iccid, first in keys
        )

    async def _shared_pages(
        self, iccids: list[Iccid], page_of: Callable[[Selection], FetchPage[S]]
    ) -> dict[Iccid, tuple[list[S], bool]]:
        """The newest rows of each eSIM, and whether the shared page was cut."""
        chunks = [iccids[at : at + _ICCIDS_A_CALL] for at in range(0, len(iccids), _ICCIDS_A_CALL)]
        pages = await _all(page_of(_of(*chunk))(_ROWS_A_CALL, None) for chunk in chunks)
        found: dict[Iccid, tuple[list[S], bool]] = {}
        for chunk, page in zip(chunks, pages, strict=True):
            found |= {iccid: ([], page.next_cursor is not None) for iccid in chunk}
            for row in page.items:
                if row.iccid in found:
                    found[row.iccid][0].append(row)
        return found

    async def _listing_of_rows(self, noun: str, iccid: Iccid, rows: Sequence[S], more: bool, first: int) -> Listing[S]:
        start = [(0, Position(None, first, 0))]
        return Listing(
            Slice(rows[:first], start, has_next_page=more or len(rows) > first), self._cursors(noun, _of(iccid))
        )

    async def _list(
        self, noun: str, selection: Selection, fetch: FetchPage[T], first: int | None, after: str | None
    ) -> Listing[T]:
        cursors = self._cursors(noun, selection)
        return Listing(await read_slice(fetch, check_first(first), cursors.read(after)), cursors)

    def _cursors(self, noun: str, selection: Selection | StatusFilter) -> Cursors:
        return Cursors(self._rooms.seal, self._rooms.tenant, f"{noun} {selection!r}")

    def _transaction_page(self, selection: Selection) -> FetchPage[Transaction]:
        async def fetch(size: int, cursor: str | None) -> Page[Transaction]:
            page = await self._rooms.upstreams.digi.transaction_page(
                selection, size=size, cursor=cursor, deadline=self._deadline
            )
            recalled = await self._rooms.progress.recall_transactions(page.items)
            return replace(page, items=tuple(recalled))

        return fetch

    def _operation_page(self, selection: Selection) -> FetchPage[Operation]:
        async def fetch(size: int, cursor: str | None) -> Page[Operation]:
            page = await self._rooms.upstreams.digi.operation_page(
                selection, size=size, cursor=cursor, deadline=self._deadline
            )
            self._sightings |= await self._rooms.progress.recall_sightings(page.items)
            return page

        return fetch


def _listing_of_changes(found: list[StatusChange], count: int, cursors: Cursors) -> Listing[StatusChange]:
    return Listing(KeyedSlice(found[:count], _write_place, has_next_page=len(found) > count), cursors)


def _write_place(change: StatusChange) -> str:
    return f"{change.number} {change.at.isoformat()}"


def _read_place(text: str) -> tuple[datetime, int]:
    number, at = text.split(" ", 1)
    return datetime.fromisoformat(at), int(number)


def _found(answer: T | BaseException | None, source: StatusSource, codes: dict[StatusSource, str]) -> T | Absence:
    """A vendor's answer, or why there is none; the code of one that could not say is noted."""
    if isinstance(answer, UpstreamNotConfigured):
        return Absence.NOT_ASKED
    if isinstance(answer, UpstreamError):
        codes[source] = answer.code
        return Absence.NOT_KNOWN if isinstance(answer, UpstreamForbidden) else Absence.NOT_ASKED
    if isinstance(answer, BaseException):
        raise answer
    return Absence.NOT_KNOWN if answer is None else answer


def _of(*iccids: Iccid) -> Selection:
    conditions = tuple(Condition("iccid", Operator.EQ, iccid) for iccid in iccids)
    return Selection(conditions[0] if len(conditions) == 1 else AnyOf(conditions), _NEWEST_FIRST)


async def _all(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all; one that fails, fails them all, and the others are stopped."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def _each(calls: Iterable[Awaitable[T]]) -> Sequence[T | BaseException]:
    """Await all; one that fails, fails alone."""
    return await asyncio.gather(*calls, return_exceptions=True)
