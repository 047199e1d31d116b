"""Which of the things that Digi lists was made of a request whose answer never came; no I/O."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from esim_graph.dispatch.guard import wanted_of
from esim_graph.domain.subject import State
from esim_graph.domain.transaction import Transaction, TransactionAction
from esim_graph.requests import Request, Wanted

#: How far Digi's clock may be behind ours. What was listed before the sending is left out in any case.
SKEW = timedelta(minutes=10)
_UNDATED = datetime.max.replace(tzinfo=UTC)


def find_match(request: Request, listed: Iterable[State], *, taken: Collection[str] = ()) -> State | None:
    """The earliest one that fits: for the same device and profile, new since the request was sent, nobody else's.

    Args:
        request: one that was sent.
        listed: what Digi lists for the device now.
        taken: ids that are known to be of another request.
    """
    fitting = [
        state
        for state in listed
        if state.vendor_id not in request.seen
        and state.vendor_id not in taken
        and _is_new(request, state)
        and _fits(request.wanted, wanted_of(state))
    ]
    return min(fitting, key=lambda state: _created(state) or _UNDATED, default=None)


def _is_new(request: Request, state: State) -> bool:
    created = _created(state)
    return created is None or request.sent_at is None or created >= request.sent_at - SKEW


def _fits(asked: Wanted, found: Wanted) -> bool:
    if (found.noun, found.action) != (asked.noun, asked.action):
        return False
    if asked.eid is not None and found.eid not in (None, asked.eid):
        return False
    if asked.noun == "operation":
        return found.iccid in (None, asked.iccid) if asked.carrier is None else _same_carrier(asked, found)
    if asked.action == TransactionAction.DOWNLOAD.value:
        # By a code nobody knows the ICCID yet, and Digi may tell it only at the end.
        return asked.iccid is None or found.iccid in (None, asked.iccid)
    return found.iccid == asked.iccid


def _same_carrier(asked: Wanted, found: Wanted) -> bool:
    if asked.iccid is not None and found.iccid not in (None, asked.iccid):
        return False
    return found.carrier is None or found.carrier.strip().casefold() == (asked.carrier or "").strip().casefold()


def _created(state: State) -> datetime | None:
    return state.created_at if isinstance(state, Transaction) else state.operation.created_at
