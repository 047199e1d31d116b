"""What is remembered, and how one call serves many: the only file that knows aiocache.

aiocache stores; the rest is ours, because its own guards do not hold: ``cached`` lets every
concurrent miss through, and one waiter that leaves would cancel the others (docs/libraries.md,
6 and 7). Here a key has one call in flight, awaited through a shield; the call is cancelled
only when nobody waits for it any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from aiocache.backends.memory import SimpleMemoryCache

from esim_graph.clock import Clock, Deadline
from esim_graph.domain.freshness import ServedFrom
from esim_graph.telemetry import Metrics

K = TypeVar("K")
T = TypeVar("T")

_MAX_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class Remembered(Generic[T]):
    """An answer, when it was observed, and where it came from just now."""

    value: T
    observed_at: datetime
    age: float  #: seconds
    served_from: ServedFrom


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    observed_at: datetime
    at: float  # the same instant on the monotonic clock


class Cache:
    """Answers by tenant, kind and key.

    ``None`` and errors are never remembered: "not found" ends sooner than a time to live.
    """

    def __init__(self, *, clock: Clock, metrics: Metrics, max_entries: int = _MAX_ENTRIES) -> None:
        self._clock = clock
        self._metrics = metrics
        self._store = _BoundedMemory(max_entries)
        self._flights: dict[str, _Flight] = {}
        self._tasks: set[asyncio.Task[Any]] = set()  # those of dropped flights too

    async def read(
        self,
        tenant: str,
        kind: str,
        keys: Sequence[K],
        fetch: Callable[[list[K]], Awaitable[Mapping[K, T]]],
        *,
        ttl: float,
        deadline: Deadline,
        max_age: float | None = None,
    ) -> dict[K, Remembered[T]]:
        """Answer *keys* from memory, from calls in flight, and by one *fetch* for the rest.

        Args:
            tenant: whose answers; with the credentials' fingerprint, as two credentials of
                one tenant may see different things.
            kind: what is asked for; names the metric.
            keys: which ones; their text form tells them apart.
            fetch: asks the vendor for the keys given; a key it does not answer is absent.
            ttl: seconds an answer is fresh; 0 remembers nothing.
            deadline: until when this caller waits; the call may go on for others.
            max_age: seconds; accept only answers younger than this, where that is less than *ttl*.

        Raises:
            TimeoutError: *deadline* passed.
            Exception: what *fetch* raised.
        """
        fresh = ttl if max_age is None else min(ttl, max_age)
        names = {key: _name(tenant, kind, key) for key in keys}
        found: dict[K, Remembered[T]] = {}
        if fresh > 0:
            for key, name in names.items():
                entry = await self._store.get(name)
                if entry is not None and self._clock.monotonic() - entry.at < fresh:
                    found[key] = self._remembered(entry, ServedFrom.CACHE)
        # From here to the first await nobody else runs, so no second call for a key can start.
        wanted = {key: self._flights.get(name) for key, name in names.items() if key not in found}
        if missing := [key for key, flight in wanted.items() if flight is None]:
            started = self._start(kind, {key: names[key] for key in missing}, fetch, ttl)
            wanted.update(dict.fromkeys(missing, started))
        flights = {key: flight for key, flight in wanted.items() if flight is not None}
        distinct = list(dict.fromkeys(flights.values()))
        for flight in distinct:
            flight.waiters += 1
        try:
            async with asyncio.timeout(max(0.0, deadline.remaining())):
                landed = {flight: await asyncio.shield(flight.task) for flight in distinct}
        finally:
            for flight in distinct:
                self._leave(flight)
        for key, flight in flights.items():
            if (entry := landed[flight].get(key)) is not None:
                found[key] = self._remembered(entry, ServedFrom.UPSTREAM)
        for answer in found.values():
            self._metrics.remembered_reads.labels(kind, answer.served_from.value).inc()
        return found

    async def drop(self, tenant: str, kind: str, keys: Iterable[object]) -> None:
        """Forget answers that are no longer true, those on their way included."""
        for key in keys:
            name = _name(tenant, kind, key)
            if (flight := self._flights.pop(name, None)) is not None:
                flight.names.discard(name)
            await self._store.delete(name)

    async def close(self) -> None:
        """Cancel the calls in flight."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(
        self, kind: str, names: Mapping[K, str], fetch: Callable[[list[K]], Awaitable[Mapping[K, T]]], ttl: float
    ) -> "_Flight":
        flight = _Flight(set(names.values()))

        async def call() -> dict[Any, _Entry]:
            try:
                answers = await fetch(list(names))
                now, at = self._clock.now(), self._clock.monotonic()
                entries = {key: _Entry(value, now, at) for key, value in answers.items()}
                for key, entry in entries.items():
                    # A name that is gone from the flight was dropped meanwhile: the answer is old already.
                    if ttl > 0 and entry.value is not None and names[key] in flight.names:
                        await self._store.set(names[key], entry, ttl=ttl)
                return entries
            finally:
                self._land(flight)

        flight.task = asyncio.create_task(call(), name=f"fetch {kind}")
        flight.task.add_done_callback(_read_exception)
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._tasks.discard)
        self._flights.update(dict.fromkeys(flight.names, flight))
        return flight

    def _leave(self, flight: "_Flight") -> None:
        flight.waiters -= 1
        if flight.waiters == 0 and not flight.task.done():
            self._land(flight)  # first, so that nobody joins a call that is being cancelled
            flight.task.cancel()

    def _land(self, flight: "_Flight") -> None:
        for name in flight.names:
            if self._flights.get(name) is flight:
                del self._flights[name]

    def _remembered(self, entry: _Entry, served_from: ServedFrom) -> Remembered[Any]:
        age = max(0.0, self._clock.monotonic() - entry.at)
        return Remembered(entry.value, entry.observed_at, age, served_from)


class _Flight:
    """One call in flight for one or more names, and how many wait for it."""

    task: asyncio.Task[dict[Any, _Entry]]

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.waiters = 0


class _BoundedMemory(SimpleMemoryCache):  # type: ignore[misc]  # aiocache has no types
    """aiocache's memory with a bound: the entry that was stored first makes room."""

    def __init__(self, max_entries: int) -> None:
        super().__init__(timeout=None)
        self._max_entries = max_entries

    async def _set(self, key: str, value: object, ttl: float | None = None, **kwargs: object) -> object:
        if key not in self._cache and len(self._cache) >= self._max_entries:
            await self._delete(next(iter(self._cache)))
        return await super()._set(key, value, ttl=ttl, **kwargs)


def _name(tenant: str, kind: str, key: object) -> str:
    return f"{tenant}\0{kind}\0{key}"


def _read_exception(task: asyncio.Task[Any]) -> None:
    """Mark a failure as seen: when every waiter has left, nobody else reads it."""
    if not task.cancelled():
        task.exception()
