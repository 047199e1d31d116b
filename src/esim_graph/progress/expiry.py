"""The end of watches that lasted too long: one task for all, since all may last equally long."""

import asyncio

from esim_graph.clock import Clock
from esim_graph.events import Watcher


class Expiry:
    """Fails each watcher when its time is over; who came first is over first."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._watchers: dict[Watcher, tuple[float, Exception]] = {}  # oldest first
        self._waiting: asyncio.Task[None] | None = None

    def add(self, watcher: Watcher, error: Exception) -> None:
        """End this watch with *error* when its time is over."""
        self._watchers[watcher] = (self._clock.monotonic() + self._seconds, error)
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._wait(), name="watches that last too long")

    def remove(self, watcher: Watcher) -> None:
        """It has ended by itself."""
        self._watchers.pop(watcher, None)
        if not self._watchers and self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    async def close(self) -> None:
        """Wait for nothing any more."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)

    async def _wait(self) -> None:
        while True:
            watcher, (at, error) = next(iter(self._watchers.items()))
            left = at - self._clock.monotonic()
            if left > 0:
                await self._clock.sleep(left)
                continue
            watcher.fail(error)
            del self._watchers[watcher]
            if not self._watchers:
                self._waiting = None
                return
