"""Server-sent events: one operation per connection (the distinct connections mode of graphql-sse)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
from starlette.types import Receive, Scope, Send

from esim_graph.engine import Streamed

EVENT_STREAM = "text/event-stream"

_HEARTBEAT = 12.0  # seconds; proxies cut connections that are silent for longer
_RETRY = b"retry: 1000\n"  # milliseconds until a browser's EventSource comes again
_SEND_SECONDS = 30.0  # for one event to a caller who reads slowly
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-store"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """An ASGI response that sends each answer as it comes, and ends when it should.

    It ends after the last answer, when the caller has gone, or when the process closes. In
    each case the answers' generator is closed, so nothing goes on for nobody. Each frame has the answer's
    cursor as its ``id``, which a client that lost the stream sends back as ``Last-Event-ID``.
    """

    def __init__(self, answers: AsyncGenerator[Streamed, None], closing: asyncio.Event | None) -> None:
        """*closing* ends a stream that may go on for long; None lets the one answer of an operation come."""
        self._answers = answers
        self._closing = closing or asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        pump = asyncio.create_task(self._pump(send), name="sse pump")
        gone = asyncio.create_task(_disconnected(receive), name="sse disconnect")
        closing = asyncio.create_task(self._closing.wait(), name="sse closing")
        heartbeat = asyncio.create_task(_beat(send), name="sse heartbeat")
        tasks = (pump, gone, closing, heartbeat)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(outcomes[0], TimeoutError) or isinstance(outcomes[3], TimeoutError):
            return  # the caller has stopped reading, noticed by an event or by the heartbeat of a silent stream
        if isinstance(outcomes[0], Exception):
            raise outcomes[0]
        if not isinstance(outcomes[1], asyncio.CancelledError):
            return  # the caller has gone
        if outcomes[0] is None:
            # Not when the process closes: to a client this is the end, and it would not come again.
            await _send(send, b"event: complete\ndata:\n\n")
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self, send: Send) -> None:
        retry = _RETRY  # in the first event: as a message of its own, graphql-sse takes it for an error
        async with aclosing(self._answers) as answers:
            async for streamed in answers:
                place = b""
                if streamed.cursor is not None:
                    place, retry = b"id: " + streamed.cursor.encode() + b"\n" + retry, b""
                await _send(send, place + b"event: next\ndata: " + orjson.dumps(streamed.answer) + b"\n\n")


async def _beat(send: Send) -> None:
    while True:
        await asyncio.sleep(_HEARTBEAT)
        await _send(send, b":\n\n")


async def _send(send: Send, frame: bytes) -> None:
    async with asyncio.timeout(_SEND_SECONDS):
        await send({"type": "http.response.body", "body": frame, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
