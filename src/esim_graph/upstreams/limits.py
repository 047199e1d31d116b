"""How many calls one credential may make: at once, and in any stretch of time."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from esim_graph.clock import Clock, Deadline
from esim_graph.errors import UpstreamName, UpstreamRateLimited, UpstreamTimeout
from esim_graph.upstreams.refusals import TITLES

# A call is counted here when it is sent and at the vendor when it arrives. The network's delay
# is never twice the same, so each window is kept a little longer than the vendor keeps its own.
SLACK = 0.1


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``calls`` in any ``seconds``."""

    calls: int
    seconds: float


def digi_rates(per_minute: int) -> Sequence[Rate]:
    """Digi counts a sixth of the minute's limit in any 10 s (upstreams.md §1.6)."""
    if not per_minute:
        return ()
    return (Rate(max(1, per_minute // 6), 10.0), Rate(per_minute, 60.0))


def esimfly_rates(per_minute: int) -> Sequence[Rate]:
    """ESIMfly counts the minute, ten times that an hour, a hundred times that a day (§2.4)."""
    if not per_minute:
        return ()
    return (Rate(per_minute, 60.0), Rate(10 * per_minute, 3_600.0), Rate(100 * per_minute, 86_400.0))


def esimgo_rates(per_minute: int) -> Sequence[Rate]:
    """Ours: eSIM Go publishes no number (§3.1)."""
    return (Rate(per_minute, 60.0),) if per_minute else ()


class _Window:
    """The starts of the last ``seconds``, oldest first."""

    __slots__ = ("calls", "seconds", "starts")

    def __init__(self, rate: Rate) -> None:
        self.calls = rate.calls
        self.seconds = rate.seconds + SLACK
        self.starts: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until a call may start; 0 if it may now."""
        starts = self.starts
        while starts and starts[0] + self.seconds <= now:
            starts.popleft()
        return 0.0 if len(starts) < self.calls else starts[0] + self.seconds - now

    def wait_behind(self, ahead: int, now: float) -> float:
        """At least so many seconds until a call may start that has *ahead* others before it."""
        wait = self.wait(now)
        started = len(self.starts)
        # Of all starts, past and to come, this one must have fallen out of the window first.
        place = started + ahead - self.calls
        if place < 0:
            return wait
        # One that is still to come waits for another itself, a whole window earlier, and so on.
        rounds = 0 if place < started else (place - started) // self.calls + 1
        place -= rounds * self.calls
        oldest = now - self.seconds if place < 0 else self.starts[place]
        return max(wait, oldest + self.seconds * (rounds + 1) - now)


class Limits:
    """Lets calls start in the order they came, as soon as the vendor's limits allow.

    ``enter`` before a call and ``leave`` after it, whatever became of it. A place among the
    calls at once is taken first and the place in time last, right before the call is sent.
    """

    def __init__(self, upstream: UpstreamName, *, rates: Sequence[Rate], concurrency: int, clock: Clock) -> None:
        self._upstream: UpstreamName = upstream
        self._clock = clock
        self._windows = [_Window(rate) for rate in rates]
        self._places = asyncio.Semaphore(concurrency) if concurrency else None
        self._turn = asyncio.Lock()  # first come, first served
        self._waiting = 0

    async def enter(self, deadline: Deadline) -> None:
        """Wait until a call may start, and count it.

        Raises:
            UpstreamRateLimited: that would be after *deadline*; said at once, nothing is counted.
            UpstreamTimeout: the calls under way did not make room before *deadline*.
        """
        now = self._clock.monotonic()
        if not self._waiting and (self._places is None or not self._places.locked()) and not self._wait(now):
            if self._places is not None:
                await self._places.acquire()  # there is room: this does not wait
            self._start(now)
            return
        self._refuse_if_late(max((w.wait_behind(self._waiting, now) for w in self._windows), default=0.0), deadline)
        self._waiting += 1
        try:
            async with asyncio.timeout(deadline.remaining()), self._turn:
                await self._enter_in_turn(deadline)
        except TimeoutError:
            raise UpstreamTimeout(
                f"{TITLES[self._upstream]} was too busy with other calls; this one was not sent.",
                upstream=self._upstream,
            ) from None
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """A call that had entered is over."""
        if self._places is not None:
            self._places.release()

    async def _enter_in_turn(self, deadline: Deadline) -> None:
        if self._places is not None:
            await self._places.acquire()
        try:
            while wait := self._wait(self._clock.monotonic()):
                self._refuse_if_late(wait, deadline)
                await self._clock.sleep(wait)
        except BaseException:
            self.leave()
            raise
        self._start(self._clock.monotonic())

    def _wait(self, now: float) -> float:
        wait = 0.0
        for window in self._windows:
            wait = max(wait, window.wait(now))
        return wait

    def _start(self, now: float) -> None:
        for window in self._windows:
            window.starts.append(now)

    def _refuse_if_late(self, wait: float, deadline: Deadline) -> None:
        if wait and wait > deadline.remaining():
            raise UpstreamRateLimited(
                f"The calls that {TITLES[self._upstream]} allows are used up at present; this one was not sent.",
                upstream=self._upstream,
                retry_after=wait,
            )
