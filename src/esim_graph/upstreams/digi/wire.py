"""Digi's spelling of profiles, transactions and operations: requests from values, values from answers.

Source: Digi, v1/esim_profiles (page 001); envelopes and what is unknown: upstreams.md §1.2, §9.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import orjson

from esim_graph.domain.operation import (
    Operation,
    OperationCause,
    OperationKind,
    OperationRequest,
    OperationStatus,
)
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.transaction import ActionRequest, Transaction, TransactionAction, TransactionStatus
from esim_graph.errors import CursorExpired, UpstreamBadResponse, UpstreamRefused
from esim_graph.upstreams import reading
from esim_graph.upstreams.messages import MEBIBYTE, Answer, Request, build_path, build_query
from esim_graph.upstreams.reading import Json, Members, Rows
from esim_graph.upstreams.refusals import is_success, refusal, unreadable

T = TypeVar("T")

_ROOT = ("ws", "v1", "esim_profiles")
_LONG_LIST = 32 * MEBIBYTE
_BAD_REQUEST = 400
_NOT_FOUND = 404
_MULTI_STATUS = 207  # each row says for itself whether it is an error
_REFUSED_ACTIONS = (400, 404, 409, 422)

PROFILES = ("inventory",)
TRANSACTIONS = ("transactions", "inventory")
OPERATIONS = ("operations", "inventory")


def get(endpoint: str, *segments: str) -> Request:
    """Ask for one thing."""
    return Request(method="GET", endpoint=endpoint, path=build_path(*_ROOT, *segments), idempotent=True)


def get_page(
    endpoint: str,
    *segments: str,
    query: str | None,
    orderby: str | None = None,
    size: int | None = None,
    cursor: str | None = None,
) -> Request:
    """Ask for a page of a list. A cursor is good only with the query, order and size it was given for."""
    return Request(
        method="GET",
        endpoint=endpoint,
        path=build_path(*_ROOT, *segments),
        query=build_query(size=size, cursor=cursor, orderby=orderby, query=query),
        idempotent=True,
        max_bytes=_LONG_LIST,
    )


def post_action(request: ActionRequest) -> Request:
    """Ask for one action on one profile."""
    code = request.activation_code
    return _post(
        request.action.value,
        request.action.value,
        device_id=request.device_id,
        eid=request.eid,
        iccid=request.iccid,
        activation_code=code.reveal() if code is not None else None,
    )


def post_operation(request: OperationRequest) -> Request:
    """Ask for a multistep operation."""
    return _post(
        "operation_start",
        *OPERATIONS,
        operation=request.kind.value,
        device_id=request.device_id,
        eid=request.eid,
        carrier=request.carrier,
        iccid=request.iccid,
    )


def _post(endpoint: str, *segments: str, **payload: str | None) -> Request:
    body = orjson.dumps({name: value for name, value in payload.items() if value is not None})
    return Request(method="POST", endpoint=endpoint, path=build_path(*_ROOT, *segments), body=body, idempotent=False)


def read_profile(row: Members) -> Profile | None:
    """One row; None without an ICCID."""
    get = row.get
    iccid = reading.iccid(get("iccid"))
    if iccid is None:
        return None
    status = reading.text(get("status"))
    return Profile(
        iccid=iccid,
        eid=reading.eid(get("eid")),
        number=reading.integer(get("id")),
        carrier=reading.text(get("carrier")),
        normalized_carrier=reading.text(get("normalized_carrier")),
        customer_id=reading.identifier(get("customer_id")),
        device_id=reading.identifier(get("device_id")),
        status=ProfileStatus.read(status),
        status_raw=status,
        type=reading.text(get("type")),
    )


def read_transaction(row: Members) -> Transaction | None:
    """One row; None without an identifier."""
    get = row.get
    vendor_id = reading.identifier(get("transaction"))
    if vendor_id is None:
        return None
    action = reading.text(get("action"))
    status = reading.text(get("status"))
    return Transaction(
        vendor_id=vendor_id,
        action=TransactionAction.read(action),
        action_raw=action,
        status=TransactionStatus.read(status),
        status_raw=status,
        iccid=reading.iccid(get("iccid")),
        eid=reading.eid(get("eid")),
        device_id=reading.identifier(get("device_id")),
        customer_id=reading.identifier(get("customer_id")),
        message=reading.message(get("message")),
        message_code=reading.text(get("message_code")),
        created_at=reading.instant(get("created")),
        updated_at=reading.instant(get("updated")),
    )


def read_operation(row: Members) -> Operation | None:
    """One row; None without an identifier."""
    get = row.get
    vendor_id = reading.identifier(get("id"))
    if vendor_id is None:
        return None
    kind = reading.text(get("operation"))
    status = reading.text(get("status"))
    cause = reading.text(get("cause"))
    return Operation(
        vendor_id=vendor_id,
        kind=OperationKind.read(kind),
        kind_raw=kind,
        status=OperationStatus.read(status),
        status_raw=status,
        cause=OperationCause.read(cause),
        cause_raw=cause,
        cause_id=reading.identifier(get("cause_id")),
        carrier=reading.text(get("carrier")),
        iccid=reading.iccid(get("iccid")),
        eid=reading.eid(get("eid")),
        device_id=reading.identifier(get("device_id")),
        customer_id=reading.identifier(get("customer_id")),
        created_by=reading.text(get("created_by")),
        source=reading.text(get("source")),
        job_id=reading.identifier(get("job_id")),
        message=reading.message(get("message")),
        message_code=reading.text(get("message_code")),
        download_tx=reading.identifier(get("download_tx")),
        enable_tx=reading.identifier(get("enable_tx")),
        created_at=reading.instant(get("created")),
        updated_at=reading.instant(get("updated")),
    )


def with_identifier(read: Callable[[Members], T | None], name: str, asked: str) -> Callable[[Members], T | None]:
    """Read a row that was asked for by its identifier and has a status, but does not repeat the identifier."""
    return lambda row: read(row if row.get(name) or not row.get("status") else {**row, name: asked})


def read_summary(answer: Answer) -> float | None:
    """Nothing but that the credentials are good; the value is the vendor's clock offset."""
    _expect_success(answer)
    return answer.clock_offset


