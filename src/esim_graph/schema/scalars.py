"""Scalars: how identifiers, instants and large numbers cross the graph's edge.

``parse_value`` raises ``GraphQLError``: graphql-core hides other errors of literals and
shows those of variables (docs/libraries.md, 19).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NewType, TypeVar

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.types.scalar import ScalarDefinition

from esim_graph.domain.identifiers import (
    ActivationCode,
    Eid,
    Iccid,
    parse_activation_code,
    parse_eid,
    parse_iccid,
)
from esim_graph.domain.instants import format_instant, parse_instant, parse_relative
from esim_graph.errors import BadUserInput

BigInt = NewType("BigInt", int)  #: leaves as a decimal string
Moment = datetime | timedelta  #: what a DateTime input holds: an instant, or a time relative to now

T = TypeVar("T")

_MAX_DIGITS = 19


def _text(parse: Callable[[str], T], name: str) -> Callable[[object], T]:
    def parse_value(value: object) -> T:
        if not isinstance(value, str):
            raise GraphQLError(f"{name} must be given as a string.")
        try:
            return parse(value)
        except BadUserInput as error:
            raise GraphQLError(error.message) from None

    return parse_value


def _parse_moment(text: str) -> Moment:
    moment = parse_instant(text) or parse_relative(text)
    if moment is None:
        raise BadUserInput(
            "DateTime must be RFC 3339, such as 2026-06-26T14:34:40Z, or relative to now, such as -1h or -7d."
        )
    return moment


def _parse_big_int(value: object) -> int:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise GraphQLError("BigInt must be a whole number of at most 19 digits, as a string.")
    return int(text)


def _hidden(_: object) -> str:
    raise GraphQLError("An activation code is never given out.")


SCALARS: Mapping[object, ScalarDefinition] = {
    Iccid: strawberry.scalar(
        name="ICCID",
        description=(
            "The number of an eSIM profile: 18 to 20 digits, always a string. A 20th character F, blanks and "
            "hyphens are dropped; the check digit is not judged."
        ),
        specified_by_url="https://www.itu.int/rec/T-REC-E.118",
        serialize=str,
        parse_value=_text(parse_iccid, "iccid"),
    ),
    Eid: strawberry.scalar(
        name="EID",
        description="The number of an eUICC, the chip that holds profiles: 32 digits, always a string.",
        specified_by_url="https://www.gsma.com/solutions-and-impact/technologies/esim/gsma_resources/sgp-29",
        serialize=str,
        parse_value=_text(parse_eid, "eid"),
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "An instant in RFC 3339; it leaves in UTC with `Z`. Going in, it may also be relative to now: "
            "`-1h`, `-7d`, `+30m`."
        ),
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=format_instant,
        parse_value=_text(_parse_moment, "A DateTime"),
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number that may exceed 32 bits, as a decimal string: bytes do.",
        specified_by_url="https://www.iso.org/standard/81682.html",
        serialize=str,
        parse_value=_parse_big_int,
    ),
    ActivationCode: strawberry.scalar(
        name="ActivationCode",
        description="The secret that downloads a profile, such as `LPA:1$host$token`. It goes in and never out.",
        specified_by_url="https://www.gsma.com/solutions-and-impact/technologies/esim/gsma_resources/sgp-22",
        serialize=_hidden,
        parse_value=_text(parse_activation_code, "activationCode"),
    ),
}


def scalar_map() -> dict[Any, ScalarDefinition]:
    """The scalars in the form that strawberry's configuration takes."""
    return {
        origin: replace(scalar, parse_literal=_in_document(scalar.parse_value)) for origin, scalar in SCALARS.items()
    }


def _in_document(parse_value: Callable[[Any], Any] | None) -> Callable[..., Any]:
    """The same for a literal, whose error also says where in the document it stands."""

    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        try:
            return parse_value(value_from_ast_untyped(node, variables)) if parse_value else None
        except GraphQLError as error:
            raise GraphQLError(error.message, node) from None

    return parse_literal
