"""All operations of an account at once, for dashboards: what there is, then what becomes of it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta

from esim_graph import subjects
from esim_graph.clock import Clock, Deadline
from esim_graph.config import PollSettings
from esim_graph.database import Database
from esim_graph.domain.account import Account
from esim_graph.domain.operation import FollowedOperation, Operation, OperationStatus
from esim_graph.domain.selection import AllOf, Condition, Filter, Operator, Order, Selection, matches
from esim_graph.domain.subject import State
from esim_graph.errors import CursorExpired, DatabaseUnavailable, UpstreamError
from esim_graph.events import Entry, Feed, Watcher
from esim_graph.progress import leases, log
from esim_graph.progress.follower import Follower
from esim_graph.progress.pace import Rest
from esim_graph.progress.recording import Recorder
from esim_graph.telemetry import logger
from esim_graph.upstreams.digi import DigiClient

_SECONDS = 1.0  # between two events of one operation
_MAX_OPERATIONS = 10_000  # present ones, and ones that wait for a slow watcher
_PAGE = 1_000  # of Digi's list
_RUNNING = Selection(
    where=AllOf(
        (
            Condition("status", Operator.NE, OperationStatus.FAILED),
            Condition("status", Operator.NE, OperationStatus.SUCCESSFUL),
        )
    ),
    order=Order("created_at", descending=True),
)


class Dashboard:
    """Watches of all operations; while there is one, Digi is asked for operations that others began."""

    def __init__(
        self,
        account: Account,
        digi: DigiClient,
        recorder: Recorder,
        follower: Follower,
        database: Database,
        feed: Feed[State],
        *,
        rest: Rest,
        settings: PollSettings,
        clock: Clock,
        call_seconds: float,
        kept: timedelta,
    ) -> None:
        self._account = account
        self._digi = digi
        self._recorder = recorder
        self._follower = follower
        self._database = database
        self._feed = feed
        self._rest = rest
        self._settings = settings
        self._clock = clock
        self._call_seconds = call_seconds
        self._kept = kept
        self._watchers: set[Watcher] = set()
        self._discovering: asyncio.Task[None] | None = None

    async def watch(
        self, where: Filter | None, after: int | None
    ) -> AsyncGenerator[Entry[State] | CursorExpired, None]:
        """See ``Progress.operations``; positions are numbers of the log."""
        watcher = Watcher()
        self._watchers.add(watcher)
        if self._discovering is None:
            self._discovering = asyncio.create_task(self._discover_on(), name="operation discovery")
        try:
            if after is not None and await self._is_gone(after):
                yield CursorExpired("The events behind this cursor are no longer there; the present state follows.")
                after = None
            shown: dict[str, int] = {}
            if after is None:
                after, rows = await self._present()
                for row in rows:
                    if (entry := log.read_entry(row)) is None:
                        continue
                    shown[entry.key] = entry.number
                    if self._selects(where, entry):
                        yield entry
            async with aclosing(self._newest_of_each(after, shown, watcher)) as entries:
                async for entry in entries:
                    if self._selects(where, entry):
                        yield entry
        finally:
            self._watchers.discard(watcher)
            if not self._watchers and self._discovering is not None:
                self._discovering.cancel()
                self._discovering = None

    async def close(self) -> None:
        """Stop asking Digi."""
        if self._discovering is not None:
            self._discovering.cancel()
            await asyncio.gather(self._discovering, return_exceptions=True)

    async def _newest_of_each(
        self, after: int, shown: dict[str, int], watcher: Watcher
    ) -> AsyncGenerator[Entry[State], None]:
        """Once a second what is new, the newest of each operation.

        In the order of the log, also across seconds, so that the cursor of an event stands for
        all that came before it.
        """
        pending: dict[str, Entry[State]] = {}
        news, room = asyncio.Event(), asyncio.Event()

        async def history(behind: int | None, limit: int) -> Sequence[Entry[State]]:
            async with self._database.read() as connection:
                return await log.after(connection, self._account, behind or 0, limit, noun="operation")

        async def collect() -> None:
            try:
                async with aclosing(self._feed.watch(None, after, history, coalesce=False, watcher=watcher)) as entries:
                    async for entry in entries:
                        if not isinstance(entry.value, FollowedOperation) or entry.number <= shown.get(entry.key, 0):
                            continue
                        pending.pop(entry.key, None)  # so that the dict stays in the order of the log
                        pending[entry.key] = entry
                        news.set()
                        while len(pending) >= _MAX_OPERATIONS:
                            room.clear()
                            await room.wait()
            finally:
                news.set()

        collecting = asyncio.create_task(collect(), name="dashboard")
        try:
            while True:
                await news.wait()
                news.clear()
                batch = list(pending.values())
                pending.clear()
                room.set()
                for entry in batch:
                    yield entry
                if collecting.done():
                    collecting.result()
                    return
                await self._clock.sleep(_SECONDS)
        finally:
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)

    async def _present(self) -> tuple[int, Sequence[log.Row]]:
        async with self._database.read() as connection:
            # In this order: what happens between the two is given twice at most, and told apart by its number.
            number = await log.newest(connection, self._account)
            rows = await log.present(connection, self._account, now=self._clock.now(), limit=_MAX_OPERATIONS)
        return number, rows

    async def _is_gone(self, number: int) -> bool:
        """Whether something behind *number* may have been pruned: not while its own event is young."""
        async with self._database.read() as connection:
            at = await log.instant_of(connection, self._account, number)
        return at is None or at < self._clock.now() - self._kept

    async def _discover_on(self) -> None:
        while True:
            await self._rest.over(self._clock)
            try:
                await self._discover()
            except UpstreamError as error:
                self._rest.note(error, self._clock.monotonic())
                if not error.retryable:
                    for watcher in self._watchers:
                        watcher.fail(error)
            except DatabaseUnavailable:
                logger().warning("operations_not_discovered")
            except Exception:
                logger().exception("operations_not_discovered")
            await self._clock.sleep(self._settings.max_interval)

    async def _discover(self) -> None:
        """Take up operations that run at Digi and that nobody follows."""
        deadline = Deadline.after(self._call_seconds, self._clock)
        page = await self._digi.operation_page(_RUNNING, size=_PAGE, cursor=None, deadline=deadline)
        now = self._clock.now()
        async with self._database.read() as connection:
            ids = [operation.vendor_id for operation in page.items]
            known = await subjects.known(connection, self._account, "operation", ids)
        unknown = [operation for operation in page.items if operation.vendor_id not in known]
        taken = await asyncio.gather(*(self._take_up(operation) for operation in unknown), return_exceptions=True)
        given_up = [one for one in known.values() if one.ended_at is None and one.follow_until <= now]
        if given_up:
            names = [subject.name for subject in given_up]
            await self._database.write(
                lambda connection: leases.show_interest(
                    connection, self._account, names,
                    watched_until=now, follow_until=self._recorder.follow_until(now),
                )
            )  # fmt: skip
            self._follower.beat_soon()
        for failure in taken:
            if failure is not None:
                raise failure

    async def _take_up(self, operation: Operation) -> None:
        self._follower.hold(await self._recorder.begin(operation), at_once=False)

    def _selects(self, where: Filter | None, entry: Entry[State]) -> bool:
        if not isinstance(entry.value, FollowedOperation):
            return False
        return where is None or matches(where, entry.value.operation, now=self._clock.now())
