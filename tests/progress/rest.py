"""A clock that tells how long the followers mean to wait, and passes time without leaving them behind."""

import asyncio
from itertools import count

from support.clock import ManualClock

SECONDS = 10.0  # of real time, for what goes through sockets and the database
_STEP = 4.0  # of the manual clock, between two rests: shorter than the followers' own rests in these tests
_CALM = 5  # turns of the loop in which nothing new begins


class PollClock(ManualClock):
    """Knows which task sleeps until when."""

    def __init__(self) -> None:
        super().__init__()
        self._naps: dict[int, tuple[str, float]] = {}
        self._numbers = count()

    async def sleep(self, seconds: float) -> None:
        task, number = asyncio.current_task(), next(self._numbers)
        assert task is not None
        self._naps[number] = (task.get_name(), self.monotonic() + seconds)
        try:
            await super().sleep(seconds)
        finally:
            del self._naps[number]

    async def rest(self, followers: int = 1) -> None:
        """Wait until every follower has done what there is to do, and sleeps."""
        calm = 0
        async with asyncio.timeout(SECONDS):
            while calm < _CALM:
                names = [task.get_name() for task in asyncio.all_tasks()]
                busy = any(
                    name.startswith(("follower look", "first look")) and name != "follower looks" for name in names
                )
                waiting = names.count("follower waits") >= followers and names.count("follower rests") >= 2 * followers
                calm = calm + 1 if waiting and not busy else 0
                await asyncio.sleep(0)

    async def look_again(self, followers: int = 1) -> float:
        """Pass time until the next look is due, and let it be done; how long that was."""
        await self.rest(followers)
        due = min(at for name, at in self._naps.values() if name == "follower waits")
        wait = due - self.monotonic()
        await self.pass_time(wait, followers)
        return wait

    async def pass_time(self, seconds: float, followers: int = 1) -> None:
        """Pass time in steps that are short enough for leases to be renewed."""
        end = self.monotonic() + seconds
        await self.rest(followers)
        while (left := end - self.monotonic()) > 0:
            await self.advance(min(left, _STEP))
            await self.rest(followers)
