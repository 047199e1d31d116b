"""The connections: what each kind of database needs to be durable, and to serve readers beside a writer."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

SECONDS = 10.0  #: for one read or write, waiting included
_READERS = 8
_SIDE_BY_SIDE = "journal_mode=WAL"  # who reads and who writes do not wait for each other
_BUSY_SECONDS = 5.0  # another process may be writing to the SQLite file

#: What the drivers raise when a database cannot be used now, and when a statement is wrong.
Failures = (SQLAlchemyError, OSError)
_MISTAKES = (ProgrammingError, IntegrityError, DataError, NotSupportedError)
_WRONG_VALUE = "22"  # PostgreSQL's class of errors of values; SQLAlchemy has no kind for what asyncpg makes of them

# Where PostgreSQL's errors repeat a row, and asyncpg's an argument.
_VALUES = re.compile(r"(?<=query argument \$)(\d+): .*|(?<=sequence): .*|\nDETAIL: .*", re.DOTALL)


class CannotOpenDatabase(Exception):
    """The database cannot be used, or its schema is not the one this version needs; one line says why."""


def is_outage(error: BaseException) -> bool:
    """Whether the database cannot be used now; otherwise the statement is wrong, and would be again."""
    if not isinstance(error, Failures) or isinstance(error, _MISTAKES):
        return False
    if not isinstance(error, DBAPIError):
        return not isinstance(error, StatementError)  # a value that is not of its column's type
    # asyncpg's complaint of an argument is a ValueError as well.
    wrong = str(getattr(error.orig, "sqlstate", "")).startswith(_WRONG_VALUE)
    return not wrong and not isinstance(getattr(error.orig, "__cause__", None), ValueError)


def open_readers(url: str) -> AsyncEngine:
    """Connections that see one state of everything from their first statement on, and that cannot write."""
    if url.startswith("postgresql"):
        return _create(
            url,
            _READERS,
            pool_pre_ping=True,
            connect_args=_for_postgresql(),
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
        )
    engine = _create(url, _READERS)
    _prepare_sqlite(engine, begin="BEGIN", pragmas=(_SIDE_BY_SIDE, "query_only=ON"))
    return engine


def open_onlooker(url: str) -> AsyncEngine:
    """Like ``open_readers``, and a SQLite file keeps the kind of journal that it has, which is written in it."""
    if url.startswith("postgresql"):
        return open_readers(url)
    engine = _create(url, 1)
    _prepare_sqlite(engine, begin="BEGIN", pragmas=("query_only=ON",))
    return engine


def open_writer(url: str) -> AsyncEngine:
    """The one connection that writes."""
    if url.startswith("postgresql"):
        return _create(url, 1, pool_pre_ping=True, connect_args=_for_postgresql())
    engine = _create(url, 1)
    # A reader that turned into a writer could find that somebody else wrote in between, and fail.
    # FULL: a commit is on disk when it returns, also when the power fails.
    _prepare_sqlite(engine, begin="BEGIN IMMEDIATE", pragmas=(_SIDE_BY_SIDE, "synchronous=FULL", "foreign_keys=ON"))
    return engine


def sqlite_file(url: str) -> Path | None:
    """The file that *url* names; None where it names PostgreSQL."""
    parts = sa.make_url(url)
    return Path(parts.database or "") if parts.get_backend_name() == "sqlite" else None


@asynccontextmanager
async def telling_why(url: str) -> AsyncIterator[None]:
    """A block that opens the database for the first time.

    Raises:
        CannotOpenDatabase: it cannot be used.
    """
    file = sqlite_file(url)
    try:
        if file is not None:
            # aiosqlite would leave a thread behind, which complains when the loop is closed.
            await asyncio.to_thread(lambda: sqlite3.connect(file).close())
        yield
    except (*Failures, sqlite3.Error) as error:
        named = "the database" if file is None else f"the file {file}"
        raise CannotOpenDatabase(f"{named} cannot be used: {_say(error)}") from error


def _say(error: BaseException) -> str:
    """The cause in the database's own words, in one line; they hold no password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return " ".join(str(cause.__cause__ or cause).split()) or type(cause).__name__


def _create(url: str, size: int, **more: Any) -> AsyncEngine:
    """An engine whose errors repeat no value, since they are logged."""
    engine = create_async_engine(url, pool_size=size, max_overflow=0, hide_parameters=True, **more)
    sa.event.listen(engine.sync_engine, "handle_error", _leave_out_values)
    return engine


def _leave_out_values(context: sa.ExceptionContext) -> None:
    error: BaseException | None = context.sqlalchemy_exception or context.original_exception
    while error is not None:
        error.args = tuple(_VALUES.sub(r"\1", part) if isinstance(part, str) else part for part in error.args)
        if getattr(error, "detail", None):
            error.detail = None  # type: ignore[attr-defined]
        error = error.__cause__ or getattr(error, "orig", None)


def _for_postgresql() -> dict[str, Any]:
    # A replica that stands still, or whose machine is gone, would hold the lock of writes for hours.
    patience = {"idle_in_transaction_session_timeout": str(round(SECONDS * 1000))}
    return {"timeout": SECONDS, "server_settings": patience}


def _prepare_sqlite(engine: AsyncEngine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # sqlite3 would begin transactions by itself, and too late
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={_BUSY_SECONDS * 1000:.0f}", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine.sync_engine, "connect", connected)
    sa.event.listen(engine.sync_engine, "begin", begun)
