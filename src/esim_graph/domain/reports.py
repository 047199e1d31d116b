"""What vendors' answers report of a profile's state; pure, and the same for every replica.

A transaction's end has one identity, whether its own record or its operation's tells of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.live_status import LiveStatus
from esim_graph.domain.operation import FollowedOperation, OperationKind, OperationStatus
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.status_change import Report, StatusSource
from esim_graph.domain.transaction import Transaction, TransactionAction, TransactionStatus, Verification

#: Seconds for which Digi's inventory may lag behind a complete transaction: a device reports at
#: intervals of its own. Inferred; upstreams.md §1.7 says that it lags and not how long.
INVENTORY_LAG = 600.0

_RESULTS = {
    TransactionAction.DOWNLOAD: ProfileState.DOWNLOADED,
    TransactionAction.ENABLE: ProfileState.ENABLED,
    TransactionAction.DISABLE: ProfileState.DISABLED,
    TransactionAction.DELETE: ProfileState.DELETED,
}

_PROFILE_STATES = {ProfileStatus.ACTIVE: ProfileState.ENABLED, ProfileStatus.INACTIVE: ProfileState.DISABLED}

#: eSIMfly's words for the profile on the device. Source: upstreams.md §6.
_ESIMFLY_STATES = {
    "not installed": ProfileState.AVAILABLE,
    "nodownload": ProfileState.AVAILABLE,
    "bpp installation": ProfileState.DOWNLOADED,
    "downloaded": ProfileState.DOWNLOADED,
    "enable": ProfileState.ENABLED,
    "enabled": ProfileState.ENABLED,
    "disable": ProfileState.DISABLED,
    "disabled": ProfileState.DISABLED,
    "delete": ProfileState.DELETED,
    "deleted": ProfileState.DELETED,
}

_STEPS = (
    OperationStatus.STARTING,
    OperationStatus.DOWNLOAD,
    OperationStatus.DOWNLOAD_VERIFY,
    OperationStatus.ENABLE,
    OperationStatus.ENABLE_VERIFY,
    OperationStatus.SUCCESSFUL,
)


def of_transaction(
    before: Transaction | None, after: Transaction, *, actor: str | None, seen_at: datetime
) -> list[Report]:
    """What is new since *before*: that it ended, that a device has confirmed it.

    A transaction without an ICCID reports nothing.
    """
    failed = after.status is TransactionStatus.FAILED
    state = _RESULTS.get(after.action) if after.action is not None else None
    if after.iccid is None or not (failed or (after.status is TransactionStatus.COMPLETE and state is not None)):
        return []
    end = Report(
        iccid=after.iccid,
        source=StatusSource.DIGI,
        seen_at=seen_at,
        state=None if failed else state,
        eid=after.eid,
        device_id=after.device_id,
        raw=after.status_raw,
        at=after.updated_at,
        actor=actor,
        transaction_id=after.vendor_id,
        message=after.message if failed else None,
        message_code=after.message_code if failed else None,
        is_error=failed,
        identity=_end_of(after.vendor_id, failed=failed),
        lag=None if failed else INVENTORY_LAG,
    )
    ended = before is not None and before.status is after.status and before.iccid == after.iccid
    verified = after.verification is Verification.VERIFIED and not failed
    confirmed = before is not None and before.verification is Verification.VERIFIED
    reports = [] if ended else [end]
    if verified and not confirmed:
        # The device was seen to report it, and that is a reading: what it shows may be known already.
        shown = ProfileState.INSTALLED if state is ProfileState.DOWNLOADED else state
        by = after.vendor_id if shown is not state else None
        reports.append(replace(end, state=shown, at=None, identity=None, lag=None, transaction_id=by))
    return reports


def of_operation(
    before: FollowedOperation | None, after: FollowedOperation, *, actor: str | None, seen_at: datetime
) -> list[Report]:
    """What each step that it has come to since *before* says, and its failure."""
    known = set() if before is None else {_told(report) for report in _of_steps(before, None, seen_at)}
    return [report for report in _of_steps(after, actor, seen_at) if _told(report) not in known]


def of_profile(profile: Profile, seen_at: datetime, *, whole: bool = True) -> Report | None:
    """What the device reported to Digi; None where that is another word than the two known."""
    state = _PROFILE_STATES.get(profile.status) if profile.status is not None else None
    if state is None:
        return None
    return Report(
        iccid=profile.iccid,
        source=StatusSource.DIGI,
        seen_at=seen_at,
        state=state,
        eid=profile.eid,
        device_id=profile.device_id,
        raw=profile.status_raw,
        whole=whole,
    )


def of_absent_profile(iccid: Iccid, seen_at: datetime) -> Report:
    """That Digi was asked for a profile and has none; it means something only where there was one."""
    return Report(iccid=iccid, source=StatusSource.DIGI, seen_at=seen_at, state=ProfileState.DELETED)


def of_live_status(status: LiveStatus, seen_at: datetime) -> Report | None:
    """What eSIMfly says of the profile on the device; its other three axes are not about that."""
    state = esimfly_state(status.profile)
    if status.iccid is None or state is None:
        return None
    return Report(
        iccid=status.iccid, source=StatusSource.ESIMFLY, seen_at=seen_at, state=state, raw=status.profile
    )  # fmt: skip


def esimfly_state(word: str | None) -> ProfileState | None:
    """The state that eSIMfly's word for the profile stands for; whole words only."""
    return None if word is None else _ESIMFLY_STATES.get(word.strip().casefold())


