"""What callers asked this gateway to do: the rows of ``requests``, each written before anything is sent.

A row is what a repeat of the same idempotency key is answered from, what tells a second caller
that the same action is on its way, and what a request whose outcome nobody knows is looked up by.
Functions that write are called inside a ``Database.write``.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database.tables import REQUESTS
from esim_graph.domain.account import Account
from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.subject import Noun

KEYS_KEPT = timedelta(hours=24)  #: from the first request with a key; then the key is free again
_ROWS_KEPT = timedelta(days=7)


class RequestState(Enum):
    """How far a request is."""

    SENDING = "sending"  #: not sent yet if it has no ``sent_at``, else on its way
    UNKNOWN = "unknown"  #: sent, and the answer never came
    ACCEPTED = "accepted"  #: Digi made a transaction or an operation of it
    JOINED = "joined"  #: not sent: the same was running, and the caller was given that
    REFUSED = "refused"  #: Digi's 400
    NOT_STARTED = "not_started"  #: sent, and Digi listed nothing of it; the list may lag


_OPEN = (RequestState.SENDING, RequestState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be done on a device, as far as it tells one request from another."""

    noun: Noun
    action: str  #: Digi's word: a transaction's action, an operation's kind
    eid: Eid | None
    iccid: Iccid | None
    carrier: str | None = None  #: that was asked for; operations only
    code_digest: str | None = None  #: keyed: the activation code cannot be told from it


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A row."""

    id: int
    wanted: Wanted
    device_id: str
    idempotency_key: str | None
    fingerprint: str  #: of the whole input
    state: RequestState
    seen: frozenset[str]  #: what Digi listed for the device before this was sent
    vendor_id: str | None
    refusal: str | None
    actor: str | None
    created_at: datetime
    sent_at: datetime | None
    owned_until: datetime  #: until then its process sees to it; later anybody

    @property
    def is_open(self) -> bool:
        """Whether its outcome is still to come."""
        return self.state in _OPEN


async def add(
    connection: AsyncConnection,
    account: Account,
    wanted: Wanted,
    *,
    device_id: str,
    idempotency_key: str | None,
    fingerprint: str,
    state: RequestState,
    actor: str | None,
    now: datetime,
    owned_until: datetime,
    vendor_id: str | None = None,
) -> Request:
    """Write a request down."""
    added = await connection.execute(
        sa.insert(REQUESTS)
        .values(
            tenant=account.tenant,
            account=account.digi,
            noun=wanted.noun,
            action=wanted.action,
            device_id=device_id,
            eid=wanted.eid,
            iccid=wanted.iccid,
            carrier=wanted.carrier,
            code_digest=wanted.code_digest,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
            state=state.value,
            vendor_id=vendor_id,
            actor=actor,
            created_at=now,
            owned_until=owned_until,
        )
        .returning(REQUESTS)
    )
    return _read(added.one())


async def by_key(connection: AsyncConnection, account: Account, key: str) -> Request | None:
    """The request that this tenant gave *key* to."""
    rows = await connection.execute(
        sa.select(REQUESTS).where(REQUESTS.c.tenant == account.tenant, REQUESTS.c.idempotency_key == key)
    )
    row = rows.one_or_none()
    return None if row is None else _read(row)


async def by_id(connection: AsyncConnection, account: Account, request_id: int) -> Request | None:
    """A request as it is now."""
    rows = await connection.execute(sa.select(REQUESTS).where(_of(account), REQUESTS.c.id == request_id))
    row = rows.one_or_none()
    return None if row is None else _read(row)


async def open_on(connection: AsyncConnection, account: Account, device_id: str) -> list[Request]:
    """The requests for a device whose outcome is still to come, oldest first."""
    rows = await connection.execute(
        sa.select(REQUESTS).where(_of(account), REQUESTS.c.device_id == device_id, _is_open()).order_by(REQUESTS.c.id)
    )
    return [_read(row) for row in rows]


async def not_started_on(
    connection: AsyncConnection, account: Account, device_id: str, *, sent_after: datetime
) -> list[Request]:
    """The requests for a device that Digi listed nothing of, oldest first; of late sendings only."""
    rows = await connection.execute(
        sa.select(REQUESTS)
        .where(
            _of(account),
            REQUESTS.c.device_id == device_id,
            REQUESTS.c.state == RequestState.NOT_STARTED.value,
            REQUESTS.c.sent_at > sent_after,
        )
        .order_by(REQUESTS.c.id)
    )
    return [_read(row) for row in rows]


async def due(connection: AsyncConnection, account: Account, now: datetime, *, limit: int) -> list[Request]:
    """The open requests that nobody sees to any more, longest first."""
    rows = await connection.execute(
        sa.select(REQUESTS)
        .where(_of(account), _is_open(), REQUESTS.c.owned_until <= now)
        .order_by(REQUESTS.c.owned_until)
        .limit(limit)
    )
    return [_read(row) for row in rows]


async def code_digests(connection: AsyncConnection, account: Account, device_id: str) -> dict[str, str]:
    """The digests of the activation codes that transactions on a device began with, by ``vendor_id``."""
    rows = await connection.execute(
        sa.select(REQUESTS.c.vendor_id, REQUESTS.c.code_digest).where(
            _of(account),
            REQUESTS.c.device_id == device_id,
            REQUESTS.c.state == RequestState.ACCEPTED.value,
            REQUESTS.c.code_digest.is_not(None),
        )
    )
    return {row.vendor_id: row.code_digest for row in rows}


async def made_by_others(
    connection: AsyncConnection, account: Account, request: Request, vendor_ids: Iterable[str]
) -> set[str]:
    """Which of these were made of another request than this one."""
    rows = await connection.execute(
        sa.select(REQUESTS.c.vendor_id).where(
            _of(account),
            REQUESTS.c.device_id == request.device_id,
            REQUESTS.c.noun == request.wanted.noun,
            REQUESTS.c.state == RequestState.ACCEPTED.value,
            REQUESTS.c.id != request.id,
            REQUESTS.c.vendor_id.in_(list(vendor_ids)),
        )
    )
    return {row.vendor_id for row in rows}


async def mark_sent(
    connection: AsyncConnection, account: Account, request: Request, *, seen: Collection[str], now: datetime
) -> Request | None:
    """Note that it is sent from now on; None if it is no longer there to be sent."""
    written = await connection.execute(
        sa.update(REQUESTS)
        .where(_is(account, request), REQUESTS.c.state == RequestState.SENDING.value)
        .values(seen=json.dumps(sorted(seen)), sent_at=now)
        .returning(REQUESTS)
    )
    row = written.one_or_none()
    return None if row is None else _read(row)


async def own(connection: AsyncConnection, account: Account, request: Request, *, until: datetime) -> bool:
    """See to what was left over; False if it is settled, or somebody else's by now."""
    written = await connection.execute(
        sa.update(REQUESTS)
        .where(_is(account, request), _is_open(), REQUESTS.c.owned_until == request.owned_until)
        .values(state=RequestState.UNKNOWN.value, owned_until=until)
    )
    return bool(written.rowcount)


