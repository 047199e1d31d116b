"""The door to read: one loader per relation, remembered for one operation or one event.

Loads made in one tick are one batch. What a loader gives is shielded: graphql-core cancels
the siblings of a failed field, and a cancelled waiter would cancel the shared answer of all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from strawberry.dataloader import DataLoader

from esim_graph.clock import Deadline
from esim_graph.connections import Cursors, FetchPage, Position, Slice, check_first, read_slice
from esim_graph.domain.bundle import BundleEvent
from esim_graph.domain.freshness import Freshness
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.live_status import LiveStatus
from esim_graph.domain.operation import Operation, Sightings
from esim_graph.domain.page import Page
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.selection import AnyOf, Condition, Operator, Order, Selection
from esim_graph.domain.transaction import Transaction
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

    slice: Slice[T]
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
        self._profile = DataLoader(self._owned(self._load_profiles))
        self._live_status = DataLoader(self._owned(self._load_live_statuses))
        self._bundle_history = DataLoader(self._owned(self._load_bundle_histories))
        self._transaction = DataLoader(self._owned(self._load_transactions))
        self._operation = DataLoader(self._owned(self._load_operations))
        self._first_transactions = DataLoader(self._owned(self._load_first_transactions))
        self._first_operations = DataLoader(self._owned(self._load_first_operations))

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
        """When the steps of an operation were seen by whoever followed it here."""
        return self._rooms.progress.sightings(vendor_id)

    async def profiles(self, selection: Selection, first: int | None, after: str | None) -> Listing[Profile]:
        """A page of profiles; those that are active are known to ``profile`` from then on.

        Of two rows with one ICCID the active one counts, and an inactive row does not tell
        whether there is another.
        """
        digi, deadline = self._rooms.upstreams.digi, self._deadline

        async def fetch(size: int, cursor: str | None) -> Page[Profile]:
            return await digi.profile_page(selection, size=size, cursor=cursor, deadline=deadline)

        listing = await self._list("profiles", selection, fetch, first, after)
        active = (profile for profile in listing.slice.items if profile.status is ProfileStatus.ACTIVE)
        self._profile.prime_many({profile.iccid: profile for profile in active})
        return listing

    async def transactions(self, selection: Selection, first: int | None, after: str | None) -> Listing[Transaction]:
        """A page of transactions."""
        listing = await self._list("transactions", selection, self._transaction_page(selection), first, after)
        checked = [self._with_last_check(transaction) for transaction in listing.slice.items]
        return replace(listing, slice=replace(listing.slice, items=checked))

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

    async def _load_profiles(self, iccids: list[Iccid]) -> list[Profile | None]:
        found = await self._rooms.memory.profiles(iccids, deadline=self._deadline)
        return [found.get(iccid) for iccid in iccids]

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
        return [self._with_last_check(found[key]) if key in found else None for key in vendor_ids]

    async def _load_operations(self, vendor_ids: list[str]) -> list[Operation | None]:
        found = await self._rooms.upstreams.digi.operations_by_id(vendor_ids, deadline=self._deadline)
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
        items = [self._with_last_check(row) if isinstance(row, Transaction) else row for row in rows[:first]]
        start = [(0, Position(None, first, 0))]
        return Listing(Slice(items, start, has_next_page=more or len(rows) > first), self._cursors(noun, _of(iccid)))

    async def _list(
        self, noun: str, selection: Selection, fetch: FetchPage[T], first: int | None, after: str | None
    ) -> Listing[T]:
        cursors = self._cursors(noun, selection)
        return Listing(await read_slice(fetch, check_first(first), cursors.read(after)), cursors)

    def _cursors(self, noun: str, selection: Selection) -> Cursors:
        return Cursors(self._rooms.seal, self._rooms.tenant, f"{noun} {selection!r}")

    def _transaction_page(self, selection: Selection) -> FetchPage[Transaction]:
        async def fetch(size: int, cursor: str | None) -> Page[Transaction]:
            return await self._rooms.upstreams.digi.transaction_page(
                selection, size=size, cursor=cursor, deadline=self._deadline
            )

        return fetch

    def _operation_page(self, selection: Selection) -> FetchPage[Operation]:
        async def fetch(size: int, cursor: str | None) -> Page[Operation]:
            return await self._rooms.upstreams.digi.operation_page(
                selection, size=size, cursor=cursor, deadline=self._deadline
            )

        return fetch

    def _with_last_check(self, transaction: Transaction) -> Transaction:
        checked_at = self._rooms.progress.checked_at(transaction.vendor_id)
        return transaction if checked_at is None else replace(transaction, last_checked_at=checked_at)


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
