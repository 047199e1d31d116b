"""Following transactions and operations to their end: the door to watch.

One poller per subject in the process, however many watch it. It looks often right after a
change and ever less often while nothing happens, rides out a vendor's bad minutes, and stops
when the last watcher has left.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from esim_graph.clock import Clock, Deadline
from esim_graph.config import PollSettings
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.operation import Operation, OperationStatus, Sightings
from esim_graph.domain.transaction import Transaction
from esim_graph.errors import NotFound, UpstreamError, UpstreamRateLimited, UpstreamTimeout
from esim_graph.events import Event, Topic
from esim_graph.memory import Memory
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import Upstreams

_GROWTH = 1.3  # of the interval, for each look that finds nothing new
_REMEMBERED_SUBJECTS = 10_000
_MAX_FOLLOWED = 1_000  # at once


class _State(Protocol):
    """What a poller must know of a subject's state; equal states are no event."""

    @property
    def is_terminal(self) -> bool: ...

    @property
    def iccid(self) -> Iccid | None: ...


@dataclass(frozen=True, slots=True)
class FollowedOperation:
    """An operation, and when each of its steps was first seen, by Digi's clock."""

    operation: Operation
    seen: Sightings

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen."""
        return self.operation.is_terminal

    @property
    def iccid(self) -> Iccid | None:
        """Which profile it is about, once Digi has chosen one."""
        return self.operation.iccid


@dataclass(slots=True)
class _Trace:
    """What is kept of a subject when nobody follows it any more."""

    sequence: int = 0
    seen: dict[OperationStatus, datetime | None] = field(default_factory=dict)
    checked_at: datetime | None = None


T = TypeVar("T", bound=_State)


class Progress:
    """One tenant's pollers."""

    def __init__(
        self,
        upstreams: Upstreams,
        memory: Memory,
        *,
        settings: PollSettings,
        clock: Clock,
        metrics: Metrics,
        call_seconds: float,
    ) -> None:
        self._digi = upstreams.digi
        self._memory = memory
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._call_seconds = call_seconds
        self._pollers: dict[str, _Poller[Any]] = {}
        self._traces: OrderedDict[str, _Trace] = OrderedDict()

    async def transaction(self, vendor_id: str) -> AsyncGenerator[Event[Transaction], None]:
        """Yield a transaction's present state and each change, until it is terminal.

        Each look makes Digi check with the device's servers, so ``last_checked_at`` is its time.

        Raises:
            NotFound: Digi does not know it.
            UpstreamTimeout: it was not terminal before ``POLL__DEADLINE``.
            UpstreamError: the first look failed, or a later one for good.
        """
        subject = f"transaction {vendor_id}"
        trace = self._traces.get(subject) or _Trace()

        async def look() -> Transaction | None:
            transaction = await self._digi.transaction_progress(vendor_id, deadline=self._call_deadline())
            if transaction is not None:
                self._keep(subject, trace)
                trace.checked_at = transaction.last_checked_at
            return transaction

        async with aclosing(self._watch(subject, trace, look)) as events:
            async for event in events:
                yield event

    async def operation(self, vendor_id: str) -> AsyncGenerator[Event[FollowedOperation], None]:
        """Yield an operation's present state and each change, until it is terminal.

        Raises:
            NotFound, UpstreamTimeout, UpstreamError: as for a transaction.
        """
        subject = f"operation {vendor_id}"
        trace = self._traces.get(subject) or _Trace()

        async def look() -> FollowedOperation | None:
            operation = await self._digi.operation(vendor_id, deadline=self._call_deadline())
            if operation is None:
                return None
            self._keep(subject, trace)
            if operation.status is not None and operation.status not in trace.seen:
                # What is found at the first look began before it, and nobody knows when.
                trace.seen[operation.status] = (operation.updated_at or self._clock.now()) if trace.seen else None
            return FollowedOperation(operation, dict(trace.seen))

        async with aclosing(self._watch(subject, trace, look)) as events:
            async for event in events:
                yield event

    def sightings(self, vendor_id: str) -> Sightings:
        """When the steps of an operation were seen by whoever followed it here; often nothing."""
        trace = self._traces.get(f"operation {vendor_id}")
        return {} if trace is None else trace.seen

    def checked_at(self, vendor_id: str) -> datetime | None:
        """When Digi last checked a transaction because somebody followed it here."""
        trace = self._traces.get(f"transaction {vendor_id}")
        return None if trace is None else trace.checked_at

    async def close(self) -> None:
        """Stop every poller."""
        tasks = [poller.task for poller in self._pollers.values() if poller.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(
        self, subject: str, trace: _Trace, look: Callable[[], Awaitable[T | None]]
    ) -> AsyncGenerator[Event[T], None]:
        poller: _Poller[T] | None = self._pollers.get(subject)
        if poller is None:
            if len(self._pollers) >= _MAX_FOLLOWED:
                raise UpstreamRateLimited(
                    f"{_MAX_FOLLOWED} transactions and operations are being followed; more would be too many calls.",
                    upstream="digi",
                    retry_after=self._settings.max_interval,
                )
            poller = _Poller(subject, trace, look, self._settings, self._clock, self._memory)
            self._pollers[subject] = poller
            poller.start(self._ended)
            self._metrics.followed.inc()
        poller.watchers += 1
        try:
            async with aclosing(poller.topic.watch()) as events:
                async for event in events:
                    yield event
        finally:
            poller.watchers -= 1
            if poller.watchers == 0:
                self._ended(poller)

    def _ended(self, poller: "_Poller[Any]") -> None:
        """Let go of a poller that is done or unwatched; a later watcher gets a new one."""
        if self._pollers.get(poller.subject) is poller:
            del self._pollers[poller.subject]
            self._metrics.followed.dec()
            poller.stop()

    def _keep(self, subject: str, trace: _Trace) -> None:
        """Keep what is known of a subject that exists; of those looked at longest ago, let go."""
        self._traces[subject] = trace
        self._traces.move_to_end(subject)
        if len(self._traces) > _REMEMBERED_SUBJECTS:
            self._traces.popitem(last=False)

    def _call_deadline(self) -> Deadline:
        return Deadline.after(self._call_seconds, self._clock)


class _Poller(Generic[T]):
    """Looks at one subject until it is terminal, the deadline passes, or it is stopped."""

    def __init__(
        self,
        subject: str,
        trace: _Trace,
        look: Callable[[], Awaitable[T | None]],
        settings: PollSettings,
        clock: Clock,
        memory: Memory,
    ) -> None:
        self.subject = subject
        self.topic: Topic[T] = Topic(sequence=trace.sequence)
        self.watchers = 0
        self.task: asyncio.Task[None] | None = None
        self._trace = trace
        self._look = look
        self._settings = settings
        self._clock = clock
        self._memory = memory

    def start(self, ended: Callable[["_Poller[T]"], None]) -> None:
        self.task = asyncio.create_task(self._run(), name=f"follow {self.subject}")
        self.task.add_done_callback(lambda _: ended(self))

    def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()

    async def _run(self) -> None:
        try:
            await self._follow(Deadline.after(self._settings.deadline, self._clock))
        except Exception as error:
            self.topic.fail(error)

    async def _follow(self, deadline: Deadline) -> None:
        interval = self._settings.min_interval
        state: T | None = None
        while True:
            wait = interval
            try:
                found = await self._look()
            except UpstreamError as error:
                # A stream that has begun outlives a vendor's bad minutes; one that has not, says so at once.
                if state is None or not error.retryable:
                    raise
                wait = max(interval, error.retry_after or 0.0)
            else:
                if found is None:
                    raise NotFound(f"Digi does not know the {self.subject}.")
                if found != state:
                    interval = wait = self._settings.min_interval
                    state = found
                    await self._publish(found)
                    if found.is_terminal:
                        return
            if (left := deadline.remaining()) <= 0:
                raise UpstreamTimeout(
                    f"The {self.subject} has not ended within {self._settings.deadline:g} s; it goes on at Digi.",
                    upstream="digi",
                )
            await self._clock.sleep(min(wait, left))  # the last look is at the deadline
            interval = min(interval * _GROWTH, self._settings.max_interval)

    async def _publish(self, state: T) -> None:
        if state.is_terminal and state.iccid is not None:
            # First, so that whoever asks because of this event gets the new profile.
            await self._memory.forget(state.iccid)
        self.topic.publish(state, final=state.is_terminal)
        self._trace.sequence = self.topic.sequence
