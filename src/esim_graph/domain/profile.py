"""A profile: what Digi's devices report about an eSIM profile on an eUICC."""

from dataclasses import dataclass

from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.words import Word


class ProfileStatus(Word):
    """Whether a profile is enabled on its eUICC."""

    ACTIVE = "active", "The profile is enabled: the device uses it."
    INACTIVE = "inactive", "The profile is on the eUICC and disabled."
    UNKNOWN = "unknown", "Another word of Digi's; `statusRaw` has it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile on one eUICC, as the device last reported it.

    Source: Digi, v1/esim_profiles, "eSIM Profile Data".
    """

    iccid: Iccid
    eid: Eid | None
    number: int | None  #: Digi's ``id``: unique within the eUICC only
    carrier: str | None  #: the SPN as the profile reports it
    normalized_carrier: str | None
    customer_id: str | None
    device_id: str | None
    status: ProfileStatus | None
    status_raw: str | None
    type: str | None  #: an open set: operational, bootstrap, test, …
