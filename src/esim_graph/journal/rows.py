"""The journal's tables: what is written there and how a page of it is read.

A page reads its own rows and no more, however many there are: every way to ask is led by one
index that ends in the order of the page. What else a filter says is written so that no other
index looks better to a planner.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database import insert
from esim_graph.database.tables import PROFILE_STATES, STATUS_CHANGES
from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.status_change import KnownState, StatusChange, StatusFilter, StatusSource

Key = tuple[Iccid, StatusSource]  #: one source's view of one profile
Place = tuple[datetime, int]  #: a row's place in the list: ``at`` and ``number``

_IN_ONE_QUERY = 500
_NOTHING = "-"  # stands for no state among the outdated ones

_STATES = {state.value: state for state in ProfileState}
_SOURCES = {source.value: source for source in StatusSource}

_C = STATUS_CHANGES.c
_COLUMNS = [column for column in _C if column.name not in ("tenant", "identity")]
_NEWEST_FIRST = (_C.at.desc(), _C.number.desc())
_LEADS = ("iccid", "eid", "device_id")  # each has few rows for one value; the first that is given leads


def digest(source: StatusSource, identity: str) -> bytes:
    """What tells one report from all others, in sixteen bytes."""
    return hashlib.blake2b(f"{source.value} {identity}".encode(), digest_size=16).digest()


async def recorded(connection: AsyncConnection, tenant: str, digests: Iterable[bytes]) -> set[bytes]:
    """Which of these are in the journal."""
    found: set[bytes] = set()
    for chunk in _chunks(digests):
        rows = await connection.execute(
            sa.select(_C.identity).where(_C.tenant == tenant, _C.identity.in_(chunk))
        )  # fmt: skip
        found.update(rows.scalars())
    return found


async def known_states(connection: AsyncConnection, tenant: str, iccids: Iterable[Iccid]) -> dict[Key, KnownState]:
    """What every source last said of these profiles."""
    found: dict[Key, KnownState] = {}
    for chunk in _chunks(iccids):
        rows = await connection.execute(sa.select(PROFILE_STATES).where(_states_of(tenant, chunk)))
        found |= dict(_known(row) for row in rows)
    return found


async def look_up(
    connection: AsyncConnection, tenant: str, iccids: Sequence[Iccid], digests: Sequence[bytes]
) -> tuple[int, dict[Key, KnownState], set[bytes]]:
    """The newest number, what is known of these profiles, and which of these reports are in the journal.

    For one report, which is the usual number, that is one statement.
    """
    if len(iccids) > 1 or len(digests) > 1:
        newest = await newest_number(connection, tenant)
        return newest, await known_states(connection, tenant, iccids), await recorded(connection, tenant, digests)
    is_recorded = sa.exists().where(_C.tenant == tenant, _C.identity.in_(digests))
    nothing = sa.select(sa.literal(1).label("one")).subquery()  # so that there is a row where no state is known
    rows = await connection.execute(
        sa.select(_newest_of(tenant).label("newest"), is_recorded.label("is_recorded"), PROFILE_STATES).select_from(
            nothing.join(PROFILE_STATES, _states_of(tenant, list(iccids)), isouter=True)
        )
    )
    every = list(rows)
    states = dict(_known(row) for row in every if row.iccid is not None)
    return int(every[0].newest or 0), states, set(digests) if every[0].is_recorded else set()


async def keep_states(connection: AsyncConnection, tenant: str, states: Mapping[Key, KnownState]) -> None:
    """Write what sources say now over what they said before."""
    values = [
        {
            "tenant": tenant,
            "iccid": iccid,
            "source": source.value,
            "state": known.state.value,
            "at": known.at,
            "seen_at": known.seen_at,
            "eid": known.eid,
            "previous": None if known.previous is None else known.previous.value,
            "outdated": " ".join(_NOTHING if one is None else one.value for one in known.outdated) or None,
            "unconfirmed_until": known.unconfirmed_until,
        }
        for (iccid, source), known in states.items()
    ]
    statement = insert(connection, PROFILE_STATES)
    key = [column.name for column in PROFILE_STATES.primary_key]
    others = {column.name: statement.excluded[column.name] for column in PROFILE_STATES.c if not column.primary_key}
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=others), values)


async def newest_number(connection: AsyncConnection, tenant: str) -> int:
    """The last row's number; 0 when there is none."""
    return int(await connection.scalar(sa.select(_newest_of(tenant))) or 0)


