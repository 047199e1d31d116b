"""Typed filters and orders of the graph, and what they mean as a selection.

A filter names fields as the types do. What it becomes at the vendor is that vendor's
``query.py``: nobody here writes a query.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import strawberry

from esim_graph.domain import operation, profile, transaction
from esim_graph.domain.selection import AllOf, AnyOf, Condition, Filter, Not, Operator
from esim_graph.domain.words import Word
from esim_graph.errors import BadUserInput

W = TypeVar("W", bound=Word)

_LEFT_OUT = strawberry.UNSET
_OPERATORS = {
    "eq": Operator.EQ,
    "ne": Operator.NE,
    "lt": Operator.LT,
    "lte": Operator.LTE,
    "gt": Operator.GT,
    "gte": Operator.GTE,
    "contains": Operator.CONTAINS,
    "starts_with": Operator.STARTS_WITH,
    "ends_with": Operator.ENDS_WITH,
}
_MAX_VALUES = 200


def _optional(description: str, *, name: str | None = None) -> Any:
    """A field of an input that may be left out."""
    return strawberry.field(name=name, default=_LEFT_OUT, description=description)


def _by(what: str, *, name: str | None = None) -> Any:
    return _optional(f"By {what}.", name=name)


@strawberry.input(description="Compares a text; capital and small letters are alike. Several comparisons all hold.")
class TextFilter:
    """Parts of identifiers are allowed."""

    contains: str | None = _optional("The text contains this.")
    ends_with: str | None = _optional("The text ends with this.")
    eq: str | None = _optional("The text is this.")
    in_: list[str] | None = _optional("The text is one of these.", name="in")
    ne: str | None = _optional("The text is not this.")
    starts_with: str | None = _optional("The text starts with this.")


@strawberry.input(description="Compares a whole number. Several comparisons all hold.")
class IntFilter:
    """For the numbers that vendors count with."""

    eq: int | None = _optional("The number is this.")
    gt: int | None = _optional("The number is greater than this.")
    gte: int | None = _optional("The number is this or greater.")
    lt: int | None = _optional("The number is less than this.")
    lte: int | None = _optional("The number is this or less.")
    ne: int | None = _optional("The number is not this.")


@strawberry.input(description="Compares an instant with another, absolute or relative to now. Several all hold.")
class DateTimeFilter:
    """A value is an instant or, relative to now, a span."""

    eq: datetime | None = _optional("It is exactly then.")
    gt: datetime | None = _optional("It is later.")
    gte: datetime | None = _optional("It is then or later.")
    lt: datetime | None = _optional("It is earlier.")
    lte: datetime | None = _optional("It is then or earlier.")
    ne: datetime | None = _optional("It is not exactly then.")


@strawberry.input(
    name="Filter",
    description="Compares with the members of an enum; `UNKNOWN` means any word that is no other member.",
)
class WordFilter(Generic[W]):
    """Named after the enum: ``ProfileStatusFilter``."""

    eq: W | None = _optional("It is this.")
    in_: list[W] | None = _optional("It is one of these.", name="in")
    ne: W | None = _optional("It is not this.")


@strawberry.input(description="Selects profiles; fields that are given all hold.")
class ProfileFilter:
    """Nested by ``and``, ``or`` and ``not``."""

    and_: list["ProfileFilter"] | None = _optional("All of these hold.", name="and")
    carrier: TextFilter | None = _by("the carrier as the profile reports it")
    customer_id: TextFilter | None = _by("Digi's account")
    device_id: TextFilter | None = _by("Digi's device id")
    eid: TextFilter | None = _by("the eUICC; a part will do")
    iccid: TextFilter | None = _by("the ICCID; a part will do")
    normalized_carrier: TextFilter | None = _by("the carrier as Digi normalized it")
    not_: "ProfileFilter | None" = _optional("This does not hold.", name="not")
    number: IntFilter | None = _by("the place on the eUICC")
    or_: list["ProfileFilter"] | None = _optional("One of these holds.", name="or")
    status: WordFilter[profile.ProfileStatus] | None = _by("whether it is enabled")
    type: TextFilter | None = _by("what the profile is for")


@strawberry.input(description="Selects transactions; fields that are given all hold.")
class TransactionFilter:
    """Nested by ``and``, ``or`` and ``not``."""

    action: WordFilter[transaction.TransactionAction] | None = _by("what it does")
    and_: list["TransactionFilter"] | None = _optional("All of these hold.", name="and")
    created_at: DateTimeFilter | None = _by("when Digi accepted it")
    customer_id: TextFilter | None = _by("Digi's account")
    device_id: TextFilter | None = _by("Digi's device id")
    eid: TextFilter | None = _by("the eUICC; a part will do")
    iccid: TextFilter | None = _by("the ICCID; a part will do")
    message: TextFilter | None = _by("the message")
    message_code: TextFilter | None = _by("the message's code")
    not_: "TransactionFilter | None" = _optional("This does not hold.", name="not")
    or_: list["TransactionFilter"] | None = _optional("One of these holds.", name="or")
    status: WordFilter[transaction.TransactionStatus] | None = _by("how far it is")
    updated_at: DateTimeFilter | None = _by("when it last changed")
    vendor_id: TextFilter | None = _by("Digi's identifier of the transaction")


@strawberry.input(description="Selects operations; fields that are given all hold.")
class OperationFilter:
    """Nested by ``and``, ``or`` and ``not``."""

    and_: list["OperationFilter"] | None = _optional("All of these hold.", name="and")
    carrier: TextFilter | None = _by("the carrier that was asked for")
    cause: WordFilter[operation.OperationCause] | None = _by("what made it start")
    cause_id: TextFilter | None = _by("the automation or template")
    created_at: DateTimeFilter | None = _by("when Digi accepted it")
    created_by: TextFilter | None = _by("who started it")
    customer_id: TextFilter | None = _by("Digi's account")
    device_id: TextFilter | None = _by("Digi's device id")
    download_tx: TextFilter | None = strawberry.field(
        name="downloadTransactionId",
        default=_LEFT_OUT,
        description="By Digi's identifier of the download transaction.",
    )
    eid: TextFilter | None = _by("the eUICC; a part will do")
    enable_tx: TextFilter | None = _by("Digi's identifier of the enable transaction", name="enableTransactionId")
    iccid: TextFilter | None = _by("the ICCID; a part will do")
    job_id: TextFilter | None = _by("Digi's job")
    kind: WordFilter[operation.OperationKind] | None = _by("what it sets out to do")
    message: TextFilter | None = _by("the message")
    message_code: TextFilter | None = _by("the message's code")
    not_: "OperationFilter | None" = _optional("This does not hold.", name="not")
    or_: list["OperationFilter"] | None = _optional("One of these holds.", name="or")
    source: TextFilter | None = _by("the API or service that asked for it")
    status: WordFilter[operation.OperationStatus] | None = _by("its step or how it ended")
    updated_at: DateTimeFilter | None = _by("when it last changed")
    vendor_id: TextFilter | None = _by("Digi's identifier of the operation")


NounFilter = ProfileFilter | TransactionFilter | OperationFilter


def read_filter(given_filter: NounFilter | None) -> Filter | None:
    """What a filter means; None if it selects everything.

    Raises:
        BadUserInput: a null stands where a value belongs. It is refused and not skipped,
            because a filter that vanished would select everything.
    """
    return None if given_filter is None else _read(given_filter, "filter")


def _read(noun: NounFilter, path: str) -> Filter:
    parts: list[Filter] = []
    for name, where, value in given_entries(noun, path):
        match name:
            case "and_":
                parts.append(AllOf(_parts(value, where)))
            case "or_":
                parts.append(AnyOf(_parts(value, where)))
            case "not_":
                parts.append(Not(_read(value, where)))
            case _:
                parts.extend(_comparisons(name, value, where))
    # One condition alone is no level of its own: the vendor's limit counts those that the caller wrote.
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _parts(filters: Sequence[NounFilter], path: str) -> tuple[Filter, ...]:
    return tuple(_read(part, f"{path}[{place}]") for place, part in enumerate(filters))


def _comparisons(field: str, comparison: object, path: str) -> Iterator[Filter]:
    for name, where, value in given_entries(comparison, path):
        if name == "in_":
            if len(value) > _MAX_VALUES:
                raise BadUserInput(f"{where} must have at most {_MAX_VALUES} values.", argument=where)
            yield AnyOf(tuple(Condition(field, Operator.EQ, one) for one in value))
        else:
            yield Condition(field, _OPERATORS[name], value)


def given_entries(given_input: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Each field of an input that was given: its name, its path in the caller's terms, its value."""
    for entry in dataclasses.fields(given_input):
        value = getattr(given_input, entry.name)
        if value is _LEFT_OUT:
            continue
        where = f"{path}.{_graph_name(entry)}"
        if value is None:
            raise BadUserInput(f"{where} must not be null; leave it out instead.", argument=where)
        yield entry.name, where, value


def _graph_name(entry: "dataclasses.Field[Any]") -> str:
    if (name := getattr(entry, "graphql_name", None)) is not None:
        return str(name)
    first, *others = entry.name.split("_")
    return first + "".join(word.capitalize() for word in others)
