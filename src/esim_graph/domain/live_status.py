"""Live status: how one eSIM is doing on the network, asked of eSIMfly."""

from dataclasses import dataclass
from datetime import datetime

from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.words import Word

_BYTES_PER_GB = 2**30  # eSIMfly: 1 GB = 1024 MB = 1,073,741,824 bytes (upstreams.md §8.10)


class PlanStatus(Word):
    """Where the plan on an eSIM is in its life. It says nothing about the profile on the device."""

    NEW = "NEW", "Not used yet."
    ACTIVE = "ACTIVE", "In use."
    EXPIRED = "EXPIRED", "Its time is over."
    DEPLETED = "DEPLETED", "Its data is used up."
    CANCELLED = "CANCELLED", "It was cancelled."
    DELETED = "DELETED", "It was deleted."
    UNKNOWN = "UNKNOWN", "Another word of eSIMfly's; `statusRaw` has it."


@dataclass(frozen=True, slots=True, kw_only=True)
class LastNetwork:
    """The network an eSIM was last connected to. Codes are text: "02" is not 2."""

    operator: str | None
    mcc: str | None
    mnc: str | None
    country: str | None
    country_code: str | None  #: ISO 3166-1 alpha-2
    connection_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDevice:
    """The device an eSIM is installed on."""

    model: str | None
    imei: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataUsage:
    """How much of a plan is used. ``total_gb`` is None on an unlimited plan."""

    used_gb: float | None
    total_gb: float | None
    unlimited: bool | None

    @property
    def used_bytes(self) -> int | None:
        """``used_gb`` in bytes of 2**30 per GB."""
        return None if self.used_gb is None else round(self.used_gb * _BYTES_PER_GB)

    @property
    def total_bytes(self) -> int | None:
        """``total_gb`` in bytes of 2**30 per GB."""
        return None if self.total_gb is None else round(self.total_gb * _BYTES_PER_GB)

    @property
    def used_percent(self) -> float | None:
        """0 to 100, never above as the vendor caps it too; None without an allowance."""
        if self.unlimited or self.used_gb is None or not self.total_gb:
            return None
        return min(100.0, round(self.used_gb / self.total_gb * 100, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatus:
    """One eSIM as the network sees it.

    ``status`` is about the plan, ``esim_status`` about its use, ``smdp_status`` about the
    order at the SM-DP+, ``profile`` about the profile on the device: four axes, never merged.

    Source: eSIMfly business API, "eSIM Status".
    """

    iccid: Iccid | None
    status: PlanStatus | None
    status_raw: str | None
    esim_status: str | None
    smdp_status: str | None
    profile: str | None
    unlimited: bool | None
    last_network: LastNetwork | None
    device: LiveDevice | None
    activated_at: datetime | None
    last_used_at: datetime | None
    expires_at: datetime | None
    data_usage: DataUsage | None
