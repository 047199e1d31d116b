"""What a caller is given for what was asked."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What runs now because of a request; ``replayed``: it ran before, and nothing was sent for this one."""

    value: T
    replayed: bool
