"""How callers reach a served gateway: JSON, event streams and sockets, read as a program would read them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from esim_graph.sandbox import landmarks
from support.gateway import Served

PROTOCOL = "graphql-transport-ws"
WATCH = """
subscription ($vendorId: String!) {
  operationProgress(vendorId: $vendorId) { sequence operation { status isTerminal } }
}
"""
START = "mutation ($input: OperationStartInput!) { operationStart(input: $input) { operation { vendorId } } }"

_SECONDS = 5.0  # what any of this may take on a busy machine


async def post(served: Served, body: Any, **headers: str) -> tuple[int, Any, aiohttp.ClientResponse]:
    """POST *body*, bytes as they are and anything else as JSON; headers' underscores become hyphens."""
    wanted = {"content-type": "application/json", "accept": "application/json"}
    wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with served.http.post(served.graphql, data=data, headers=wanted) as response:
        return response.status, orjson.loads(await response.read()), response


async def ask(served: Served, query: str, **variables: Any) -> Any:
    """Run a query or mutation that must succeed; return its data."""
    _, answer, _ = await post(served, {"query": query, "variables": variables})
    assert "errors" not in answer, answer
    return answer["data"]


async def start_operation(served: Served) -> str:
    """Start an activation that stays in its first step until a test moves it; return Digi's identifier."""
    device = landmarks.READY_TO_ACTIVATE
    wanted = {"kind": "ACTIVATE", "deviceId": device.device_id, "carrier": device.carrier}
    data = await ask(served, START, input=wanted)
    identifier: str = data["operationStart"]["operation"]["vendorId"]
    return identifier


def move_operation(served: Served, vendor_id: str, status: str) -> None:
    """Put an operation into a status at the vendor, at once."""
    served.sandbox.multistep.change(served.sandbox.world.operations[vendor_id], status, None, None)


def watched() -> bool:
    """Whether anybody watches anything."""
    return any(task.get_name() == "event reader" for task in asyncio.all_tasks())


async def until(condition: Callable[[], bool]) -> None:
    """Let everything run until *condition* holds."""
    async with asyncio.timeout(_SECONDS):
        while not condition():  # noqa: ASYNC110 - whose event it is, is the business of the code under test
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Stream:
    """An open event stream."""

    response: aiohttp.ClientResponse

    async def frame(self) -> str:
        """The next frame, without the empty line that ends it; '' at the end of the stream."""
        lines = []
        async with asyncio.timeout(_SECONDS):
            while (line := await self.response.content.readline()) not in (b"\n", b""):
                lines.append(line.decode())
        return "".join(lines)

    async def next(self) -> Any:
        """The payload of the next frame, which must be a ``next``."""
        fields = await self.fields()
        assert fields["event"] == "next", fields
        return orjson.loads(fields["data"])

    async def fields(self) -> dict[str, str]:
        """The fields of the next frame that is no heartbeat: ``event``, ``data``, and those that some have."""
        while (frame := await self.frame()) == ":\n":
            pass
        return dict(line.split(": ", 1) for line in frame.splitlines())

    async def rest(self) -> str:
        """What still comes before the end."""
        async with asyncio.timeout(_SECONDS):
            return (await self.response.content.read()).decode()

    async def ended(self) -> None:
        """Read the ``complete`` that must come now, and the end."""
        assert await self.frame() == "event: complete\ndata:\n"
        assert await self.frame() == ""


@asynccontextmanager
async def open_stream(
    served: Served, query: str, *, accept: str = "text/event-stream", last_event_id: str | None = None, **variables: Any
) -> AsyncIterator[Stream]:
    """POST *query* for an event stream."""
    body = {"query": query, "variables": variables}
    headers = {"accept": accept} | ({"last-event-id": last_event_id} if last_event_id is not None else {})
    async with served.http.post(served.graphql, json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        yield Stream(response)


@dataclass(frozen=True, slots=True)
class Socket:
    """An open WebSocket."""

    connection: ClientConnection

    async def send(self, message: Any) -> None:
        """Send a message: text as it is, anything else as JSON."""
        await self.connection.send(message if isinstance(message, str) else orjson.dumps(message).decode())

    async def subscribe(self, identifier: str, query: str, **variables: Any) -> None:
        """Start an operation."""
        payload = {"query": query, "variables": variables}
        await self.send({"id": identifier, "type": "subscribe", "payload": payload})

    async def receive(self) -> Any:
        """The next message, which must be text."""
        async with asyncio.timeout(_SECONDS):
            message = await self.connection.recv()
        assert isinstance(message, str)
        return orjson.loads(message)

    async def next(self, identifier: str) -> Any:
        """The payload of the next message, which must be a ``next`` of this operation."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", identifier), message
        return message["payload"]

    async def completed(self, identifier: str) -> None:
        """Read the ``complete`` of this operation, which must come now."""
        assert await self.receive() == {"id": identifier, "type": "complete"}

    async def refused(self, identifier: str) -> list[Any]:
        """The errors of the next message, which must be an ``error`` of this operation."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("error", identifier), message
        errors: list[Any] = message["payload"]
        return errors

    async def closed(self) -> int | None:
        """Read to the end; return the close code."""
        try:
            async with asyncio.timeout(_SECONDS):
                while True:
                    await self.connection.recv()
        except ConnectionClosed:
            return self.connection.close_code

    async def lives(self) -> bool:
        """Whether the server still answers on it."""
        await self.send({"type": "ping"})
        return bool(await self.receive() == {"type": "pong"})

    def vanish(self) -> None:
        """Be gone without a word, as a laptop's lid closes."""
        self.connection.transport.abort()


@asynccontextmanager
async def open_socket(
    served: Served, *, init: bool = True, protocols: Sequence[str] = (PROTOCOL,), origin: str | None = None
) -> AsyncIterator[Socket]:
    """Open a socket, and with *init* have it acknowledged."""
    async with connect(
        served.graphql.replace("http", "ws", 1),
        subprotocols=[Subprotocol(protocol) for protocol in protocols] or None,
        origin=None if origin is None else Origin(origin),
        proxy=None,
    ) as connection:
        socket = Socket(connection)
        if init:
            await socket.send({"type": "connection_init"})
            assert await socket.receive() == {"type": "connection_ack"}
        yield socket
