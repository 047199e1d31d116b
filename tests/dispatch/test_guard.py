"""What is the same, what is opposed, and what still runs."""

from datetime import timedelta
from typing import Any

import pytest

from dispatch.samples import EID, ICCID, NOW, OTHER_EID, OTHER_ICCID, ago, by_code, operation, transaction, wanted
from dispatch.samples import wanted_operation as started
from esim_graph.dispatch.guard import STALE_AFTER, Relation, is_running, judge, relation, running_of, wanted_of
from esim_graph.domain.operation import OperationKind, OperationStatus
from esim_graph.domain.subject import State
from esim_graph.domain.transaction import TransactionAction, TransactionStatus
from esim_graph.requests import Wanted

SAME, OPPOSED = Relation.SAME, Relation.OPPOSED
UNKNOWN_FOR = timedelta(minutes=20)


@pytest.mark.parametrize(
    ("asked", "other", "expected"),
    [
        (wanted(), wanted(), SAME),
        (wanted(), wanted(action="disable"), OPPOSED),
        (wanted(), wanted(action="unknown"), OPPOSED),
        (wanted(action="unknown"), wanted(action="unknown"), OPPOSED),
        (wanted(), wanted(iccid=OTHER_ICCID), None),
        (wanted(), wanted(action="disable", iccid=OTHER_ICCID), None),
        (wanted(), wanted(iccid=None), None),
        (wanted(eid=EID), wanted(), SAME),
        (wanted(eid=EID), wanted(eid=OTHER_EID), None),
        (by_code("a"), by_code("a"), SAME),
        (by_code("a"), by_code("b"), None),
        (by_code("a"), by_code(None), None),
        (started(), started(), SAME),
        (started(), started(carrier=" ee "), SAME),
        (started(), started(action="enable"), OPPOSED),
        (started(), started(carrier="Play"), None),
        (started(), started(action="enable", carrier="Play"), None),
        (started(), started(iccid=ICCID), SAME),  # Digi has chosen by now
        (started(iccid=ICCID), started(iccid=ICCID), SAME),
        (started(iccid=ICCID, carrier=None), started(iccid=ICCID), SAME),
        (started(iccid=ICCID), started(iccid=OTHER_ICCID), None),
        (started(iccid=ICCID), started(action="enable", iccid=ICCID), OPPOSED),
        (started(iccid=ICCID), started(), OPPOSED),  # Digi has yet to choose, and may choose this one
        (started(iccid=ICCID, carrier=None), started(), None),
        (started(eid=EID), started(eid=OTHER_EID), None),
        (wanted(), started(iccid=ICCID), OPPOSED),
        (started(iccid=ICCID), wanted(), OPPOSED),
        (wanted(), started(), None),
        (started(), wanted(), None),
        (wanted(), started(iccid=OTHER_ICCID), None),
    ],
)  # fmt: skip
def test_two_requests_for_one_device(asked: Wanted, other: Wanted, expected: Relation | None) -> None:
    assert relation(asked, other) is expected


@pytest.mark.parametrize(
    ("state", "runs"),
    [
        (transaction(), True),
        (transaction(status=TransactionStatus.COMPLETE), False),
        (transaction(status=TransactionStatus.FAILED), False),
        (transaction(created_at=ago(minutes=59)), True),
        (transaction(created_at=NOW - STALE_AFTER), False),
        (transaction(created_at=ago(hours=3), updated_at=ago(minutes=1)), True),
        (transaction(created_at=None), True),
        (transaction(status=TransactionStatus.UNKNOWN, created_at=ago(minutes=19)), True),
        (transaction(status=TransactionStatus.UNKNOWN, created_at=ago(minutes=20)), False),
        (transaction(status=TransactionStatus.UNKNOWN, created_at=ago(days=9), updated_at=ago(minutes=1)), True),
        (transaction(status=None, created_at=ago(minutes=20)), False),
        (operation(), True),
        (operation(status=OperationStatus.ENABLE_VERIFY), True),
        (operation(status=OperationStatus.UNKNOWN), True),
        (operation(status=OperationStatus.SUCCESSFUL), False),
        (operation(status=OperationStatus.FAILED), False),
        (operation(created_at=ago(hours=2)), False),
        (operation(created_at=ago(hours=2), updated_at=ago(minutes=2)), True),
    ],
)
def test_what_still_runs(state: State, runs: bool) -> None:
    assert is_running(state, now=NOW, unknown_for=UNKNOWN_FOR) is runs


def test_one_without_dates_runs_since_we_know_it() -> None:
    undated = transaction(created_at=None)

    assert is_running(undated, since=ago(minutes=59), now=NOW, unknown_for=UNKNOWN_FOR)
    assert not is_running(undated, since=ago(hours=1), now=NOW, unknown_for=UNKNOWN_FOR)


def judged(asked: Wanted, *states: State, **digests: str) -> Any:
    found = judge(
        asked, running_of([(state, None) for state in states], now=NOW, unknown_for=UNKNOWN_FOR, code_digests=digests)
    )
    return None if found is None else (found[0], found[1].state.vendor_id)


def test_the_enable_inside_an_activation_is_the_same_as_an_enable() -> None:
    inside = transaction("tx-inside")
    activation = operation(iccid=ICCID, status=OperationStatus.ENABLE, enable_tx="tx-inside")

    assert judged(wanted(), activation, inside) == (SAME, "tx-inside")
    assert judged(wanted(action="disable"), inside, activation) == (OPPOSED, "op-1")
    assert judged(started(action="enable", iccid=ICCID), inside, activation) == (OPPOSED, "op-1")


def test_what_has_ended_stands_in_nobodys_way() -> None:
    assert judged(wanted(), transaction(status=TransactionStatus.FAILED)) is None
    assert judged(started(), operation(kind=OperationKind.ENABLE, status=OperationStatus.SUCCESSFUL)) is None


def test_a_download_by_code_is_told_by_its_digest() -> None:
    running = transaction(action=TransactionAction.DOWNLOAD, iccid=None)
    asked = by_code("a")

    assert judged(asked, running, **{"tx-1": "a"}) == (SAME, "tx-1")
    assert judged(asked, running, **{"tx-1": "b"}) is None
    assert judged(asked, running) is None


def test_an_action_of_no_known_word_is_opposed_to_any() -> None:
    nameless = transaction(action=None)

    assert wanted_of(nameless).action == "unknown"
    assert judged(wanted(), nameless) == (OPPOSED, "tx-1")
