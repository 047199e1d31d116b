"""What vendors' answers report: one identity for one change, whoever tells of it."""

from dataclasses import replace
from typing import Any

import pytest

from esim_graph.domain.identifiers import Eid
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.live_status import LiveStatus
from esim_graph.domain.operation import FollowedOperation, Operation, OperationKind, OperationStatus
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.reports import (
    INVENTORY_LAG,
    of_absent_profile,
    of_live_status,
    of_operation,
    of_profile,
    of_transaction,
)
from esim_graph.domain.status_change import Report, StatusSource
from esim_graph.domain.transaction import Transaction, TransactionAction, TransactionStatus, Verification
from support.status_reports import ICCID, at

S = ProfileState
NOW = at(3_600)
STEPS = [
    OperationStatus.STARTING,
    OperationStatus.DOWNLOAD,
    OperationStatus.DOWNLOAD_VERIFY,
    OperationStatus.ENABLE,
    OperationStatus.ENABLE_VERIFY,
    OperationStatus.SUCCESSFUL,
]


def transaction(action: TransactionAction, status: TransactionStatus, **more: Any) -> Transaction:
    values: dict[str, Any] = {
        "vendor_id": "t1", "action_raw": action.value, "status_raw": status.value, "iccid": ICCID, "eid": None,
        "device_id": "device", "customer_id": None, "message": "No.", "message_code": "E1", "created_at": at(0),
        "updated_at": at(60),
    }  # fmt: skip
    return Transaction(action=action, status=status, **values | more)


def operation(kind: OperationKind, status: OperationStatus, *seen: OperationStatus, **more: Any) -> FollowedOperation:
    """An operation whose steps began a minute after one another."""
    values: dict[str, Any] = {
        "vendor_id": "o1", "kind_raw": kind.value, "status_raw": status.value, "cause": None, "cause_raw": None,
        "cause_id": None, "carrier": None, "iccid": ICCID, "eid": None, "device_id": "device", "customer_id": None,
        "created_by": "anna", "source": None, "job_id": None, "message": "No.", "message_code": "E1",
        "download_tx": None if kind is OperationKind.ENABLE else "d1", "enable_tx": "e1", "created_at": at(0),
        "updated_at": at(600),
    }  # fmt: skip
    sightings = {step: at(60 * STEPS.index(step)) for step in seen}
    return FollowedOperation(Operation(kind=kind, status=status, **values | more), sightings)


def told(reports: list[Report]) -> list[tuple[ProfileState | None, str | None]]:
    return [(report.state, report.identity) for report in reports]


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (TransactionAction.DOWNLOAD, S.DOWNLOADED),
        (TransactionAction.ENABLE, S.ENABLED),
        (TransactionAction.DISABLE, S.DISABLED),
        (TransactionAction.DELETE, S.DELETED),
    ],
)
def test_a_complete_transaction_reports_what_it_came_to(action: TransactionAction, state: ProfileState) -> None:
    """At the time that Digi gives, with the inventory lagging behind."""
    (report,) = of_transaction(None, transaction(action, TransactionStatus.COMPLETE), actor="ben", seen_at=NOW)

    assert (report.state, report.at, report.actor, report.lag) == (state, at(60), "ben", INVENTORY_LAG)
    assert report.identity == "digi transaction t1 complete"
    assert (report.message, report.message_code) == (None, None)


def test_a_failed_transaction_reports_why() -> None:
    """And no state."""
    failed = transaction(TransactionAction.ENABLE, TransactionStatus.FAILED)

    (report,) = of_transaction(None, failed, actor=None, seen_at=NOW)

    assert (report.is_error, report.state, report.message, report.message_code) == (True, None, "No.", "E1")
    assert report.identity == "digi transaction t1 failed"


@pytest.mark.parametrize(
    "nothing",
    [
        transaction(TransactionAction.ENABLE, TransactionStatus.IN_PROGRESS),
        transaction(TransactionAction.ENABLE, TransactionStatus.UNKNOWN),
        transaction(TransactionAction.UNKNOWN, TransactionStatus.COMPLETE),
        transaction(TransactionAction.ENABLE, TransactionStatus.COMPLETE, iccid=None),
    ],
)
def test_what_has_no_result_or_no_profile_reports_nothing(nothing: Transaction) -> None:
    """Unknown is not the end."""
    assert of_transaction(None, nothing, actor=None, seen_at=NOW) == []


def test_a_verified_download_is_installed() -> None:
    """The device was seen to report it: a reading, so that it is no second row where it was read before."""
    complete = transaction(TransactionAction.DOWNLOAD, TransactionStatus.COMPLETE)
    verified = replace(complete, verification=Verification.VERIFIED)

    assert told(of_transaction(complete, verified, actor=None, seen_at=NOW)) == [(S.INSTALLED, None)]
    assert of_transaction(verified, verified, actor=None, seen_at=NOW) == []
    assert told(of_transaction(None, verified, actor=None, seen_at=NOW))[1:] == [(S.INSTALLED, None)]


def test_an_operation_reports_each_result_once_as_its_steps_go_by() -> None:
    """Under the identities of its transactions where it names them."""
    reports = []
    before: FollowedOperation | None = None
    for place, step in enumerate(STEPS):
        now = operation(OperationKind.ACTIVATE, step, *STEPS[: place + 1])
        reports.append(told(of_operation(before, now, actor=None, seen_at=NOW)))
        before = now

    assert reports == [
        [],
        [],
        [(S.DOWNLOADED, "digi transaction d1 complete")],
        [(S.INSTALLED, None)],
        [(S.ENABLED, "digi transaction e1 complete")],
        [],
    ]


