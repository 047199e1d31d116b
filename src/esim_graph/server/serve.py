"""Runs the application under uvicorn, from the first request to a clean end."""

import asyncio
import math
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from esim_graph.config import SettingError, Settings
from esim_graph.runtime import open_runtime
from esim_graph.server.app import create_app
from esim_graph.server.graphiql import Example
from esim_graph.server.origin import is_loopback

_GRACE_SECONDS = 1.0  # beyond the time of an operation: whatever runs at the end may answer
_HEAD_SECONDS = 15.0  # for a request's line and headers to arrive in


class CannotListen(Exception):
    """The address is taken, or not one of this machine."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        # asyncio repeats the address in strerror; the number's own text does not.
        reason = os.strerror(error.errno) if error.errno else str(error)
        super().__init__(f"cannot listen on {host}:{port}: {reason}")


class _HttpProtocol(HttpToolsProtocol):
    """Ends a connection whose request does not begin, or stops in its headers; uvicorn would keep it for ever."""

    _impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Somebody connected."""
        super().connection_made(transport)
        self._expect_head()

    def on_message_begin(self) -> None:
        """A request begins, perhaps not the connection's first."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """The request is whole but for its body, which has a time of its own."""
        self._expect_nothing()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._expect_nothing()
        self._impatience = self.loop.call_later(_HEAD_SECONDS, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None


class _Server(uvicorn.Server):
    """Tells the streams that the process is asked to end; they would hold it up until they are cut."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        closing: asyncio.Event,
        sockets_closed: Callable[[], Awaitable[None]],
        started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._closing = closing
        self._sockets_closed = sockets_closed
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            self._tell_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let WebSockets finish and say why they close, before uvicorn closes what is left of them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await self._sockets_closed()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals in the loop; uvicorn's own way raises them again and so spoils the exit code."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came."""
        self._closing.set()
        super().handle_exit(sig, frame)


def check_bind(settings: Settings, host: str) -> None:
    """Refuse an address that others can reach while nobody is asked who they are.

    Raises:
        SettingError: with ``AUTH__MODE=none`` only loopback is allowed.
    """
    if settings.auth.mode == "none" and not is_loopback(host):
        raise SettingError(
            f"--host {host}: with ESIM_GRAPH_AUTH__MODE=none only a loopback address is allowed, such as 127.0.0.1"
        )


async def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    examples: Sequence[Example] = (),
    started: Callable[[int], None] = lambda _: None,
) -> None:
    """Serve until a signal asks to end; then running operations finish and streams complete.

    *started* is told the port when it can be called: with 0 it is any free one.

    Raises:
        SettingError: the address is not allowed.
        CannotListen: it is not free.
        CannotOpenDatabase: the database cannot be used, or is not migrated.
    """
    check_bind(settings, host)
    listening = _listen(host, port)
    try:
        async with open_runtime(settings) as runtime:
            app = create_app(runtime, examples=examples)
            bound: int = listening.getsockname()[1]
            server = _Server(
                build_config(app, operation_timeout=settings.operation_timeout),
                closing=runtime.closing,
                sockets_closed=app.state.sockets_closed,
                started=lambda: started(bound),
            )
            await server.serve(sockets=[listening])
            await app.state.settled()  # before the vendors' connections close
    finally:
        listening.close()


def build_config(app: ASGIApp, *, operation_timeout: float) -> uvicorn.Config:
    """Tell uvicorn what we bound, and what we do ourselves."""
    return uvicorn.Config(
        app,
        http=_HttpProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws_max_size=1_000_000,
        timeout_graceful_shutdown=math.ceil(operation_timeout + _GRACE_SECONDS),
    )


def _listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else is opened, so that a taken one is one clear line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CannotListen(host, port, error) from None
    return listening
