"""Who follows what, across all replicas: claims with an end and a fencing token, as rows of ``subjects``.

A claim is good until ``held_until``. Whoever claims raises the fence, and every write of a holder asks for
the fence that it knows; so one that slept through its lease writes nothing over its successor.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database.tables import SUBJECTS
from esim_graph.domain.account import Account
from esim_graph.domain.subject import Noun
from esim_graph.subjects import Known, Name, known, of_account, read_subjects

_IN_ONE_STATEMENT = 500  # ids


@dataclass(frozen=True, slots=True)
class Renewed:
    """What the row of a subject says whose lease was renewed."""

    sequence: int
    follow_until: datetime
    watched_until: datetime | None


async def is_anything_free(connection: AsyncConnection, account: Account, *, now: datetime) -> bool:
    """Whether there is a subject that should be followed and that nobody holds."""
    found = await connection.execute(sa.select(sa.literal(1)).select_from(SUBJECTS).where(_free(account, now)).limit(1))
    return found.first() is not None


async def claim(
    connection: AsyncConnection, account: Account, *, holder: str, now: datetime, held_until: datetime, limit: int
) -> list[Known]:
    """Take up to *limit* subjects that nobody holds, those first that began first."""
    rows = await connection.execute(
        sa.select(SUBJECTS).where(_free(account, now)).order_by(SUBJECTS.c.began_at).limit(max(limit, 0))
    )
    return await _take(connection, account, read_subjects(rows), holder=holder, held_until=held_until)


async def take(
    connection: AsyncConnection,
    account: Account,
    name: Name,
    *,
    holder: str,
    now: datetime,
    held_until: datetime,
    follow_until: datetime,
) -> Known | None:
    """Take one unfinished subject, and follow it for longer; None if somebody holds it or it has ended."""
    noun, vendor_id = name
    found = (await known(connection, account, noun, [vendor_id])).get(vendor_id)
    if found is None or found.ended_at is not None or found.is_held(now):
        return None
    await connection.execute(sa.update(SUBJECTS).where(_named(account, [name])[0]).values(follow_until=follow_until))
    await _take(connection, account, [found], holder=holder, held_until=held_until)
    return (await known(connection, account, noun, [vendor_id]))[vendor_id]


async def renew(
    connection: AsyncConnection, account: Account, *, holder: str, held_until: datetime
) -> dict[Name, Renewed]:
    """Hold on to what *holder* has."""
    rows = await connection.execute(
        sa.update(SUBJECTS)
        .where(of_account(account), SUBJECTS.c.ended_at.is_(None), SUBJECTS.c.holder == holder)
        .values(held_until=held_until)
        .returning(
            SUBJECTS.c.noun,
            SUBJECTS.c.vendor_id,
            SUBJECTS.c.sequence,
            SUBJECTS.c.follow_until,
            SUBJECTS.c.watched_until,
        )
    )
    return {(row.noun, row.vendor_id): Renewed(row.sequence, row.follow_until, row.watched_until) for row in rows}


async def show_interest(
    connection: AsyncConnection,
    account: Account,
    names: Iterable[Name],
    *,
    watched_until: datetime,
    follow_until: datetime | None = None,
) -> None:
    """Tell whoever holds these that somebody watches them; with *follow_until*, that somebody newly does."""
    values: dict[str, Any] = {"watched_until": watched_until}
    if follow_until is not None:
        values["follow_until"] = follow_until
    for where in _named(account, names):
        await connection.execute(sa.update(SUBJECTS).where(where, SUBJECTS.c.ended_at.is_(None)).values(values))


async def note_checks(connection: AsyncConnection, account: Account, checked: Iterable[Name], *, at: datetime) -> None:
    """Note that Digi checked these transactions, and found nothing new."""
    for where in _named(account, checked):
        await connection.execute(sa.update(SUBJECTS).where(where).values(checked_at=at))


async def release(
    connection: AsyncConnection, account: Account, *, holder: str, names: Iterable[Name] | None = None
) -> None:
    """Let go of *names*, or of everything, so that another replica takes over at once."""
    scopes = [of_account(account)] if names is None else _named(account, names)
    for where in scopes:
        await connection.execute(
            sa.update(SUBJECTS).where(where, SUBJECTS.c.holder == holder).values(holder=None, held_until=None)
        )


async def _take(
    connection: AsyncConnection, account: Account, free: list[Known], *, holder: str, held_until: datetime
) -> list[Known]:
    for where in _named(account, [subject.name for subject in free]):
        await connection.execute(
            sa.update(SUBJECTS).where(where).values(holder=holder, held_until=held_until, fence=SUBJECTS.c.fence + 1)
        )
    return [subject.taken_by(holder, held_until) for subject in free]


def _free(account: Account, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        of_account(account),
        SUBJECTS.c.ended_at.is_(None),
        SUBJECTS.c.follow_until > now,
        sa.or_(SUBJECTS.c.held_until.is_(None), SUBJECTS.c.held_until < now),
    )


def _named(account: Account, names: Iterable[Name]) -> list[sa.ColumnElement[bool]]:
    """Conditions that together hold for all of *names*, each short enough for one statement."""
    by_noun: dict[Noun, list[str]] = {}
    for noun, vendor_id in names:
        by_noun.setdefault(noun, []).append(vendor_id)
    return [
        sa.and_(
            of_account(account), SUBJECTS.c.noun == noun, SUBJECTS.c.vendor_id.in_(ids[at : at + _IN_ONE_STATEMENT])
        )
        for noun, ids in by_noun.items()
        for at in range(0, len(ids), _IN_ONE_STATEMENT)
    ]
