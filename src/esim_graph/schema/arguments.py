"""Arguments that several fields share, and those that may be left out."""

from typing import Annotated, TypeVar

import strawberry

T = TypeVar("T")

VendorId = Annotated[str, strawberry.argument(description="Digi's own identifier.")]


def given(value: T | None) -> T | None:
    """The value, or None where the caller left the argument out.

    ``UNSET`` and not ``None`` is the default, so that the SDL shows no ``= null``.
    """
    return None if value is strawberry.UNSET else value
