"""A clock that stands still until a test moves it."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

_SETTLED = 50  # turns of the loop: more than any chain of wake-ups in the tests is long


class ManualClock:
    """The wall clock and the monotonic one, moved together by ``advance``."""

    def __init__(self, now: datetime = datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)) -> None:
        self._began = now
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Let time pass; whoever sleeps is woken at its own instant, in order, and runs."""
        end = self._elapsed + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, woken = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, at)
            if not woken.done():
                woken.set_result(None)
            await settle()
        self._elapsed = end
        await settle()


async def settle() -> None:
    """Let every task run as far as it can without time passing."""
    for _ in range(_SETTLED):
        await asyncio.sleep(0)
