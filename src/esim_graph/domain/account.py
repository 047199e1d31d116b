"""Whose: the first argument of every store that several tenants share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """One tenant at one Digi. Part of every key; an id of Digi's means nothing without it."""

    tenant: str
    digi: str  #: which Digi, by its address; credentials may change without it
