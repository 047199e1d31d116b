"""Brings a database to the newest schema, from inside the program."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from esim_graph.database.engine import CannotOpenDatabase, open_onlooker, open_writer, telling_why

#: The revision whose schema ``tables.py`` is.
NEWEST = "0001"

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6573_696E  # PostgreSQL's advisory lock; another than the one of writes
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.Text))


async def migrate(url: str) -> str | None:
    """Apply every migration that is missing; returns the revision that was found, None in an empty database.

    Raises:
        CannotOpenDatabase: it cannot be used, or is of a newer version.
    """
    engine = open_writer(url)
    try:
        async with telling_why(url):
            return await upgrade(engine)
    finally:
        await engine.dispose()


async def examine(url: str) -> bool:
    """Whether the database at *url* can be used and no migration is missing; writes nothing.

    Raises:
        CannotOpenDatabase: it cannot be used, or is of a newer version.
    """
    engine = open_onlooker(url)
    try:
        async with telling_why(url):
            return await is_current(engine)
    finally:
        await engine.dispose()


async def upgrade(writer: AsyncEngine) -> str | None:
    """Apply what is missing; returns the revision that was found."""
    async with writer.begin() as connection:
        if writer.dialect.name == "postgresql":
            # Replicas that start together must not migrate at once.
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        found = await connection.run_sync(_find_revision)
        if found != NEWEST:
            await connection.run_sync(_upgrade)
    return found


async def is_current(engine: AsyncEngine) -> bool:
    """Whether no migration is missing."""
    async with engine.connect() as connection:
        return await connection.run_sync(_find_revision) == NEWEST


def _find_revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.scalar(sa.select(_VERSION.c.version_num))
    if found is not None and found > NEWEST:  # they are numbered
        raise CannotOpenDatabase("the database is of a newer version of esim-graph")
    return found


def _upgrade(connection: sa.Connection) -> None:
    # It takes longer to import than a start with nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, NEWEST)
