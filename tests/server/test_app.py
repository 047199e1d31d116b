"""The application around the graph: probes, request ids, and the last catch of errors."""

import asyncio
from pathlib import Path

import aiohttp
import orjson
import pytest
from starlette.types import Receive, Scope, Send

from engine.schema import House, engine_over
from esim_graph.server.graphiql import GraphiQL
from esim_graph.server.http import GraphQLOverHttp
from esim_graph.server.middleware import RequestScope
from esim_graph.telemetry import Metrics
from server.client import ask, post
from support.gateway import Served, serve_app

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = Path(__file__).parents[2] / "schema.graphql"
SECRET = "sk_marked_secret"


async def _unforeseen(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError(SECRET)


async def _half(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError(SECRET)


async def test_the_probes_answer(shared: Served) -> None:
    """Without asking any vendor."""
    shared.sandbox.calls.clear()
    for path, text in {
        "/health/live": '{"status":"live"}',
        "/health/ready": '{"status":"ready"}',
        "/metrics": "esim_graph_operations_total",
        "/schema.graphql": "type Query",
    }.items():
        async with shared.http.get(shared.url + path) as response:
            assert response.status == 200
            assert text in await response.text()

    assert len(shared.sandbox.calls) == 0


async def test_the_schema_is_served_as_it_is_committed(shared: Served) -> None:
    """Byte for byte."""
    async with shared.http.get(f"{shared.url}/schema.graphql") as response:
        assert await response.read() == SCHEMA.read_bytes()


async def test_readiness_ends_before_the_process_does(shared: Served) -> None:
    """So that a balancer looks elsewhere; life goes on."""
    shared.runtime.closing.set()
    try:
        async with shared.http.get(f"{shared.url}/health/ready") as response:
            assert response.status == 503
        async with shared.http.get(f"{shared.url}/health/live") as response:
            assert response.status == 200
    finally:
        shared.runtime.closing.clear()


@pytest.mark.parametrize(
    "path", ["/", "/graphq", "/graphql/nothing", "/health", "/%2e%2e/etc/passwd", "/graphiql/x/page.py"]
)
async def test_an_unknown_path_is_404(shared: Served, path: str) -> None:
    """With a request id like every answer."""
    async with shared.http.get(shared.url + path) as response:
        assert response.status == 404
        assert response.headers["x-request-id"]


async def test_an_error_carries_the_answers_request_id(shared: Served) -> None:
    """Whoever sees the error can ask for its log line."""
    for body in ({"query": "{ nothing }"}, {"query": 1}, {"query": '{ operation(vendorId: "\\u0001") { status } }'}):
        _, answer, response = await post(shared, body)

        identifier = response.headers["x-request-id"]
        assert {error["extensions"]["requestId"] for error in answer.get("errors", [])} <= {identifier}
        assert len(identifier) >= 16


async def test_no_two_requests_share_an_id(shared: Served) -> None:
    """Nor does a caller choose it."""
    identifiers = set()
    for _ in range(20):
        _, _, response = await post(shared, {"query": "{ __typename }"}, x_request_id="mine")
        identifiers.add(response.headers["x-request-id"])

    assert len(identifiers) == 20
    assert "mine" not in identifiers


async def test_what_nobody_foresaw_is_masked(shared: Served) -> None:
    """At the outermost edge: ``INTERNAL`` and the id of the log line."""
    async with serve_app(RequestScope(_unforeseen)) as url, shared.http.get(url) as response:
        body = await response.read()

    (error,) = orjson.loads(body)["errors"]
    assert response.status == 500
    assert error["extensions"] == {
        "code": "INTERNAL",
        "retryable": False,
        "requestId": response.headers["x-request-id"],
    }
    assert SECRET.encode() not in body


async def test_half_an_answer_is_cut_and_not_mended(shared: Served) -> None:
    """What follows half an answer would be read as its other half."""
    async with serve_app(RequestScope(_half)) as url, shared.http.get(url) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_an_operation_that_outlives_its_time_is_answered(shared: Served) -> None:
    """200 in either type: it ran."""
    house = House()
    graph = GraphQLOverHttp(engine_over(house, timeout=0.02), GraphiQL(), closing=asyncio.Event(), metrics=Metrics())
    async with serve_app(RequestScope(graph)) as url, shared.http.post(url, json={"query": "{ waits }"}) as response:
        answer = await response.json()

    assert response.status == 200
    assert answer["data"] is None
    assert answer["errors"][0]["cause"] == "OperationTimeout"
    assert house.cancelled.is_set()


async def test_operations_are_counted(shared: Served) -> None:
    """For whoever reads ``/metrics``."""
    labels = {"type": "query", "outcome": "ok"}
    before = shared.runtime.metrics.registry.get_sample_value("esim_graph_operations_total", labels) or 0

    await ask(shared, "{ __typename }")

    assert shared.runtime.metrics.registry.get_sample_value("esim_graph_operations_total", labels) == before + 1