def _of_steps(followed: FollowedOperation, actor: str | None, seen_at: datetime) -> list[Report]:
    operation = followed.operation
    if operation.iccid is None:
        return []
    base = Report(
        iccid=operation.iccid,
        source=StatusSource.DIGI,
        seen_at=seen_at,
        state=None,
        eid=operation.eid,
        device_id=operation.device_id,
        raw=operation.status_raw,
        at=operation.updated_at,
        actor=actor or operation.created_by,
        operation_id=operation.vendor_id,
    )
    reports = list(_results(followed, base))
    if operation.status is OperationStatus.FAILED:
        transaction = _failed_transaction(followed)
        reports.append(
            replace(
                base,
                transaction_id=transaction,
                message=operation.message,
                message_code=operation.message_code,
                is_error=True,
                identity=f"digi operation {operation.vendor_id} failed"
                if transaction is None
                else _end_of(transaction, failed=True),
            )
        )
    return reports


def _results(followed: FollowedOperation, base: Report) -> Iterator[Report]:
    """The states that the steps behind it led to."""
    operation, furthest = followed.operation, _furthest(followed)
    verified = operation.status is OperationStatus.SUCCESSFUL
    downloads = operation.kind in (OperationKind.ACTIVATE, OperationKind.DOWNLOAD) and (
        operation.download_tx is not None or not {*_STEPS[1:3]}.isdisjoint({*followed.seen, operation.status})
    )
    if downloads and furthest >= _STEPS.index(OperationStatus.DOWNLOAD_VERIFY):
        yield _result(followed, base, ProfileState.DOWNLOADED, OperationStatus.DOWNLOAD_VERIFY, operation.download_tx)
    if downloads and furthest >= _STEPS.index(OperationStatus.ENABLE):
        # Its verify step is over: the device has reported the profile. That is a reading, which we may have made too.
        installed = _result(followed, base, ProfileState.INSTALLED, OperationStatus.ENABLE, None)
        yield replace(installed, identity=None, lag=None)
    if operation.kind in (OperationKind.ACTIVATE, OperationKind.ENABLE) and furthest >= _STEPS.index(
        OperationStatus.ENABLE_VERIFY
    ):
        result = _result(followed, base, ProfileState.ENABLED, OperationStatus.ENABLE_VERIFY, operation.enable_tx)
        yield replace(result, lag=None) if verified else result


def _result(
    followed: FollowedOperation, base: Report, state: ProfileState, step: OperationStatus, transaction: str | None
) -> Report:
    return replace(
        base,
        state=state,
        at=followed.seen.get(step) or base.at,
        transaction_id=transaction,
        identity=f"digi operation {followed.vendor_id} {state.value.lower()}"
        if transaction is None
        else _end_of(transaction, failed=False),
        lag=INVENTORY_LAG,
    )


def _told(report: Report) -> tuple[str | None, ProfileState | None]:
    return report.identity, report.state


def _furthest(followed: FollowedOperation) -> int:
    reached = {*followed.seen, followed.operation.status}
    return max((place for place, step in enumerate(_STEPS) if step in reached), default=0)


def _failed_transaction(followed: FollowedOperation) -> str | None:
    """The transaction that failed with it; None if it failed between two, or nobody can tell."""
    operation, step = followed.operation, _STEPS[_furthest(followed)]
    if step is OperationStatus.ENABLE:
        return operation.enable_tx
    if step is OperationStatus.DOWNLOAD:
        return operation.download_tx
    if step is OperationStatus.STARTING:
        # Nobody saw its steps: it failed in the last one that it began.
        return operation.enable_tx or operation.download_tx
    return None


def _end_of(transaction: str, *, failed: bool) -> str:
    status = TransactionStatus.FAILED if failed else TransactionStatus.COMPLETE
    return f"digi transaction {transaction} {status.value}"
