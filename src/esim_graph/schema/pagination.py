"""Relay connections: forward only, with ``nodes``, and no count that no vendor gives."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from esim_graph.loaders import Listing

T = TypeVar("T")
D = TypeVar("D")

First = Annotated[int | None, strawberry.argument(description="How many rows at most: 1 to 1,000; 50 when left out.")]
After = Annotated[
    str | None,
    strawberry.argument(description="An `endCursor` or `cursor` of this list, under the same filter and order."),
]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Relay's; there is no way back, because the vendors' cursors have none."""

    end_cursor: str | None = strawberry.field(
        description="The cursor of the last row, for `after`; null on an empty page."
    )
    has_next_page: bool = strawberry.field(
        description="Whether more may follow; the page that it promises can turn out empty."
    )
    has_previous_page: bool = strawberry.field(description="Whether this page was asked for with `after`.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first row; null on an empty page.")


@strawberry.type(description="A row with its place in the list.")
class Edge(Generic[T]):
    """Built only where edges are asked for: a cursor is sealed, and that costs."""

    cursor: str = strawberry.field(description="The place of this row, for `after`.")
    node: T = strawberry.field(description="The row.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """Over a listing of domain values, presented once."""

    nodes: list[T] = strawberry.field(description="The rows of this page.")
    listing: strawberry.Private[Listing[Any]]
    continued: strawberry.Private[bool]

    @strawberry.field(description="The rows of this page, each with its cursor.")
    def edges(self) -> list[Edge[T]]:
        """Seal a cursor for each row."""
        return [Edge(cursor=self.listing.cursor(row), node=node) for row, node in enumerate(self.nodes)]

    @strawberry.field(description="Where this page stands in its list.")
    def page_info(self) -> PageInfo:
        """Seal the first and the last cursor."""
        return PageInfo(
            end_cursor=self.listing.end_cursor,
            has_next_page=self.listing.slice.has_next_page,
            has_previous_page=self.continued,
            start_cursor=self.listing.cursor(0) if self.nodes else None,
        )


def connect(listing: Listing[D], present: Callable[[D], T], after: str | None) -> Connection[T]:
    """Present a listing."""
    return Connection(nodes=[present(item) for item in listing.slice.items], listing=listing, continued=bool(after))
