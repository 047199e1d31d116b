"""The life of a profile: its nine states, and which change of state is in order."""

from collections.abc import Mapping
from dataclasses import dataclass

from esim_graph.domain.words import Word


class ProfileState(Word):
    """Where a profile is in its life.

    Source: vendor page 000, "Profile's Status".
    """

    AVAILABLE = "AVAILABLE", "It is ready to be downloaded."
    DOWNLOADED = "DOWNLOADED", "It was downloaded to the device, and is not installed yet."
    INSTALLED = "INSTALLED", "It is on the eUICC and was not enabled since."
    ENABLED = "ENABLED", "The device uses it."
    DISABLED = "DISABLED", "It is on the eUICC and switched off; it can be enabled again."
    DELETED = "DELETED", "It was deleted from the eUICC."
    REMOVED = "REMOVED", "It and its activation code were deleted from the SM-DP+'s platform."
    EXPIRED = "EXPIRED", "The offer to download it ran out."
    CANCELED = "CANCELED", "The offer to download it was taken back."
    UNKNOWN = "UNKNOWN", "No vendor tells."


_S = ProfileState

ON_DEVICE = frozenset({_S.DOWNLOADED, _S.INSTALLED, _S.ENABLED, _S.DISABLED})

_RANKS = {state: rank for rank, state in enumerate(ProfileState)}


def rank(state: ProfileState) -> int:
    """How far in its life: of two reports with one time, the one that is further counts."""
    return _RANKS[state]


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state that is in order, and why."""

    before: ProfileState
    after: ProfileState
    reason: str
    stated: bool  #: by vendor page 000; else inferred from it and from SGP.22


#: Source: upstreams.md §4.2. The page's own diagram is an image; the stated ones are in its text.
TRANSITIONS = (
    Transition(_S.AVAILABLE, _S.DOWNLOADED, "The device fetched it from the SM-DP+.", stated=False),
    Transition(_S.AVAILABLE, _S.EXPIRED, "ES2+ EXPIRED was called before anybody downloaded it.", stated=False),
    Transition(_S.AVAILABLE, _S.CANCELED, "ES2+ Cancel was called before anybody downloaded it.", stated=False),
    Transition(_S.AVAILABLE, _S.REMOVED, "It was deleted from the platform.", stated=False),
    Transition(_S.DOWNLOADED, _S.INSTALLED, "The eUICC took it up; it starts switched off.", stated=False),
    Transition(_S.DOWNLOADED, _S.AVAILABLE, "The installation failed; it can be downloaded again.", stated=False),
    Transition(_S.INSTALLED, _S.ENABLED, "It was switched on for the first time.", stated=False),
    Transition(_S.INSTALLED, _S.DELETED, "It was deleted without ever being used.", stated=False),
    Transition(_S.ENABLED, _S.DISABLED, "It was switched off, or another one was switched on.", stated=False),
    Transition(_S.DISABLED, _S.ENABLED, "It was switched on again.", stated=True),
    Transition(_S.DISABLED, _S.DELETED, "It was deleted; an eUICC deletes only what is off.", stated=False),
    Transition(_S.DELETED, _S.AVAILABLE, "The user deleted it, so that it can be downloaded again.", stated=True),
    Transition(_S.DELETED, _S.REMOVED, "It was deleted from the platform.", stated=False),
    Transition(_S.REMOVED, _S.AVAILABLE, "It was imported again and has a new activation code.", stated=True),
    Transition(_S.EXPIRED, _S.AVAILABLE, "Its activation code was generated anew.", stated=True),
    Transition(_S.EXPIRED, _S.REMOVED, "It was deleted from the platform.", stated=False),
    Transition(_S.CANCELED, _S.AVAILABLE, "Its activation code was generated anew.", stated=True),
    Transition(_S.CANCELED, _S.REMOVED, "It was deleted from the platform.", stated=False),
)

_IN_ORDER: Mapping[ProfileState, frozenset[ProfileState]] = {
    state: frozenset(transition.after for transition in TRANSITIONS if transition.before is state)
    for state in ProfileState
}


def is_in_order(before: ProfileState | None, after: ProfileState) -> bool:
    """Whether a change is in the table; a first sighting and a state that stays always are."""
    return before is None or after is before or after in _IN_ORDER[before]
