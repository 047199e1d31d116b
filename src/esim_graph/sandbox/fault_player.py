"""Plays one fault on one answer, down to the bytes of the connection."""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Protocol

import orjson
from aiohttp import web

from esim_graph.sandbox.calls import Call
from esim_graph.sandbox.faults import Fault, Faults
from esim_graph.sandbox.http import html_response

Answer = Callable[[], Awaitable[web.Response]]
_NO_ANSWER = ("reset_before", "reset_after")
_WRONG_SHAPE = b'["unexpected"]'
_HUGE_CHUNK = 2**18


class ErrorForm(Protocol):
    """How a vendor writes an error."""

    def error(self, status: int, message: str) -> web.Response:
        """Answer an error in the vendor's form."""
        ...


class FaultPlayer:
    """Answers a call as its faults want, or as usual when it meets none."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._rng = random.Random("faults")  # noqa: S311  # latencies, nothing secret

    async def play(self, request: web.Request, vendor: ErrorForm, call: Call, answer: Answer) -> web.StreamResponse:
        """Return what the client gets; the vendor acts only when the fault lets *answer* run."""
        delays, fault = self._faults.for_call(call)
        for delay in delays:
            call.fault = delay.kind
            if delay.kind == "late":
                answer = self._late(delay, answer)
            else:
                await self._delay(delay)
        if fault is None:
            response: web.StreamResponse = await answer()
        else:
            call.fault = fault.kind
            response = await self._spoil(fault, request, vendor, answer)
        if fault is None or fault.kind not in _NO_ANSWER:
            call.status = response.status
        return response

    def _late(self, fault: Fault, answer: Answer) -> Answer:
        """Act at once and tell later: whoever hangs up meanwhile does not know that it was done."""

        async def late() -> web.Response:
            response = await answer()
            await self._delay(fault)
            return response

        return late

    async def _delay(self, fault: Fault) -> None:
        if fault.kind == "hold":
            await self._faults.held()
        else:
            await asyncio.sleep(self._rng.uniform(fault.seconds, max(fault.seconds, fault.up_to or 0.0)))

    async def _spoil(self, fault: Fault, request: web.Request, vendor: ErrorForm, answer: Answer) -> web.StreamResponse:
        match fault.kind:
            case "reset_before":
                return _reset(request)
            case "huge":
                return await _huge(request, fault.size)
            case "empty" | "status" | "html" | "wrong_shape":
                return _instead(fault, vendor)
            case "reset_after":
                await answer()
                return _reset(request)
            case "cut_body":
                return await _cut(request, await answer())
            case "drip":
                return await _drip(request, await answer(), fault)
            case _:
                return _altered(fault, await answer())


def _instead(fault: Fault, vendor: ErrorForm) -> web.Response:
    """Answer something else; the vendor was never asked."""
    status = fault.status or 200
    if fault.kind == "empty":
        return web.Response(status=204)
    if fault.kind == "html":
        return html_response("Service temporarily unavailable", status=status)
    if fault.kind == "wrong_shape":
        response = web.Response(body=_WRONG_SHAPE, status=status, content_type="application/json")
    elif fault.body is not None:
        response = web.Response(text=fault.body, status=status, content_type=fault.content_type)
    else:
        response = vendor.error(status, f"Scripted answer {status}")
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    response.headers.update(fault.headers)
    return response


def _altered(fault: Fault, response: web.Response) -> web.Response:
    body = _bytes(response)
    response.body = orjson.dumps(_wrong_types(orjson.loads(body))) if fault.kind == "wrong_types" else body[:-1]
    return response


def _wrong_types(value: object) -> object:
    """Return *value* with every scalar of another type and every container kept."""
    if isinstance(value, dict):
        return {key: _wrong_types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_wrong_types(item) for item in value]
    if isinstance(value, bool) or value is None:
        return ["neither"]
    return {"unexpected": value} if isinstance(value, str) else "not a number"


def _bytes(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""


def _reset(request: web.Request) -> web.Response:
    """Close the connection with a TCP reset instead of an answer."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=499)


async def _cut(request: web.Request, response: web.Response) -> web.StreamResponse:
    """Promise the whole body, send half of it, close."""
    body = _bytes(response)
    partial = _stream_like(response, len(body))
    await partial.prepare(request)
    await partial.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return partial


async def _drip(request: web.Request, response: web.Response, fault: Fault) -> web.StreamResponse:
    body = _bytes(response)
    dripping = _stream_like(response, len(body))
    await dripping.prepare(request)
    for start in range(0, len(body), fault.chunk):
        await asyncio.sleep(fault.seconds)
        await dripping.write(body[start : start + fault.chunk])
    return dripping


async def _huge(request: web.Request, size: int) -> web.StreamResponse:
    opening, closing = b'{"list":["', b'"]}'
    filling = max(0, size - len(opening) - len(closing))
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(opening) + filling + len(closing)
    await response.prepare(request)
    await response.write(opening)
    for start in range(0, filling, _HUGE_CHUNK):
        await response.write(b"x" * min(_HUGE_CHUNK, filling - start))
    await response.write(closing)
    return response


def _stream_like(response: web.Response, length: int) -> web.StreamResponse:
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = length
    return stream