def test_an_operation_found_at_its_end_reports_all_it_came_to() -> None:
    """Times that nobody saw are the end's."""
    found = operation(OperationKind.ACTIVATE, OperationStatus.SUCCESSFUL)

    reports = of_operation(None, found, actor=None, seen_at=NOW)

    assert [report.state for report in reports] == [S.DOWNLOADED, S.INSTALLED, S.ENABLED]
    assert {report.at for report in reports} == {at(600)}
    assert {report.actor for report in reports} == {"anna"}


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        (OperationKind.DOWNLOAD, [S.DOWNLOADED, S.INSTALLED]),
        (OperationKind.ENABLE, [S.ENABLED]),
        (OperationKind.UNKNOWN, []),
    ],
)
def test_each_kind_reports_its_own_results(kind: OperationKind, states: list[ProfileState]) -> None:
    """One of an unknown kind, none."""
    found = operation(kind, OperationStatus.SUCCESSFUL)

    assert [report.state for report in of_operation(None, found, actor=None, seen_at=NOW)] == states


def test_an_operation_without_its_transactions_has_identities_of_its_own() -> None:
    """The same on the way and at the end."""
    names = {"download_tx": None, "enable_tx": None}
    on_the_way = operation(OperationKind.ENABLE, OperationStatus.ENABLE_VERIFY, **names)
    at_the_end = operation(OperationKind.ENABLE, OperationStatus.SUCCESSFUL, **names)

    first = of_operation(None, on_the_way, actor=None, seen_at=NOW)
    second = of_operation(None, at_the_end, actor=None, seen_at=NOW)

    assert told(first) == told(second) == [(S.ENABLED, "digi operation o1 enabled")]


@pytest.mark.parametrize(
    ("last_step", "names", "identity"),
    [
        (OperationStatus.ENABLE, {}, "digi transaction e1 failed"),
        (OperationStatus.DOWNLOAD, {}, "digi transaction d1 failed"),
        (OperationStatus.DOWNLOAD_VERIFY, {}, "digi operation o1 failed"),
        (OperationStatus.STARTING, {}, "digi transaction e1 failed"),
        (OperationStatus.STARTING, {"download_tx": None, "enable_tx": None}, "digi operation o1 failed"),
    ],
)
def test_a_failed_operation_is_one_failure(last_step: OperationStatus, names: dict[str, None], identity: str) -> None:
    """The same as its transaction's where it is that which failed."""
    failed = operation(OperationKind.ACTIVATE, OperationStatus.FAILED, last_step, **names)

    failures = [report for report in of_operation(None, failed, actor=None, seen_at=NOW) if report.is_error]

    assert told(failures) == [(None, identity)]
    assert (failures[0].message, failures[0].message_code) == ("No.", "E1")


def test_an_operation_without_a_profile_reports_nothing_until_it_has_one() -> None:
    """Then it reports what it has come to."""
    unknown = operation(OperationKind.ACTIVATE, OperationStatus.ENABLE, iccid=None)
    chosen = operation(OperationKind.ACTIVATE, OperationStatus.ENABLE)

    assert of_operation(None, unknown, actor=None, seen_at=NOW) == []
    assert [report.state for report in of_operation(unknown, chosen, actor=None, seen_at=NOW)] == [
        S.DOWNLOADED,
        S.INSTALLED,
    ]


def test_a_profile_row_is_a_reading() -> None:
    """Of another word than the two known there is none."""
    row = Profile(
        iccid=ICCID, eid=Eid("8" * 32), number=1, carrier=None, normalized_carrier=None, customer_id=None,
        device_id="device", status=ProfileStatus.ACTIVE, status_raw="active", type=None,
    )  # fmt: skip

    active = of_profile(row, NOW)
    inactive = of_profile(replace(row, status=ProfileStatus.INACTIVE), NOW)

    assert active is not None
    assert inactive is not None
    assert (active.state, active.eid, active.device_id, active.is_reading) == (S.ENABLED, row.eid, "device", True)
    assert inactive.state is S.DISABLED
    assert of_profile(replace(row, status=ProfileStatus.UNKNOWN), NOW) is None
    assert of_absent_profile(ICCID, NOW).state is S.DELETED


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Enabled", S.ENABLED),
        (" disabled ", S.DISABLED),
        ("Not Installed", S.AVAILABLE),
        ("BPP installation", S.DOWNLOADED),
        ("Not Enabled", None),
        ("AFFECTED", None),
        (None, None),
    ],
)
def test_esimflys_word_for_the_profile_is_read_whole(word: str | None, state: ProfileState | None) -> None:
    """Its other axes are not about the device."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("status", "unlimited", "last_network", "device", "activated_at", "last_used_at", "expires_at", "data_usage")
    )
    live = LiveStatus(
        iccid=ICCID, status_raw="ACTIVE", esim_status="Active", smdp_status="AFFECTED", profile=word, **nothing
    )

    report = of_live_status(live, NOW)

    assert (None if report is None else report.state) is state
    assert report is None or report.source is StatusSource.ESIMFLY
