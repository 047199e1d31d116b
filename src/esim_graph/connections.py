"""Relay connections over a vendor's pages: what a cursor holds, and how a page is read.

A vendor's cursor belongs to one query, order and page size, while a caller may change
``first`` between pages. So ours holds the vendor's cursor, the page size it belongs to, and
how many rows of that page were given already.
"""

import hashlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from esim_graph.domain.page import Page
from esim_graph.errors import BadUserInput
from esim_graph.seal import Seal

T = TypeVar("T")

MAX_FIRST = 1000  # Digi's own maximum
DEFAULT_FIRST = 50
_MAX_VENDOR_PAGES = 20  # for one page of ours, when an old cursor's page size was tiny

FetchPage = Callable[[int, str | None], Coroutine[Any, Any, Page[T]]]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a vendor's list: *offset* rows into the page of *size* that *cursor* opens."""

    cursor: str | None = None
    size: int = 0  #: 0 only at the very beginning
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Some rows of a list, and where they stand."""

    items: Sequence[T]
    #: Which row stands first at which place; rows that follow it stand behind it on the same vendor page.
    stretches: Sequence[tuple[int, Position]]
    has_next_page: bool  #: may promise a page that turns out empty, as the vendors' cursors do

    def behind(self, row: int) -> Position:
        """The place behind a row. Worked out when asked for: of a thousand rows mostly the last one's is."""
        first, start = next(stretch for stretch in reversed(self.stretches) if stretch[0] <= row + 1)
        return Position(start.cursor, start.size, start.offset + row + 1 - first)


@dataclass(frozen=True, slots=True)
class KeyedSlice(Generic[T]):
    """Some rows of a list of our own, where a row's own key is its place."""

    items: Sequence[T]
    key: Callable[[T], str]
    has_next_page: bool  #: never promises what is not there

    def behind(self, row: int) -> Position:
        """The place behind a row."""
        return Position(self.key(self.items[row]), 1, 0)


class Cursors:
    """Writes and reads the cursors of one list: one tenant, one noun, one filter and order."""

    def __init__(self, seal: Seal, tenant: str, subject: str) -> None:
        self._seal = seal
        self._tenant = tenant
        self._subject = hashlib.sha256(subject.encode()).hexdigest()[:16]

    def write(self, position: Position) -> str:
        """Return the opaque text for a place."""
        text = f"{self._subject} {position.size} {position.offset} {position.cursor or ''}"
        return self._seal.close("cursor", self._tenant, text)

    def read(self, text: str | None) -> Position:
        """Return the place a caller's ``after`` stands for; the beginning if there is none.

        Raises:
            BadUserInput: it is not ours, or belongs to another list.
        """
        if text is None:
            return Position()
        opened = self._seal.open("cursor", self._tenant, text)
        if opened is None:
            raise BadUserInput("after must be a cursor that this graph gave out.", argument="after")
        subject, size, offset, cursor = opened.split(" ", 3)
        if subject != self._subject:
            raise BadUserInput(
                "after belongs to another list, filter or order; they must stay the same from page to page.",
                argument="after",
            )
        return Position(cursor or None, int(size), int(offset))


def check_first(first: int | None) -> int:
    """Return the page size a caller asks for.

    Raises:
        BadUserInput: it is not between 1 and 1,000.
    """
    if first is None:
        return DEFAULT_FIRST
    if not 1 <= first <= MAX_FIRST:
        raise BadUserInput(f"first must be between 1 and {MAX_FIRST}.", argument="first")
    return first


async def read_slice(fetch: FetchPage[T], first: int, start: Position) -> Slice[T]:
    """Read *first* rows from *start*: one call to the vendor, unless ``first`` has grown since."""
    cursor, size, offset = start.cursor, start.size, start.offset
    if cursor is None:
        # The first page belongs to no cursor yet, so its size is free: take all in one call.
        size = min(max(size, offset + first), MAX_FIRST) if offset else first
    items: list[T] = []
    stretches: list[tuple[int, Position]] = []
    for _ in range(_MAX_VENDOR_PAGES):
        stretches.append((len(items), Position(cursor, size, offset)))
        page = await fetch(size, cursor)
        rows = page.items[offset : offset + first - len(items)]
        items.extend(rows)
        if offset + len(rows) < len(page.items):
            return Slice(items, stretches, has_next_page=True)
        if page.next_cursor is None:
            return Slice(items, stretches, has_next_page=False)
        cursor, offset = page.next_cursor, 0
        if len(items) >= first:
            break
    stretches.append((len(items), Position(cursor, size, 0)))  # behind the page's last row begins the next page
    return Slice(items, stretches, has_next_page=True)
