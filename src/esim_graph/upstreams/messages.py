"""What goes over the wire, as plain values: the request a vendor is sent and the answer it gave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import quote

from esim_graph.errors import BadUserInput

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, not yet signed. It is signed when it is sent, anew for every attempt."""

    method: Literal["GET", "POST"]
    endpoint: str  #: what metrics and log lines call it: no identifier, no query
    path: str  #: behind the base URL; written by ``build_path``
    query: str = field(default="", repr=False)  #: percent-encoded; written by ``build_query``
    body: bytes | None = field(default=None, repr=False)  #: may hold an activation code
    idempotent: bool  #: False for what changes something at the vendor: sent exactly once
    max_bytes: int = MEBIBYTE  #: of the answer's body, decompressed
    heavy: bool = False  #: reading the answer takes so long that it is done in a thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, whatever its status says."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime

    @property
    def clock_offset(self) -> float | None:
        """Seconds the vendor's clock is ahead of ours; None if the answer has no ``Date``.

        ``Date`` has whole seconds and was written before the answer travelled here, so a
        second or two means nothing.
        """
        date = read_http_date(self.headers.get("Date"))
        return None if date is None else (date - self.received_at).total_seconds()


def build_path(*segments: str) -> str:
    """Join segments to a path; whatever a segment holds, it stays one segment.

    Raises:
        BadUserInput: a segment is empty or one of the two that mean another place.
    """
    for segment in segments:
        if segment in ("", ".", ".."):
            raise BadUserInput("An identifier must not be empty and not consist of dots.")
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def build_query(**parameters: str | int | None) -> str:
    """Encode parameters, blanks as ``%20``; those that are None are left out."""
    return "&".join(f"{name}={encode(str(value))}" for name, value in parameters.items() if value is not None)


def encode(text: str) -> str:
    """Percent-encode all but letters, digits and ``_.-~``."""
    return quote(text, safe="")


def read_http_date(text: str | None) -> datetime | None:
    """Read the date of an HTTP header; None if there is none."""
    if not text:
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
