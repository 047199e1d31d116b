"""What lives as long as the process: opened in one place, closed in reverse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from esim_graph.cache import Cache
from esim_graph.clock import Clock, Deadline, SystemClock
from esim_graph.config import Settings
from esim_graph.database import Database, open_database
from esim_graph.database.keys import signing_key
from esim_graph.dispatch import Dispatch
from esim_graph.domain.account import Account
from esim_graph.journal import Journal
from esim_graph.memory import Memory
from esim_graph.progress import Progress
from esim_graph.seal import Seal
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import Upstreams, open_upstreams

DEFAULT_TENANT = "default"
ANONYMOUS = "anonymous"  # who acts while nobody is asked who they are
_CALL_SHARE = 0.9  # of the operation's time: a slow vendor is an error on its branch, not the answer's end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What one tenant's operations reach: its vendors, its memory, its journal, what it follows and sends."""

    tenant: str
    actor: str  #: who acts, as the journal names them
    upstreams: Upstreams
    memory: Memory
    journal: Journal
    progress: Progress
    dispatch: Dispatch
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
    database: Database
    rooms: Rooms
    closing: asyncio.Event  #: set when the process is asked to end; streams end themselves then


@asynccontextmanager
async def open_runtime(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Runtime]:
    """Open everything, and close it when the block ends.

    Raises:
        CannotOpenDatabase: the database cannot be used, or is not migrated.
    """
    clock = clock or SystemClock()
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(settings.database_url.get_secret_value(), metrics=metrics)
        )
        upstreams = await stack.enter_async_context(open_upstreams(settings, metrics=metrics, clock=clock))
        cache = Cache(clock=clock, metrics=metrics)
        stack.push_async_callback(cache.close)
        key = await _key(settings, database)
        rooms = await stack.enter_async_context(
            _open_rooms(DEFAULT_TENANT, database, upstreams, cache, key, settings, clock, metrics)
        )
        yield Runtime(settings=settings, metrics=metrics, database=database, rooms=rooms, closing=asyncio.Event())


@asynccontextmanager
async def _open_rooms(
    tenant: str,
    database: Database,
    upstreams: Upstreams,
    cache: Cache,
    key: bytes,
    settings: Settings,
    clock: Clock,
    metrics: Metrics,
) -> AsyncIterator[Rooms]:
    account = Account(tenant, settings.digi.account)
    call_seconds = settings.operation_timeout * _CALL_SHARE
    async with AsyncExitStack() as stack:
        journal = Journal(tenant, database, clock=clock, metrics=metrics)
        stack.push_async_callback(journal.close)
        memory = Memory(
            tenant, upstreams, cache, journal=journal, settings=settings, clock=clock, call_seconds=call_seconds
        )
        progress = Progress(
            account, upstreams.digi, memory, journal, database,
            settings=settings.poll, clock=clock, metrics=metrics, call_seconds=call_seconds,
        )  # fmt: skip
        stack.push_async_callback(progress.close)
        await progress.start()
        dispatch = Dispatch(
            account, upstreams.digi, memory, progress, database,
            key=key, settings=settings, clock=clock, metrics=metrics, call_seconds=call_seconds,
        )  # fmt: skip
        stack.push_async_callback(dispatch.close)
        await dispatch.start()
        yield Rooms(
            tenant=tenant,
            actor=ANONYMOUS,
            upstreams=upstreams,
            memory=memory,
            journal=journal,
            progress=progress,
            dispatch=dispatch,
            seal=Seal(key),
            clock=clock,
            call_seconds=call_seconds,
        )


async def _key(settings: Settings, database: Database) -> bytes:
    """What signs, and what digests are keyed with."""
    if settings.signing_key is not None:
        return settings.signing_key.get_secret_value().encode()
    return await signing_key(database)
