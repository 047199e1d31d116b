"""Serving: connections that never become requests do not stay."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from esim_graph.server import serve
from esim_graph.server.serve import build_config


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server with our configuration, and little patience."""
    monkeypatch.setattr(serve, "_HEAD_SECONDS", 0.05)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(build_config(PlainTextResponse("hello"), operation_timeout=2))
        running = asyncio.create_task(server._serve([listening]))  # without its signal handlers
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0)
        yield listening.getsockname()[1]
        server.should_exit = True
        await running


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET",
        b"GET /graphql HTTP/1.1\r\nHost: x\r\nX-Half: ",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo",
    ],
    ids=["nothing", "half a line", "half the headers", "half a second request"],
)
async def test_a_request_that_does_not_arrive_is_ended(port: int, sent: bytes) -> None:
    """Whatever of it came; a whole one before it is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)

    async with asyncio.timeout(3):  # below uvicorn's own 5 s between two requests
        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 200" if sent.count(b"\r\n\r\n") else b"")
    writer.close()


async def test_a_whole_request_has_all_the_time_it_needs(port: int) -> None:
    """The head is in time; what follows has other bounds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.close()
