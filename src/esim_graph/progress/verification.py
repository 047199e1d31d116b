"""When a transaction that Digi calls complete is done: what the inventory must show, and until when.

Digi's transaction ends before the device's next report of its profiles, which the inventory is made
of; so for a while the inventory lags. Source: upstreams.md, Digi.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from esim_graph.domain.operation import OperationKind, OperationStatus
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.subject import State
from esim_graph.domain.transaction import Transaction, TransactionAction, TransactionStatus, Verification

_SHARE = 0.5  # of the time that a subject is followed


def seconds_to_verify(follow_seconds: float) -> float:
    """How long the inventory may take to show what is complete, before it counts as unverified."""
    return follow_seconds * _SHARE


def looked_at(before: Transaction | None, found: Transaction, *, now: datetime) -> Transaction:
    """What Digi says now, with what we know of the transaction besides."""
    known = before.last_checked_at if before is not None else None
    found = replace(found, last_checked_at=found.last_checked_at or known)
    if found.status is not TransactionStatus.COMPLETE:
        return found
    if before is not None and before.status is TransactionStatus.COMPLETE:
        return replace(found, verification=before.verification, completed_at=before.completed_at or now)
    # At a first look it may have been complete for long, and Digi says since when.
    since = found.updated_at if before is None and found.updated_at is not None else now
    return replace(found, completed_at=min(since, now))


def awaits_verification(transaction: Transaction) -> bool:
    """Whether the inventory is to be asked."""
    return transaction.status is TransactionStatus.COMPLETE and transaction.verification is Verification.PENDING


def verify_until(transaction: Transaction, *, follow_seconds: float, follow_until: datetime, now: datetime) -> datetime:
    """Until when the inventory may show it."""
    since = transaction.completed_at or now
    return min(since + timedelta(seconds=seconds_to_verify(follow_seconds)), follow_until)


def judged(transaction: Transaction, *, shown: bool, late: bool) -> Transaction:
    """A complete transaction with what the inventory says of it."""
    if shown:
        return replace(transaction, verification=Verification.VERIFIED)
    return replace(transaction, verification=Verification.UNVERIFIED) if late else transaction


def shows(profile: Profile | None, transaction: Transaction) -> bool:
    """Whether the inventory shows a profile as the transaction leaves it; None is its absence."""
    here = profile is not None and not _is_elsewhere(profile, transaction)
    match transaction.action:
        case TransactionAction.DELETE:
            return not here
        case TransactionAction.DOWNLOAD:
            return here
        case TransactionAction.ENABLE:
            return here and profile is not None and profile.status is ProfileStatus.ACTIVE
        case TransactionAction.DISABLE:
            return here and profile is not None and profile.status is ProfileStatus.INACTIVE
        case _:
            return False


def has_enabled(state: State) -> bool:
    """Whether a subject has come to a good end that made its profile the one the device uses."""
    if isinstance(state, Transaction):
        return state.action is TransactionAction.ENABLE and state.verification is Verification.VERIFIED
    enables = state.operation.kind in (OperationKind.ACTIVATE, OperationKind.ENABLE)
    return enables and state.operation.status is OperationStatus.SUCCESSFUL


def by_age(transaction: Transaction, *, follow_seconds: float, now: datetime) -> Transaction:
    """What nobody here has followed: unverified when it is complete for so long that nobody will any more."""
    if not awaits_verification(transaction) or transaction.updated_at is None:
        return transaction
    late = now >= transaction.updated_at + timedelta(seconds=seconds_to_verify(follow_seconds))
    return judged(transaction, shown=False, late=late)


def _is_elsewhere(profile: Profile, transaction: Transaction) -> bool:
    """Whether a profile is reported by another eUICC, or by another device where the eUICC is not known."""
    if profile.eid is not None and transaction.eid is not None:
        return profile.eid != transaction.eid
    return None not in (profile.device_id, transaction.device_id) and profile.device_id != transaction.device_id
