"""How old an answer is, as data: nobody guesses an age from a time to live."""

from dataclasses import dataclass
from datetime import datetime

from esim_graph.domain.words import Word


class ServedFrom(Word):
    """Where an answer came from."""

    UPSTREAM = "upstream", "The vendor was asked for this answer."
    CACHE = "cache", "It was remembered from an earlier call and is still fresh."


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """When an answer was observed and how it came here."""

    observed_at: datetime
    age: float  #: seconds, when it was served
    served_from: ServedFrom
    stale: bool  #: older than the time for which such answers count as fresh
