"""Reads vendors' JSON with tolerance: a member of the wrong type is as good as none.

Vendors change types without notice (an id is a number today and text tomorrow), so each
function takes whatever JSON brought and answers with the wanted type or None. Numbers that
JSON turned into floats are never made into identifiers: their digits may be gone.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import orjson

from esim_graph.domain.identifiers import Eid, Iccid, read_eid, read_iccid
from esim_graph.domain.instants import parse_instant
from esim_graph.errors import UpstreamName
from esim_graph.upstreams.messages import Answer
from esim_graph.upstreams.refusals import unreadable

T = TypeVar("T")

Json = object  #: what ``orjson.loads`` gives; looked at only through the functions below
Members = dict[str, Json]  #: of a JSON object

_ICCID_LENGTHS = range(18, 21)
_INTEGER_DIGITS = 18
_USUAL_INSTANT = len("2026-06-26T14:34:40.123Z")
# An escaped backslash, a character beyond 16 bits as its two halves, or a half alone.
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_ACTIVATION_CODE = re.compile(r"(?:LPA:)?1\$[^\s$]+\$[^\s\"']*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """What could be read of a list, and how many rows could not: those without a usable key."""

    items: list[T]
    skipped: int


def parse_json(answer: Answer, upstream: UpstreamName) -> Json:
    """The body's value.

    Raises:
        UpstreamBadResponse: it is no JSON: HTML, cut, empty, or no UTF-8.
    """
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        # A message that was cut in the middle of an emoji must not cost all the rows beside it.
        mended = _SURROGATES.sub(_without_halves, answer.body)
        with suppress(orjson.JSONDecodeError):
            if mended != answer.body:
                return orjson.loads(mended)
        raise unreadable(upstream, "is not JSON") from None


def _without_halves(found: "re.Match[bytes]") -> bytes:
    return b"\\ufffd" if found["half"] else found[0]


def read_rows(rows: Json, read: Callable[[Members], T | None], upstream: UpstreamName) -> Rows[T]:
    """Read each row of a list; *read* answers None for one without a usable key.

    Raises:
        UpstreamBadResponse: there is no list, or not one of its rows is an object.
    """
    if not isinstance(rows, list):
        raise unreadable(upstream, "has no list")
    objects = [row for row in rows if isinstance(row, dict)]
    if rows and not objects:
        raise unreadable(upstream, "has a list of something else")
    items = [item for row in objects if (item := read(row)) is not None]
    return Rows(items, len(rows) - len(items))


def text(value: Json) -> str | None:
    """Text, or an integer as text; without NUL, which means nothing and which PostgreSQL cannot keep."""
    if type(value) is str:
        return value.replace("\0", "") if "\0" in value else value
    return str(value) if type(value) is int else None


def identifier(value: Json) -> str | None:
    """Like ``text``, but empty is none."""
    return text(value) or None


def integer(value: Json) -> int | None:
    """An integer, or one as text."""
    if type(value) is int:
        return value
    if type(value) is str and len(value) <= _INTEGER_DIGITS and value.isascii() and value.isdigit():
        return int(value)
    return None


def number(value: Json) -> float | None:
    """A number, but not one as text."""
    return float(value) if type(value) is float or type(value) is int else None


def flag(value: Json) -> bool | None:
    """True or false."""
    return value if type(value) is bool else None


def members(value: Json) -> Members | None:
    """An object."""
    return value if isinstance(value, dict) else None


def iccid(value: Json) -> Iccid | None:
    """An ICCID in its canonical form."""
    digits = text(value)
    if digits is None:
        return None
    if len(digits) in _ICCID_LENGTHS and digits.isascii() and digits.isdigit():
        return Iccid(digits)  # nearly always; the regular expressions are for the rest
    return read_iccid(digits)


def eid(value: Json) -> Eid | None:
    """An EID: 32 digits, blanks and hyphens aside."""
    digits = text(value)
    return None if digits is None else read_eid(digits)


def instant(value: Json) -> datetime | None:
    """An instant in UTC."""
    if type(value) is not str:
        return None
    if len(value) == _USUAL_INSTANT and value[-1] == "Z":
        with suppress(ValueError):
            return datetime.fromisoformat(value)  # ten times quicker than the careful way
    return parse_instant(value)


def message(value: Json) -> str | None:
    """A vendor's sentence, with stars where it repeats an activation code."""
    sentence = text(value)
    if sentence is not None and "$" in sentence:
        return _ACTIVATION_CODE.sub("***", sentence)
    return sentence
