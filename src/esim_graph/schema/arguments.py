"""Arguments that may be left out."""

from typing import TypeVar

import strawberry

T = TypeVar("T")


def given(value: T | None) -> T | None:
    """The value, or None where the caller left the argument out.

    ``UNSET`` and not ``None`` is the default, so that the SDL shows no ``= null``.
    """
    return None if value is strawberry.UNSET else value
