"""How long to wait until the next look: by one subject's time, and by what Digi asks for."""

from esim_graph.clock import Clock
from esim_graph.config import PollSettings
from esim_graph.errors import UpstreamError

_GROWTH = 1.3  # of the interval, for each look that finds nothing new
_NEAR = 0.25  # of the interval, while its end is likely


def grown(interval: float, settings: PollSettings) -> float:
    """The interval behind a look that found nothing new."""
    return min(interval * _GROWTH, settings.max_interval)


def wait(interval: float, settings: PollSettings, *, elapsed: float, typical: tuple[float, float] | None) -> float:
    """Seconds until the next look at a subject that began *elapsed* seconds ago.

    *typical* is how long half of its kind take and how long nine of ten do; None where nobody knows.
    Between the two the end is near and looks come closer together. Before, a look is never put off beyond
    the first of them.
    """
    if typical is None:
        return interval
    half, most = typical
    shortest = settings.min_interval
    if elapsed < half:
        return min(interval, max(half - elapsed, shortest))
    if elapsed <= most:
        return min(interval, max(interval * _NEAR, shortest))
    return interval


class Rest:
    """Until when Digi wants no more of our looks, on the monotonic clock."""

    def __init__(self) -> None:
        self.until = 0.0

    def note(self, error: UpstreamError, now: float) -> None:
        """Obey a Retry-After."""
        self.until = max(self.until, now + (error.retry_after or 0.0))

    async def over(self, clock: Clock) -> None:
        """Wait until Digi may be asked again."""
        while (left := self.until - clock.monotonic()) > 0:
            await clock.sleep(left)
