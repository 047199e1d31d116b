"""Building ICCIDs, EIDs and device ids that are valid by the published rules.

Source: upstreams §4.4 (ICCID, EID) and §1.3 (``device_id`` pattern).
"""

_DOUBLED = str.maketrans("0123456789", "0246813579")


def luhn_digit(digits: str) -> str:
    """Return the Luhn check digit that completes *digits* (ITU-T E.118)."""
    total = sum(map(int, digits[-2::-2])) + sum(map(int, digits[-1::-2].translate(_DOUBLED)))
    return str(-total % 10)


def build_iccid(issuer: str, number: int, *, length: int = 19) -> str:
    """Return an ICCID of 18, 19 or 20 digits.

    Args:
        issuer: the leading digits, ``89`` and the issuer's.
        number: unique within the issuer; fills the middle.
        length: 18 leaves the check digit out, as some systems store it; 19 and 20 end with it.
    """
    without_check = 18
    if length == without_check:
        return issuer + str(number).zfill(length - len(issuer))
    body = issuer + str(number).zfill(length - 1 - len(issuer))
    return body + luhn_digit(body)


def build_eid(prefix: str, number: int) -> str:
    """Return a 32-digit EID whose last two digits satisfy ISO 7064 mod 97-10."""
    body = prefix + str(number).zfill(30 - len(prefix))
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def build_device_id(number: int) -> str:
    """Return a Digi device id, ``00000000-00000000-00409DFF-FF123456``."""
    return f"00000000-00000000-00409DFF-FF{number:06X}"
