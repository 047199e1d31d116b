"""Time in the sandbox: the wall clock, and the simulated seconds that ``speed`` makes fast."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the sandbox reads the time; tests pass a :class:`ManualClock`."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the wall-clock time the test has reached."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds the test has let pass."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let *seconds* of wall-clock time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


class SandboxTime:
    """Simulated seconds since the sandbox opened, beside the wall clock.

    Durations and throttle windows are counted in simulated seconds, ``speed`` of which pass in one
    real second. Timestamps, and the HMAC and replay windows of eSIMfly, stay on the wall clock.
    """

    def __init__(self, clock: Clock, speed: float) -> None:
        self.clock = clock
        self.speed = speed
        self._opened = clock.monotonic()
        self._skipped = 0.0

    def elapsed(self) -> float:
        """Return the simulated seconds since the sandbox opened, skipped ones included."""
        return (self.clock.monotonic() - self._opened) * self.speed + self._skipped

    def advance(self, seconds: float) -> None:
        """Skip *seconds* of simulated time; the wall clock does not move."""
        self._skipped += seconds

    def now(self) -> datetime:
        """Return the wall-clock time."""
        return self.clock.now()

    def wall_at(self, moment: float) -> datetime:
        """Return the wall-clock time of a simulated *moment* that has passed."""
        return self.clock.now() - timedelta(seconds=max(0.0, self.elapsed() - moment) / self.speed)

    def real_seconds(self, simulated: float) -> float:
        """Return how many wall-clock seconds *simulated* seconds last."""
        return simulated / self.speed


def iso_ms(instant: datetime) -> str:
    """Write *instant* as both JSON vendors do: ``2026-06-26T14:34:40.123Z``.

    Source: vendors page 002 (sample); upstreams §7.1 (Digi, inferred from the same form in its KB).
    """
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
