"""What a client sends with, what stands there when a vendor has no credentials, and the counters."""

from collections.abc import Callable
from typing import NoReturn, Protocol, TypeVar

from prometheus_client import Counter, Histogram

from esim_graph.clock import Deadline
from esim_graph.errors import UpstreamName, UpstreamNotConfigured
from esim_graph.telemetry import Metrics
from esim_graph.upstreams.messages import Answer, Request
from esim_graph.upstreams.refusals import TITLES

T = TypeVar("T")


class Sender(Protocol):
    """What a client sends with: a ``Transport``, or ``NotConfigured``."""

    def require(self) -> None:
        """Raise ``UpstreamNotConfigured`` if there are none."""
        ...

    async def send(self, request: Request, read: Callable[[Answer], T], *, deadline: Deadline) -> T:
        """Send *request* and return what *read* makes of the answer."""
        ...

    def note_skipped(self, request: Request, rows: int) -> None:
        """Say in the log that *rows* of an answer could not be used."""
        ...


class NotConfigured:
    """Stands where a vendor without credentials would be asked; it does no I/O."""

    def __init__(self, upstream: UpstreamName) -> None:
        self._upstream: UpstreamName = upstream

    def require(self) -> NoReturn:
        """Say that there are no credentials."""
        raise UpstreamNotConfigured(
            f"{TITLES[self._upstream]} is not configured: there are no credentials for it.",
            upstream=self._upstream,
        )

    async def send(self, request: Request, read: Callable[[Answer], T], *, deadline: Deadline) -> T:  # noqa: D102
        self.require()

    def note_skipped(self, request: Request, rows: int) -> None:
        """Nothing was read, so nothing was skipped."""


class Tally:
    """The two metrics of one vendor's calls, their children looked up once."""

    def __init__(self, upstream: UpstreamName, metrics: Metrics) -> None:
        self._upstream = upstream
        self._metrics = metrics
        self._outcomes: dict[tuple[str, str], Counter] = {}
        self._seconds: dict[str, Histogram] = {}

    def outcome(self, endpoint: str, outcome: str) -> None:
        """Count one request that was sent."""
        child = self._outcomes.get((endpoint, outcome))
        if child is None:
            child = self._metrics.upstream_calls.labels(self._upstream, endpoint, outcome)
            self._outcomes[endpoint, outcome] = child
        child.inc()

    def seconds(self, endpoint: str, seconds: float) -> None:
        """Note how long one request took."""
        child = self._seconds.get(endpoint)
        if child is None:
            child = self._seconds[endpoint] = self._metrics.upstream_seconds.labels(self._upstream, endpoint)
        child.observe(seconds)
