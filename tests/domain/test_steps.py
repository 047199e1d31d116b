"""The steps and the progress of an operation: tables of what a snapshot and what was seen tell."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.domain.operation import (
    Operation,
    OperationKind,
    OperationStatus,
    Sightings,
    StepState,
    follow_on,
    progress_of,
    steps_of,
)

CREATED = datetime(2026, 6, 26, 14, 0, tzinfo=UTC)
UPDATED = CREATED + timedelta(minutes=7)
STATUS = OperationStatus
D, R, P, F, S, U = (
    StepState.DONE, StepState.RUNNING, StepState.PENDING, StepState.FAILED, StepState.SKIPPED, StepState.UNKNOWN,
)  # fmt: skip
KINDS = {
    OperationKind.ACTIVATE: ["STARTING", "DOWNLOAD", "DOWNLOAD_VERIFY", "ENABLE", "ENABLE_VERIFY"],
    OperationKind.DOWNLOAD: ["STARTING", "DOWNLOAD", "DOWNLOAD_VERIFY"],
    OperationKind.ENABLE: ["STARTING", "ENABLE", "ENABLE_VERIFY"],
}


def operation(
    status: OperationStatus | None,
    kind: OperationKind | None = OperationKind.ACTIVATE,
    *,
    download_tx: str | None = None,
    enable_tx: str | None = None,
) -> Operation:
    return Operation(
        vendor_id="1", kind=kind, kind_raw=None, status=status, status_raw=None, cause=None, cause_raw=None,
        cause_id=None, carrier=None, iccid=None, eid=None, device_id=None, customer_id=None, created_by=None,
        source=None, job_id=None, message=None, message_code=None, download_tx=download_tx, enable_tx=enable_tx,
        created_at=CREATED, updated_at=UPDATED,
    )  # fmt: skip


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_kind_has_its_own_steps(kind: OperationKind) -> None:
    assert [step.name.name for step in steps_of(operation(STATUS.STARTING, kind), {})] == KINDS[kind]


@pytest.mark.parametrize("kind", [None, OperationKind.UNKNOWN])
def test_an_unknown_kind_has_the_longest_list_of_steps(kind: OperationKind | None) -> None:
    names = [step.name.name for step in steps_of(operation(STATUS.STARTING, kind), {})]

    assert names == KINDS[OperationKind.ACTIVATE]


@pytest.mark.parametrize(
    ("status", "states", "progress"),
    [
        (STATUS.STARTING, [R, P, P, P, P], 0),
        (STATUS.DOWNLOAD, [D, R, P, P, P], 20),
        (STATUS.DOWNLOAD_VERIFY, [D, D, R, P, P], 40),
        (STATUS.ENABLE, [D, D, D, R, P], 60),
        (STATUS.ENABLE_VERIFY, [D, D, D, D, R], 80),
        (STATUS.SUCCESSFUL, [D, D, D, D, D], 100),
        (STATUS.FAILED, [F, S, S, S, S], 0),
        (STATUS.UNKNOWN, [U, U, U, U, U], None),
        (None, [U, U, U, U, U], None),
    ],
)
def test_a_snapshot_tells_the_states_and_the_progress(
    status: OperationStatus | None, states: list[StepState], progress: int | None
) -> None:
    now = operation(status)

    assert [step.state for step in steps_of(now, {})] == states
    assert progress_of(now, {}) == progress


@pytest.mark.parametrize(
    ("kind", "status", "progress"),
    [
        (OperationKind.DOWNLOAD, STATUS.DOWNLOAD, 33),
        (OperationKind.DOWNLOAD, STATUS.DOWNLOAD_VERIFY, 66),
        (OperationKind.ENABLE, STATUS.ENABLE, 33),
        (OperationKind.ENABLE, STATUS.ENABLE_VERIFY, 66),
        (OperationKind.ENABLE, STATUS.SUCCESSFUL, 100),
        (OperationKind.ENABLE, STATUS.DOWNLOAD, None),
        (OperationKind.UNKNOWN, STATUS.ENABLE, 60),
    ],
)
def test_progress_counts_the_steps_of_the_kind(
    kind: OperationKind, status: OperationStatus, progress: int | None
) -> None:
    assert progress_of(operation(status, kind), {}) == progress


@pytest.mark.parametrize(
    ("download_tx", "enable_tx", "seen", "failed_at"),
    [
        (None, None, [], 0),
        ("t", None, [], 1),
        ("t", "u", [], 3),
        (None, "u", [], 3),
        ("t", None, [STATUS.STARTING, STATUS.DOWNLOAD, STATUS.DOWNLOAD_VERIFY], 2),
        ("t", "u", [STATUS.STARTING, STATUS.ENABLE_VERIFY], 4),
        ("t", "u", [STATUS.DOWNLOAD], 3),
        (None, None, [STATUS.DOWNLOAD], 1),
        (None, None, [STATUS.FAILED], 0),
    ],
)
def test_a_failure_is_in_the_last_step_that_anything_tells_of(
    download_tx: str | None, enable_tx: str | None, seen: list[OperationStatus], failed_at: int
) -> None:
    now = operation(STATUS.FAILED, download_tx=download_tx, enable_tx=enable_tx)

    states = [step.state for step in steps_of(now, dict.fromkeys(seen, CREATED))]

    assert states == [D] * failed_at + [F] + [S] * (4 - failed_at)
    assert progress_of(now, dict.fromkeys(seen, CREATED)) == failed_at * 20


def test_an_unknown_word_stays_where_the_operation_was_last_seen() -> None:
    seen = {STATUS.STARTING: CREATED, STATUS.DOWNLOAD: CREATED}

    assert progress_of(operation(STATUS.UNKNOWN), seen) == 20
    assert [step.state for step in steps_of(operation(STATUS.UNKNOWN), seen)] == [D, R, P, P, P]


def test_times_that_nobody_saw_are_not_guessed() -> None:
    steps = steps_of(operation(STATUS.ENABLE), {})

    assert [step.started_at for step in steps] == [CREATED, None, None, None, None]
    assert [step.ended_at for step in steps] == [None] * 5


def test_a_step_ends_when_the_next_one_begins() -> None:
    seen = {status: CREATED + timedelta(minutes=at) for at, status in enumerate(STATUS) if at < 4}

    steps = steps_of(operation(STATUS.ENABLE), seen)

    assert [step.started_at for step in steps[:4]] == list(seen.values())
    assert [step.ended_at for step in steps] == [*list(seen.values())[1:], None, None]


@pytest.mark.parametrize(("status", "ended"), [(STATUS.SUCCESSFUL, 4), (STATUS.FAILED, 0)])
def test_the_last_step_ends_when_the_operation_does(status: OperationStatus, ended: int) -> None:
    steps = steps_of(operation(status), {})

    assert [at for at, step in enumerate(steps) if step.ended_at is not None] == [ended]
    assert steps[ended].ended_at == UPDATED


def test_a_step_that_was_skipped_has_no_times() -> None:
    steps = steps_of(operation(STATUS.FAILED), {})

    assert all(step.started_at is None and step.ended_at is None for step in steps if step.state is S)


@pytest.mark.parametrize("kind", list(KINDS))
def test_progress_never_falls_along_the_way(kind: OperationKind) -> None:
    seen: dict[OperationStatus, datetime] = {}
    progress = []
    for name in [*KINDS[kind], "SUCCESSFUL"]:
        status = OperationStatus[name]
        seen[status] = CREATED
        progress.append(progress_of(operation(status, kind), seen) or 0)

    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0, 100)


@pytest.mark.parametrize("status", list(STATUS))
def test_only_two_states_are_the_end(status: OperationStatus) -> None:
    assert operation(status).is_terminal is (status in (STATUS.FAILED, STATUS.SUCCESSFUL))


def test_an_operation_without_dates_still_has_steps() -> None:
    now = replace(operation(STATUS.SUCCESSFUL), created_at=None, updated_at=None)

    assert all(step.started_at is None and step.ended_at is None for step in steps_of(now, {}))


@given(
    statuses=st.lists(st.sampled_from([*sorted(STATUS, key=lambda one: one.value), None]), min_size=1),
    kind=st.sampled_from([*KINDS, None]),
)
def test_progress_never_falls_and_is_a_hundred_only_on_success(
    statuses: list[OperationStatus | None], kind: OperationKind | None
) -> None:
    """Whatever Digi says, and in whichever order."""
    reached = 0
    seen: Sightings = {}
    for status in statuses:
        followed = follow_on(operation(status, kind), seen, now=UPDATED)
        seen = followed.seen

        progress = progress_of(followed.operation, seen)

        assert progress is not None or not reached
        assert (progress or 0) >= reached
        assert (progress == 100) is (status is STATUS.SUCCESSFUL)
        if followed.is_terminal:
            break
        reached = progress or 0
