"""A transport to a scripted vendor, and what the transport's tests send with it."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from esim_graph.clock import Deadline, SystemClock
from esim_graph.errors import UpstreamError
from esim_graph.telemetry import Metrics
from esim_graph.upstreams.limits import Limits
from esim_graph.upstreams.messages import Answer, Request
from esim_graph.upstreams.refusals import is_success, refusal
from esim_graph.upstreams.sessions import open_session
from esim_graph.upstreams.transport import Transport
from upstreams.scripted import Act, Then, reply

CLOCK = SystemClock()
READ = Request(method="GET", endpoint="inventory", path="/things", query="q=S3CRET", idempotent=True)
READ_BY_POST = Request(method="POST", endpoint="status", path="/status", body=b'{"a":1}', idempotent=True)
ACTION = Request(method="POST", endpoint="delete", path="/delete", body=b'{"code":"S3CRET"}', idempotent=False)
OK = reply(b'{"fine":true}')
CUT = Then(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Act.HANG_UP)


def soon(seconds: float = 5.0) -> Deadline:
    return Deadline.after(seconds, CLOCK)


def body_of(answer: Answer) -> bytes:
    if not is_success(answer):
        raise refusal(answer, "digi")
    return answer.body


@asynccontextmanager
async def transport_to(url: str, **changed: Any) -> AsyncIterator[Transport]:
    signed = itertools.count(1)
    async with open_session(connections=8, keep=True) as session, open_session(connections=8, keep=False) as fresh:
        arguments: dict[str, Any] = {
            "base_url": url,
            "session": session,
            "fresh": fresh,
            "sign": lambda _: {"X-Attempt": str(next(signed)), "X-API-KEY-SECRET": "S3CRET"},
            "limits": Limits("digi", rates=(), concurrency=8, clock=CLOCK),
            "metrics": Metrics(),
            "clock": CLOCK,
            "jitter": lambda: 0.0,
        }
        yield Transport("digi", **arguments | changed)


async def failure(sending: Any) -> UpstreamError:
    with pytest.raises(UpstreamError) as raised:
        await sending
    return raised.value


@asynccontextmanager
async def no_tls_here() -> AsyncIterator[str]:
    """An https address where something else answers."""

    async def answer_in_the_clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer_in_the_clear, "127.0.0.1", 0)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def outcomes(metrics: Metrics) -> dict[str, float]:
    return {
        sample.labels["outcome"]: sample.value
        for metric in metrics.upstream_calls.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
