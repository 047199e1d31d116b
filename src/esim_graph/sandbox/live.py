"""What the network knows about each eSIM: the live status eSIMfly answers with, and the stored one.

Values are made from the seed and the ICCID when first asked for, so opening a sandbox costs nothing.
Source: vendors page 002; upstreams §2.5, §2.6, §7.2.
"""

import copy
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from esim_graph.sandbox import landmarks
from esim_graph.sandbox.carriers import CARRIERS

_IN_USE = ("ACTIVE", "Active", "Enabled")
_STATES = (  # status, esim_status, profile: three independent axes (upstreams §2.6)
    _IN_USE,
    ("ACTIVE", "Installed", "Disabled"),
    ("EXPIRED", "Not Active", "Disabled"),
    ("DEPLETED", "Not Active", "Enabled"),
    ("NEW", "Assigned (Not Installed)", "Not Installed"),
    ("NEW", "New", None),
)
_NEVER_CONNECTED = ("Assigned (Not Installed)", "New")
_MODELS = ("GTF7P", "iPhone 15", "SM-S918B", "EX50", "TX64", "Pixel 8")
_UNLIMITED_SHARE = 0.1
_RADIO = ("4G - LTE", "5G", "3G")


@dataclass(slots=True, kw_only=True)
class Network:
    """The network an eSIM last connected to. ``mnc`` is unpadded, as the vendor's sample is."""

    operator: str
    mcc: str
    mnc: str
    country: str
    country_iso2: str
    connection_type: str


@dataclass(slots=True, kw_only=True)
class Live:
    """The network's view of one eSIM. Volumes are GB of 2**30 bytes; ``total_gb`` None is unlimited."""

    iccid: str
    esim_id: int
    status: str
    esim_status: str
    smdp_status: str
    profile: str | None
    unlimited: bool
    last_network: Network | None
    model: str | None
    imei: str | None
    activation_date: datetime | None
    last_usage_date: datetime | None
    expiry_date: datetime | None
    used_gb: float
    total_gb: float | None
    package: str = "eSIM, 1GB, 30 Days"
    created: datetime = field(default=datetime(2026, 6, 1, tzinfo=UTC))


class LiveBook:
    """Every eSIM eSIMfly knows: its live value, and the stored one that only a live call refreshes."""

    def __init__(self, *, seed: int, known: list[str], foreign: set[str], now: datetime) -> None:
        self.known = known
        self.foreign = foreign
        self.failing = {landmarks.PROVIDER_ERROR.iccid}
        self._seed = seed
        self._now = now
        self._ids = {iccid: 500_001 + index for index, iccid in enumerate(known)}
        self._by_id = {esim_id: iccid for iccid, esim_id in self._ids.items()}
        self._live: dict[str, Live] = {}
        self._stored: dict[str, Live] = {}

    def knows(self, iccid: str) -> bool:
        """Return whether *iccid* is an eSIM of this account."""
        return iccid in self._ids

    def iccid_of(self, esim_id: int) -> str | None:
        """Return the ICCID behind eSIMfly's own integer id, or None."""
        return self._by_id.get(esim_id)

    def live(self, iccid: str) -> Live:
        """Return the network's present value; changing it changes what the next live call sees."""
        if iccid not in self._live:
            self._live[iccid] = self._make(iccid)
        return self._live[iccid]

    def put(self, value: Live) -> None:
        """Replace the network's present value of one eSIM."""
        self._live[value.iccid] = value

    def stored(self, iccid: str) -> Live:
        """Return what the list shows: the value of the last live call, or of the eSIM's sale."""
        return self._stored.get(iccid) or replace(self._make(iccid), used_gb=0.0, last_usage_date=None)

    def refresh(self, iccid: str) -> Live:
        """Ask the network and store the answer (page 002: "the stored record is updated")."""
        value = self.live(iccid)
        self._stored[iccid] = copy.copy(value)
        return value

    def profile_reported(self, iccid: str, profile: str) -> None:
        """Let the network follow a device: a profile was installed, enabled, disabled or deleted."""
        if self.knows(iccid):
            value = self.live(iccid)
            value.profile = profile
            if value.esim_status in _NEVER_CONNECTED:
                value.esim_status = "Installed"

    def _make(self, iccid: str) -> Live:
        if iccid == landmarks.KNOWN_TO_ALL.iccid:
            return _documented_sample(self._ids[iccid])
        rng = random.Random(f"live {self._seed} {iccid}")  # noqa: S311  # reproducible, not secret
        state = self._state(iccid, rng)
        connected = state[1] not in _NEVER_CONNECTED
        unlimited = iccid == landmarks.FAILS_AFTER_DOWNLOAD.iccid or rng.random() < _UNLIMITED_SHARE
        total = None if unlimited else float(rng.choice((1, 3, 5, 10, 20)))
        activated = self._now - timedelta(seconds=rng.randrange(86_400, 20 * 86_400))
        return Live(
            iccid=iccid,
            esim_id=self._ids[iccid],
            status=state[0],
            esim_status=state[1],
            smdp_status="AFFECTED",
            profile=state[2],
            unlimited=unlimited,
            last_network=_network(rng) if connected else None,
            model=rng.choice(_MODELS) if connected else None,
            imei="350000000000000" if connected else None,
            activation_date=activated if connected else None,
            last_usage_date=activated + timedelta(hours=rng.randrange(1, 20)) if connected else None,
            expiry_date=activated + timedelta(days=30) if connected else None,
            used_gb=_used(rng, state[0], total) if connected else 0.0,
            total_gb=total,
        )

    def _state(self, iccid: str, rng: random.Random) -> tuple[str, str, str | None]:
        if iccid == landmarks.UNKNOWN_FIRST.iccid:
            return _STATES[-1]
        if iccid in (landmarks.READY_TO_ACTIVATE.iccid, landmarks.READY_TO_DOWNLOAD.iccid):
            return _STATES[-2]
        return rng.choices(_STATES, cum_weights=(60, 75, 83, 90, 97, 100))[0]


def _used(rng: random.Random, status: str, total: float | None) -> float:
    if status == "DEPLETED" and total is not None:
        return total
    return round(rng.random() * (total or 12.0), 2)


def _network(rng: random.Random) -> Network:
    carrier = rng.choice(CARRIERS)
    return Network(
        operator=carrier.operator,
        mcc=carrier.mcc,
        mnc=carrier.mnc,
        country=carrier.country,
        country_iso2=carrier.country_iso2,
        connection_type=rng.choice(_RADIO),
    )


def _documented_sample(esim_id: int) -> Live:
    """Return the success response printed in vendors page 002."""
    return Live(
        iccid=landmarks.KNOWN_TO_ALL.iccid,
        esim_id=esim_id,
        status="ACTIVE",
        esim_status="Active",
        smdp_status="AFFECTED",
        profile="Enabled",
        unlimited=False,
        last_network=Network(
            operator="Optus",
            mcc="505",
            mnc="2",
            country="Australia",
            country_iso2="AU",
            connection_type="4G - LTE",
        ),
        model="GTF7P",
        imei="350000000000000",
        activation_date=datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC),
        last_usage_date=datetime(2026, 6, 26, 14, 35, 21, tzinfo=UTC),
        expiry_date=datetime(2026, 7, 26, 14, 34, 40, tzinfo=UTC),
        used_gb=0,
        total_gb=1,
    )
