"""``BundleEvent`` in the graph."""

from datetime import datetime

import strawberry

from esim_graph.domain import bundle as domain


@strawberry.type(description="Something that happened to a bundle on an eSIM, or to the eSIM, as eSIM Go tells it.")
class BundleEvent:
    """Plain fields; see the domain value of the same name."""

    alert_type: str | None = strawberry.field(description="For an alert: how much was used, such as 50% Used.")
    bundle_name: str | None = strawberry.field(description="Which bundle; null for what concerns the eSIM as a whole.")
    bundle_state: domain.BundleState | None = strawberry.field(
        description="The bundle's state, where eSIM Go tells it."
    )
    bundle_state_raw: str | None = strawberry.field(description="The bundle's state in eSIM Go's own word.")
    kind: domain.BundleEventKind = strawberry.field(description="What happened.")
    name: str = strawberry.field(description="What happened, in eSIM Go's own words.")
    occurred_at: datetime | None = strawberry.field(description="When, cut to microseconds.")
    occurred_at_raw: str | None = strawberry.field(description="When, as eSIM Go wrote it: nine digits of a second.")

    @classmethod
    def from_domain(cls, event: domain.BundleEvent) -> "BundleEvent":
        """Present an event."""
        return cls(
            alert_type=event.alert_type,
            bundle_name=event.bundle_name,
            bundle_state=event.bundle_state,
            bundle_state_raw=event.bundle_state_raw,
            kind=event.kind,
            name=event.name,
            occurred_at=event.occurred_at,
            occurred_at_raw=event.occurred_at_raw,
        )
