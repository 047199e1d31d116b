"""Which pages a browser may call from, and under which names, while nobody is asked who they are.

A browser lets any page call any address of its reader's machine. A page must not be able to
act on devices through a gateway that listens there, neither from another site nor under a
name of its own that it has made to point there (DNS rebinding). Programs send no ``Origin``.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers


def is_loopback(host: str) -> bool:
    """Whether a name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_own_page(headers: Headers) -> bool:
    """Whether a request comes from a program, or from a page of this machine or of this very host.

    The host must be an address, or a name that nobody outside can make point here: one without
    a dot, or below ``localhost``.
    """
    host = _name(f"//{headers.get('host', '')}")
    if host is not None and not _is_ours(host):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    page = _name(origin)
    return page is not None and (is_loopback(page) or page == host)


def _is_ours(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host.rstrip(".") or host.endswith(".localhost")
    return True


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
