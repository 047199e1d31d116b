"""``LiveStatus`` in the graph."""

from datetime import datetime

import strawberry

from esim_graph.domain import freshness as freshness_domain
from esim_graph.domain import live_status as domain
from esim_graph.domain.identifiers import Iccid
from esim_graph.schema.scalars import BigInt


@strawberry.type(description="How old an answer is and where it came from.")
class Freshness:
    """An age is told, never guessed from a time to live."""

    age_seconds: float = strawberry.field(description="How old the answer was when it was served.")
    observed_at: datetime = strawberry.field(description="When the vendor gave the answer.")
    served_from: freshness_domain.ServedFrom = strawberry.field(
        description="Whether the vendor was asked for it just now."
    )
    stale: bool = strawberry.field(description="Whether it is older than such answers count as fresh.")

    @classmethod
    def from_domain(cls, freshness: freshness_domain.Freshness) -> "Freshness":
        """Present a freshness."""
        return cls(
            age_seconds=round(freshness.age, 3),
            observed_at=freshness.observed_at,
            served_from=freshness.served_from,
            stale=freshness.stale,
        )


@strawberry.type(description="The network that an eSIM was last connected to; all null before the first time.")
class LastNetwork:
    """Codes are text: "02" is not 2."""

    connection_type: str | None = strawberry.field(description="The radio access, such as 4G - LTE.")
    country: str | None = strawberry.field(description="The country's name.")
    country_code: str | None = strawberry.field(description="The country's ISO 3166-1 alpha-2 code.")
    mcc: str | None = strawberry.field(description="Mobile country code.")
    mnc: str | None = strawberry.field(description="Mobile network code, as eSIMfly writes it: not always padded.")
    operator: str | None = strawberry.field(description="The operator's name.")


@strawberry.type(description="The device that an eSIM is installed on; all null before that.")
class LiveDevice:
    """As the network sees it."""

    imei: str | None = strawberry.field(description="The device's IMEI; personal data.")
    model: str | None = strawberry.field(description="The device's model.")


@strawberry.type(description="How much of a plan is used. 1 GB is 2^30 bytes here.")
class DataUsage:
    """An unlimited plan has no total and no percentage."""

    total_bytes: BigInt | None = strawberry.field(description="The allowance in bytes; null when unlimited.")
    total_gb: float | None = strawberry.field(description="The allowance in GB; null when unlimited.")
    unlimited: bool | None = strawberry.field(description="Whether there is no allowance.")
    used_bytes: BigInt | None = strawberry.field(description="What is used, in bytes.")
    used_gb: float | None = strawberry.field(description="What is used, in GB.")
    used_percent: float | None = strawberry.field(
        description="What is used of the allowance, 0 to 100; null without one."
    )

    @classmethod
    def from_domain(cls, usage: domain.DataUsage) -> "DataUsage":
        """Present a usage."""
        return cls(
            total_bytes=_big(usage.total_bytes),
            total_gb=usage.total_gb,
            unlimited=usage.unlimited,
            used_bytes=_big(usage.used_bytes),
            used_gb=usage.used_gb,
            used_percent=usage.used_percent,
        )


@strawberry.type(
    description=(
        "How an eSIM is doing on the network right now, asked of eSIMfly. A live call is slow and dear: ask for "
        "it where somebody looks at it, and see `freshness` for its age."
    )
)
class LiveStatus:
    """Four axes side by side, never merged: plan, use, SM-DP+ and profile."""

    activated_at: datetime | None = strawberry.field(description="When the eSIM was first activated.")
    data_usage: DataUsage | None = strawberry.field(description="How much of the plan is used.")
    device: LiveDevice | None = strawberry.field(description="The device the eSIM is in.")
    esim_status: str | None = strawberry.field(
        description="The eSIM's use, in eSIMfly's word: New, Not Active, Active, Installed, …"
    )
    expires_at: datetime | None = strawberry.field(description="When the plan ends.")
    freshness: Freshness = strawberry.field(description="How old this answer is.")
    iccid: Iccid | None = strawberry.field(description="The eSIM's ICCID.")
    last_network: LastNetwork | None = strawberry.field(description="The network it was last connected to.")
    last_used_at: datetime | None = strawberry.field(description="When it last used data.")
    profile: str | None = strawberry.field(
        description="The profile on the device, in eSIMfly's word: Enabled, Disabled, Not Installed, …"
    )
    smdp_status: str | None = strawberry.field(
        description="The order at the SM-DP+, in eSIMfly's word; it is no profile state."
    )
    status: domain.PlanStatus | None = strawberry.field(description="Where the plan is in its life.")
    status_raw: str | None = strawberry.field(description="The status in eSIMfly's own word.")
    unlimited: bool | None = strawberry.field(description="Whether the plan has no data allowance.")

    @classmethod
    def from_domain(cls, status: domain.LiveStatus, freshness: freshness_domain.Freshness) -> "LiveStatus":
        """Present a live status."""
        network, device, usage = status.last_network, status.device, status.data_usage
        return cls(
            activated_at=status.activated_at,
            data_usage=None if usage is None else DataUsage.from_domain(usage),
            device=None if device is None else LiveDevice(imei=device.imei, model=device.model),
            esim_status=status.esim_status,
            expires_at=status.expires_at,
            freshness=Freshness.from_domain(freshness),
            iccid=status.iccid,
            last_network=None
            if network is None
            else LastNetwork(
                connection_type=network.connection_type,
                country=network.country,
                country_code=network.country_code,
                mcc=network.mcc,
                mnc=network.mnc,
                operator=network.operator,
            ),
            last_used_at=status.last_used_at,
            profile=status.profile,
            smdp_status=status.smdp_status,
            status=status.status,
            status_raw=status.status_raw,
            unlimited=status.unlimited,
        )


def _big(number: int | None) -> BigInt | None:
    return None if number is None else BigInt(number)
