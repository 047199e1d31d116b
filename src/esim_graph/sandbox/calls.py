"""Every call the vendors received, so that tests count calls instead of trusting themselves."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime

import orjson
from aiohttp import web

from esim_graph.sandbox.clock import Clock, iso_ms
from esim_graph.sandbox.http import parse_object

CALLS_KEPT = 10_000
_SECRETS = ("activation_code",)


@dataclass(slots=True, kw_only=True)
class Call:
    """One call. Header values are not kept, and an activation code in the body is masked."""

    vendor: str
    endpoint: str
    method: str
    path: str
    query: dict[str, str]
    headers: tuple[str, ...]
    body: str | None
    received: datetime
    in_flight: int  #: calls of this vendor at once when this one arrived, itself included.
    status: int | None = None  #: HTTP status answered; None while it waits, or when there was no answer.
    fault: str | None = None  #: the kind of the scripted fault that spoiled it.
    seconds: float | None = None  #: wall-clock time until it was answered.
    finished: bool = False
    content: bytes = field(default=b"", repr=False)  #: the raw body, for matching faults; never shown.

    def mentions(self, text: str) -> bool:
        """Return whether path, query or body contain *text*: an ICCID, a transaction id."""
        in_query = any(text in value for value in self.query.values())
        return in_query or text in self.path or text.encode() in self.content

    def to_json(self) -> dict[str, object]:
        """Write the call for ``GET /control/calls``."""
        shown = asdict(self)
        del shown["content"]
        shown["received"] = iso_ms(self.received)
        return shown


class Calls:
    """The calls received, oldest first; the last ten thousand are kept, and all are counted.

    Endpoint names are those of each vendor's ``face.py``: Digi ``summary inventory profile bulk
    transactions progress operations operation start_operation download enable disable delete``,
    eSIMfly ``status list``, eSIM Go ``list history refresh``; ``nowhere`` is any other path.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._received: Counter[tuple[str, str]] = Counter()  # by vendor and endpoint; forgets no call
        self._present: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self._arrived = asyncio.Event()

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def of(self, vendor: str | None = None, endpoint: str | None = None, mentions: str | None = None) -> list[Call]:
        """Return the calls kept of one vendor, of one endpoint, that mention a text, or all."""
        return [
            call
            for call in self._calls
            if vendor in (None, call.vendor)
            and endpoint in (None, call.endpoint)
            and (mentions is None or call.mentions(mentions))
        ]

    def count(self, vendor: str | None = None, endpoint: str | None = None) -> int:
        """Return how many calls were received, those that are kept no more included.

        A call counts from its arrival, answered or not.
        """
        return sum(
            number
            for (to_vendor, to_endpoint), number in self._received.items()
            if vendor in (None, to_vendor) and endpoint in (None, to_endpoint)
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """Return :meth:`count` of every endpoint that was called, by vendor."""
        counts: dict[str, dict[str, int]] = {}
        for (vendor, endpoint), number in sorted(self._received.items()):
            counts.setdefault(vendor, {})[endpoint] = number
        return counts

    def most_in_flight(self, vendor: str) -> int:
        """Return the most calls of one vendor that were ever open at once since the last clear."""
        return self._most[vendor]

    def in_flight(self, vendor: str) -> int:
        """Return how many calls of one vendor are open now."""
        return self._present[vendor]

    def clear(self) -> None:
        """Forget all calls and their number; those still open stay counted as in flight."""
        self._calls.clear()
        self._received.clear()
        self._most = Counter(self._present)

    async def wait_for(
        self, count: int, vendor: str | None = None, endpoint: str | None = None, *, within: float = 5.0
    ) -> list[Call]:
        """Wait until *count* matching calls have arrived, and return those kept. No test needs to sleep.

        Raises:
            TimeoutError: fewer arrived *within* that many real seconds.
        """
        async with asyncio.timeout(within):
            while self.count(vendor, endpoint) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.of(vendor, endpoint)

    @contextmanager
    def arriving(self, vendor: str, endpoint: str, request: web.Request, body: bytes) -> Iterator[Call]:
        """Write a call down for as long as it is open."""
        self._present[vendor] += 1
        self._most[vendor] = max(self._most[vendor], self._present[vendor])
        call = Call(
            vendor=vendor,
            endpoint=endpoint,
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=tuple(request.headers),
            body=masked(body),
            received=self._clock.now(),
            in_flight=self._present[vendor],
            content=body,
        )
        self._calls.append(call)
        self._received[vendor, endpoint] += 1
        self._arrived.set()
        started = self._clock.monotonic()
        try:
            yield call
        finally:
            self._present[vendor] -= 1
            call.seconds = self._clock.monotonic() - started
            call.finished = True


def masked(body: bytes) -> str | None:
    """Return a body with its activation code masked; what cannot be read is not shown."""
    if not body:
        return None
    content = parse_object(body)
    if content is None:
        return f"<{len(body)} bytes that are no JSON object>"
    shown: Mapping[str, object] = {key: "***" if key in _SECRETS else value for key, value in content.items()}
    return orjson.dumps(shown).decode()
