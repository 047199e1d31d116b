"""Keeps a Python process on this machine: from import on, a socket beyond loopback is refused, and noted.

An audit hook sees what goes through Python's own ``socket``; uvloop connects in C and passes by unseen.
"""

import ipaddress
import os
import socket
import sys

#: What was refused, newest last: (audit event, address).
refused: list[tuple[str, str]] = []


class BeyondLoopback(RuntimeError):
    """A test reached for another machine.

    No ``OSError``: code that treats a network failure kindly must not hide it.
    """


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host == "localhost":  # None resolves to loopback, or to what bind then refuses
        return True
    if not isinstance(host, str):
        return False
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_beyond_loopback(event: str, args: tuple[object, ...]) -> None:
    match event:
        case "socket.getaddrinfo" | "socket.gethostbyname":
            host = args[0]
        case "socket.connect" | "socket.bind" | "socket.sendto":
            address = args[1]
            # A unix socket's address is a path, netlink's is numbers: neither leaves the machine.
            if getattr(args[0], "family", None) not in {socket.AF_INET, socket.AF_INET6}:
                return
            host = address[0] if isinstance(address, tuple) else address
        case _:
            return
    if not _is_loopback(host):
        refused.append((event, str(host)))
        raise BeyondLoopback(f"{event} to {host}: tests stay on loopback (process {os.getpid()})")


sys.addaudithook(_refuse_beyond_loopback)
