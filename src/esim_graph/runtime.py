"""What lives as long as the process: opened in one place, closed in reverse."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from esim_graph.cache import Cache
from esim_graph.clock import Clock, Deadline, SystemClock
from esim_graph.config import Settings
from esim_graph.memory import Memory
from esim_graph.progress import Progress
from esim_graph.seal import Seal
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import Upstreams, open_upstreams

DEFAULT_TENANT = "default"
_CALL_SHARE = 0.9  # of the operation's time: a slow vendor is an error on its branch, not the answer's end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What one tenant's operations reach: its vendors, its memory, its pollers."""

    tenant: str
    upstreams: Upstreams
    memory: Memory
    progress: Progress
    seal: Seal
    clock: Clock
    call_seconds: float

    def call_deadline(self) -> Deadline:
        """Until when the vendor calls of an operation that starts now may take."""
        return Deadline.after(self.call_seconds, self.clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The open house."""

    settings: Settings
    metrics: Metrics
    rooms: Rooms
    closing: asyncio.Event  #: set when the process is asked to end; streams end themselves then


@asynccontextmanager
async def open_runtime(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Runtime]:
    """Open everything, and close it when the block ends."""
    clock = clock or SystemClock()
    metrics = Metrics()
    call_seconds = settings.operation_timeout * _CALL_SHARE
    async with AsyncExitStack() as stack:
        upstreams = await stack.enter_async_context(open_upstreams(settings, metrics=metrics, clock=clock))
        cache = Cache(clock=clock, metrics=metrics)
        stack.push_async_callback(cache.close)
        memory = Memory(DEFAULT_TENANT, upstreams, cache, settings=settings, clock=clock, call_seconds=call_seconds)
        progress = Progress(
            upstreams, memory, settings=settings.poll, clock=clock, metrics=metrics, call_seconds=call_seconds
        )
        stack.push_async_callback(progress.close)
        rooms = Rooms(
            tenant=DEFAULT_TENANT,
            upstreams=upstreams,
            memory=memory,
            progress=progress,
            seal=Seal(_signing_key(settings)),
            clock=clock,
            call_seconds=call_seconds,
        )
        yield Runtime(settings=settings, metrics=metrics, rooms=rooms, closing=asyncio.Event())


def _signing_key(settings: Settings) -> bytes:
    if settings.signing_key is None:
        return secrets.token_bytes(32)
    return settings.signing_key.get_secret_value().encode()
