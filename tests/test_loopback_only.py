"""The guard over all tests: it refuses what leaves this machine and nothing else."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loopback_guard import BeyondLoopback

# Addresses that RFC 5737 and RFC 3849 keep for documentation.
OUTSIDE = "192.0.2.1"
OUTSIDE_6 = "2001:db8::1"


def _connect(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as outgoing:
        outgoing.connect((host, 443))


@pytest.mark.parametrize(
    "reach_out",
    [
        lambda: _connect(socket.AF_INET, OUTSIDE),
        lambda: _connect(socket.AF_INET6, OUTSIDE_6),
        lambda: socket.create_connection((OUTSIDE, 443), timeout=1),
        lambda: socket.getaddrinfo("vendor.example", 443),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"?", (OUTSIDE, 53)),
        lambda: socket.create_server(("0.0.0.0", 0)),
    ],
    ids=["connect", "connect over IPv6", "create_connection", "look up a name", "send a datagram", "listen to all"],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_beyond_loopback_is_refused(
    reach_out: Callable[[], object], refused_connections: list[tuple[str, str]]
) -> None:
    """Whatever way code takes to another machine ends in an error that names it."""
    with pytest.raises(BeyondLoopback):
        reach_out()

    assert len(refused_connections) == 1
    refused_connections.clear()


async def test_asyncio_is_refused_too(refused_connections: list[tuple[str, str]]) -> None:
    """The event loop's own connections come under the guard."""
    with pytest.raises(BeyondLoopback):
        await asyncio.open_connection(OUTSIDE, 443)

    refused_connections.clear()


async def test_loopback_and_unix_sockets_are_free(tmp_path: Path) -> None:
    """Sandboxes, servers and databases of a test are reached as ever."""
    for host in ("127.0.0.1", "::1", "localhost"):
        server = await asyncio.start_server(lambda _, writer: writer.close(), host, 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection(host, port)
            assert await reader.read() == b""
            writer.close()

    async with await asyncio.start_unix_server(lambda _, writer: writer.close(), tmp_path / "socket"):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
        assert await reader.read() == b""
        writer.close()


def test_a_child_process_is_guarded() -> None:
    """A Python process that a test starts inherits the guard."""
    child = subprocess.run(
        [sys.executable, "-c", f"import socket; socket.create_connection(({OUTSIDE!r}, 443), timeout=1)"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert child.returncode == 1
    assert "BeyondLoopback" in child.stderr
