"""The migrations make what ``tables.py`` says, and nothing is left to migrate."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine

from esim_graph.database import migrate as migrations
from esim_graph.database.engine import open_writer
from esim_graph.database.migrate import NEWEST, migrate
from esim_graph.database.tables import METADATA
from support.database import empty_database_url, fresh_database_url

_MIGRATIONS = Path(migrations.__file__).parent / "migrations"


async def test_migrating_an_empty_database_is_told_apart_from_doing_nothing() -> None:
    """``migrate`` says what it found."""
    url = empty_database_url()

    assert await migrate(url) is None
    assert await migrate(url) == NEWEST


def test_the_newest_is_the_last_of_the_migrations() -> None:
    """A start compares with it, and does not read the migrations."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


async def test_alembic_finds_no_drift() -> None:
    """Nothing that ``alembic revision --autogenerate`` would write."""
    engine = open_writer(fresh_database_url())

    def compare(connection: sa.Connection) -> list[Any]:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA)

    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(compare) == []
    finally:
        await engine.dispose()


async def test_the_migrations_make_what_the_tables_say_word_for_word() -> None:
    """Also what autogenerate does not look at: partial indexes, keys, what grows by itself."""
    migrated, made = open_writer(fresh_database_url()), open_writer(empty_database_url())
    try:
        async with made.begin() as connection:
            await connection.run_sync(METADATA.create_all)

        assert await _describe(migrated) == await _describe(made)
    finally:
        await migrated.dispose()
        await made.dispose()


async def _describe(engine: AsyncEngine) -> set[tuple[Any, ...]]:
    """Every table, column, index and constraint in the database's own words, but for alembic's table."""
    if engine.dialect.name == "sqlite":
        statements = ["SELECT tbl_name, sql FROM sqlite_master WHERE tbl_name NOT LIKE 'sqlite%'"]
    else:
        statements = [
            "SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity"
            " FROM information_schema.columns WHERE table_schema = 'public'",
            "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace",
        ]
    async with engine.connect() as connection:
        rows = [tuple(row) for text in statements for row in await connection.execute(sa.text(text))]
    return {tuple(_plain(cell) for cell in row) for row in rows if row[0] != "alembic_version"}


def _plain(cell: object) -> object:
    return " ".join(cell.split()) if isinstance(cell, str) else cell
