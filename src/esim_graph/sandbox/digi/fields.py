"""The fields of Digi's three resources: their kinds, how to read them, how to write them as a row.

Field names and their order are those of vendors page 001.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Generic, TypeVar

from esim_graph.sandbox.clock import iso_ms
from esim_graph.sandbox.records import Operation, Profile, Transaction
from esim_graph.sandbox.switches import DigiSwitches

CUSTOMER_ID = 1001  #: the sandbox's one account (upstreams §7.1, example row).

R = TypeVar("R")
Value = str | int | datetime | None


class Kind(StrEnum):
    """How the query language compares a field."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Field(Generic[R]):
    """One field: its kind, and how to read it from a record (a string, a number or an instant)."""

    name: str
    kind: Kind
    get: Callable[[R], Value]


@dataclass(frozen=True, slots=True)
class Resource(Generic[R]):
    """One kind of row: its fields by name, in the page's order."""

    name: str
    fields: dict[str, Field[R]]

    def row(self, record: R, switches: DigiSwitches) -> dict[str, object]:
        """Write *record* as a JSON object."""
        row: dict[str, object] = {}
        keep_empty = switches.empty_values == "null"
        for name, field in self.fields.items():
            value = field.get(record)
            if isinstance(value, datetime):
                row[name] = iso_ms(value)
            elif value is not None or keep_empty:
                row[name] = value
        if switches.customer_id == "string":
            row["customer_id"] = str(CUSTOMER_ID)
        return row


def _customer(_: object) -> int:
    return CUSTOMER_ID


def _text(*names: str) -> list[tuple[str, Kind]]:
    return [(name, Kind.TEXT) for name in names]


def _resource(name: str, kinds: list[tuple[str, Kind]], computed: dict[str, Callable[[R], Value]]) -> Resource[R]:
    fields: dict[str, Field[R]] = {
        field: Field(field, kind, computed.get(field, attrgetter(field))) for field, kind in sorted(kinds)
    }
    return Resource(name, fields)


PROFILES: Resource[Profile] = _resource(
    "profiles",
    [
        *_text("carrier", "device_id", "eid", "iccid", "normalized_carrier", "status", "type"),
        ("customer_id", Kind.NUMBER),
        ("id", Kind.NUMBER),
    ],
    {"customer_id": _customer},
)


def transactions(switches: DigiSwitches) -> Resource[Transaction]:
    """Return the transaction rows' fields; the kind of identifier is a switch."""
    numbered = switches.identifiers == "integer"
    return _resource(
        "transactions",
        [
            *_text("action", "device_id", "eid", "iccid", "message", "message_code", "status"),
            ("created", Kind.TIME),
            ("customer_id", Kind.NUMBER),
            ("transaction", Kind.NUMBER if numbered else Kind.TEXT),
            ("updated", Kind.TIME),
        ],
        {"customer_id": _customer} | ({"transaction": attrgetter("number")} if numbered else {}),
    )


def operations(switches: DigiSwitches, transaction_number: Callable[[str | None], int | None]) -> Resource[Operation]:
    """Return the operation rows' fields; *transaction_number* translates ``download_tx`` and ``enable_tx``."""
    numbered = switches.identifiers == "integer"
    computed: dict[str, Callable[[Operation], Value]] = {"customer_id": _customer}
    if numbered:
        computed["id"] = attrgetter("number")
        computed["download_tx"] = lambda operation: transaction_number(operation.download_tx)
        computed["enable_tx"] = lambda operation: transaction_number(operation.enable_tx)
    identifier = Kind.NUMBER if numbered else Kind.TEXT
    return _resource(
        "operations",
        [
            *_text("carrier", "cause", "cause_id", "created_by", "device_id", "eid", "iccid", "message"),
            *_text("message_code", "operation", "source", "status"),
            ("created", Kind.TIME),
            ("customer_id", Kind.NUMBER),
            ("download_tx", identifier),
            ("enable_tx", identifier),
            ("id", identifier),
            ("job_id", Kind.NUMBER),
            ("updated", Kind.TIME),
        ],
        computed,
    )
