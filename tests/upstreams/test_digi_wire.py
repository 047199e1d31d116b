"""Digi's documented fields, read and written."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from esim_graph.domain.identifiers import ActivationCode, Eid, Iccid
from esim_graph.domain.operation import (
    Operation,
    OperationCause,
    OperationKind,
    OperationRequest,
    OperationStatus,
)
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.transaction import ActionRequest, Transaction, TransactionAction, TransactionStatus
from esim_graph.errors import CursorExpired, UpstreamAuthFailed, UpstreamBadResponse, UpstreamError, UpstreamRefused
from esim_graph.upstreams.digi import wire
from upstreams.samples import answer, sample, sample_json

ICCID = Iccid("8988211000000530082")
EID = Eid("89049032123451234512345678901235")
DEVICE = "00000000-00000000-00409DFF-FF123456"
TX = "d7eec0d4-557a-11e9-ab8e-d20bcc91db8a"
ROW = sample_json("digi/profile_row.json")
CREATED = datetime(2026, 6, 26, 14, 34, 40, 123_000, tzinfo=UTC)
UPDATED = datetime(2026, 6, 26, 14, 35, 21, tzinfo=UTC)


def profile_with(**changed: Any) -> Profile:
    found = wire.read_profile(ROW | changed)
    assert found is not None
    return found


# Rows


def test_every_documented_member_of_a_profile_is_read() -> None:
    assert wire.read_profile(ROW) == Profile(
        iccid=ICCID,
        eid=EID,
        number=1,
        carrier="Mobile",
        normalized_carrier="mobile",
        customer_id="1001",
        device_id=DEVICE,
        status=ProfileStatus.ACTIVE,
        status_raw="active",
        type="operational",
    )


def test_every_documented_member_of_a_transaction_is_read() -> None:
    assert wire.read_transaction(sample_json("digi/transaction_row.json")) == Transaction(
        vendor_id=TX,
        action=TransactionAction.DOWNLOAD,
        action_raw="download",
        status=TransactionStatus.IN_PROGRESS,
        status_raw="in_progress",
        iccid=ICCID,
        eid=EID,
        device_id=DEVICE,
        customer_id="1001",
        message="The download has started",
        message_code="download_started",
        created_at=CREATED,
        updated_at=UPDATED,
    )


def test_every_documented_member_of_an_operation_is_read() -> None:
    assert wire.read_operation(sample_json("digi/operation_row.json")) == Operation(
        vendor_id="77",
        kind=OperationKind.ACTIVATE,
        kind_raw="activate",
        status=OperationStatus.DOWNLOAD,
        status_raw="download",
        cause=OperationCause.AUTOMATION,
        cause_raw="automation",
        cause_id="12",
        carrier="Mobile",
        iccid=None,
        eid=EID,
        device_id=DEVICE,
        customer_id="1001",
        created_by="automation",
        source="/ws/v1/automations",
        job_id="2001",
        message="The download has started",
        message_code="download_started",
        download_tx=TX,
        enable_tx=None,
        created_at=CREATED,
        updated_at=UPDATED,
    )


def test_a_word_that_is_not_known_is_kept() -> None:
    found = profile_with(status="suspended")

    assert (found.status, found.status_raw) == (ProfileStatus.UNKNOWN, "suspended")


@pytest.mark.parametrize("name", [name for name in ROW if name != "iccid"])
@pytest.mark.parametrize("value", [None, {}, [], 1.5, True])
def test_a_member_of_the_wrong_type_costs_only_itself(name: str, value: Any) -> None:
    found = profile_with(**{name: value})

    assert found.iccid == ICCID
    assert getattr(found, "number" if name == "id" else name) is None


def test_a_member_that_is_missing_is_none() -> None:
    found = wire.read_profile({"iccid": "8988211000000530082"})

    assert found is not None
    assert found.status is None


# Pages


def page(body: Any) -> Any:
    return wire.read_page(answer(body), wire.read_profile)


def test_a_page_has_rows_and_a_cursor() -> None:
    rows, cursor = page({"count": 1, "size": 1, "list": [ROW], "cursor": TX})

    assert (rows.items, cursor) == ([profile_with()], TX)


@pytest.mark.parametrize("end", [{}, {"cursor": None}, {"cursor": ""}], ids=["absent", "null", "empty"])
def test_without_a_cursor_it_is_the_last_page(end: dict[str, Any]) -> None:
    assert page({"list": [ROW]} | end)[1] is None


def test_a_full_last_page_may_be_followed_by_an_empty_one() -> None:
    rows, cursor = page({"count": 0, "list": []})

    assert (rows.items, cursor) == ([], None)


def test_rows_without_a_key_are_skipped_and_counted() -> None:
    rows, _ = page({"list": [ROW, ROW | {"iccid": "?"}, {}, "row", None]})

    assert (len(rows.items), rows.skipped) == (1, 4)


def test_a_bare_list_is_a_page() -> None:
    assert page([ROW])[0].items == [profile_with()]


@pytest.mark.parametrize("body", [b"<html>", {}, {"list": {}}, 3, ["row"], b'{"list":[{"iccid":"89'])
def test_a_page_of_an_impossible_shape_is_a_bad_response(body: Any) -> None:
    with pytest.raises(UpstreamBadResponse):
        page(body)


def test_a_refused_query_is_the_callers_mistake() -> None:
    with pytest.raises(UpstreamRefused):
        wire.read_page(answer(sample("digi/error_bad_query.json"), 400), wire.read_profile)


def test_a_refused_cursor_has_expired() -> None:
    with pytest.raises(CursorExpired, match="start again without"):
        wire.read_next_page(answer(b"", 400), wire.read_profile)


@pytest.mark.parametrize(
    ("status", "name", "error"),
    [(207, "error_multi_status", UpstreamRefused), (401, "error_401", UpstreamAuthFailed)],
)
def test_a_documented_error_is_an_error(status: int, name: str, error: type[UpstreamError]) -> None:
    with pytest.raises(error):
        wire.read_page(answer(sample(f"digi/{name}.json"), status), wire.read_profile)


# One thing


@pytest.mark.parametrize("body", [ROW, [ROW], {"count": 1, "list": [ROW]}], ids=["bare", "list", "envelope"])
def test_one_profile_may_come_bare_or_wrapped(body: Any) -> None:
    assert wire.read_one(answer(body), wire.read_profile) == [profile_with()]


@pytest.mark.parametrize("absent", [answer(b"", 404), answer({"count": 0, "list": []}), answer([])])
def test_an_unknown_thing_is_none(absent: Any) -> None:
    assert wire.read_one(absent, wire.read_profile) is None


@pytest.mark.parametrize("body", [b"null", {}, 3, {"carrier": "Mobile"}])
def test_one_thing_of_an_impossible_shape_is_a_bad_response(body: Any) -> None:
    with pytest.raises(UpstreamBadResponse):
        wire.read_one(answer(body), wire.read_profile)


# Actions

ENABLE = ActionRequest(action=TransactionAction.ENABLE, device_id=DEVICE, eid=EID, iccid=ICCID)
SECRET = "LPA:1$rsp.example.com$K2-SECRET"
DOWNLOAD = ActionRequest(action=TransactionAction.DOWNLOAD, device_id=DEVICE, activation_code=ActivationCode(SECRET))


def test_an_action_is_posted_with_the_documented_payload() -> None:
    request = wire.post_action(ENABLE)

    assert (request.method, request.path) == ("POST", "/ws/v1/esim_profiles/enable")
    assert orjson.loads(request.body or b"") == {"device_id": DEVICE, "eid": EID, "iccid": ICCID}
    assert not request.idempotent


def test_an_activation_code_goes_in() -> None:
    assert orjson.loads(wire.post_action(DOWNLOAD).body or b"") == {"device_id": DEVICE, "activation_code": SECRET}


TRANSACTION_ROW = sample_json("digi/transaction_row.json")


@pytest.mark.parametrize(
    "body",
    [
        {"transaction": TX},
        [{"transaction": TX}],
        {"count": 1, "list": [{"transaction": TX}]},
        {"id": TX},
        {"transaction": TX, "status": None},
        TRANSACTION_ROW,
    ],
    ids=["id alone", "list", "envelope", "other name", "null status", "whole row"],
)
def test_an_accepted_action_needs_nothing_but_an_id(body: Any) -> None:
    """What the answer leaves out is what was asked for."""
    transaction = wire.read_accepted_action(answer(body, 202), ENABLE)

    assert transaction.vendor_id == TX
    assert transaction.status is TransactionStatus.IN_PROGRESS
    assert (transaction.iccid, transaction.eid, transaction.device_id) == (ICCID, EID, DEVICE)


def test_an_integer_id_is_text() -> None:
    assert wire.read_accepted_action(answer({"transaction": 77}), ENABLE).vendor_id == "77"


def test_an_accepted_action_says_what_the_vendor_said() -> None:
    transaction = wire.read_accepted_action(answer(TRANSACTION_ROW), DOWNLOAD)

    assert (transaction.message, transaction.created_at) == ("The download has started", CREATED)


@pytest.mark.parametrize("code", [SECRET, "K2-SECRET"], ids=["LPA", "a bare token"])
def test_an_activation_code_never_comes_out(code: str) -> None:
    asked = ActionRequest(action=TransactionAction.DOWNLOAD, device_id=DEVICE, activation_code=ActivationCode(code))

    transaction = wire.read_accepted_action(answer({"transaction": TX, "message": f"Downloading {code}"}), asked)

    assert transaction.message == "Downloading ***"


@pytest.mark.parametrize("body", [{}, [], {"list": []}, [{"transaction": "a"}, {"transaction": "b"}], "a"])
def test_an_accepted_action_without_an_id_must_not_be_repeated(body: Any) -> None:
    with pytest.raises(UpstreamBadResponse) as error:
        wire.read_accepted_action(answer(body), ENABLE)

    assert not error.value.retryable


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refused_action_is_the_callers_mistake(status: int) -> None:
    with pytest.raises(UpstreamRefused):
        wire.read_accepted_action(answer(b"", status), ENABLE)


# Operations

ACTIVATE = OperationRequest(kind=OperationKind.ACTIVATE, device_id=DEVICE, carrier="Mobile")


def test_an_operation_is_posted_with_the_documented_payload() -> None:
    request = wire.post_operation(ACTIVATE)

    assert request.path == "/ws/v1/esim_profiles/operations/inventory"
    assert orjson.loads(request.body or b"") == {
        "operation": "activate",
        "device_id": DEVICE,
        "carrier": "Mobile",
    }


@pytest.mark.parametrize("body", [{"id": 77}, [{"id": 77}], {"list": [{"id": 77, "status": None}]}])
def test_a_started_operation_needs_nothing_but_an_id(body: Any) -> None:
    operation = wire.read_accepted_operation(answer(body), ACTIVATE)

    assert operation.vendor_id == "77"
    assert (operation.kind, operation.status) == (OperationKind.ACTIVATE, OperationStatus.STARTING)
    assert (operation.carrier, operation.device_id) == ("Mobile", DEVICE)


def test_a_started_operation_without_an_id_must_not_be_repeated() -> None:
    with pytest.raises(UpstreamBadResponse) as error:
        wire.read_accepted_operation(answer({"status": "starting"}), ACTIVATE)

    assert not error.value.retryable


# 207: each row says for itself whether it is an error


GONE = {"error_status": 404, "error_message": "Not found"}
WRONG = {"error_status": 400, "error_message": "Bad request"}


def test_the_good_rows_of_a_multi_status_are_read() -> None:
    rows, _ = wire.read_page(answer({"count": 2, "list": [ROW, GONE]}, 207), wire.read_profile)

    assert [profile.iccid for profile in rows.items] == [ICCID]


def test_a_multi_status_of_absent_things_is_empty() -> None:
    rows, _ = wire.read_page(answer({"list": [GONE, GONE]}, 207), wire.read_profile)

    assert rows.items == []


def test_a_thing_that_is_absent_by_multi_status_is_none() -> None:
    assert wire.read_one(answer({"list": [GONE]}, 207), wire.read_profile) is None


def test_an_action_refused_by_multi_status_is_refused() -> None:
    """And its outcome is known: nothing happened."""
    with pytest.raises(UpstreamRefused):
        wire.read_accepted_action(answer({"list": [WRONG]}, 207), ENABLE)


def test_an_action_accepted_by_multi_status_is_accepted() -> None:
    assert wire.read_accepted_action(answer({"list": [{"transaction": TX}]}, 207), ENABLE).vendor_id == TX


# What was asked for by its identifier need not repeat it


@pytest.mark.parametrize("row", [{"status": "complete"}, {"status": "complete", "transaction": None}])
def test_a_row_that_was_asked_for_may_leave_its_identifier_out(row: dict[str, Any]) -> None:
    read = wire.with_identifier(wire.read_transaction, "transaction", TX)

    found = read(row)

    assert found is not None
    assert (found.vendor_id, found.status) == (TX, TransactionStatus.COMPLETE)


def test_a_row_that_says_nothing_is_not_taken_for_what_was_asked() -> None:
    assert wire.with_identifier(wire.read_transaction, "transaction", TX)({"message": "hello"}) is None
