"""A vendor that answers with the bytes it is told to: for the faults that no web framework makes."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto


class Act(Enum):
    """What the vendor may do instead of answering."""

    HANG_UP = auto()  #: read the request and close the connection
    HOLD = auto()  #: read the request and say nothing until the client goes away


@dataclass(frozen=True, slots=True)
class Then:
    """Send some bytes, and then do this."""

    sent: bytes
    act: Act


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]  #: names in lower case
    body: bytes
    connection: int  #: which connection it came on, from 1


Reply = bytes | Act | Then


@dataclass(slots=True)
class ScriptedVendor:
    """Answers each request with the next reply; with the last one for ever."""

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    client_gone: asyncio.Event = field(default_factory=asyncio.Event)
    open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = field(default_factory=dict)

    def says(self, *replies: Reply) -> None:
        """Script the replies."""
        self.replies = deque(replies)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.open[writer] = asyncio.current_task()
        connection = self.connections
        try:
            while (request := await _read_request(reader, connection)) is not None:
                self.requests.append(request)
                self.arrived.set()
                reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
                if isinstance(reply, Then):
                    writer.write(reply.sent)
                    reply = reply.act
                if reply is Act.HANG_UP:
                    break
                if reply is Act.HOLD:
                    await reader.read()
                    self.client_gone.set()
                    break
                assert isinstance(reply, bytes)
                writer.write(reply)
                await writer.drain()
        except ConnectionError:
            self.client_gone.set()
        finally:
            writer.close()
            del self.open[writer]

    async def close(self) -> None:
        """Hang up on everybody."""
        tasks = [task for task in self.open.values() if task is not None]
        for writer in self.open:
            writer.close()
        await asyncio.gather(*tasks)


@asynccontextmanager
async def scripted_vendor() -> AsyncIterator[ScriptedVendor]:
    """Open one on a free loopback port."""
    vendor = ScriptedVendor()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()
        await vendor.close()


def reply(body: bytes = b"{}", status: int = 200, **headers: str) -> bytes:
    """An ordinary answer; ``content_type="x"`` is the header ``Content-Type``."""
    lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, target, headers, body, connection)