def read_page(answer: Answer, read: Callable[[Members], T | None]) -> tuple[Rows[T], str | None]:
    """A page's rows and the cursor that continues it; no cursor is the end.

    Raises:
        UpstreamRefused: a 400: Digi does not accept the query or the order.
        UpstreamBadResponse: there is no list in the answer.
    """
    _expect_success(answer)
    body = reading.parse_json(answer, "digi")
    cursor = None
    if isinstance(body, dict):
        cursor = reading.identifier(body.get("cursor"))
        body = body.get("list")
    if answer.status == _MULTI_STATUS and isinstance(body, list):
        body = _without_errors(body, answer)
    rows = reading.read_rows(body, read, "digi")
    if rows.skipped and not rows.items:
        raise unreadable("digi", "has no row that can be used")
    return rows, cursor


def read_next_page(answer: Answer, read: Callable[[Members], T | None]) -> tuple[Rows[T], str | None]:
    """Like ``read_page`` for a request with a cursor, whose 400 means that the cursor is not known.

    The query cannot be at fault: it is the first page's.
    """
    if answer.status == _BAD_REQUEST:
        raise CursorExpired("Digi no longer knows this page; start again without `after`.")
    return read_page(answer, read)


def read_one(answer: Answer, read: Callable[[Members], T | None]) -> list[T] | None:
    """What one identifier stands for, bare or in a list; None if there is nothing.

    Raises:
        UpstreamBadResponse: there is something, and it cannot be used.
    """
    if answer.status == _NOT_FOUND:
        return None
    _expect_success(answer)
    rows = _without_errors(_unwrap(reading.parse_json(answer, "digi")), answer)
    found = reading.read_rows(rows, read, "digi").items
    if rows and not found:
        raise unreadable("digi", "has nothing of what was asked for")
    return found or None