async def mark_unknown(
    connection: AsyncConnection, account: Account, request: Request, *, owned_until: datetime
) -> None:
    """Note that no answer came, and until when the looking for one is its process's business."""
    await connection.execute(
        sa.update(REQUESTS)
        .where(_is(account, request), _is_open())
        .values(state=RequestState.UNKNOWN.value, owned_until=owned_until)
    )


async def keep(
    connection: AsyncConnection, account: Account, request_ids: Collection[int], *, owned_until: datetime
) -> None:
    """Own open requests for longer, or no longer."""
    await connection.execute(
        sa.update(REQUESTS)
        .where(_of(account), REQUESTS.c.id.in_(request_ids), _is_open())
        .values(owned_until=owned_until)
    )


async def accept(connection: AsyncConnection, account: Account, request: Request, vendor_id: str) -> None:
    """Write down what Digi itself says that it made of a request, whatever was thought before."""
    await connection.execute(
        sa.update(REQUESTS).where(_is(account, request)).values(state=RequestState.ACCEPTED.value, vendor_id=vendor_id)
    )


async def settle(
    connection: AsyncConnection,
    account: Account,
    request: Request,
    state: RequestState,
    *,
    vendor_id: str | None = None,
    refusal: str | None = None,
) -> bool:
    """Write down what became of an open request; False if that was known already.

    One that is thought not to have started may turn out to be accepted: Digi's list lags.
    """
    from_states = [*_OPEN, RequestState.NOT_STARTED] if state is RequestState.ACCEPTED else _OPEN
    written = await connection.execute(
        sa.update(REQUESTS)
        .where(_is(account, request), REQUESTS.c.state.in_([one.value for one in from_states]))
        .values(state=state.value, vendor_id=vendor_id, refusal=refusal)
    )
    return bool(written.rowcount)


