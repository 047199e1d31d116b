"""Connections: every row once and in order, however the page size changes, and cursors that fit their list only."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.connections import Cursors, Position, check_first, read_slice
from esim_graph.domain.page import Page
from esim_graph.errors import BadUserInput
from esim_graph.seal import Seal

SEAL = Seal(b"a key")


class Vendor:
    """A list in pages; its cursor belongs to one page size, as Digi's does."""

    def __init__(self, rows: int, *, eager: bool = False) -> None:
        self._rows = list(range(rows))
        self._eager = eager  # promises a page that turns out empty
        self.calls: list[tuple[int, str | None]] = []

    async def __call__(self, size: int, cursor: str | None) -> Page[int]:
        self.calls.append((size, cursor))
        assert 1 <= size <= 1_000
        start = 0
        if cursor is not None:
            belongs_to, _, place = cursor.partition(":")
            assert int(belongs_to) == size, "a cursor belongs to its page size"
            start = int(place)
        end = start + size
        more = end < len(self._rows) or (self._eager and start < len(self._rows) <= end)
        return Page(items=tuple(self._rows[start:end]), next_cursor=f"{size}:{end}" if more else None)


async def _walk(vendor: Vendor, firsts: list[int]) -> tuple[list[int], int]:
    """Read page after page to the end, each as large as the next of *firsts*; the rows, and how many pages."""
    cursors = Cursors(SEAL, "acme", "profiles")
    seen: list[int] = []
    after, pages = None, 0
    while True:
        first = firsts[min(pages, len(firsts) - 1)]
        page = await read_slice(vendor, first, cursors.read(after))
        pages += 1
        seen.extend(page.items)
        assert len(page.items) <= first
        if not page.has_next_page:
            return seen, pages
        if not page.items:
            return seen, pages
        after = cursors.write(page.behind(len(page.items) - 1))


@given(
    rows=st.integers(0, 60),
    firsts=st.lists(st.integers(1, 25), min_size=1, max_size=8),
    eager=st.booleans(),
)
def test_every_row_comes_once_and_in_order(rows: int, firsts: list[int], eager: bool) -> None:
    """``first`` may change from page to page."""
    seen, _ = asyncio.run(_walk(Vendor(rows, eager=eager), firsts))

    assert seen == list(range(rows))


@given(rows=st.integers(1, 40), first=st.integers(1, 15), then=st.integers(1, 15), data=st.data())
def test_any_rows_cursor_continues_behind_it(rows: int, first: int, then: int, data: st.DataObject) -> None:
    """Not only a page's last one."""
    vendor = Vendor(rows)
    page = asyncio.run(read_slice(vendor, first, Position()))
    row = data.draw(st.integers(0, len(page.items) - 1))

    rest = asyncio.run(read_slice(vendor, then, page.behind(row)))

    assert list(rest.items) == list(range(row + 1, min(rows, row + 1 + then)))


async def test_a_page_is_one_call() -> None:
    """The vendor is asked for exactly what the caller asks for."""
    vendor = Vendor(1_000)

    await _walk(vendor, [100])

    assert len(vendor.calls) == 10
    assert {size for size, _ in vendor.calls} == {100}


async def test_a_larger_page_than_before_takes_as_many_calls_as_it_must() -> None:
    """The cursor's page size is the vendor's; ten of those fill one of ours."""
    vendor = Vendor(200)
    start = (await read_slice(vendor, 10, Position())).behind(10 - 1)

    page = await read_slice(vendor, 95, start)

    assert list(page.items) == list(range(10, 105))
    assert page.has_next_page


async def test_an_old_cursor_of_a_tiny_page_does_not_make_a_thousand_calls() -> None:
    """The page is cut short and promises the next one."""
    vendor = Vendor(2_000)
    start = (await read_slice(vendor, 1, Position())).behind(1 - 1)

    page = await read_slice(vendor, 1_000, start)

    assert len(vendor.calls) <= 25
    assert page.has_next_page
    assert list(page.items) == list(range(1, 1 + len(page.items)))


@pytest.mark.parametrize("rows", [0, 5])
async def test_a_list_that_ends_says_so(rows: int) -> None:
    """Empty or not."""
    page = await read_slice(Vendor(rows), 50, Position())

    assert len(page.items) == rows
    assert not page.has_next_page


def test_a_cursor_comes_back_as_it_went_out() -> None:
    """Whatever the vendor's own looks like, blanks included."""
    cursors = Cursors(SEAL, "acme", "profiles carrier")

    for position in (Position("a b  c\n", 50, 3), Position(None, 50, 3), Position("", 0, 0)):
        again = cursors.read(cursors.write(position))
        assert (again.cursor or None, again.size, again.offset) == (
            position.cursor or None,
            position.size,
            position.offset,
        )


@pytest.mark.parametrize(
    ("tenant", "subject", "says"),
    [
        ("acme", "profiles iccid", "another list"),
        ("acme", "transactions carrier", "another list"),
        ("globex", "profiles carrier", "gave out"),
    ],
)
def test_a_cursor_fits_its_own_list_only(tenant: str, subject: str, says: str) -> None:
    """The same noun, filter and order, of the same tenant."""
    text = Cursors(SEAL, "acme", "profiles carrier").write(Position("x", 50, 3))

    with pytest.raises(BadUserInput, match=says) as refused:
        Cursors(SEAL, tenant, subject).read(text)

    assert refused.value.argument == "after"


@pytest.mark.parametrize("text", ["", "x", "YXJyYXljb25uZWN0aW9uOi01", "=", "é", "A" * 100_000])
def test_a_cursor_that_is_none_is_the_callers_mistake(text: str) -> None:
    """The sentence tells nothing about how ours are made."""
    with pytest.raises(BadUserInput) as refused:
        Cursors(SEAL, "acme", "profiles").read(text)

    assert refused.value.message == "after must be a cursor that this graph gave out."


def test_no_cursor_is_the_beginning() -> None:
    """As Relay has it."""
    assert Cursors(SEAL, "acme", "profiles").read(None) == Position()


@pytest.mark.parametrize(("first", "size"), [(None, 50), (1, 1), (1_000, 1_000)])
def test_a_page_has_a_size(first: int | None, size: int) -> None:
    """50 where the caller names none."""
    assert check_first(first) == size


@pytest.mark.parametrize("first", [0, -1, 1_001, 5_000, -(2**31)])
def test_a_page_that_is_too_large_or_none_is_the_callers_mistake(first: int) -> None:
    """The argument is named."""
    with pytest.raises(BadUserInput, match="between 1 and 1000") as refused:
        check_first(first)

    assert refused.value.argument == "first"
