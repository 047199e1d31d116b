"""Requests that were sent and never answered: looks for what Digi made of them, until that is known."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph import requests, subjects
from esim_graph.clock import Clock, Deadline
from esim_graph.config import Settings
from esim_graph.database import Database
from esim_graph.dispatch.claims import answer_of
from esim_graph.dispatch.matching import find_match
from esim_graph.dispatch.states import beginning_of
from esim_graph.domain.account import Account
from esim_graph.domain.operation import FollowedOperation, follow_on
from esim_graph.domain.subject import Noun, State, noun_of
from esim_graph.errors import GatewayError, UpstreamError, UpstreamTimeout
from esim_graph.memory import Memory
from esim_graph.progress import Progress
from esim_graph.requests import Request, RequestState
from esim_graph.telemetry import Metrics, logger
from esim_graph.upstreams.digi.client import DigiClient

_EVERY = 2.0  # seconds between two looks around for requests that nobody sees to
_AT_ONCE = 20  # requests per look around
_SIDE_BY_SIDE = 4  # of which so many are looked for at a time
_LONGEST_PAUSE = 30.0  # between two looks for one request
_SHORTEST_HORIZON = 20.0
_PRUNE_EVERY = 600.0
_WAIT = 0.1  # seconds between two looks at a request that another process carries out
_OWNED_FOR = 6.0  # behind the last sign of life of its process, a request is anybody's
_PAUSES = (0.0, 0.5, 1.0, 1.5)  # seconds before each look of those that a caller waits for
_PAUSES_SHARE = 0.25  # of the time that is left, which all of them take at most
# Seconds behind a sending, in which Digi's list may not show yet what it began. It is half of an operation's time
# at most, so that whoever tries again has the time to wait for it and to send.
_LONGEST_LAG = 10.0
_LAG_SHARE = 0.5


class Lookout:
    """One tenant's. Each request is seen to by one process at a time."""

    def __init__(
        self,
        account: Account,
        digi: DigiClient,
        memory: Memory,
        progress: Progress,
        database: Database,
        *,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        call_seconds: float,
    ) -> None:
        self._account = account
        self._digi = digi
        self._memory = memory
        self._progress = progress
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._call_seconds = call_seconds
        self._lag = timedelta(seconds=min(settings.operation_timeout * _LAG_SHARE, _LONGEST_LAG))
        #: After this nobody expects Digi to begin any more what it was sent.
        self._horizon = timedelta(seconds=max(2 * settings.operation_timeout, _SHORTEST_HORIZON))
        self._under_way: dict[int, asyncio.Event] = {}  # what this process sees to; set when it is done
        self._tasks: list[asyncio.Task[None]] = []
        self._pruned_at: float | None = None

    async def start(self) -> None:
        """Begin to see to what is left over, here or of processes that are gone."""
        self._tasks = [
            asyncio.create_task(self._for_ever(self._keep), name="keep requests"),
            asyncio.create_task(self._for_ever(self._look_around), name="look for unanswered requests"),
        ]

    async def close(self) -> None:
        """Stop, and leave what is not settled to anybody."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def owned_until(self) -> datetime:
        """Until when what this process sees to now is nobody else's business, unless it is kept."""
        return self._clock.now() + timedelta(seconds=_OWNED_FOR)

    @contextmanager
    def seeing_to(self, request: Request) -> Iterator[None]:
        """Keep a request in this process's hands for the length of the block."""
        done = self._under_way[request.id] = asyncio.Event()
        try:
            yield
        finally:
            self._under_way.pop(request.id, None)
            done.set()

    async def release(self, request: Request) -> None:
        """Cut off in the middle: let anybody see to it from now on."""
        now = self._clock.now()
        with suppress(GatewayError):
            await self._database.write(
                lambda connection: requests.keep(connection, self._account, [request.id], owned_until=now)
            )

    async def wait_for(self, request: Request, deadline: Deadline) -> None:
        """Until a request that is being sent is settled, or its process gives no sign of life."""
        done = self._under_way.get(request.id)
        if done is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline.remaining()):
                    await done.wait()
            return
        while deadline.remaining() > 0:
            await self._clock.sleep(_WAIT)
            async with self._database.read() as connection:
                now = await requests.by_id(connection, self._account, request.id)
            if now is None or now.state is not RequestState.SENDING or now.owned_until <= self._clock.now():
                return

    def pauses(self, deadline: Deadline) -> tuple[float, ...]:
        """Seconds before each look of those that a caller waits for, as long as *deadline* leaves room for."""
        share = min(1.0, max(0.0, deadline.remaining()) * _PAUSES_SHARE / sum(_PAUSES))
        return tuple(pause * share for pause in _PAUSES)

    def doubted_since(self) -> datetime:
        """What was sent after this may turn out to have begun, even if it is said not to have started."""
        return self._clock.now() - self._horizon

    def is_past(self, request: Request) -> bool:
        """Whether what Digi has not begun by now will not begin."""
        return self._clock.now() >= (request.sent_at or request.created_at) + self._horizon

    async def newest(self, noun: Noun, device_id: str, *, deadline: Deadline) -> Sequence[State]:
        """What Digi lists for a device: one call."""
        if noun == "transaction":
            return await self._digi.newest_transactions_on(device_id, deadline=deadline)
        now = self._clock.now()
        found = await self._digi.newest_operations_on(device_id, deadline=deadline)
        return [follow_on(operation, {}, now=now) for operation in found]

    async def look(self, request: Request, *, deadline: Deadline) -> State | None:
        """Look once for what was made of a sent request, and take it up; None if there is nothing so far.

        Raises:
            UpstreamError: Digi cannot be asked.
            DatabaseUnavailable: what was found could not be written down.
        """
        listed = await self.newest(request.wanted.noun, request.device_id, deadline=deadline)
        if find_match(request, listed) is None:
            return None

        async def adopt(connection: AsyncConnection) -> tuple[State | None, bool]:
            taken = await self._taken(connection, request, listed)
            match = find_match(request, listed, taken=taken)
            if match is None:
                return None, False
            if await requests.settle(
                connection, self._account, request, RequestState.ACCEPTED, vendor_id=match.vendor_id
            ):
                return await self.begin(connection, match, actor=request.actor), True
            settled = await requests.by_id(connection, self._account, request.id)
            return None if settled is None else await answer_of(connection, self._account, settled), False

        state, adopted = await self._database.write(adopt)
        if state is not None:
            await self.took_up(state)
        if state is not None and adopted:
            self.count(request.wanted.noun, "adopted")
            logger().info("request_adopted", noun=request.wanted.noun, vendor_id=state.vendor_id)
        return state

    async def look_often(
        self, request: Request, pauses: Iterable[float], *, deadline: Deadline
    ) -> tuple[State | None, bool]:
        """Look after each pause as long as there is time: what was found, and whether the last look found nothing.

        Raises:
            DatabaseUnavailable: what was found could not be written down.
        """
        for pause in pauses:
            if pause >= deadline.remaining():
                return None, False
            await self._clock.sleep(pause)
            looked = False
            with suppress(UpstreamError):
                state = await self.look(request, deadline=deadline)
                if state is not None:
                    return state, False
                looked = True
        return None, looked

    async def look_again(self, request: Request, *, deadline: Deadline) -> State | None:
        """Look for what is said not to have started, until Digi's list cannot lag behind it any more.

        Returns:
            What appeared, and is taken up; None if it is certain now that there is nothing.

        Raises:
            UpstreamTimeout: it is not certain yet.
            DatabaseUnavailable: what was found could not be written down.
        """
        certain_at = (request.sent_at or request.created_at) + self._lag
        found, looked = await self.look_often(request, self._pauses_until(certain_at), deadline=deadline)
        left = (certain_at - self._clock.now()).total_seconds()
        if found is None and (left > 0 or not looked):
            raise UpstreamTimeout(
                "Digi broke off before it answered an earlier request for this device, and its list may not show yet "
                "what it began. This one was not sent; it may be tried again.",
                upstream="digi",
                retry_after=max(left, 0.0),
            )
        return found

    async def begin(self, connection: AsyncConnection, state: State, *, actor: str | None) -> State:
        """Have something followed from now on, unless it is known; inside a ``Database.write``."""
        known = await subjects.known(connection, self._account, noun_of(state), [state.vendor_id])
        if state.vendor_id in known:
            return known[state.vendor_id].state
        now = self._clock.now()
        await subjects.begin(
            connection,
            self._account,
            beginning_of(state),
            actor=actor,
            now=now,
            follow_until=self._progress.follow_until(now),
            holder=self._progress.holder,
            held_until=self._progress.lease_until(now),
        )
        return state

    async def took_up(self, state: State) -> None:
        """Say that something began: once what ``begin`` wrote is durable."""
        self._progress.took_up(noun_of(state), state.vendor_id)
        if state.iccid is not None:
            await self._memory.forget(state.iccid)

    async def did_not_start(self, request: Request) -> bool:
        """Write down that Digi made nothing of a request; False if somebody found out otherwise."""
        settled = await self._database.write(
            lambda connection: requests.settle(connection, self._account, request, RequestState.NOT_STARTED)
        )
        if settled:
            self.count(request.wanted.noun, "not_started")
            logger().warning("request_not_started", noun=request.wanted.noun, action=request.wanted.action)
        return settled

    def count(self, noun: Noun, outcome: str) -> None:
        """Count what became of a request."""
        self._metrics.requests.labels(noun, outcome).inc()

    def _pauses_until(self, instant: datetime) -> Iterator[float]:
        """Before one look at once, and then some more up to the *instant*."""
        yield 0.0
        for pause in itertools.chain(_PAUSES[1:], itertools.repeat(_PAUSES[-1])):
            left = (instant - self._clock.now()).total_seconds()
            if left <= 0:
                return
            yield min(pause, left)

    async def _taken(self, connection: AsyncConnection, request: Request, listed: Sequence[State]) -> set[str]:
        """What was made of other requests, and the transactions inside operations."""
        taken = await requests.made_by_others(connection, self._account, request, [state.vendor_id for state in listed])
        for known in await subjects.unfinished_on(connection, self._account, request.device_id):
            if isinstance(known.state, FollowedOperation):
                inside = (known.state.operation.download_tx, known.state.operation.enable_tx)
                taken |= {vendor_id for vendor_id in inside if vendor_id is not None}
        return taken

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except GatewayError as error:
                logger().warning("looking_after_requests_failed", code=error.code)
            except Exception:
                logger().error("looking_after_requests_failed", exc_info=True)
            await self._clock.sleep(_EVERY)

    async def _keep(self) -> None:
        if ids := list(self._under_way):
            until = self.owned_until()
            await self._database.write(
                lambda connection: requests.keep(connection, self._account, ids, owned_until=until)
            )

    async def _look_around(self) -> None:
        now = self._clock.now()
        if self._pruned_at is None or self._clock.monotonic() - self._pruned_at >= _PRUNE_EVERY:
            self._pruned_at = self._clock.monotonic()
            await self._database.write(lambda connection: requests.prune(connection, now))
        async with self._database.read() as connection:
            left_over = await requests.due(connection, self._account, now, limit=_AT_ONCE)
        turns = asyncio.Semaphore(_SIDE_BY_SIDE)

        async def see_to(request: Request) -> None:
            async with turns:
                await self._see_to(request, self._clock.now())

        ends = await asyncio.gather(*map(see_to, left_over), return_exceptions=True)
        for failure in filter(None, ends):
            raise failure

    async def _see_to(self, request: Request, now: datetime) -> None:
        if request.sent_at is None:
            # Its process ended before anything was sent.
            await self._database.write(lambda connection: requests.forget_unsent(connection, self._account, request))
            return
        until = self.owned_until()
        if not await self._database.write(
            lambda connection: requests.own(connection, self._account, request, until=until)
        ):
            return
        with self.seeing_to(request):
            try:
                found = await self.look(request, deadline=Deadline.after(self._call_seconds, self._clock))
            except GatewayError as error:
                logger().warning("looking_for_a_request_failed", code=error.code)
            else:
                if found is not None:
                    return
                if self.is_past(request):
                    await self.did_not_start(request)
                    return
            await self.leave(request, seconds=(now - request.sent_at).total_seconds() / 2)

    async def leave(self, request: Request, *, seconds: float) -> None:
        """Let it rest; whoever is there looks again after *seconds* or so."""
        rested = self._clock.now() + timedelta(seconds=min(max(seconds, _EVERY), _LONGEST_PAUSE))
        await self._database.write(
            lambda connection: requests.mark_unknown(connection, self._account, request, owned_until=rested)
        )
