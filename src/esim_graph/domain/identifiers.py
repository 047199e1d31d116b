"""Identifiers of eSIMs and devices: their canonical form, and what is none."""

import re
from typing import NewType

from esim_graph.errors import BadUserInput

Iccid = NewType("Iccid", str)  #: 18 to 20 digits, without the trailing F of a 19-digit one
Eid = NewType("Eid", str)  #: 32 digits

_BLANKS = re.compile(r"[\s-]")
_ICCID = re.compile(r"\d{18,20}", re.ASCII)
_EID = re.compile(r"\d{32}", re.ASCII)
_VENDOR_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", re.ASCII)
_DEVICE_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{8}){3}", re.ASCII)
_MAX_KEY = 255
_FULL_LENGTH = 20
_EID_LENGTH = 32
_MAX_BIGINT = 2**63 - 1


def parse_iccid(text: str, *, argument: str = "iccid") -> Iccid:
    """Read an ICCID as people and vendors write it.

    Blanks and hyphens are dropped, and so is the F that pads 19 digits to 20. The check
    digit is not judged: documented ICCIDs of these very vendors fail it.

    Raises:
        BadUserInput: *text* is no ICCID.

    Source: upstreams.md §4.4 (ITU-T E.118, SGP.22).
    """
    iccid = read_iccid(text)
    if iccid is None:
        raise BadUserInput(f"{argument} must be an ICCID: 18 to 20 digits, a 20th may be F.", argument=argument)
    return iccid


def read_iccid(text: str) -> Iccid | None:
    """Like ``parse_iccid`` for text from a vendor: None instead of an error."""
    digits = _BLANKS.sub("", text)
    if len(digits) == _FULL_LENGTH and digits[-1] in "Ff":
        digits = digits[:-1]
    return Iccid(digits) if _ICCID.fullmatch(digits) else None


def parse_eid(text: str, *, argument: str = "eid") -> Eid:
    """Read an EID: 32 digits, blanks and hyphens aside; the check digits are not judged.

    Raises:
        BadUserInput: *text* is no EID.
    """
    eid = read_eid(text)
    if eid is None:
        raise BadUserInput(f"{argument} must be an EID: 32 digits.", argument=argument)
    return eid


def read_eid(text: str) -> Eid | None:
    """Like ``parse_eid`` for text from a vendor: None instead of an error."""
    digits = text if len(text) == _EID_LENGTH else _BLANKS.sub("", text)
    return Eid(digits) if _EID.fullmatch(digits) else None


def parse_vendor_id(text: str, *, argument: str) -> str:
    """Read an identifier that Digi gave out (a transaction, an operation, a device).

    Their exact form is Digi's business; what matters here is that none can leave its place
    in a path or a query.

    Raises:
        BadUserInput: *text* has other characters, or none, or too many.
    """
    if not _VENDOR_ID.fullmatch(text):
        raise BadUserInput(
            f"{argument} must be 1 to 128 letters, digits and . _ : - as Digi gave it out.", argument=argument
        )
    return text


def parse_device_id(text: str, *, argument: str = "deviceId") -> str:
    """Read Digi's id of a device, in capitals where it has the form that Digi documents.

    So that one device has one spelling: what runs on it is found by it.

    Raises:
        BadUserInput: as ``parse_vendor_id``.

    Source: upstreams.md §1.3.
    """
    device_id = parse_vendor_id(text, argument=argument)
    return device_id.upper() if _DEVICE_ID.fullmatch(device_id) else device_id


def parse_idempotency_key(text: str, *, argument: str = "idempotencyKey") -> str:
    """Read the key under which a caller may ask for the same action again.

    Raises:
        BadUserInput: it is empty, longer than 255, or not printable.
    """
    if not (0 < len(text) <= _MAX_KEY and text.isprintable()):
        raise BadUserInput(f"{argument} must be 1 to {_MAX_KEY} printable characters.", argument=argument)
    return text


def parse_esim_id(number: int, *, argument: str = "esimId") -> int:
    """Check eSIMfly's own number of an eSIM: a positive 64-bit integer."""
    if not 0 < number <= _MAX_BIGINT:
        raise BadUserInput(f"{argument} must be a positive integer below 2^63.", argument=argument)
    return number


class ActivationCode:
    """An activation code on its way in: whatever prints it, prints stars."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def reveal(self) -> str:
        """The code itself, for the one request that needs it."""
        return self._secret

    def __repr__(self) -> str:
        return "ActivationCode(***)"


_ACTIVATION_CODE = re.compile(r"[\x21-\x7e]{1,512}")


def parse_activation_code(text: str, *, argument: str = "activationCode") -> ActivationCode:
    """Read an activation code (``LPA:1$host$token`` or as the supplier prints it).

    Raises:
        BadUserInput: it is empty, longer than 512, or has blanks; the code is never repeated.
    """
    code = text.strip()
    if not _ACTIVATION_CODE.fullmatch(code):
        raise BadUserInput(f"{argument} must be 1 to 512 printable characters without blanks.", argument=argument)
    return ActivationCode(code)
