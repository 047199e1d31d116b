"""What is asked all the time reads its own rows and no more, however many others there are."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database.engine import open_writer
from esim_graph.database.tables import SUBJECTS
from esim_graph.database.types import Instant
from esim_graph.domain.account import Account
from esim_graph.progress import estimates, leases, log
from support.database import fresh_database_url

ROWS = 20_000
ACCOUNT = Account("tenant", "account")
NOW = datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)
LATER = NOW + timedelta(minutes=1)

Asked = Callable[[AsyncConnection], Awaitable[Any]]

# One in 200 has not ended, half of those are held; one event in a thousand is older than a day.
FILLED = {
    "subjects": """INSERT INTO subjects (tenant, account, noun, vendor_id, action, device_id, carrier, state, sequence,
        began_at, ended_at, seconds, follow_until, holder, held_until, fence)
        SELECT CASE WHEN i % 2 = 0 THEN 'tenant' ELSE 'other' END, 'account', 'operation', 'v' || i, 'activate',
        'd' || i, 'c' || (i % 50), '{}', 1, :now - i, CASE WHEN i % 200 = 0 THEN NULL ELSE :now - i END,
        CASE WHEN i % 200 = 0 THEN NULL ELSE 1.0 END, :now + i, CASE WHEN i % 400 = 0 THEN 'h' || (i % 3) END,
        CASE WHEN i % 400 = 0 THEN :now + i END, 1 FROM n""",
    "events": """INSERT INTO events (tenant, account, noun, vendor_id, sequence, final, at, state)
        SELECT CASE WHEN i % 2 = 0 THEN 'tenant' ELSE 'other' END, 'account', 'operation', 'v' || i, 1, FALSE,
        CASE WHEN i % 1000 = 0 THEN :now - 90000000000 ELSE :now - i END, '{}' FROM n""",
}
NUMBERS = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"

# Where every other row is this account's, PostgreSQL finds its next ones among all as quickly.
EVERYBODYS = "ix_events_id events_pkey"
ASKED: dict[str, tuple[Asked, str]] = {
    "newest": (lambda connection: log.newest(connection, ACCOUNT), EVERYBODYS),
    "newest of nothing": (lambda connection: log.newest(connection, Account("nobody", "account")), "ix_events_id"),
    "after": (lambda connection: log.after(connection, ACCOUNT, ROWS - 10, 256), EVERYBODYS),
    "after nothing": (lambda connection: log.after(connection, Account("nobody", "account"), 0, 256), "ix_events_id"),
    "prune": (lambda connection: log.prune(connection, ACCOUNT, ended_before=YESTERDAY, behind=None), "ix_events_at"),
    "is anything free": (
        lambda connection: leases.is_anything_free(connection, ACCOUNT, now=NOW),
        "ix_subjects_unfinished",
    ),
    "claim": (
        lambda connection: leases.claim(connection, ACCOUNT, holder="me", now=NOW, held_until=LATER, limit=50),
        "ix_subjects_unfinished",
    ),
    "renew": (
        lambda connection: leases.renew(connection, ACCOUNT, holder="h1", held_until=LATER),
        "ix_subjects_holder",
    ),
    "release": (lambda connection: leases.release(connection, ACCOUNT, holder="h1"), "ix_subjects_holder"),
}
# What is free, and a page of what is old, is few, and sorted; nothing else is.
SORTED = ("claim", "prune")


async def test_nothing_that_is_asked_all_the_time_scans_or_sorts() -> None:
    """The log, the leases and the durations, each by the first statement that it asks."""
    url = fresh_database_url()
    await fill(url)
    plans = {name: (await plan_of(url, ask), index) for name, (ask, index) in ASKED.items()}
    for carrier, index in ((None, "ix_subjects_durations"), ("nobody", "ix_subjects_durations_carrier")):
        plans[f"durations of {carrier}"] = (await plan_of_durations(url, carrier), index)

    poor = [
        f"{name}: {plan}"
        for name, (plan, index) in plans.items()
        if not any(is_by(index, line) for line in plan)
        or any(is_scan(line) or (is_sort(line) and name not in SORTED) for line in plan)
    ]
    assert not poor, "\n".join(poor)


@pytest.mark.parametrize("table", ["requests", "events"])
async def test_the_number_of_a_row_that_is_gone_does_not_come_again(table: str) -> None:
    """Somebody may still hold it."""
    columns = "tenant, account, noun, vendor_id, state, "
    values = "'t', 'a', 'operation', 'v', '{}', "
    if table == "events":
        columns, values = columns + "sequence, final, at", values + "1, FALSE, 0"
    else:
        columns, values = (
            columns + "action, device_id, fingerprint, created_at, owned_until",
            (values + "'enable', 'd', 'f', 0, 0"),
        )
    writer = open_writer(fresh_database_url())
    try:
        async with writer.begin() as connection:
            add = sa.text(f"INSERT INTO {table} ({columns}) VALUES ({values}) RETURNING id")
            first = await connection.scalar(add)
            await connection.execute(sa.text(f"DELETE FROM {table}"))

            assert await connection.scalar(add) == first + 1
    finally:
        await writer.dispose()


async def fill(url: str) -> None:
    writer = open_writer(url)
    now = Instant().process_bind_param(NOW, None)
    async with writer.begin() as connection:
        for statement in FILLED.values():
            # SQLite takes the WITH of an INSERT at its beginning, and so does PostgreSQL.
            whole = sa.text(f"{NUMBERS} {statement}").bindparams(sa.bindparam("now", now, sa.BigInteger))
            await connection.execute(whole)
    if writer.dialect.name == "postgresql":
        async with writer.begin() as connection:
            await connection.execute(sa.text("ANALYZE"))
    await writer.dispose()


async def plan_of(url: str, ask: Asked) -> list[str]:
    """How the database does the first statement of *ask*; nothing is kept."""
    asked: list[tuple[str, Any]] = []
    writer = open_writer(url)

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    sa.event.listen(writer.sync_engine, "before_cursor_execute", note)
    try:
        async with writer.connect() as connection:
            with suppress(ValidationError):  # the rows have no state that could be read
                await ask(connection)
            await connection.rollback()
            statement, parameters = next(one for one in asked if one[0].startswith(("SELECT", "UPDATE", "DELETE")))
            explain = "EXPLAIN QUERY PLAN" if writer.dialect.name == "sqlite" else "EXPLAIN"
            rows = await connection.exec_driver_sql(f"{explain} {statement}", tuple(parameters))
            return [str(row[-1]).strip() for row in rows]
    finally:
        await writer.dispose()


async def plan_of_durations(url: str, carrier: str | None) -> list[str]:
    """The same for what estimates are made of."""
    where = [] if carrier is None else [SUBJECTS.c.carrier == carrier]
    return await plan_of(
        url, lambda connection: connection.execute(estimates._select(ACCOUNT, "operation", "activate", *where))
    )


def is_by(indexes: str, line: str) -> bool:
    return any(f"{index} " in f"{line} " for index in indexes.split())


def is_scan(line: str) -> bool:
    return line.startswith(("SCAN events", "SCAN subjects")) or "Seq Scan" in line


def is_sort(line: str) -> bool:
    return "TEMP B-TREE" in line or line.startswith(("Sort", "->  Sort"))
