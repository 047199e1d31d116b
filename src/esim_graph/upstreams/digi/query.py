"""Digi's query language: compiles filters and orders; nobody else writes such text.

Source: upstreams.md §1.5 (Digi KB, "Advanced API Queries").
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum

from esim_graph.domain.selection import AllOf, Condition, Filter, Literal, Not, Operator, Order
from esim_graph.domain.words import Word
from esim_graph.errors import BadUserInput
from esim_graph.upstreams.messages import encode

MAX_ENCODED = 6_000  #: characters of one query; servers refuse request lines above 8 KiB
MAX_LEVELS = 10  #: of ``and``, ``or`` and ``not`` inside each other
MAX_ROWS = 1_000  #: of one page, and so keys worth asking for in one query

Fields = Mapping[str, str]  #: our name of a field → Digi's

_SHARED = ("iccid", "eid", "customer_id", "device_id", "status")
_DATED = {"message": "message", "message_code": "message_code", "created_at": "created", "updated_at": "updated"}
PROFILE: Fields = {name: name for name in (*_SHARED, "carrier", "normalized_carrier", "type")} | {"number": "id"}
TRANSACTION: Fields = {name: name for name in (*_SHARED, "action")} | _DATED | {"vendor_id": "transaction"}
_OPERATION_ONLY = ("carrier", "cause", "cause_id", "created_by", "source", "job_id", "download_tx", "enable_tx")
OPERATION: Fields = (
    {name: name for name in (*_SHARED, *_OPERATION_ONLY)} | _DATED | {"vendor_id": "id", "kind": "operation"}
)


class Constant(Enum):
    """A filter that needs no vendor to be judged."""

    ALWAYS = True  #: every row: there is nothing to ask for
    NEVER = False  #: no row: there is no reason to ask


_COMPARISONS = {
    Operator.EQ: "=",
    Operator.NE: "<>",
    Operator.LT: "<",
    Operator.LTE: "<=",
    Operator.GT: ">",
    Operator.GTE: ">=",
}
_SEARCHES = {Operator.CONTAINS: " contains ", Operator.STARTS_WITH: " startsWith ", Operator.ENDS_WITH: " endsWith "}
_EQUALITIES = (Operator.EQ, Operator.NE)
_ROUNDED_UP = (Operator.LT, Operator.GTE)

# Control characters (a line break in a quoted text is nobody's carrier), and halves of characters.
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MILLISECOND = timedelta(milliseconds=1)
_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def compile_filter(where: Filter | None, fields: Fields) -> str | Constant:
    """Write a filter as a query.

    Raises:
        BadUserInput: it is nested too deep, too long, or compares what cannot be compared.
    """
    if where is None:
        return Constant.ALWAYS
    query = _compile(where, fields, MAX_LEVELS)
    if isinstance(query, Constant):
        return query
    query = query[1:-1] if query.startswith("(") else query
    if (length := len(encode(query))) > MAX_ENCODED:
        raise BadUserInput(
            f"The filter is too long: {length} characters when encoded, at most {MAX_ENCODED} are allowed.",
            argument="filter",
        )
    return query


def compile_order(order: Order | None, fields: Fields) -> str | None:
    """Write an order as Digi documents it: the direction goes first."""
    if order is None:
        return None
    return f"{'desc' if order.descending else 'asc'} {_field(order.field, fields, 'orderBy')}"


def any_of(field: str, values: Iterable[str]) -> Iterator[str]:
    """Write queries for rows whose *field* (Digi's name) is one of *values*: as few as their length allows."""
    parts: list[str] = []
    length = 0
    joint = len(encode(" or "))
    for value in values:
        part = f"{field}={_quote(value)}"
        cost = len(encode(part)) + joint
        if parts and (length + cost > MAX_ENCODED or len(parts) == MAX_ROWS):
            yield " or ".join(parts)
            parts, length = [], 0
        parts.append(part)
        length += cost
    if parts:
        yield " or ".join(parts)


def _compile(where: Filter, fields: Fields, levels: int) -> str | Constant:
    """Write what can stand beside "and", "or" and "not" as it is: only joined parts start with a bracket."""
    if isinstance(where, Condition):
        return _compile_condition(where, fields)
    if not levels:
        raise BadUserInput(f"The filter is nested too deep: at most {MAX_LEVELS} levels.", argument="filter")
    if isinstance(where, Not):
        part = _compile(where.part, fields, levels - 1)
        if isinstance(part, Constant):
            return Constant(not part.value)
        return f"not {part if part.startswith('(') else f'({part})'}"
    # "and" is settled by one part that is never true, "or" by one that always is.
    joint, settling = (" and ", Constant.NEVER) if isinstance(where, AllOf) else (" or ", Constant.ALWAYS)
    texts = []
    for part in [_compile(part, fields, levels - 1) for part in where.parts]:
        if part is settling:
            return settling
        if isinstance(part, str):
            texts.append(part)
    if not texts:
        return Constant(not settling.value)
    return texts[0] if len(texts) == 1 else f"({joint.join(texts)})"


def _compile_condition(condition: Condition, fields: Fields) -> str:
    field = _field(condition.field, fields, "filter")
    operator, value = condition.operator, condition.value
    if isinstance(value, Word):
        return _compile_word(field, operator, value, condition.field)
    if operator in _SEARCHES:
        if not isinstance(value, str):
            raise _incomparable(condition.field, operator)
        return field + _SEARCHES[operator] + _quote(value)
    return field + _COMPARISONS[operator] + _literal(value, operator)


def _compile_word(field: str, operator: Operator, word: Word, ours: str) -> str:
    """``UNKNOWN`` is not a word of Digi's but every word that we do not know."""
    if operator not in _EQUALITIES:
        raise _incomparable(ours, operator)
    unknown = type(word)["UNKNOWN"]
    if word is not unknown:
        return field + _COMPARISONS[operator] + _quote(word.value)
    known = " or ".join(f"{field}={_quote(other.value)}" for other in type(word) if other is not unknown)
    return f"not ({known})" if operator is Operator.EQ else f"({known})"


def _literal(value: Literal, operator: Operator) -> str:
    match value:
        case str():
            return _quote(value)
        case bool():
            raise BadUserInput("A filter cannot compare with true or false.", argument="filter")
        case int():
            return str(value)
        case datetime():
            return f"'{_absolute(value, operator)}'"
        case timedelta():
            return _relative(value)
        case _:
            raise BadUserInput("A filter has a value that Digi cannot compare with.", argument="filter")


def _quote(text: str) -> str:
    if _NOT_TEXT.search(text):
        raise BadUserInput("A filter must not contain control characters.", argument="filter")
    return "'" + text.replace("'", "''") + "'"


def _absolute(instant: datetime, operator: Operator) -> str:
    """Digi's instants have milliseconds; finer ones go to the side that keeps the comparison true."""
    utc = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    floor = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
    if floor != utc and operator in _ROUNDED_UP:
        floor += _MILLISECOND
    return floor.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _relative(distance: timedelta) -> str:
    seconds = distance // timedelta(seconds=1)
    if timedelta(seconds=seconds) != distance:
        raise BadUserInput("A relative time must be in whole seconds.", argument="filter")
    if not seconds:
        return "-0m"
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size:+d}{unit}"


def _field(name: str, fields: Fields, argument: str) -> str:
    if name not in fields:
        raise BadUserInput(f"Digi knows no field {name!r} here.", argument=argument)
    return fields[name]


def _incomparable(field: str, operator: Operator) -> BadUserInput:
    return BadUserInput(f"{field} cannot be compared by {operator.value}.", argument="filter")
