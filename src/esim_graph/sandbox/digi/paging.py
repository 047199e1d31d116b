"""Pages of a Digi list: ``size``, ``orderby`` and the cursor that remembers them.

Source: vendors page 001 (Parameters); upstreams §1.4, §7.1.2.
"""

import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from esim_graph.sandbox.digi.answers import refuse
from esim_graph.sandbox.digi.fields import Resource
from esim_graph.sandbox.digi.query_filter import QueryMeaningError, compile_query
from esim_graph.sandbox.digi.query_language import QuerySyntaxError, parse_query
from esim_graph.sandbox.switches import DigiSwitches

R = TypeVar("R")

LARGEST_PAGE = 1000  #: "The maximum and default is 1000" (vendors page 001).
_CURSORS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a cursor is bound to."""

    resource: str
    query: str
    orderby: str
    size: int


class Cursors:
    """The cursors given out: UUIDs that stand for parameters and a place in the result."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Parameters, int]] = OrderedDict()

    def give(self, parameters: Parameters, offset: int) -> str:
        """Return a new cursor; the oldest is forgotten beyond ten thousand."""
        cursor = str(uuid.uuid1())  # the vendor's sample, d7eec0d4-557a-11e9-…, is a version 1 UUID
        self._known[cursor] = (parameters, offset)
        if len(self._known) > _CURSORS_KEPT:
            self._known.popitem(last=False)
        return cursor

    def place(self, cursor: str, asked: Parameters, switches: DigiSwitches) -> tuple[Parameters, int]:
        """Return the parameters and the offset to go on with.

        Raises:
            RefusalError: 400 for a cursor that is unknown or belongs to another query (I, §1.4).
        """
        known = self._known.get(cursor)
        if known is None or known[0].resource != asked.resource:
            raise refuse(400, "Invalid cursor")
        if switches.cursor_binding == "strict" and known[0] != asked:
            raise refuse(400, "The cursor belongs to a query with other parameters")
        return known


def read_size(text: str | None, *, largest: int, switches: DigiSwitches) -> int:
    """Return the page size; above the maximum it is refused or clamped (unknown, a switch)."""
    if text is None:
        return largest
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise refuse(400, f"Invalid size '{text[:40]}'")
    if int(text) > largest:
        if switches.size_over_maximum == "refuse":
            raise refuse(400, f"Invalid size '{text[:40]}', the maximum is {largest}")
        return largest
    return int(text)


def read_parameters(resource: str, query: Mapping[str, str], switches: DigiSwitches) -> Parameters:
    """Read ``size``, ``query`` and ``orderby`` of a list."""
    size = read_size(query.get("size"), largest=LARGEST_PAGE, switches=switches)
    return Parameters(resource, query.get("query", ""), query.get("orderby", ""), size)


def select(
    records: list[R], resource: Resource[R], parameters: Parameters, switches: DigiSwitches, now: datetime
) -> list[R]:
    """Return the records a query keeps, in the order asked for; without an order, the oldest first (U).

    Raises:
        RefusalError: 400 with the vendor's wording for a query or an order that is none (I, §1.5).
    """
    if parameters.query.strip():
        try:
            tree = parse_query(parameters.query)
            keep = compile_query(tree, resource, now=now, null_differs=switches.null_differs)
        except (QuerySyntaxError, QueryMeaningError) as problem:
            raise refuse(400, str(problem)) from problem
        records = [record for record in records if keep(record)]
    if parameters.orderby.strip():
        key, descending = _order(parameters.orderby, resource, switches)
        records = sorted(records, key=key, reverse=descending)
    return records


def _order(
    orderby: str, resource: Resource[R], switches: DigiSwitches
) -> tuple[Callable[[R], tuple[bool, str | float | datetime]], bool]:
    """Read ``asc field`` or ``desc field`` (F); ``field desc`` is only observed, so a switch."""
    words = orderby.split()
    direction = "asc"
    if len(words) > 1 and words[0].lower() in ("asc", "desc"):
        direction = words.pop(0).lower()
    elif len(words) > 1 and words[-1].lower() in ("asc", "desc") and switches.orderby_field_first:
        direction = words.pop().lower()
    field = resource.fields.get(words[0].lower()) if len(words) == 1 else None
    if field is None:
        raise refuse(400, f"Invalid orderby '{orderby[:80]}'")
    get = field.get

    def key(record: R) -> tuple[bool, str | float | datetime]:
        value = get(record)
        if isinstance(value, str):
            return True, value.casefold()
        return (False, "") if value is None else (True, value)

    return key, direction == "desc"
