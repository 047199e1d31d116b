"""How events reach those who watch: one reader per log and process, a bounded ring per watched key.

All event delivery passes here. The log is a table, written by whichever replica saw something;
what a process keeps of it is the last few entries of the keys that somebody watches. A watcher
keeps its own place and nothing is queued for it, so a thousand cost little more than one.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from esim_graph.errors import DatabaseUnavailable
from esim_graph.telemetry import logger

T = TypeVar("T")

PAGE = 256  #: entries in one read of the log
_RING = 64  # an operation has seven states, a transaction five
_TICK = 0.25  # seconds until what another replica wrote is noticed


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One line of a log."""

    number: int  #: its place in the whole log; grows in the order in which entries become visible
    key: str  #: what it is about
    sequence: int  #: its place among the entries of its key
    value: T
    final: bool  #: whether its key has ended with it


#: Reads the log behind a number: at most so many entries, in order.
ReadLog = Callable[[int, int], Awaitable[Sequence[Entry[T]]]]
#: Likewise for one watch, behind its own position; None asks for the newest entry alone.
History = Callable[[int | None, int], Awaitable[Sequence[Entry[T]]]]


class Watcher:
    """Somebody who watches; whoever made it can end its watch."""

    def __init__(self) -> None:
        self._bell = asyncio.Event()
        self.error: Exception | None = None

    def wake(self) -> None:
        """There may be something new."""
        self._bell.set()

    def fail(self, error: Exception) -> None:
        """End the watch with *error*, behind what was already delivered."""
        self.error = error
        self._bell.set()

    async def woken(self) -> None:
        """Wait for ``wake`` or ``fail``."""
        await self._bell.wait()

    def listen(self) -> None:
        """Forget earlier wakes; whoever looks for news after this misses none."""
        self._bell.clear()