async def append(
    connection: AsyncConnection, tenant: str, changes: Sequence[StatusChange], digests: Sequence[bytes]
) -> None:
    """Write rows at the end."""
    await connection.execute(
        sa.insert(STATUS_CHANGES),
        [
            _values(change) | {"tenant": tenant, "identity": identity}
            for change, identity in zip(changes, digests, strict=True)
        ],
    )


async def page(
    connection: AsyncConnection, tenant: str, wanted: StatusFilter, *, now: datetime, behind: Place | None, limit: int
) -> list[StatusChange]:
    """At most *limit* rows, newest first, those behind a place where one is given."""
    return _read(await connection.execute(page_statement(tenant, wanted, now=now, behind=behind, limit=limit)))


def page_statement(
    tenant: str, wanted: StatusFilter, *, now: datetime, behind: Place | None, limit: int
) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """What ``page`` asks the database."""
    statement = sa.select(*_COLUMNS).where(_C.tenant == tenant, *_bounds(wanted, now, behind))
    given = {
        "iccid": wanted.iccid,
        "eid": wanted.eid,
        "device_id": wanted.device_id,
        "to_state": None if wanted.state is None else wanted.state.value,
        "source": None if wanted.source is None else wanted.source.value,
    }
    conditions = {name: value for name, value in given.items() if value is not None}
    lead = next((name for name in _LEADS if name in conditions), None)
    if lead is not None:
        statement = statement.where(_C[lead] == conditions.pop(lead))
        statement = statement.where(*(_beside(_C[name]) == value for name, value in conditions.items()))
        if wanted.only_errors:
            statement = statement.where(sa.func.coalesce(_C.is_error, sa.false()).is_(sa.true()))
        return statement.order_by(*_NEWEST_FIRST).limit(limit)
    if wanted.only_errors:
        statement = statement.where(sa.text("is_error"))  # as the partial indexes spell it
    statement = statement.where(*(_C[name] == value for name, value in conditions.items()))
    if "to_state" not in conditions or "source" in conditions:
        return statement.order_by(*_NEWEST_FIRST).limit(limit)
    # The index of states has the source before the time: a page of each source, and of those a page.
    pages = [
        statement.where(_C.source == source.value).order_by(*_NEWEST_FIRST).limit(limit).subquery()
        for source in StatusSource
    ]
    together = sa.union_all(*(sa.select(one) for one in pages))
    return together.order_by(sa.desc("at"), sa.desc("number")).limit(limit)


async def behind_number(
    connection: AsyncConnection, tenant: str, iccid: Iccid | None, number: int, limit: int
) -> list[StatusChange]:
    """The rows written after the one with that number, in the order of writing."""
    statement = sa.select(*_COLUMNS).where(_C.tenant == tenant, *_newer(iccid, number))
    return _read(await connection.execute(statement.order_by(_written(iccid)).limit(limit)))


async def newest(connection: AsyncConnection, tenant: str, iccid: Iccid | None) -> list[StatusChange]:
    """The row that was written last, if there is one."""
    statement = sa.select(*_COLUMNS).where(_C.tenant == tenant, *_newer(iccid, 0))
    return _read(await connection.execute(statement.order_by(_written(iccid).desc()).limit(1)))


async def is_more_than(connection: AsyncConnection, tenant: str, iccid: Iccid | None, number: int, count: int) -> bool:
    """Whether more than *count* rows were written after the one with that number."""
    behind = sa.select(_C.number).where(_C.tenant == tenant, *_newer(iccid, number)).limit(count + 1).subquery()
    found = await connection.scalar(sa.select(sa.func.count()).select_from(behind))
    return int(found or 0) > count