def read_accepted_action(answer: Answer, request: ActionRequest) -> Transaction:
    """The transaction that Digi made of an action. The answer's layout is not documented.

    What it leaves out is what was asked for; nothing but the identifier is needed.
    """
    row = _accepted(answer)
    said = read_transaction({"transaction": row.get("id"), **row})
    if said is None:
        raise _nameless("transaction")
    return Transaction(
        vendor_id=said.vendor_id,
        action=said.action or request.action,
        action_raw=said.action_raw or request.action.value,
        status=said.status or TransactionStatus.IN_PROGRESS,
        status_raw=said.status_raw or TransactionStatus.IN_PROGRESS.value,
        iccid=said.iccid or request.iccid,
        eid=said.eid or request.eid,
        device_id=said.device_id or request.device_id,
        customer_id=said.customer_id,
        message=_without_code(said.message, request),
        message_code=said.message_code,
        created_at=said.created_at,
        updated_at=said.updated_at,
    )


def read_accepted_operation(answer: Answer, request: OperationRequest) -> Operation:
    """The operation that Digi started; likewise."""
    asked = {
        "operation": request.kind.value,
        "status": OperationStatus.STARTING.value,
        "device_id": request.device_id,
        "eid": request.eid,
        "carrier": request.carrier,
        "iccid": request.iccid,
    }
    row = {name: value for name, value in _accepted(answer).items() if value is not None}
    operation = read_operation(asked | row)
    if operation is None:
        raise _nameless("operation")
    return operation


def _accepted(answer: Answer) -> Members:
    if answer.status in _REFUSED_ACTIONS:
        raise UpstreamRefused("Digi refuses the action as it was asked for.", upstream="digi")
    _expect_success(answer)
    rows = _unwrap(reading.parse_json(answer, "digi"))
    for status in _error_statuses(rows):
        if status in _REFUSED_ACTIONS:
            raise UpstreamRefused("Digi refuses the action as it was asked for.", upstream="digi")
        raise refusal(replace(answer, status=status), "digi")
    return reading.members(rows[0] if len(rows) == 1 else None) or {}


def _unwrap(body: Json) -> list[Json]:
    """A bare object, a list, or an object with a list in it: a list in any case."""
    if isinstance(body, dict) and isinstance(body.get("list"), list):
        body = body["list"]
    return body if isinstance(body, list) else [body]


def _expect_success(answer: Answer) -> None:
    if not is_success(answer) and answer.status != _MULTI_STATUS:
        raise refusal(answer, "digi")


def _without_errors(rows: list[Json], answer: Answer) -> list[Json]:
    """The rows that are no errors of their own; if all are, and not for being absent, the first one's error.

    Source: upstreams.md §1.2, 207 Multi-Status.
    """
    statuses = _error_statuses(rows)
    if len(statuses) < len(rows):
        return [row for row in rows if not _error_statuses([row])] if statuses else rows
    for status in statuses:
        if status != _NOT_FOUND:
            raise refusal(replace(answer, status=status), "digi")
    return []


def _error_statuses(rows: list[Json]) -> list[int]:
    return [
        status
        for row in rows
        if isinstance(row, dict) and (status := reading.integer(row.get("error_status"))) is not None
    ]


def _nameless(what: str) -> UpstreamBadResponse:
    return UpstreamBadResponse(
        f"Digi accepted the request and did not say which {what} it made of it.", upstream="digi", retryable=False
    )


def _without_code(message: str | None, request: ActionRequest) -> str | None:
    if message is None or request.activation_code is None:
        return message
    return message.replace(request.activation_code.reveal(), "***")