class Feed(Generic[T]):
    """The entries of one log, for all who watch in this process.

    One task reads on while somebody watches: at once after ``wake``, and four times a second for
    what other replicas write.
    """

    def __init__(
        self, read_after: ReadLog[T], newest: Callable[[], Awaitable[int]], *, ring: int = _RING, tick: float = _TICK
    ) -> None:
        self._read_after = read_after
        self._newest = newest
        self._ring = ring
        self._tick = tick
        self._topics: dict[str | None, _Topic[T]] = {}
        self._bell = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._begun: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Say that this process has added to the log."""
        self._bell.set()

    def fail(self, key: str, error: Exception) -> None:
        """End the watches of *key* in this process with *error*; the log knows nothing of it."""
        if (topic := self._topics.get(key)) is not None:
            for watcher in topic.watchers:
                watcher.fail(error)

    def is_watched(self, key: str | None) -> bool:
        """Whether somebody in this process watches *key*."""
        return key in self._topics

    def watched(self) -> list[str]:
        """The keys that somebody in this process watches."""
        return [key for key in self._topics if key is not None]

    async def watch(
        self,
        key: str | None,
        after: int | None,
        history: History[T],
        *,
        coalesce: bool,
        watcher: Watcher | None = None,
    ) -> AsyncGenerator[Entry[T], None]:
        """Yield the entries of *key* behind *after*, then the new ones: none left out, none twice.

        A position is an entry's ``sequence``; with no *key*, where every entry of the log counts, it is
        its ``number``. Without *after* the newest entry comes first. A watcher so slow that the ring has
        lost what it needs gets the newest state where *coalesce* allows to skip the ones in between
        (the last one is never skipped: nothing is newer); else it gets them from the log. The watch of a
        key ends behind its final entry.

        Raises:
            Exception: what the watch was ended with.
            DatabaseUnavailable: the log cannot be read.
        """
        watcher = watcher or Watcher()
        topic = self._join(key, watcher)
        try:
            await self._reading()
            seen, missing = after, True
            if seen is None and topic.ring:
                seen, missing = topic.position(topic.ring[-1]) - 1, False
            while True:
                watcher.listen()
                if missing:
                    page = await history(seen, PAGE)
                    missing = seen is not None and len(page) == PAGE
                elif (entry := topic.next(seen or 0, coalesce=coalesce)) is not None:
                    page = [entry]
                elif topic.has_dropped(seen or 0):
                    missing = True
                    continue
                else:
                    if watcher.error is not None:
                        raise watcher.error
                    await watcher.woken()
                    continue
                for entry in page:
                    yield entry
                    if key is not None and entry.final:
                        return
                    seen = topic.position(entry)
        finally:
            self._leave(key, watcher)

    async def close(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def _join(self, key: str | None, watcher: Watcher) -> "_Topic[T]":
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = _Topic(by_number=key is None, size=self._ring)
        topic.watchers.add(watcher)
        return topic

    def _leave(self, key: str | None, watcher: Watcher) -> None:
        topic = self._topics[key]
        topic.watchers.discard(watcher)
        if not topic.watchers:
            del self._topics[key]
        if not self._topics and self._reader is not None:
            self._reader.cancel()
            self._reader = self._begun = None

    async def _reading(self) -> None:
        """Wait until whatever is added to the log from now on will be handed out."""
        if self._reader is None or self._begun is None:
            self._begun = asyncio.get_running_loop().create_future()
            self._reader = asyncio.create_task(self._read(self._begun), name="event reader")
            self._reader.add_done_callback(self._ended)
        await asyncio.shield(self._begun)

    def _ended(self, reader: "asyncio.Task[None]") -> None:
        """A reader that fails takes its watchers with it; whoever comes next starts another."""
        if reader.cancelled() or (error := reader.exception()) is None:
            return
        if self._reader is not reader:
            return  # its watchers have left, and those that are here have another
        self._reader = self._begun = None
        for topic in self._topics.values():
            for watcher in topic.watchers:
                watcher.fail(error if isinstance(error, Exception) else RuntimeError("The event reader ended."))

    async def _read(self, begun: "asyncio.Future[None]") -> None:
        try:
            position = await self._newest()
        except DatabaseUnavailable as error:
            begun.set_exception(error)
            begun.exception()  # nobody may be waiting any more
            raise
        finally:
            if not begun.done():
                begun.set_result(None)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._tick):
                    await self._bell.wait()
            self._bell.clear()
            try:
                position = await self._read_on(position)
            except DatabaseUnavailable:
                logger().warning("events_unread")  # the watchers wait; nothing is lost

    async def _read_on(self, position: int) -> int:
        while True:
            entries = await self._read_after(position, PAGE)
            for entry in entries:
                for key in (entry.key, None):
                    if (topic := self._topics.get(key)) is not None:
                        topic.add(entry)
                position = entry.number
            if len(entries) < PAGE:
                return position


class _Topic(Generic[T]):
    """The last entries of one key, and who watches it."""

    def __init__(self, *, by_number: bool, size: int) -> None:
        self.watchers: set[Watcher] = set()
        self.ring: deque[Entry[T]] = deque()
        self._by_number = by_number
        self._size = size
        self._dropped = 0  # the position of the last entry that made room

    def position(self, entry: Entry[T]) -> int:
        return entry.number if self._by_number else entry.sequence

    def add(self, entry: Entry[T]) -> None:
        if len(self.ring) == self._size:
            self._dropped = self.position(self.ring.popleft())
        self.ring.append(entry)
        for watcher in self.watchers:
            watcher.wake()

    def has_dropped(self, seen: int) -> bool:
        """Whether entries behind *seen* are no longer in the ring."""
        return seen < self._dropped

    def next(self, seen: int, *, coalesce: bool) -> Entry[T] | None:
        """The entry behind *seen*; None if there is none, or if it was dropped and must not be skipped."""
        if not self.ring:
            return None
        newest = self.ring[-1]
        if self.has_dropped(seen):
            return newest if coalesce else None
        found = None
        for entry in reversed(self.ring):
            if self.position(entry) <= seen:
                break
            found = entry
        return found
