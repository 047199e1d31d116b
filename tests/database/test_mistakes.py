"""A statement that is wrong is told from an outage, since it would be wrong again; and no error repeats a value."""

import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database import Database, insert, open_database
from esim_graph.database.tables import KEYS, SUBJECTS
from esim_graph.errors import DatabaseUnavailable
from esim_graph.telemetry import Metrics
from support.database import fresh_database_url

NOW = datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)
MARK = "marked-value"
SUBJECT: dict[str, Any] = {
    "tenant": "t",
    "account": "a",
    "noun": "operation",
    "vendor_id": MARK,
    "state": MARK,
    "sequence": 1,
    "began_at": NOW,
    "follow_until": NOW,
    "fence": 1,
}
MISTAKES = {
    "the same again": (KEYS, {"name": "there", "value": MARK}),
    "nothing where something must be": (SUBJECTS, SUBJECT | {"sequence": None}),
    "half a character": (KEYS, {"name": "half", "value": f"{MARK} \ud800"}),
    "another type": (SUBJECTS, SUBJECT | {"began_at": MARK}),
    "a type that no column has": (KEYS, {"name": "object", "value": [MARK]}),
}


@pytest.mark.parametrize(("table", "row"), MISTAKES.values(), ids=MISTAKES)
async def test_a_mistake_is_no_outage_and_repeats_no_value(table: sa.Table, row: dict[str, Any]) -> None:
    """Neither in its own words nor in those of its causes, which a log would have."""
    async with open_database(fresh_database_url(), metrics=Metrics()) as database:
        await keep(database, KEYS, {"name": "there", "value": "x"})

        with pytest.raises(Exception) as raised:  # noqa: PT011 - each its own
            await keep(database, table, row)

        assert not isinstance(raised.value, DatabaseUnavailable)
        assert MARK not in "".join(traceback.format_exception_only(raised.value))
        assert MARK not in "".join(told(raised.value))


async def test_a_nul_is_no_outage() -> None:
    """SQLite keeps it; PostgreSQL would refuse it again and again."""
    async with open_database(fresh_database_url(), metrics=Metrics()) as database:
        row = {"name": "nul", "value": f"{MARK} \0"}
        if database.dialect == "sqlite":
            await keep(database, KEYS, row)
            return
        with pytest.raises(sa.exc.DBAPIError) as raised:
            await keep(database, KEYS, row)
        with pytest.raises(sa.exc.DBAPIError):
            async with database.read() as connection:
                await connection.scalar(sa.select(KEYS.c.name).where(KEYS.c.value == row["value"]))

        assert MARK not in "".join(told(raised.value))
        await keep(database, KEYS, row | {"value": "x"})


async def keep(database: Database, table: sa.Table, row: dict[str, Any]) -> None:
    """Write one row."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(connection, table).values(row))

    await database.write(work)


def told(error: BaseException | None) -> list[str]:
    """The texts of an error and of all its causes."""
    found: list[str] = []
    while error is not None:
        found.append(str(error))
        error = error.__cause__ or error.__context__
    return found
