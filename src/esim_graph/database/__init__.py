"""The database: a SQLite file, or PostgreSQL by URL, through one code path.

Reads run side by side. Writes stand in one queue: what waits together is committed together
(a commit on disk costs far more than a row), and a write is done when it is durable. Across
processes one lock orders all writes, so numbers and ids grow in the order in which they become
visible, and whoever reads "everything after n" misses nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

from esim_graph.database.engine import (
    SECONDS,
    CannotOpenDatabase,
    Failures,
    is_outage,
    open_readers,
    open_writer,
    telling_why,
)
from esim_graph.database.migrate import is_current, upgrade
from esim_graph.errors import DatabaseUnavailable
from esim_graph.telemetry import Metrics, logger

__all__ = ["CannotOpenDatabase", "Database", "Work", "insert", "open_database"]

T = TypeVar("T")

Work = Callable[[AsyncConnection], Awaitable[T]]

_GROUP = 256  # writes in one commit
_QUEUE = 4096  # writes that may wait
_CLOSED = "The database is closed."
_WRITE_LOCK = 0x6573_696D  # PostgreSQL's advisory lock that orders all writes: "esim"


@dataclass(slots=True, eq=False)
class _Waiting:
    """A write that waits for its turn, then for its commit."""

    work: Work[Any]
    until: float  # on the loop's clock; it is not begun later
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    result: Any = None
    error: Exception | None = None  # raised by the work itself

    def settle(self, failure: str | None) -> None:
        """Tell the outcome to whoever still waits; *failure* is the whole group's."""
        error = self.error if failure is None else DatabaseUnavailable(failure)
        if error is None:
            self.done.set_result(self.result)
        else:
            self.done.set_exception(error)
            self.done.exception()  # nobody is told of a failure that nobody waited for


class Database:
    """An open database; see ``open_database``."""

    def __init__(self, readers: AsyncEngine, writer: AsyncEngine, *, metrics: Metrics) -> None:
        self._readers = readers
        self._writer = writer
        self._metrics = metrics
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(_QUEUE)
        self._writing: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._writer.dialect.name

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent state, and cannot write.

        Raises:
            DatabaseUnavailable: it cannot be reached, or took too long.
        """
        own: OSError | None = None
        try:
            async with asyncio.timeout(SECONDS), self._readers.connect() as connection, connection.begin():
                try:
                    yield connection
                except OSError as error:  # a TimeoutError is one
                    own = error  # of the reader's own code: the driver's are wrapped
                    raise
        except Failures as error:
            if error is own or not is_outage(error):
                raise
            raise DatabaseUnavailable(_explain(error)) from error

    async def answers(self, *, within: float) -> bool:
        """Whether it can be read, in so many seconds."""
        try:
            async with asyncio.timeout(within), self.read() as connection:
                await connection.execute(sa.select(1))
        except (DatabaseUnavailable, TimeoutError):
            return False
        return True

    async def write(self, work: Work[T]) -> T:
        """Run *work* on a connection, and return what it returns when that is durable.

        *work* uses nothing but the connection, since others wait behind it. What it raises
        undoes its own changes and nobody else's. A caller who leaves does not undo it.

        Raises:
            DatabaseUnavailable: it cannot be said whether the write was done.
        """
        if self._closed:
            raise DatabaseUnavailable(_CLOSED)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="database writer")
        waiting = _Waiting(work, asyncio.get_running_loop().time() + SECONDS)
        limit = asyncio.timeout_at(waiting.until)
        try:
            async with limit:
                await self._queue.put(waiting)
                result: T = await asyncio.shield(waiting.done)
        except TimeoutError as error:
            if not limit.expired():
                raise  # of the work itself
            raise DatabaseUnavailable(_explain(error)) from error
        return result

    async def close(self) -> None:
        """Finish the writes that wait, and close."""
        if self._writing is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(SECONDS):
                    await self._queue.join()
        self._closed = True
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        await self._writer.dispose()
        await self._readers.dispose()

    async def _write_all(self) -> None:
        while True:
            group = [await self._queue.get()]
            while len(group) < _GROUP and not self._queue.empty():
                group.append(self._queue.get_nowait())
            failure: str | None = _CLOSED
            try:
                failure = await self._commit(group)
            finally:
                for waiting in group:
                    waiting.settle(failure)
                    self._queue.task_done()

    async def _commit(self, group: list[_Waiting]) -> str | None:
        """Commit a group; each member fails alone, unless the whole commit does, which is then explained."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._writer.connect() as connection,
                connection.begin() as transaction,
            ):
                if self.dialect == "postgresql":
                    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITE_LOCK)))
                if len(group) == 1:  # needs no savepoint, which takes longer than most writes
                    await _attempt(connection, group[0], transaction)
                else:
                    for waiting in group:
                        async with connection.begin_nested() as savepoint:
                            await _attempt(connection, waiting, savepoint)
        except Failures as error:
            logger().error("database_write_failed", error=type(error).__name__, writes=len(group))
            return _explain(error)
        self._metrics.database_commits.inc()
        self._metrics.database_writes.inc(sum(waiting.error is None for waiting in group))
        return None


async def _attempt(connection: AsyncConnection, waiting: _Waiting, own: AsyncTransaction) -> None:
    """Run one write of a group; *own* is what it undoes when it fails."""
    if asyncio.get_running_loop().time() >= waiting.until:  # it was told so, and may have tried again
        waiting.error = DatabaseUnavailable(_explain(TimeoutError()))
        return
    try:
        waiting.result = await waiting.work(connection)
    except Exception as error:
        if connection.invalidated or connection.closed:
            raise ConnectionError("The connection is lost, and with it the group.") from error
        await own.rollback()
        waiting.error = DatabaseUnavailable(_explain(error)) if is_outage(error) else error


def insert(connection: AsyncConnection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that knows ON CONFLICT, which SQLAlchemy has per dialect; both are written alike."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


@asynccontextmanager
async def open_database(url: str, *, metrics: Metrics) -> AsyncIterator[Database]:
    """Open the database at *url*; a SQLite file is made, and brought to the newest schema.

    Raises:
        CannotOpenDatabase: it cannot be reached; or it is PostgreSQL and not migrated.
    """
    readers, writer = open_readers(url), open_writer(url)
    database = Database(readers, writer, metrics=metrics)
    try:
        async with telling_why(url):
            current = await is_current(readers)
            if not current and database.dialect == "sqlite":
                await upgrade(writer)
                current = True
        if not current:
            raise CannotOpenDatabase("the database is not at this version's schema: run esim-graph migrate")
        yield database
    finally:
        await database.close()


def _explain(error: BaseException) -> str:
    late = isinstance(error, TimeoutError)
    return "The database did not answer in time." if late else "The database cannot be used now."
