"""What the inventory must show of a complete transaction, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.transaction import Transaction, TransactionAction, TransactionStatus, Verification
from esim_graph.progress import verification

NOW = datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)
FOLLOWED = 1_200.0
HERE, ELSEWHERE = Eid("8" * 32), Eid("9" * 32)
COMPLETE = Transaction(
    vendor_id="1", action=TransactionAction.ENABLE, action_raw="enable", status=TransactionStatus.COMPLETE,
    status_raw="complete", iccid=Iccid("8" * 19), eid=HERE, device_id="device", customer_id=None, message=None,
    message_code=None, created_at=NOW, updated_at=NOW,
)  # fmt: skip
RUNNING = replace(COMPLETE, status=TransactionStatus.IN_PROGRESS, status_raw="in_progress")
PROFILE = Profile(
    iccid=Iccid("8" * 19), eid=HERE, number=1, carrier=None, normalized_carrier=None, customer_id=None,
    device_id="device", status=ProfileStatus.ACTIVE, status_raw="active", type=None,
)  # fmt: skip
ACTIVE, INACTIVE = PROFILE, replace(PROFILE, status=ProfileStatus.INACTIVE)
STRANGE = replace(PROFILE, status=ProfileStatus.UNKNOWN)
OF_ANOTHER = replace(PROFILE, eid=ELSEWHERE)


@pytest.mark.parametrize(
    ("action", "shown_by", "not_shown_by"),
    [
        (TransactionAction.DOWNLOAD, [ACTIVE, INACTIVE, STRANGE], [None, OF_ANOTHER]),
        (TransactionAction.ENABLE, [ACTIVE], [None, INACTIVE, STRANGE, OF_ANOTHER]),
        (TransactionAction.DISABLE, [INACTIVE], [None, ACTIVE, STRANGE, OF_ANOTHER]),
        (TransactionAction.DELETE, [None, OF_ANOTHER], [ACTIVE, INACTIVE]),
        (TransactionAction.UNKNOWN, [], [None, ACTIVE, INACTIVE]),
        (None, [], [None, ACTIVE]),
    ],
)
def test_the_profile_must_be_as_the_action_leaves_it(
    action: TransactionAction | None, shown_by: list[Profile | None], not_shown_by: list[Profile | None]
) -> None:
    transaction = replace(COMPLETE, action=action)

    assert all(verification.shows(profile, transaction) for profile in shown_by)
    assert not any(verification.shows(profile, transaction) for profile in not_shown_by)


def test_where_the_euicc_is_not_known_the_device_tells() -> None:
    transaction = replace(COMPLETE, eid=None)

    assert verification.shows(PROFILE, transaction)
    assert not verification.shows(replace(PROFILE, device_id="another"), transaction)
    assert verification.shows(replace(PROFILE, device_id=None), transaction)


def test_what_turns_complete_is_complete_from_now_on() -> None:
    found = verification.looked_at(RUNNING, COMPLETE, now=NOW + timedelta(seconds=30))

    assert found.completed_at == NOW + timedelta(seconds=30)
    assert (found.verification, found.is_terminal) == (Verification.PENDING, False)


def test_what_was_complete_at_the_first_look_is_so_since_digi_says() -> None:
    assert verification.looked_at(None, COMPLETE, now=NOW + timedelta(hours=1)).completed_at == NOW
    assert verification.looked_at(None, COMPLETE, now=NOW - timedelta(hours=1)).completed_at == NOW - timedelta(hours=1)


def test_what_is_known_is_carried_on() -> None:
    verified = replace(COMPLETE, verification=Verification.VERIFIED, completed_at=NOW, last_checked_at=NOW)

    found = verification.looked_at(verified, COMPLETE, now=NOW + timedelta(hours=1))

    assert (found.verification, found.completed_at, found.last_checked_at) == (Verification.VERIFIED, NOW, NOW)


def test_a_transaction_that_failed_has_nothing_to_verify() -> None:
    failed = verification.looked_at(RUNNING, replace(COMPLETE, status=TransactionStatus.FAILED), now=NOW)

    assert failed.is_terminal
    assert not verification.awaits_verification(failed)


def test_there_is_half_of_the_time_to_verify_and_no_more_than_is_left() -> None:
    complete = replace(COMPLETE, completed_at=NOW)
    for left, seconds in ((5_000, 600), (100, 100)):
        until = verification.verify_until(
            complete, follow_seconds=FOLLOWED, follow_until=NOW + timedelta(seconds=left), now=NOW
        )
        assert until == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("shown", "late", "verdict"),
    [
        (True, False, Verification.VERIFIED),
        (True, True, Verification.VERIFIED),
        (False, False, Verification.PENDING),
        (False, True, Verification.UNVERIFIED),
    ],
)
def test_late_is_unverified_and_no_failure(shown: bool, late: bool, verdict: Verification) -> None:
    judged = verification.judged(COMPLETE, shown=shown, late=late)

    assert judged.verification is verdict
    assert judged.status is TransactionStatus.COMPLETE
    assert judged.is_terminal is (verdict is not Verification.PENDING)


@pytest.mark.parametrize(
    ("age", "verdict"), [(599, Verification.PENDING), (600, Verification.UNVERIFIED), (10_000, Verification.UNVERIFIED)]
)
def test_what_nobody_followed_is_judged_by_its_age(age: float, verdict: Verification) -> None:
    now = NOW + timedelta(seconds=age)

    assert verification.by_age(COMPLETE, follow_seconds=FOLLOWED, now=now).verification is verdict
    assert verification.by_age(RUNNING, follow_seconds=FOLLOWED, now=now).verification is Verification.PENDING


@pytest.mark.parametrize("status", list(TransactionStatus))
def test_unknown_is_never_the_end(status: TransactionStatus) -> None:
    ended = replace(COMPLETE, status=status, verification=Verification.UNVERIFIED).is_terminal

    assert ended is (status in (TransactionStatus.COMPLETE, TransactionStatus.FAILED))
