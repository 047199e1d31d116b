"""What to select from a vendor's list, and in which order: a filter as plain data.

Field names are ours (``created_at``); each vendor's ``query.py`` knows its own spelling.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

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


_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.CONTAINS: operator.contains,
    Operator.STARTS_WITH: str.startswith,
    Operator.ENDS_WITH: str.endswith,
}


def matches(where: Filter, thing: object, *, now: datetime) -> bool:
    """Whether a value of ours is selected, judged as Digi judges its own.

    Capital and small letters are alike. An absent value differs from everything and is nothing
    else; an absent word counts as an unknown one. Source: upstreams.md §1.5, where Digi tells.
    """
    match where:
        case AllOf():
            return all(matches(part, thing, now=now) for part in where.parts)
        case AnyOf():
            return any(matches(part, thing, now=now) for part in where.parts)
        case Not():
            return not matches(where.part, thing, now=now)
        case Condition():
            return _holds(where, getattr(thing, where.field), now)


def _holds(condition: Condition, value: Any, now: datetime) -> bool:
    wanted = _comparable(condition.value, now)
    if isinstance(condition.value, Word) and value is None:
        value = type(condition.value)["UNKNOWN"]
    if value is None:
        return condition.operator is Operator.NE
    return _COMPARE[condition.operator](_comparable(value, now), wanted)


def _comparable(value: Any, now: datetime) -> Any:
    match value:
        case Word():
            return value
        case str():
            return value.casefold()
        case timedelta():
            return now + value
        case datetime() if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        case _:
            return value
