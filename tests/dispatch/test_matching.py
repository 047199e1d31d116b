"""Which listed thing was made of a request that nobody answered."""

import pytest

from dispatch.samples import (
    EID,
    ICCID,
    NOW,
    OTHER_EID,
    OTHER_ICCID,
    ago,
    by_code,
    operation,
    request,
    transaction,
    wanted,
)
from dispatch.samples import wanted_operation as started
from esim_graph.dispatch.matching import SKEW, find_match
from esim_graph.domain.operation import OperationKind, OperationStatus
from esim_graph.domain.subject import State
from esim_graph.domain.transaction import TransactionAction, TransactionStatus
from esim_graph.requests import Wanted


@pytest.mark.parametrize(
    ("what", "listed", "fits"),
    [
        (wanted(), transaction(), True),
        (wanted(), transaction(status=TransactionStatus.FAILED), True),
        (wanted(), transaction(action=TransactionAction.DISABLE), False),
        (wanted(), transaction(action=TransactionAction.UNKNOWN), False),
        (wanted(), transaction(iccid=OTHER_ICCID), False),
        (wanted(), transaction(iccid=None), False),
        (wanted(eid=EID), transaction(eid=EID), True),
        (wanted(eid=EID), transaction(), True),
        (wanted(eid=EID), transaction(eid=OTHER_EID), False),
        (wanted(), transaction(created_at=NOW - SKEW), True),
        (wanted(), transaction(created_at=ago(minutes=11)), False),
        (wanted(), transaction(created_at=None), True),
        (wanted(), operation(iccid=ICCID), False),
        (by_code("d"), transaction(action=TransactionAction.DOWNLOAD, iccid=None), True),
        (by_code("d"), transaction(action=TransactionAction.DOWNLOAD), True),
        (wanted(action="download"), transaction(action=TransactionAction.DOWNLOAD, iccid=None), True),
        (wanted(action="download"), transaction(action=TransactionAction.DOWNLOAD, iccid=OTHER_ICCID), False),
        (started(), operation(), True),
        (started(), operation(carrier="ee", iccid=ICCID, status=OperationStatus.DOWNLOAD), True),
        (started(), operation(carrier="Play"), False),
        (started(), operation(kind=OperationKind.ENABLE), False),
        (started(iccid=ICCID), operation(iccid=OTHER_ICCID), False),
        (started(iccid=ICCID, carrier=None), operation(iccid=ICCID, carrier=None), True),
        (started(iccid=ICCID, carrier=None), operation(iccid=OTHER_ICCID, carrier=None), False),
    ],
)  # fmt: skip
def test_what_fits(what: Wanted, listed: State, fits: bool) -> None:
    assert (find_match(request(what), [listed]) is not None) is fits


def test_what_was_there_before_was_made_of_something_else() -> None:
    assert find_match(request(seen=("tx-1",)), [transaction()]) is None


def test_what_belongs_to_another_request_does_not_belong_to_this_one() -> None:
    found = find_match(request(), [transaction("tx-1"), transaction("tx-2")], taken={"tx-1"})

    assert found is not None
    assert found.vendor_id == "tx-2"


def test_of_several_the_earliest_was_made_of_it() -> None:
    listed = [transaction("none", created_at=None), transaction("late", created_at=NOW), transaction("early")]

    found = find_match(request(), listed)

    assert found is not None
    assert found.vendor_id == "early"
