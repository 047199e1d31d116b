"""Closed vocabularies: enums whose members say what they mean, read from a vendor's open ones."""

from enum import Enum
from typing import Self


class Word(Enum):
    """One vocabulary; every member has the vendor's spelling and a ``meaning``.

    Vendors add words without notice, so each vocabulary has ``UNKNOWN``, and the value
    that uses it keeps the vendor's own word beside it (``status`` and ``status_raw``).
    """

    meaning: str

    def __new__(cls, spelling: str, meaning: str) -> Self:
        """Keep the spelling as the member's value and the meaning beside it."""
        member = object.__new__(cls)
        member._value_ = spelling
        member.meaning = meaning
        return member

    @classmethod
    def read(cls, raw: str | None) -> Self | None:
        """The member a vendor's word stands for; None if the vendor said nothing.

        Whole words only, case and outer blanks aside: "inactive" is not "active".
        """
        if raw is None:
            return None
        members = cls._members()
        return members.get(raw) or members.get(raw.strip().casefold()) or cls["UNKNOWN"]

    @classmethod
    def _members(cls) -> dict[str, Self]:
        members: dict[str, Self] | None = cls.__dict__.get("_by_spelling")
        if members is None:
            members = {member.value.casefold(): member for member in cls}
            type.__setattr__(cls, "_by_spelling", members)
        return members
