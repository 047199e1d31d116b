"""What to select from a vendor's list, and in which order: a filter as plain data.

Field names are ours (``created_at``); each vendor's ``query.py`` knows its own spelling.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from esim_graph.domain.words import Word

Literal = str | int | datetime | timedelta | Word  #: a ``timedelta`` is relative to now


class Operator(Enum):
    """How a field is compared with a value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"


@dataclass(frozen=True, slots=True)
class Condition:
    """One field compared with one value."""

    field: str
    operator: Operator
    value: Literal


@dataclass(frozen=True, slots=True)
class AllOf:
    """True when every part is; so, of no parts, always."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when one part is; so, of no parts, never."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is not."""

    part: "Filter"


Filter = Condition | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Order:
    """By which field a list is sorted."""

    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows, and in which order; the default is all, in the vendor's own order."""

    where: Filter | None = None
    order: Order | None = None
