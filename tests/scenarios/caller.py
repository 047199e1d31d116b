"""A caller who outlives the gateway: it asks again when an answer is lost, and resumes its streams."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

PROTOCOL = "graphql-transport-ws"
_ANSWER_SECONDS = 15.0
_OPEN_SECONDS = 10.0


class Lost(Exception):
    """The connection went, or was refused, before the end came."""


async def ask(http: aiohttp.ClientSession, graphql: str, query: str, variables: Any = None) -> Any:
    """Run a query or mutation; return the whole answer.

    Raises:
        Lost: nobody knows what became of it.
    """
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            async with http.post(graphql, json={"query": query, "variables": variables or {}}) as response:
                return orjson.loads(await response.read())
    except (aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError) as error:
        raise Lost(repr(error)) from error


async def data(http: aiohttp.ClientSession, graphql: str, query: str, variables: Any = None) -> Any:
    """Run what must succeed; return its data."""
    answer = await ask(http, graphql, query, variables)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


class Socket:
    """One WebSocket and the subscriptions on it, each of which may be read at its own pace."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._arrived: dict[str, asyncio.Queue[Mapping[str, Any] | None]] = {}
        self._count = 0
        self.gone = asyncio.Event()  #: Set when nothing more comes.
        self._reading = asyncio.create_task(self._read(), name="scenario socket")

    async def watch(self, query: str, variables: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        """Subscribe; yield each answer until the gateway completes.

        Raises:
            Lost: the socket went before that.
            AssertionError: the subscription was refused.
        """
        self._count += 1
        identifier = str(self._count)
        arrived = self._arrived[identifier] = asyncio.Queue()
        payload = {"query": query, "variables": variables}
        if self.gone.is_set():
            raise Lost
        await self._send({"id": identifier, "type": "subscribe", "payload": payload})
        while message := await arrived.get():
            if message["type"] == "complete":
                return
            assert message["type"] == "next", message
            yield message["payload"]
        raise Lost

    def vanish(self) -> None:
        """Be gone without a word, as a laptop's lid closes."""
        self._connection.transport.abort()

    async def close(self) -> None:
        """Close it in order."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self._connection.close()

    async def acknowledged(self) -> None:
        """Say hello, and wait for the answer."""
        arrived = self._arrived[""] = asyncio.Queue()
        await self._send({"type": "connection_init"})
        if await arrived.get() is None:
            raise Lost

    async def _read(self) -> None:
        try:
            while True:
                message = orjson.loads(await self._connection.recv())
                if message["type"] == "ping":
                    await self._send({"type": "pong"})
                else:
                    self._arrived[message.get("id", "")].put_nowait(message)
        except (ConnectionClosed, Lost):
            pass
        finally:
            self.gone.set()
            for arrived in self._arrived.values():
                arrived.put_nowait(None)

    async def _send(self, message: Mapping[str, Any]) -> None:
        try:
            await self._connection.send(orjson.dumps(message).decode())
        except ConnectionClosed as closed:
            raise Lost from closed


@asynccontextmanager
async def open_socket(graphql: str) -> AsyncIterator[Socket]:
    """Open an acknowledged socket.

    Raises:
        Lost: nobody is there.
    """
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            connection = await connect(
                graphql.replace("http", "ws", 1), subprotocols=[Subprotocol(PROTOCOL)], proxy=None, ping_interval=None
            )
    except (OSError, TimeoutError, InvalidHandshake, InvalidMessage, ConnectionClosed) as error:
        raise Lost(repr(error)) from error
    socket = Socket(connection)
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            await socket.acknowledged()
        yield socket
    finally:
        with suppress(Lost):
            await socket.close()


async def stream(
    http: aiohttp.ClientSession, graphql: str, query: str, variables: Any, last_event_id: str | None
) -> AsyncGenerator[tuple[str | None, Any], None]:
    """Subscribe over server-sent events; yield each frame's id and answer until the gateway completes.

    Raises:
        Lost: the stream ended without that.
    """
    headers = {"accept": "text/event-stream"} | ({} if last_event_id is None else {"last-event-id": last_event_id})
    body = {"query": query, "variables": variables}
    try:
        async with http.post(graphql, json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            frame: dict[str, str] = {}
            async for line in response.content:
                name, _, value = line.decode().rstrip("\n").partition(":")
                if line == b"\n":
                    if frame.get("event") == "complete":
                        return
                    if frame:
                        yield frame.get("id"), orjson.loads(frame["data"])
                    frame = {}
                elif name:
                    frame[name] = value.removeprefix(" ")
    except (aiohttp.ClientError, OSError) as error:
        raise Lost(repr(error)) from error
    raise Lost
