"""Subscriptions, queries and mutations over one WebSocket: the graphql-transport-ws protocol.

Ours and not a library's, because one broken message must not end the socket for the others,
nor one broken document (docs/libraries.md, 18). Source: the protocol's description in graphql-ws.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from esim_graph.engine import Answer, Engine, Prepared, Refused, Request
from esim_graph.errors import BadUserInput
from esim_graph.server.origin import is_own_page
from esim_graph.server.requests import read_request
from esim_graph.telemetry import Metrics, logger, new_request_id, request_id

PROTOCOL = "graphql-transport-ws"

_INIT_SECONDS = 10.0
_PING_SECONDS = 12.0
_SEND_SECONDS = 30.0  # for one message to a caller who reads slowly
_MAX_OPERATIONS = 100  # running at once on one socket

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
        self._open: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket to its end."""
        websocket = WebSocket(scope, receive, send)
        if not is_own_page(websocket.headers):
            await websocket.close()  # before it is accepted: the caller sees 403
            return
        if PROTOCOL not in scope["subprotocols"]:
            await websocket.accept()
            await websocket.close(_BAD_PROTOCOL, f"Use the subprotocol {PROTOCOL}")
            return
        await websocket.accept(PROTOCOL)
        task = _current_task()
        self._open.add(task)
        try:
            await _Connection(websocket, self._engine, self._metrics).serve(self._closing)
        finally:
            self._open.discard(task)

    async def closed(self) -> None:
        """Wait until no socket is open; when the process is closing they close by themselves."""
        if self._open:
            await asyncio.wait(self._open)


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
        self._streams: set[asyncio.Task[None]] = set()  # those that are subscriptions
        self._acting: set[asyncio.Task[None]] = set()  # those that are mutations: they count until they have ended

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
            reading.cancel()
            await self._finish()
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

    async def _finish(self) -> None:
        """End the subscriptions, and let queries and mutations answer; their time is bounded."""
        for task in self._streams:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _close(self, code: int, reason: str) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTED:
            with suppress(TimeoutError):  # a caller who has stopped reading does not read this either
                async with asyncio.timeout(_SEND_SECONDS):
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
                await self._start(message)
            case "complete":
                task = self._operations.pop(_id(message), None)
                if task is not None and task not in self._acting:
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

    async def _start(self, message: Mapping[str, Any]) -> None:
        if not self._acknowledged:
            raise _Close(_UNAUTHORIZED, "Unauthorized")
        operation_id = _id(message)
        if operation_id in self._operations:
            raise _Close(_DUPLICATE, "A subscriber with this id already exists")
        try:
            request = read_request(message.get("payload"))
        except BadUserInput:
            raise _Close(_INVALID, "The payload of subscribe must be a GraphQL request") from None
        if len(self._tasks) >= _MAX_OPERATIONS:
            # Here and not in a task: who asks for more than is allowed waits for the answer to be read.
            await self._send({"id": operation_id, "type": "error", "payload": _too_many()["errors"]})
            return
        task = asyncio.create_task(self._run(operation_id, request), name="socket operation")
        self._operations[operation_id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._streams.discard)
        task.add_done_callback(self._acting.discard)

    async def _run(self, operation_id: str, request: Request) -> None:
        request_id.set(new_request_id())
        try:
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
            if not await self._stream(operation_id, prepared, request):
                return
        else:
            if prepared.type == "mutation":
                self._acting.add(_current_task())
            answer = await self._engine.execute(prepared, request.variables)
            if not self._has(operation_id) or not await self._next(operation_id, answer):
                return  # the caller has completed it, or nothing ran
        # Before the message, so that a caller who reads it may use the id again.
        self._free(operation_id)
        await self._send({"id": operation_id, "type": "complete"})

    async def _stream(self, operation_id: str, prepared: Prepared, request: Request) -> bool:
        """Send each answer; False if nothing ran."""
        self._streams.add(_current_task())
        with self._metrics.subscriptions.labels("websocket").track_inprogress():
            async with aclosing(self._engine.subscribe(prepared, request.variables)) as answers:
                async for streamed in answers:
                    if not await self._next(operation_id, streamed.answer):
                        return False
        return True

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
        if self._has(operation_id):
            del self._operations[operation_id]

    def _has(self, operation_id: str) -> bool:
        return self._operations.get(operation_id) is asyncio.current_task()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            if self._acknowledged:
                await self._send({"type": "ping"})

    async def _send(self, message: Mapping[str, Any]) -> None:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        # As text: orjson's bytes would be a binary frame, which clients cannot read (docs/libraries.md, 4).
        text = orjson.dumps(message).decode()
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._websocket.send_text(text)
        except TimeoutError:
            raise WebSocketDisconnect(_GOING_AWAY, "The caller stopped reading") from None


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _id(message: Mapping[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise _Close(_INVALID, "The id must be a string that is not empty")
    return operation_id


def _too_many() -> Answer:
    extensions = {"code": BadUserInput.code, "retryable": True, "requestId": request_id.get()}
    message = f"At most {_MAX_OPERATIONS} operations may run on one socket."
    return {"errors": [{"message": message, "extensions": extensions}]}
