"""A page of a vendor's list."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some rows, and the vendor's own cursor for more; a further page may turn out empty."""

    items: tuple[T, ...]
    next_cursor: str | None
