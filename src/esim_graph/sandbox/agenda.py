"""What is due to happen in the simulated world, run when somebody next looks."""

import heapq
import itertools
from collections.abc import Callable

Event = Callable[[float], None]


class Agenda:
    """Events ordered by simulated moment; no task runs in the background.

    An event receives the moment it was due at, not the moment somebody looked, so a world nobody
    asked for an hour ends in the same state as one that was polled all along.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Event]] = []
        self._order = itertools.count()

    def at(self, moment: float, event: Event) -> None:
        """Run *event* when simulated time reaches *moment*."""
        heapq.heappush(self._heap, (moment, next(self._order), event))

    def run_until(self, moment: float) -> None:
        """Run everything due by *moment*, earliest first, including what those events add."""
        while self._heap and self._heap[0][0] <= moment:
            due, _, event = heapq.heappop(self._heap)
            event(due)
