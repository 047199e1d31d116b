"""What is known of each subject: the rows of ``subjects``, and their events in the log.

A subject is a transaction or an operation that is or was followed. Its row is its latest state
and who follows it: a holder has it until an instant, and the fence tells its claim from a later
one. Functions that write are called inside a ``Database.write``. A state that a newer version
wrote may be one that this one cannot read: that row is left out, and said so once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database import insert
from esim_graph.database.tables import EVENTS, SUBJECTS
from esim_graph.domain.account import Account
from esim_graph.domain.operation import FollowedOperation
from esim_graph.domain.subject import Noun, State, action_of, carrier_of, noun_of
from esim_graph.domain.transaction import Transaction
from esim_graph.events import Entry
from esim_graph.telemetry import logger

_IN_ONE_QUERY = 500  # ids; SQLite takes 32,766 parameters, and a plan is made anew for every number of them
_TOLD = 1_000  # rows that cannot be read, so that each is told once

Name = tuple[Noun, str]  #: of a subject within its account


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A subject's row."""

    noun: Noun
    vendor_id: str
    state: State
    sequence: int  #: of its latest event
    actor: str | None
    checked_at: datetime | None  #: when Digi last checked a transaction because it is followed
    began_at: datetime
    ended_at: datetime | None
    follow_until: datetime
    watched_until: datetime | None  #: somebody watches it on some replica
    holder: str | None
    held_until: datetime | None
    fence: int

    @property
    def name(self) -> Name:
        """Which subject it is."""
        return self.noun, self.vendor_id

    @property
    def key(self) -> str:
        """What its events are filed under."""
        return key_of(self.name)

    def is_held(self, now: datetime) -> bool:
        """Whether some replica follows it."""
        return self.ended_at is None and self.held_until is not None and self.held_until >= now

    def taken_by(self, holder: str, held_until: datetime) -> "Known":
        """The same, claimed by another holder."""
        return replace(self, holder=holder, held_until=held_until, fence=self.fence + 1)


async def known(
    connection: AsyncConnection, account: Account, noun: Noun, vendor_ids: Iterable[str]
) -> dict[str, Known]:
    """The subjects with these ids, as many as were ever followed; no query for none."""
    wanted = list(dict.fromkeys(vendor_ids))
    found: dict[str, Known] = {}
    for at in range(0, len(wanted), _IN_ONE_QUERY):
        chunk = wanted[at : at + _IN_ONE_QUERY]
        rows = await connection.execute(
            sa.select(SUBJECTS).where(of_account(account), SUBJECTS.c.noun == noun, SUBJECTS.c.vendor_id.in_(chunk))
        )
        found |= {subject.vendor_id: subject for subject in read_subjects(rows)}
    return found


async def unfinished_on(connection: AsyncConnection, account: Account, device_id: str) -> list[Known]:
    """What has not ended on a device, oldest first."""
    rows = await connection.execute(
        sa.select(SUBJECTS)
        .where(of_account(account), SUBJECTS.c.device_id == device_id, SUBJECTS.c.ended_at.is_(None))
        .order_by(SUBJECTS.c.began_at)
    )
    return read_subjects(rows)


async def begin(
    connection: AsyncConnection,
    account: Account,
    state: State,
    *,
    actor: str | None,
    now: datetime,
    follow_until: datetime,
    holder: str | None,
    held_until: datetime | None,
    seconds: float | None = None,
) -> Known:
    """Write a subject and the event of its present state.

    One that is known stays as it is and is returned so. One whose row cannot be read stays too, and
    is followed by whoever can. *seconds* is how long one took that has come to a good end.
    """
    noun, vendor_id = noun_of(state), state.vendor_id
    before = (await known(connection, account, noun, [vendor_id])).get(vendor_id)
    if before is not None:
        return before
    begun = Known(
        noun=noun,
        vendor_id=vendor_id,
        state=state,
        sequence=1,
        actor=actor,
        checked_at=_last_check(state),
        began_at=now,
        ended_at=now if state.is_terminal else None,
        follow_until=follow_until,
        watched_until=None,
        holder=None if state.is_terminal else holder,
        held_until=None if state.is_terminal else held_until,
        fence=1,
    )
    statement = insert(connection, SUBJECTS).values(
        tenant=account.tenant,
        account=account.digi,
        noun=noun,
        vendor_id=vendor_id,
        sequence=begun.sequence,
        actor=actor,
        checked_at=begun.checked_at,
        began_at=now,
        ended_at=begun.ended_at,
        seconds=seconds,
        follow_until=follow_until,
        holder=begun.holder,
        held_until=begun.held_until,
        fence=begun.fence,
        **_columns_of(state),
    )
    written = await connection.execute(statement.on_conflict_do_nothing())
    if not written.rowcount:
        return replace(begun, holder=None, held_until=None)
    await _add_event(connection, account, begun, now)
    return begun


