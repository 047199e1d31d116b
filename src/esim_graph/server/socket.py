"""Subscriptions, queries and mutations over one WebSocket: the graphql-transport-ws protocol.

Ours and not a library's, because one broken message must not end the socket for the others,
nor one broken document (docs/libraries.md, 18). Source: the protocol's description in graphql-ws.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from esim_graph.engine import Answer, Engine, Refused, Request
from esim_graph.errors import BadUserInput
from esim_graph.server.requests import read_request
from esim_graph.telemetry import Metrics, logger, new_request_id, request_id

PROTOCOL = "graphql-transport-ws"

_INIT_SECONDS = 10.0
_PING_SECONDS = 12.0
_MAX_OPERATIONS = 100  # running at once on one socket
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

_INVALID = 4400
_UNAUTHORIZED = 4401
_BAD_PROTOCOL = 4406
_INIT_TIMEOUT = 4408
_DUPLICATE = 4409
_TOO_MANY_INITS = 4429
_GOING_AWAY = 1001
_INTERNAL = 1011


class GraphQLOverWebSocket:
    """The ASGI application for WebSockets at ``/graphql``."""

    def __init__(self, engine: Engine, *, closing: asyncio.Event, metrics: Metrics) -> None:
        self._engine = engine
        self._closing = closing
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket to its end."""
        websocket = WebSocket(scope, receive, send)
        if not _same_site(websocket):
            await websocket.close()  # before it is accepted: the caller sees 403
            return
        if PROTOCOL not in scope["subprotocols"]:
            await websocket.accept()
            await websocket.close(_BAD_PROTOCOL, f"Use the subprotocol {PROTOCOL}")
            return
        await websocket.accept(PROTOCOL)
        await _Connection(websocket, self._engine, self._metrics).serve(self._closing)


