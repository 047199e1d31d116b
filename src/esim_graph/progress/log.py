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
from esim_graph.subjects import key_of, of_account, read_state

Row = sa.Row[Any]

_PRUNED_AT_ONCE = 1_000  # rows; other writes wait behind them

Place = tuple[datetime, int]  #: of an event among all by age: when it was written, and its number


async def newest(connection: AsyncConnection, account: Account) -> int:
    """The number of the latest event; 0 if there is none."""
    found = await connection.execute(sa.select(sa.func.max(EVENTS.c.id)).where(_of(account)))
    return found.scalar() or 0


async def after(
    connection: AsyncConnection, account: Account, number: int, limit: int, *, noun: Noun | None = None
) -> list[Entry[State]]:
    """The events behind *number*, in order."""
    where = sa.true() if noun is None else EVENTS.c.noun == noun
    return await _readable(connection, _of(account) & where, EVENTS.c.id, number, limit)


async def of_subject(
    connection: AsyncConnection, account: Account, noun: Noun, vendor_id: str, sequence: int, limit: int
) -> list[Entry[State]]:
    """A subject's events behind *sequence*, in order."""
    where = _of(account) & (EVENTS.c.noun == noun) & (EVENTS.c.vendor_id == vendor_id)
    return await _readable(connection, where, EVENTS.c.sequence, sequence, limit)


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


async def prune(
    connection: AsyncConnection, account: Account, *, ended_before: datetime, behind: Place | None
) -> Place | None:
    """Drop events of subjects that ended, or were given up, before an instant.

    One page of all old events is gone through, behind a place; the next one, or None if there is none.
    """
    aged = [EVENTS.c.at < ended_before]
    if behind is not None:
        at, number = behind
        aged += [EVENTS.c.at >= at, (EVENTS.c.at > at) | (EVENTS.c.id > number)]
    # Whose they are is asked behind this, so that the database goes by their age and sees no younger ones.
    page = sa.select(EVENTS).where(*aged).order_by(EVENTS.c.at, EVENTS.c.id).limit(_PRUNED_AT_ONCE).subquery()
    own = (page.c.tenant == SUBJECTS.c.tenant) & (page.c.account == SUBJECTS.c.account)
    same = (page.c.noun == SUBJECTS.c.noun) & (page.c.vendor_id == SUBJECTS.c.vendor_id)
    over = sa.func.coalesce(SUBJECTS.c.ended_at, SUBJECTS.c.follow_until) < ended_before
    found = await connection.execute(
        sa.select(page.c.id, page.c.at, over.label("is_over"))
        .select_from(page.outerjoin(SUBJECTS, of_account(account) & own & same))
        .order_by(page.c.at, page.c.id)
    )
    rows = found.all()
    if gone := [row.id for row in rows if row.is_over]:
        await connection.execute(sa.delete(EVENTS).where(EVENTS.c.id.in_(gone)))
    return (rows[-1].at, rows[-1].id) if len(rows) == _PRUNED_AT_ONCE else None


def read_entry(row: Any) -> Entry[State] | None:
    """A row of ``events``; None if its state cannot be read."""
    state = read_state(row)
    return None if state is None else Entry(row.id, key_of((row.noun, row.vendor_id)), row.sequence, state, row.final)


async def _readable(
    connection: AsyncConnection, where: sa.ColumnElement[bool], place: sa.Column[int], behind: int, limit: int
) -> list[Entry[State]]:
    """As many events as *limit* says, unless there are no more: what cannot be read makes no page short."""
    entries: list[Entry[State]] = []
    while True:
        found = await connection.execute(sa.select(EVENTS).where(where, place > behind).order_by(place).limit(limit))
        rows = found.all()
        entries += [entry for row in rows if (entry := read_entry(row)) is not None]
        if len(rows) < limit or len(entries) >= limit:
            return entries[:limit]
        behind = rows[-1].id if place is EVENTS.c.id else rows[-1].sequence


def _of(account: Account) -> sa.ColumnElement[bool]:
    return sa.and_(EVENTS.c.tenant == account.tenant, EVENTS.c.account == account.digi)
