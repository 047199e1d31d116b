"""``Profile`` in the graph."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from esim_graph.domain import profile as domain
from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.schema.node import Node

if TYPE_CHECKING:
    from esim_graph.schema.esim import Esim

_MAX_INT = 2**31 - 1


@strawberry.type(description="An eSIM profile on an eUICC, as the device last reported it to Digi.")
class Profile(Node):
    """Plain fields; see the domain value of the same name."""

    carrier: str | None = strawberry.field(description="The carrier's name (SPN) as the profile itself reports it.")
    customer_id: str | None = strawberry.field(description="The Digi account that the profile is reported in.")
    device_id: str | None = strawberry.field(description="Digi's id of the device that reported the profile.")
    eid: Eid | None = strawberry.field(description="The eUICC that holds the profile.")
    iccid: Iccid = strawberry.field(description="The profile's number.")
    normalized_carrier: str | None = strawberry.field(
        description="The carrier's name as Digi normalized it, for display and matching."
    )
    number: int | None = strawberry.field(description="The profile's place on its eUICC; not unique beyond it.")
    status: domain.ProfileStatus | None = strawberry.field(description="Whether the profile is enabled.")
    status_raw: str | None = strawberry.field(description="Digi's own word for the status.")
    type: str | None = strawberry.field(
        description="What the profile is for, such as operational, bootstrap or test; the provider sets it."
    )

    @strawberry.field(description="The eSIM this profile belongs to; costs no call.")
    def esim(self) -> Annotated["Esim", strawberry.lazy("esim_graph.schema.esim")]:
        """The one way back, lazily, so that types import each other forward only."""
        from esim_graph.schema.esim import Esim

        return Esim(iccid=self.iccid)

    def node_key(self) -> str:
        """Digi answers for one profile per ICCID."""
        return self.iccid

    @classmethod
    def from_domain(cls, profile: domain.Profile) -> "Profile":
        """Present a profile."""
        number = profile.number
        return cls(
            carrier=profile.carrier,
            customer_id=profile.customer_id,
            device_id=profile.device_id,
            eid=profile.eid,
            iccid=profile.iccid,
            normalized_carrier=profile.normalized_carrier,
            number=number if number is None or -_MAX_INT <= number <= _MAX_INT else None,
            status=profile.status,
            status_raw=profile.status_raw,
            type=profile.type,
        )
