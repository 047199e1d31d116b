"""Counting calls in windows of simulated time: sliding as Digi does, fixed as eSIMfly seems to."""

from bisect import bisect_right
from collections import deque


class SlidingWindow:
    """At most *limit* calls in any *seconds*."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._moments: deque[float] = deque()

    def used(self, moment: float) -> int:
        """Return how many calls lie in the window that ends at *moment*."""
        while self._moments and self._moments[0] <= moment - self.seconds:
            self._moments.popleft()
        return len(self._moments)

    def count(self, moment: float) -> None:
        """Remember a call at *moment*."""
        self._moments.append(moment)

    def resets_in(self, moment: float) -> float:
        """Return the seconds until the oldest call leaves the window."""
        oldest = bisect_right(self._moments, moment - self.seconds)
        return self._moments[oldest] + self.seconds - moment if oldest < len(self._moments) else 0.0


class FixedWindow:
    """Calls since the window opened; the first call after its end opens the next one."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._opened = 0.0
        self._count = 0

    def used(self, moment: float) -> int:
        """Return how many calls lie in the window open at *moment*."""
        return self._count if moment < self._opened + self.seconds else 0

    def count(self, moment: float) -> None:
        """Remember a call at *moment*."""
        if moment >= self._opened + self.seconds or not self._count:
            self._opened, self._count = moment, 0
        self._count += 1

    def resets_in(self, moment: float) -> float:
        """Return the seconds until the window ends."""
        return max(0.0, self._opened + self.seconds - moment)
