"""The log of events, as those who watch read it, and its end a day behind the end of its subjects."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database.tables import EVENTS, SUBJECTS
from esim_graph.domain.account import Account
from esim_graph.domain.subject import Noun, State
from esim_graph.events import Entry
from esim_graph.subjects import of_account, read_state

Row = sa.Row[Any]

_PRUNED_AT_ONCE = 1_000  # rows; other writes wait behind them


async def newest(connection: AsyncConnection, account: Account) -> int:
    """The number of the latest event; 0 if there is none."""
    found = await connection.execute(sa.select(sa.func.max(EVENTS.c.id)).where(_of(account)))
    return found.scalar() or 0


async def after(
    connection: AsyncConnection, account: Account, number: int, limit: int, *, noun: Noun | None = None
) -> list[Entry[State]]:
    """The events behind *number*, in order."""
    where = [_of(account), EVENTS.c.id > number]
    if noun is not None:
        where.append(EVENTS.c.noun == noun)
    rows = await connection.execute(sa.select(EVENTS).where(*where).order_by(EVENTS.c.id).limit(limit))
    return [read_entry(row) for row in rows]


async def of_subject(
    connection: AsyncConnection, account: Account, noun: Noun, vendor_id: str, sequence: int, limit: int
) -> list[Entry[State]]:
    """A subject's events behind *sequence*, in order."""
    rows = await connection.execute(
        sa.select(EVENTS)
        .where(_of(account), EVENTS.c.noun == noun, EVENTS.c.vendor_id == vendor_id, EVENTS.c.sequence > sequence)
        .order_by(EVENTS.c.sequence)
        .limit(limit)
    )
    return [read_entry(row) for row in rows]


async def instant_of(connection: AsyncConnection, account: Account, number: int) -> datetime | None:
    """When an event was written; None if it is not there (any more)."""
    found = await connection.execute(sa.select(EVENTS.c.at).where(_of(account), EVENTS.c.id == number))
    instant: datetime | None = found.scalar()
    return instant


async def present(connection: AsyncConnection, account: Account, *, now: datetime, limit: int) -> Sequence[Row]:
    """The latest event of each operation that is followed and has not ended, in order; rows for ``read_entry``."""
    same = (SUBJECTS.c.noun == EVENTS.c.noun) & (SUBJECTS.c.vendor_id == EVENTS.c.vendor_id)
    rows = await connection.execute(
        sa.select(EVENTS)
        .join(SUBJECTS, _of(account) & same & (SUBJECTS.c.sequence == EVENTS.c.sequence))
        .where(
            of_account(account),
            SUBJECTS.c.noun == "operation",
            SUBJECTS.c.ended_at.is_(None),
            SUBJECTS.c.follow_until > now,
        )
        .order_by(EVENTS.c.id)
        .limit(limit)
    )
    return rows.all()


async def prune(connection: AsyncConnection, account: Account, *, ended_before: datetime) -> int:
    """Drop events of subjects that ended, or were given up, before an instant; how many went at once."""
    same = (SUBJECTS.c.noun == EVENTS.c.noun) & (SUBJECTS.c.vendor_id == EVENTS.c.vendor_id)
    over = sa.func.coalesce(SUBJECTS.c.ended_at, SUBJECTS.c.follow_until) < ended_before
    old = (
        sa.select(EVENTS.c.id)
        .join(SUBJECTS, of_account(account) & same)
        .where(_of(account), EVENTS.c.at < ended_before, over)
        .limit(_PRUNED_AT_ONCE)
    )
    gone = await connection.execute(sa.delete(EVENTS).where(EVENTS.c.id.in_(old)))
    return gone.rowcount


def read_entry(row: Any) -> Entry[State]:
    """A row of ``events``."""
    return Entry(row.id, f"{row.noun} {row.vendor_id}", row.sequence, read_state(row.noun, row.state), row.final)


def _of(account: Account) -> sa.ColumnElement[bool]:
    return sa.and_(EVENTS.c.tenant == account.tenant, EVENTS.c.account == account.digi)
