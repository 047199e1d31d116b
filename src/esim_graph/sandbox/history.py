"""The bundle history of each eSIM eSIM Go knows.

Made from the seed and the ICCID when first asked for. Names are the production page's (upstreams
§3.3); the states they pass through are vendors page 003's (§3.4). Dates have nine fractional digits.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from esim_graph.sandbox import landmarks

PROCESSING_SECONDS = 600.0  #: "can, on occasion, take up to 10 minutes" (vendors page 003).

_BUNDLES = (
    "esim_1GB_7D_GB_V2",
    "A_BUNDLE_1GB",
    "A_BUNDLE_20GB_30D_EU_U",
    "esim_5GB_30D_US_V2",
    "esim_UL_30D_AU_V2",
)
_SAMPLE = "A_BUNDLE_20GB_30D_EU_U"
_SAMPLE_DATE = "2023-04-07T00:50:31.618780311Z"


@dataclass(slots=True, kw_only=True)
class BundleEvent:
    """One row of a history; ``bundle`` is None when the event is the eSIM's own."""

    name: str
    date: str
    bundle: str | None = None
    state: str | None = None
    alert: str | None = None


class HistoryBook:
    """Every eSIM eSIM Go knows, its events, and until when its bundle is still processing."""

    def __init__(self, *, seed: int, known: list[str], foreign: set[str], now: datetime) -> None:
        self.known = known
        self.foreign = foreign
        self.refreshes: dict[str, int] = {}  #: how often ``/refresh`` disconnected an eSIM.
        self._known = set(known)
        self._processing = {landmarks.PROCESSING.iccid: PROCESSING_SECONDS}
        self._seed = seed
        self._now = now
        self._events: dict[str, list[BundleEvent]] = {}

    def knows(self, iccid: str) -> bool:
        """Return whether *iccid* is accessible to this account."""
        return iccid in self._known

    def events(self, iccid: str) -> list[BundleEvent]:
        """Return the events in the vendor's order; changing the list changes the next answer."""
        if iccid not in self._events:
            self._events[iccid] = self._make(iccid)
        return self._events[iccid]

    def processing_until(self, iccid: str) -> float:
        """Return the simulated moment from which *iccid* answers; 0 when it always did."""
        return self._processing.get(iccid, 0.0)

    def process_until(self, iccid: str, moment: float) -> None:
        """Let *iccid* answer 503 until the simulated *moment*."""
        self._processing[iccid] = moment

    def refresh(self, iccid: str, now: datetime) -> None:
        """Disconnect the customer, as the vendor's GET does (upstreams §3.2), and log it."""
        self.refreshes[iccid] = self.refreshes.get(iccid, 0) + 1
        self.events(iccid).append(BundleEvent(name="eSIM Refreshed", date=nanoseconds(now)))

    def _make(self, iccid: str) -> list[BundleEvent]:
        if iccid == landmarks.ESIMGO_ONLY.iccid:
            return _documented_sample()
        rng = random.Random(f"history {self._seed} {iccid}")  # noqa: S311  # reproducible, not secret
        events = _documented_sample() if iccid == landmarks.KNOWN_TO_ALL.iccid else []
        start = self._now - timedelta(days=rng.randrange(20, 300), seconds=rng.randrange(86_400))
        nano = rng.randrange(1000)
        for number in range(1 + rng.randrange(3)):
            bundle = rng.choice(_BUNDLES)
            events += _bundle_life(rng, bundle, start + timedelta(days=35 * number), nano, first=number == 0)
        return events


def _documented_sample() -> list[BundleEvent]:
    """Return the example of vendors page 003: two events at one instant."""
    return [
        BundleEvent(name="Bundle Applied", date=_SAMPLE_DATE, bundle=_SAMPLE, state="queued"),
        BundleEvent(name="Bundle Revoked", date=_SAMPLE_DATE, bundle=_SAMPLE, state="revoked"),
    ]


def _bundle_life(rng: random.Random, bundle: str, start: datetime, nano: int, *, first: bool) -> list[BundleEvent]:
    """Return one bundle's events in order; a revoked or lapsed one has no use in between."""
    ending = rng.choice(("Bundle Expired", "Bundle Lapsed", "Bundle Revoked", None))
    applied = nanoseconds(start, nano)
    events = [BundleEvent(name="Bundle Applied", date=applied, bundle=bundle, state="queued")]
    if first:  # the eSIM's own events carry no bundle, and share the instant of their cause
        events.append(BundleEvent(name="eSIM Updated", date=applied))
    if ending in ("Bundle Expired", None):
        used = start + timedelta(hours=5)
        if first:
            events.append(BundleEvent(name="eSIM First Attachment", date=nanoseconds(used, nano + 1)))
        for name, share, hours in (("eSIM First Use", "1% Used", 0), ("eSIM Utilisation Alert", "50% Used", 60)):
            date = nanoseconds(used + timedelta(hours=hours), nano + 2)
            events.append(BundleEvent(name=name, date=date, bundle=bundle, state="active", alert=share))
    if ending is not None:
        date = nanoseconds(start + timedelta(days=30), nano + 3)
        state = ending.removeprefix("Bundle ").lower()
        events.append(BundleEvent(name=ending, date=date, bundle=bundle, state=state))
    return events


def nanoseconds(instant: datetime, nano: int = 0) -> str:
    """Write *instant* with nine fractional digits, the last three from *nano*."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond:06d}{nano % 1000:03d}Z"