async def forget(connection: AsyncConnection, account: Account, request: Request) -> None:
    """As if it had never been asked for: its key is free. A settled one stays."""
    await connection.execute(sa.delete(REQUESTS).where(_is(account, request), _is_open()))


async def forget_unsent(connection: AsyncConnection, account: Account, request: Request) -> None:
    """The same for what its process left behind before it was sent, unless somebody took it over since."""
    await connection.execute(
        sa.delete(REQUESTS).where(
            _is(account, request),
            _is_open(),
            REQUESTS.c.sent_at.is_(None),
            REQUESTS.c.owned_until == request.owned_until,
        )
    )


async def free_key(connection: AsyncConnection, account: Account, request: Request) -> None:
    """Let its key be used for something else; a key is the tenant's, whichever of its accounts it was used for."""
    await connection.execute(
        sa.update(REQUESTS).where(REQUESTS.c.tenant == account.tenant, _is_row(request)).values(idempotency_key=None)
    )


async def prune(connection: AsyncConnection, now: datetime) -> None:
    """Delete what nobody asks about any more; what is open is never deleted by its age."""
    await connection.execute(sa.delete(REQUESTS).where(REQUESTS.c.created_at < now - _ROWS_KEPT, ~_is_open()))


def _read(row: Any) -> Request:
    return Request(
        id=row.id,
        wanted=Wanted(
            noun=row.noun,
            action=row.action,
            eid=row.eid,
            iccid=row.iccid,
            carrier=row.carrier,
            code_digest=row.code_digest,
        ),
        device_id=row.device_id,
        idempotency_key=row.idempotency_key,
        fingerprint=row.fingerprint,
        state=RequestState(row.state),
        seen=frozenset(json.loads(row.seen)) if row.seen else frozenset(),
        vendor_id=row.vendor_id,
        refusal=row.refusal,
        actor=row.actor,
        created_at=row.created_at,
        sent_at=row.sent_at,
        owned_until=row.owned_until,
    )


def _of(account: Account) -> sa.ColumnElement[bool]:
    return sa.and_(REQUESTS.c.tenant == account.tenant, REQUESTS.c.account == account.digi)


def _is(account: Account, request: Request) -> sa.ColumnElement[bool]:
    return sa.and_(_of(account), _is_row(request))


def _is_row(request: Request) -> sa.ColumnElement[bool]:
    """This very row, and not a later one that was given the id of a deleted one."""
    return sa.and_(
        REQUESTS.c.id == request.id,
        REQUESTS.c.created_at == request.created_at,
        REQUESTS.c.fingerprint == request.fingerprint,
    )


def _is_open() -> sa.ColumnElement[bool]:
    return REQUESTS.c.state.in_([state.value for state in _OPEN])