async def by_number(connection: AsyncConnection, tenant: str, numbers: Iterable[int]) -> dict[int, StatusChange]:
    """The rows with these numbers, as many as there are."""
    found: dict[int, StatusChange] = {}
    for chunk in _chunks(numbers):
        rows = await connection.execute(sa.select(*_COLUMNS).where(_C.tenant == tenant, _C.number.in_(chunk)))
        found |= {change.number: change for change in _read(rows)}
    return found


def _newest_of(tenant: str) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.max(_C.number)).where(_C.tenant == tenant).scalar_subquery()


def _states_of(tenant: str, iccids: list[Iccid]) -> sa.ColumnElement[bool]:
    return sa.and_(PROFILE_STATES.c.tenant == tenant, PROFILE_STATES.c.iccid.in_(iccids))


def _known(row: Any) -> tuple[Key, KnownState]:
    known = KnownState(
        state=_STATES[row.state],
        at=row.at,
        seen_at=row.seen_at,
        eid=None if row.eid is None else Eid(row.eid),
        previous=_state(row.previous),
        outdated=tuple(None if word == _NOTHING else _STATES[word] for word in (row.outdated or "").split()),
        unconfirmed_until=row.unconfirmed_until,
    )
    return (Iccid(row.iccid), _SOURCES[row.source]), known


def _bounds(wanted: StatusFilter, now: datetime, behind: Place | None) -> list[sa.ColumnElement[bool]]:
    bounds: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        bounds.append(_C.at >= _instant(wanted.since, now))
    if behind is not None:
        # A page's own rows are within the bounds, so what is behind them is before ``until`` as well.
        at, number = behind
        bounds.append(sa.tuple_(_C.at, _C.number) < sa.tuple_(sa.literal(at, _C.at.type), number))
    elif wanted.until is not None:
        bounds.append(_C.at < _instant(wanted.until, now))
    return bounds


def _instant(moment: datetime | timedelta, now: datetime) -> datetime:
    if isinstance(moment, datetime):
        return moment
    try:
        return now + moment
    except OverflowError:  # beyond all years there are
        return (datetime.max if moment > timedelta() else datetime.min).replace(tzinfo=UTC)


def _beside(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column compared so that its own indexes do not matter."""
    return sa.func.coalesce(column, "")


def _newer(iccid: Iccid | None, number: int) -> list[sa.ColumnElement[bool]]:
    return [_written(iccid) > number] if iccid is None else [_C.iccid == iccid, _written(iccid) > number]


def _written(iccid: Iccid | None) -> sa.ColumnElement[int]:
    """The order of writing. The rows of one profile are few: better to sort them than to look through all."""
    return _C.number if iccid is None else _C.number + 0


def _read(rows: Iterable[Any]) -> list[StatusChange]:
    return [
        StatusChange(
            number=row.number,
            iccid=Iccid(row.iccid),
            eid=None if row.eid is None else Eid(row.eid),
            device_id=row.device_id,
            from_state=_state(row.from_state),
            to_state=_state(row.to_state),
            at=row.at,
            seen_at=row.seen_at,
            source=_SOURCES[row.source],
            actor=row.actor,
            transaction_id=row.transaction_id,
            operation_id=row.operation_id,
            message=row.message,
            message_code=row.message_code,
            is_error=row.is_error,
            unexpected=row.unexpected,
            late=row.late,
        )
        for row in rows
    ]


def _values(change: StatusChange) -> dict[str, Any]:
    return {
        column.name: value.value
        if isinstance(value := getattr(change, column.name), ProfileState | StatusSource)
        else value
        for column in _COLUMNS
    }


def _state(word: str | None) -> ProfileState | None:
    return None if word is None else _STATES[word]


def _chunks(values: Iterable[Any]) -> Iterable[list[Any]]:
    every = list(dict.fromkeys(values))
    return (every[at : at + _IN_ONE_QUERY] for at in range(0, len(every), _IN_ONE_QUERY))