class _Close(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Connection:
    """One socket: what arrived on it, and what runs for it."""

    def __init__(self, websocket: WebSocket, engine: Engine, metrics: Metrics) -> None:
        self._websocket = websocket
        self._engine = engine
        self._metrics = metrics
        self._acknowledged = False
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # those of cancelled and completed operations too

    async def serve(self, closing: asyncio.Event) -> None:
        """Read messages until the caller goes, breaks the protocol, or the process closes."""
        reading = asyncio.create_task(self._read(), name="socket read")
        helpers = [
            asyncio.create_task(closing.wait(), name="socket closing"),
            asyncio.create_task(self._ping(), name="socket ping"),
        ]
        try:
            await asyncio.wait({reading, *helpers}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            await self._close(_GOING_AWAY, "The server is going away")
        except _Close as close:
            await self._close(close.code, close.reason)
        except (WebSocketDisconnect, OSError):
            pass
        except Exception:
            logger().exception("socket_failed")
            await self._close(_INTERNAL, "Internal error")
        finally:
            tasks = [reading, *helpers, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, code: int, reason: str) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTED:
            await self._websocket.close(code, reason)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(_INIT_SECONDS):
                while not self._acknowledged:
                    await self._handle(await self._receive())
        except TimeoutError:
            raise _Close(_INIT_TIMEOUT, "Connection initialisation timeout") from None
        while True:
            await self._handle(await self._receive())

    async def _receive(self) -> Mapping[str, Any]:
        frame = await self._websocket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1005))
        try:
            message = orjson.loads(frame.get("text") or b"")
        except orjson.JSONDecodeError:
            raise _Close(_INVALID, "A message must be JSON in a text frame") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _Close(_INVALID, "A message must be an object with a type")
        return message

    async def _handle(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "connection_init":
                await self._initialise(message)
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                self._start(message)
            case "complete":
                if (task := self._operations.pop(_id(message), None)) is not None:
                    task.cancel()
            case _:
                raise _Close(_INVALID, "Unknown message type")

    async def _initialise(self, message: Mapping[str, Any]) -> None:
        if self._acknowledged:
            raise _Close(_TOO_MANY_INITS, "Too many initialisation requests")
        if not isinstance(message.get("payload"), dict | None):
            raise _Close(_INVALID, "The payload of connection_init must be an object")
        self._acknowledged = True
        await self._send({"type": "connection_ack"})

    def _start(self, message: Mapping[str, Any]) -> None:
        if not self._acknowledged:
            raise _Close(_UNAUTHORIZED, "Unauthorized")
        operation_id = _id(message)
        if operation_id in self._operations:
            raise _Close(_DUPLICATE, f"Subscriber for {operation_id[:64]} already exists")
        try:
            request = read_request(message.get("payload"))
        except BadUserInput:
            raise _Close(_INVALID, "The payload of subscribe must be a GraphQL request") from None
        task = asyncio.create_task(self._run(operation_id, request), name="socket operation")
        self._operations[operation_id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, operation_id: str, request: Request) -> None:
        request_id.set(new_request_id())
        try:
            if len(self._operations) > _MAX_OPERATIONS:
                await self._refuse(operation_id, _too_many())
            else:
                await self._operate(operation_id, request)
        except (WebSocketDisconnect, OSError):
            pass  # the socket went while an answer was on its way
        except Exception:
            logger().exception("socket_operation_failed")
            await self._close(_INTERNAL, "Internal error")
        finally:
            self._free(operation_id)

    async def _operate(self, operation_id: str, request: Request) -> None:
        try:
            prepared = self._engine.prepare(request)
        except Refused as refused:
            await self._refuse(operation_id, self._engine.refusal(refused))
            return
        if prepared.type == "subscription":
            with self._metrics.subscriptions.labels("websocket").track_inprogress():
                async for answer in self._engine.subscribe(prepared, request.variables):
                    if not await self._next(operation_id, answer):
                        return
        elif not await self._next(operation_id, await self._engine.execute(prepared, request.variables)):
            return
        # Before the message, so that a caller who reads it may use the id again.
        self._free(operation_id)
        await self._send({"id": operation_id, "type": "complete"})

    async def _next(self, operation_id: str, answer: Answer) -> bool:
        """Send an answer; False if nothing ran, which ends the operation."""
        if "data" not in answer:
            await self._refuse(operation_id, answer)
            return False
        await self._send({"id": operation_id, "type": "next", "payload": answer})
        return True

    async def _refuse(self, operation_id: str, answer: Answer) -> None:
        self._free(operation_id)
        await self._send({"id": operation_id, "type": "error", "payload": answer["errors"]})

    def _free(self, operation_id: str) -> None:
        """Let go of this operation's id, unless another operation has it by now."""
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            if self._acknowledged:
                await self._send({"type": "ping"})

    async def _send(self, message: Mapping[str, Any]) -> None:
        # As text: orjson's bytes would be a binary frame, which clients cannot read (docs/libraries.md, 4).
        if self._websocket.application_state is WebSocketState.CONNECTED:
            await self._websocket.send_text(orjson.dumps(message).decode())


def _id(message: Mapping[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise _Close(_INVALID, "The id must be a string that is not empty")
    return operation_id


def _too_many() -> Answer:
    extensions = {"code": BadUserInput.code, "retryable": True, "requestId": request_id.get()}
    message = f"At most {_MAX_OPERATIONS} operations may run on one socket."
    return {"errors": [{"message": message, "extensions": extensions}]}


def _same_site(websocket: WebSocket) -> bool:
    """Whether a browser that opens the socket shows a page of this host, or of this machine.

    Browsers let any page open a socket to anywhere, and a page must not be able to act on
    devices through the gateway on its reader's machine. Programs send no ``Origin``.
    """
    origin = websocket.headers.get("origin")
    if origin is None:
        return True
    try:
        host, here = urlsplit(origin).hostname, urlsplit(f"//{websocket.headers.get('host')}").hostname
    except ValueError:
        return False
    return host is not None and (host in _LOOPBACK or host == here)
