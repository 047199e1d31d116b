"""Cursors of events: opaque, good for one subject, and refused before anything is asked."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from esim_graph.sandbox.landmarks import READY_TO_ACTIVATE, READY_TO_ENABLE
from schema.test_subscriptions import SECONDS, event_of, next_event, put, start_enable, start_operation
from support.gateway import Gateway

OPERATION = """subscription($id: String!, $after: String) {
    operationProgress(vendorId: $id, after: $after) { sequence cursor operation { status } }
}"""
TRANSACTION = """subscription($id: String!, $after: String) {
    transactionProgress(vendorId: $id, after: $after) { sequence cursor transaction { status } }
}"""
OPERATIONS = """subscription($filter: OperationFilter, $after: String) {
    operationsProgress(filter: $filter, after: $after) { sequence cursor operation { vendorId status } }
}"""


async def told(
    gateway: Gateway, query: str, *, resume: str | None = None, **variables: Any
) -> list[tuple[int, str] | str]:
    """All of a stream: the events' sequences and states, and the codes of errors."""
    found: list[tuple[int, str] | str] = []
    async with asyncio.timeout(SECONDS):
        async for answer in gateway.watch(query, variables, resume=resume):
            if "errors" in answer:
                found.append(answer["errors"][0]["extensions"]["code"])
            else:
                event = event_of(answer)
                found.append((event["sequence"], event["operation"]["status"]))
    return found


@pytest.fixture
async def finished(gateway: Gateway) -> tuple[str, list[str]]:
    """An operation that was seen in three states, and their cursors."""
    operation = await start_operation(gateway, READY_TO_ACTIVATE)
    async with aclosing(gateway.watch(OPERATION, {"id": operation})) as answers:
        cursors = [(await next_event(answers))["cursor"]]
        for status in ("download", "successful"):
            put(gateway, operation, status)
            cursors.append((await next_event(answers))["cursor"])
    return operation, cursors


async def test_a_cursor_goes_on_behind_its_event(gateway: Gateway, finished: tuple[str, list[str]]) -> None:
    operation, cursors = finished

    rests = [await told(gateway, OPERATION, id=operation, after=cursor) for cursor in cursors]

    assert rests == [[(2, "DOWNLOAD"), (3, "SUCCESSFUL")], [(3, "SUCCESSFUL")], []]


async def test_what_the_transport_resumes_from_wins(gateway: Gateway, finished: tuple[str, list[str]]) -> None:
    """The client sends its first request again."""
    operation, (first, second, _) = finished

    assert await told(gateway, OPERATION, id=operation, after=first, resume=second) == [(3, "SUCCESSFUL")]


async def test_a_cursor_too_old_is_an_event_and_not_the_end(gateway: Gateway, finished: tuple[str, list[str]]) -> None:
    """Here one of a database that is no more."""
    operation, _ = finished
    rooms = gateway.runtime.rooms
    ahead = rooms.seal.close("event", rooms.tenant, f"operation {operation} 99")

    assert await told(gateway, OPERATION, id=operation, after=ahead) == ["CURSOR_EXPIRED", (3, "SUCCESSFUL")]


async def test_a_cursor_is_bound_to_its_subject_and_tenant(gateway: Gateway, finished: tuple[str, list[str]]) -> None:
    """Forged, foreign, another subject's, another noun's, or a list's: refused alike, and nothing is asked."""
    operation, (cursor, *_) = finished
    transaction = await start_enable(gateway, READY_TO_ENABLE)
    seal, tenant = gateway.runtime.rooms.seal, gateway.runtime.rooms.tenant
    wrong = [
        "nonsense",
        cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB"),
        seal.close("event", "another", f"operation {operation} 1"),
        seal.close("cursor", tenant, f"operation {operation} 1"),
        seal.close("event", tenant, f"operation {transaction} 1"),
        seal.close("event", tenant, f"transaction {operation} 1"),
        seal.close("event", tenant, "operations 1"),
    ]

    for after in wrong:
        (answer,) = [answer async for answer in gateway.watch(OPERATION, {"id": operation, "after": after})]
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT", after
        assert error["path"] == ["operationProgress"]
        assert "after" in error["message"]
    for query, variables in ((TRANSACTION, {"id": transaction}), (OPERATIONS, {})):
        (answer,) = [answer async for answer in gateway.watch(query, variables | {"after": cursor})]
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_all_operations_are_one_subscription(gateway: Gateway) -> None:
    """Filtered, resumed, and without an end of its own."""
    operation = await start_operation(gateway, READY_TO_ACTIVATE)
    variables = {"filter": {"deviceId": {"eq": READY_TO_ACTIVATE.device_id}}}
    async with aclosing(gateway.watch(OPERATIONS, variables)) as answers:
        first = await next_event(answers)
        put(gateway, operation, "successful")
        last = await next_event(answers)

    async with aclosing(gateway.watch(OPERATIONS, variables | {"after": first["cursor"]})) as answers:
        again = await next_event(answers)

    assert first["operation"] == {"vendorId": operation, "status": "STARTING"}
    assert last["operation"] == {"vendorId": operation, "status": "SUCCESSFUL"}
    assert first["sequence"] < last["sequence"]
    assert again == last


async def test_a_filter_with_a_null_is_refused(gateway: Gateway) -> None:
    """It would select everything."""
    variables = {"filter": {"status": {"eq": None}}}

    (answer,) = [answer async for answer in gateway.watch(OPERATIONS, variables)]

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
