"""A gateway over a sandbox, both real: the sandbox over HTTP, the gateway in process or over HTTP."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import uvicorn

from esim_graph.clock import Clock
from esim_graph.config import Settings, load_settings
from esim_graph.engine import Answer, Engine, Refused, Request
from esim_graph.runtime import Runtime, open_runtime
from esim_graph.sandbox import Options, Sandbox, serving
from esim_graph.schema import build_schema
from esim_graph.server.app import build_engine, create_app
from support.database import fresh_database_url

SCHEMA = build_schema()  # takes a quarter of a second, and nothing changes it


def settings_for(sandbox: Sandbox, **more: Any) -> Settings:
    """The settings that point at *sandbox*, without limits of ours; *more* is merged into them.

    Groups are dicts: ``settings_for(sandbox, digi={"concurrency": 4}, poll={"min_interval": 1})``. The database is a
    new one; give ``database_url`` where two gateways share one, or where one comes after another.
    """
    credentials = sandbox.credentials
    free: dict[str, Any] = {"rate_limit": 0, "concurrency": 0}
    groups: dict[str, Any] = {
        "digi": free
        | {
            "base_url": sandbox.digi_url,
            "api_key_id": credentials.digi_api_key_id,
            "api_key_secret": credentials.digi_api_key_secret,
        },
        "esimfly": free
        | {
            "base_url": sandbox.esimfly_url,
            "access_code": credentials.esimfly_access_code,
            "secret_key": credentials.esimfly_secret_key,
        },
        "esimgo": free | {"base_url": sandbox.esimgo_url, "api_key": credentials.esimgo_api_key},
        "poll": {"min_interval": 0.01, "max_interval": 0.02},
    }
    if "database_url" not in more:
        groups["database_url"] = fresh_database_url()
    for name, value in more.items():
        groups[name] = groups.get(name, {}) | value if isinstance(value, dict) else value
    return load_settings(**groups)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway in process: everything but the transport."""

    sandbox: Sandbox
    runtime: Runtime
    engine: Engine

    async def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> Answer:
        """Run a query or mutation as a transport would; a refused document answers its errors."""
        try:
            prepared = self.engine.prepare(Request(query=query))
        except Refused as refused:
            return self.engine.refusal(refused)
        return await self.engine.execute(prepared, variables)

    async def data(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run what must succeed, and return its data."""
        answer = await self.ask(query, variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def error(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run what must fail in one place, and return that error."""
        answer = await self.ask(query, variables)
        (error,) = answer["errors"]
        found: dict[str, Any] = error
        return found

    async def watch(
        self, query: str, variables: Mapping[str, Any] | None = None, *, resume: str | None = None
    ) -> AsyncGenerator[Answer, None]:
        """Run a subscription and yield its answers; *resume* is what a transport says of where it was lost."""
        prepared = self.engine.prepare(Request(query=query))
        async with aclosing(self.engine.subscribe(prepared, variables, resume)) as answers:
            async for streamed in answers:
                yield streamed.answer


@asynccontextmanager
async def open_gateway(
    options: Options | None = None, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Gateway]:
    """Open a sandbox and a gateway over it, in this loop."""
    async with (
        serving(options or Options(devices=60)) as sandbox,
        open_runtime(settings_for(sandbox, **settings), clock=clock) as runtime,
    ):
        yield Gateway(sandbox, runtime, build_engine(runtime, SCHEMA))


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway behind its real server on loopback."""

    sandbox: Sandbox
    runtime: Runtime
    url: str
    http: aiohttp.ClientSession

    @property
    def graphql(self) -> str:
        """The address of the graph."""
        return f"{self.url}/graphql"


@asynccontextmanager
async def open_served(options: Options | None = None, **settings: Any) -> AsyncIterator[Served]:
    """Open a sandbox and a gateway over it, served by uvicorn in this loop."""
    async with (
        serving(options or Options(devices=60)) as sandbox,
        open_runtime(settings_for(sandbox, **settings)) as runtime,
        serve_app(create_app(runtime)) as url,
        aiohttp.ClientSession() as http,
    ):
        try:
            yield Served(sandbox, runtime, url, http)
        finally:
            runtime.closing.set()


@asynccontextmanager
async def serve_app(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port of this machine; yields its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=2)
        server = _Server(config)
        serving_task = asyncio.create_task(server.serve(sockets=[listening]))
        await server.listening.wait()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving_task


class _Server(uvicorn.Server):
    """Says when it listens, and leaves the signals to pytest."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