async def change(
    connection: AsyncConnection, account: Account, held: Known, state: State, *, now: datetime, seconds: float | None
) -> Known | None:
    """Write a new state and its event; None if *held* is not what the row says.

    Then somebody else has taken the subject over since, or an earlier write was done whose answer was lost.
    """
    after = replace(
        held,
        state=state,
        sequence=held.sequence + 1,
        checked_at=_last_check(state),
        ended_at=now if state.is_terminal else None,
    )
    values: dict[str, Any] = {"sequence": after.sequence, "checked_at": after.checked_at}
    if state.is_terminal:
        values |= {"ended_at": now, "seconds": seconds, "holder": None, "held_until": None}
    written = await connection.execute(
        sa.update(SUBJECTS)
        .where(
            of_account(account),
            SUBJECTS.c.noun == held.noun,
            SUBJECTS.c.vendor_id == held.vendor_id,
            SUBJECTS.c.fence == held.fence,
            SUBJECTS.c.sequence == held.sequence,
        )
        .values(**_columns_of(state), **values)
    )
    if not written.rowcount:
        return None
    await _add_event(connection, account, after, now)
    return after


async def prune(connection: AsyncConnection, account: Account, *, ended_before: datetime) -> int:
    """Drop subjects that ended, or were given up, before an instant and have no events; how many went at once."""
    given_up = SUBJECTS.c.ended_at.is_(None) & (SUBJECTS.c.follow_until < ended_before)
    has_events = sa.exists().where(
        EVENTS.c.tenant == SUBJECTS.c.tenant,
        EVENTS.c.account == SUBJECTS.c.account,
        EVENTS.c.noun == SUBJECTS.c.noun,
        EVENTS.c.vendor_id == SUBJECTS.c.vendor_id,
    )
    old = (
        sa.select(SUBJECTS.c.noun, SUBJECTS.c.vendor_id)
        .where(of_account(account), (SUBJECTS.c.ended_at < ended_before) | given_up, ~has_events)
        .limit(_IN_ONE_QUERY)
    )
    named = sa.tuple_(SUBJECTS.c.noun, SUBJECTS.c.vendor_id)
    gone = await connection.execute(sa.delete(SUBJECTS).where(of_account(account), named.in_(old)))
    return gone.rowcount


def read_subjects(rows: Iterable[Any]) -> list[Known]:
    """Rows of ``subjects``, those that can be read."""
    return [subject for row in rows if (subject := _read_subject(row)) is not None]


def _read_subject(row: Any) -> Known | None:
    state = read_state(row)
    if state is None:
        return None
    if isinstance(state, Transaction):
        state = replace(state, last_checked_at=row.checked_at)  # a check that finds nothing new writes no state
    return Known(
        noun=row.noun,
        vendor_id=row.vendor_id,
        state=state,
        sequence=row.sequence,
        actor=row.actor,
        checked_at=row.checked_at,
        began_at=row.began_at,
        ended_at=row.ended_at,
        follow_until=row.follow_until,
        watched_until=row.watched_until,
        holder=row.holder,
        held_until=row.held_until,
        fence=row.fence,
    )


def read_state(row: Any) -> State | None:
    """The state in a row of ``subjects`` or ``events``; None if it cannot be read."""
    try:
        state: State = _adapter(row.noun).validate_json(row.state)
    except ValidationError:
        _tell_unreadable(row.noun, row.vendor_id, row.sequence)
        return None
    return state


@lru_cache(_TOLD)
def _tell_unreadable(noun: Noun, vendor_id: str, sequence: int) -> None:
    logger().error("state_not_readable", noun=noun, vendor_id=vendor_id, sequence=sequence)


def write_state(state: State) -> str:
    """A state as JSON."""
    return _adapter(noun_of(state)).dump_json(state).decode()


def entry_of(subject: Known) -> Entry[State]:
    """A subject's latest event, as far as its row tells: its place in the whole log is not there."""
    return Entry(0, subject.key, subject.sequence, subject.state, subject.ended_at is not None)


def key_of(name: Name) -> str:
    """What a subject's events are filed under."""
    return " ".join(name)


def name_of(key: str) -> Name:
    """Whose events these are."""
    noun, _, vendor_id = key.partition(" ")
    return ("operation" if noun == "operation" else "transaction"), vendor_id


@cache
def _adapter(noun: Noun) -> TypeAdapter[Any]:
    return TypeAdapter(Transaction if noun == "transaction" else FollowedOperation)


async def _add_event(connection: AsyncConnection, account: Account, subject: Known, now: datetime) -> None:
    await connection.execute(
        sa.insert(EVENTS).values(
            tenant=account.tenant,
            account=account.digi,
            noun=subject.noun,
            vendor_id=subject.vendor_id,
            sequence=subject.sequence,
            final=subject.ended_at is not None,
            at=now,
            state=write_state(subject.state),
        )
    )


def _last_check(state: State) -> datetime | None:
    return state.last_checked_at if isinstance(state, Transaction) else None


def _columns_of(state: State) -> dict[str, Any]:
    return {
        "action": action_of(state),
        "device_id": state.device_id,
        "iccid": state.iccid,
        "carrier": carrier_of(state),
        "state": write_state(state),
    }


def of_account(account: Account) -> sa.ColumnElement[bool]:
    """That a row is one of this account's subjects."""
    return sa.and_(SUBJECTS.c.tenant == account.tenant, SUBJECTS.c.account == account.digi)
