"""The first step of a request: whether it is new, has been answered, or is on its way already."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph import requests, subjects
from esim_graph.clock import Deadline
from esim_graph.dispatch.guard import Relation, judge, relation, running_of
from esim_graph.dispatch.states import without_status
from esim_graph.domain.account import Account
from esim_graph.domain.subject import State
from esim_graph.errors import IdempotencyKeyReused, UpstreamRefused
from esim_graph.requests import KEYS_KEPT, Request, RequestState, Wanted
from esim_graph.subjects import Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What a caller asked for, and how it is carried out."""

    wanted: Wanted
    device_id: str
    idempotency_key: str | None
    fingerprint: str
    force: bool
    actor: str | None
    check: Callable[[Deadline], Awaitable[None]]  #: raises what speaks against it; asked once, right before
    send: Callable[[Deadline], Awaitable[State]]


@dataclass(frozen=True, slots=True)
class Claimed:
    """It is new, and the row is ours to carry out. *known* and *code_digests*: what is known of the device."""

    request: Request
    known: Sequence[Known]
    code_digests: dict[str, str]


@dataclass(frozen=True, slots=True)
class Pending:
    """Another request stands before it, the same or an opposed one, whose outcome is still to come or is in doubt."""

    request: Request
    relation: Relation


@dataclass(frozen=True, slots=True)
class Answered:
    """It runs, or ran, already."""

    state: State


async def claim(
    connection: AsyncConnection,
    account: Account,
    errand: Errand,
    *,
    now: datetime,
    owned_until: datetime,
    unknown_for: timedelta,
    doubted_since: datetime,
    certain: Collection[int],
) -> Claimed | Pending | Answered:
    """Judge a request by what this gateway knows, and write it down if it is new.

    Work of one ``Database.write``: of two at the same instant, on whatever replica, the second
    one sees the first. What was sent after *doubted_since* and is said not to have started may
    appear at Digi yet, except for those requests that are *certain*.

    Raises:
        IdempotencyKeyReused: the key was given to another input.
        UpstreamRefused: Digi refused it before, under the same key.
    """

    def in_doubt(earlier: Request) -> bool:
        return earlier.id not in certain and earlier.sent_at is not None and earlier.sent_at > doubted_since

    key = errand.idempotency_key
    earlier = None if key is None else await _under_key(connection, account, errand, key, now)
    if isinstance(earlier, Answered) or (earlier and (earlier.request.is_open or in_doubt(earlier.request))):
        return earlier
    if (pending := _standing_before(errand, await requests.open_on(connection, account, errand.device_id))) is not None:
        return pending
    known: Sequence[Known] = ()
    code_digests: dict[str, str] = {}
    if not errand.force:
        known = await subjects.unfinished_on(connection, account, errand.device_id)
        code_digests = await requests.code_digests(connection, account, errand.device_id)
        states = [(one.state, one.began_at) for one in known]
        running = running_of(states, now=now, unknown_for=unknown_for, code_digests=code_digests)
        judged = judge(errand.wanted, running)
        # What is opposed may have ended since it was last looked at: that is judged by what Digi says.
        if judged is not None and judged[0] is Relation.SAME:
            return Answered(await write_joined(connection, account, errand, judged[1].state, now=now))
    late = await requests.not_started_on(connection, account, errand.device_id, sent_after=doubted_since)
    if (pending := _standing_before(errand, filter(in_doubt, late))) is not None:
        return pending
    if earlier is not None:  # it did not start: its key is for this one now
        await requests.free_key(connection, account, earlier.request)
    request = await requests.add(
        connection,
        account,
        errand.wanted,
        device_id=errand.device_id,
        idempotency_key=key,
        fingerprint=errand.fingerprint,
        state=RequestState.SENDING,
        actor=errand.actor,
        now=now,
        owned_until=owned_until,
    )
    return Claimed(request, known, code_digests)


async def write_joined(
    connection: AsyncConnection, account: Account, errand: Errand, state: State, *, now: datetime
) -> State:
    """Keep for its key that a request is answered with something that runs; without a key, nothing.

    The answer is what the key has by now, if somebody else with the same key was first.

    Raises:
        IdempotencyKeyReused: the key was given to another input meanwhile.
        UpstreamRefused: Digi refused it meanwhile, under the same key.
    """
    key = errand.idempotency_key
    if key is None:
        return state
    match await _under_key(connection, account, errand, key, now):
        case Answered(given):
            return given
        case Pending(earlier) if earlier.is_open:
            return state  # what the key stands for is being sent; this caller's answer was there before
        case Pending(earlier):
            await requests.free_key(connection, account, earlier)
    await requests.add(
        connection,
        account,
        errand.wanted,
        device_id=errand.device_id,
        idempotency_key=key,
        fingerprint=errand.fingerprint,
        state=RequestState.JOINED,
        vendor_id=state.vendor_id,
        actor=errand.actor,
        now=now,
        owned_until=now,
    )
    return state


async def answer_of(connection: AsyncConnection, account: Account, request: Request) -> State | None:
    """What became of a request, as it is known now; None if nothing did."""
    if request.vendor_id is None:
        return None
    found = await subjects.known(connection, account, request.wanted.noun, [request.vendor_id])
    subject = found.get(request.vendor_id)
    return without_status(request, request.vendor_id) if subject is None else subject.state


async def _under_key(
    connection: AsyncConnection, account: Account, errand: Errand, key: str, now: datetime
) -> Pending | Answered | None:
    """What the key was used for before; None if for nothing.

    Pending with a request that is not open any more: it did not start, as far as anybody knows.
    """
    earlier = await requests.by_key(connection, account, key)
    if earlier is None:
        return None
    if not earlier.is_open and earlier.created_at <= now - KEYS_KEPT:
        await requests.free_key(connection, account, earlier)
        return None
    if earlier.fingerprint != errand.fingerprint:
        raise IdempotencyKeyReused(
            "This idempotencyKey was used for another input. A new input takes a new key; a key is free after 24 hours."
        )
    if earlier.state is RequestState.REFUSED:
        refused = UpstreamRefused(earlier.refusal or "Digi refuses the action.", upstream="digi")
        refused.replayed = True
        raise refused
    state = await answer_of(connection, account, earlier)
    return Pending(earlier, Relation.SAME) if state is None else Answered(state)


def _standing_before(errand: Errand, earlier: Iterable[Request]) -> Pending | None:
    """The first that has to do with it. Force passes by what is being sent, and by what is opposed to it."""
    for request in earlier:
        found = relation(errand.wanted, request.wanted)
        if found is None:
            continue
        unknown = found is Relation.SAME and request.state is not RequestState.SENDING
        if unknown or not errand.force:
            return Pending(request, found)
    return None
