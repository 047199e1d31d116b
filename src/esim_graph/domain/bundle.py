"""Bundles: what happened to the data plans on an eSIM, asked of eSIM Go."""

from dataclasses import dataclass
from datetime import datetime

from esim_graph.domain.words import Word


class BundleEventKind(Word):
    """What happened. eSIM Go names events in prose; each known one has a member.

    Source: upstreams.md §3.3, the production page's list.
    """

    BUNDLE_APPLIED = "Bundle Applied", "A bundle was put on the eSIM."
    BUNDLE_EXPIRED = "Bundle Expired", "A bundle came to the end of its time."
    BUNDLE_LAPSED = "Bundle Lapsed", "A bundle was never used and is gone."
    BUNDLE_REFUNDED_TO_BALANCE = "Bundle Refunded To Balance", "A bundle was taken back for money."
    BUNDLE_REFUNDED_TO_INVENTORY = "Bundle Refunded to Inventory", "A bundle was taken back into stock."
    BUNDLE_REVOKED = "Bundle Revoked", "A bundle was taken off the eSIM."
    ESIM_FIRST_ATTACHMENT = "eSIM First Attachment", "The eSIM was seen on a network for the first time."
    ESIM_FIRST_USE = "eSIM First Use", "The eSIM used data for the first time."
    ESIM_REFRESHED = "eSIM Refreshed", "The eSIM was made to register with the network anew."
    ESIM_RETURNED = "eSIM Returned", "The eSIM was given back to eSIM Go."
    ESIM_UPDATED = "eSIM Updated", "Something about the eSIM was changed."
    ESIM_UTILISATION_ALERT = (
        "eSIM Utilisation Alert",
        "A part of a bundle is used; `alertType` says how much.",
    )
    UNKNOWN = "unknown", "Another word of eSIM Go's; `name` has it."


class BundleState(Word):
    """Where a bundle assignment is in its life.

    Source: eSIM Go v2.4, "Get eSIM history", "Bundle Assignment States".
    """

    PROCESSING = "Processing", "It is being assigned; usually instant, at times ten minutes."
    QUEUED = "Queued", "It is assigned and not used yet."
    ACTIVE = "Active", "It is in use, with data and time left."
    DEPLETED = "Depleted", "Its data is used up before its time is over."
    EXPIRED = "Expired", "Its time is over."
    REVOKED = "Revoked", "It was taken off the eSIM."
    LAPSED = "Lapsed", "It was never used and is no longer on the eSIM."
    UNKNOWN = "unknown", "Another word of eSIM Go's; `bundleStateRaw` has it."


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleEvent:
    """One line of an eSIM's history. ``name`` is what happened, not a bundle's state."""

    name: str
    kind: BundleEventKind
    bundle_name: str | None  #: None for what happened to the eSIM as a whole
    bundle_state: BundleState | None
    bundle_state_raw: str | None
    occurred_at: datetime | None  #: cut to microseconds; ``occurred_at_raw`` keeps all nine digits
    occurred_at_raw: str | None
    alert_type: str | None
