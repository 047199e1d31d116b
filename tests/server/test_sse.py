"""Event streams: a frame per answer, an end that is always said, and nothing that goes on for nobody."""

import asyncio
from collections.abc import AsyncGenerator

import orjson
import pytest
from starlette.types import Message

from esim_graph.engine import Streamed
from esim_graph.sandbox import landmarks
from esim_graph.server import sse
from server.client import (
    WATCH,
    move_operation,
    open_stream,
    post,
    start_operation,
    until,
    watched,
)
from support.gateway import Served

EVENT_STREAM = "text/event-stream"
WATCH_WITH_CURSOR = """subscription ($vendorId: String!, $after: String) {
    operationProgress(vendorId: $vendorId, after: $after) { sequence cursor }
}"""


async def test_a_subscription_is_followed_to_its_end(served: Served) -> None:
    """First the present state, then each change, and ``complete`` after the last one; lines end in LF."""
    vendor_id = await start_operation(served)

    async with open_stream(served, WATCH, vendorId=vendor_id) as stream:
        first = await stream.next()
        move_operation(served, vendor_id, "enable")
        second = await stream.next()
        move_operation(served, vendor_id, "successful")
        third = await stream.next()
        await stream.ended()

    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = [answer["data"]["operationProgress"] for answer in (first, second, third)]
    assert [event["sequence"] for event in events] == [1, 2, 3]
    assert [event["operation"]["status"] for event in events] == ["STARTING", "ENABLE", "SUCCESSFUL"]


async def test_a_subscription_works_over_get(served: Served) -> None:
    """A browser's EventSource sends nothing else."""
    vendor_id = await start_operation(served)
    move_operation(served, vendor_id, "successful")

    async with served.http.get(
        served.graphql,
        params={"query": WATCH, "variables": orjson.dumps({"vendorId": vendor_id}).decode()},
        headers={"accept": EVENT_STREAM},
    ) as response:
        text = await response.text()

    assert response.status == 200
    assert text.startswith("id: ")
    assert text.endswith("}\n\nevent: complete\ndata:\n\n")
    assert "\r" not in text


async def test_urql_gets_its_subscription_as_a_stream(served: Served) -> None:
    """Its Accept names every type; only a subscription makes a stream of it."""
    accept = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream"
    vendor_id = await start_operation(served)

    async with open_stream(served, WATCH, accept=accept, vendorId=vendor_id) as stream:
        assert (await stream.next())["data"]["operationProgress"]["sequence"] == 1


async def test_a_query_is_a_stream_for_whoever_takes_nothing_else(served: Served) -> None:
    """graphql-sse clients send queries the same way."""
    async with open_stream(served, "{ __typename }") as stream:
        assert await stream.next() == {"data": {"__typename": "Query"}}
        await stream.ended()


@pytest.mark.parametrize("query", ["subscription {", "subscription { nothing }", WATCH])
async def test_a_mistake_on_a_stream_is_an_event_and_an_end(served: Served, query: str) -> None:
    """Syntax, validation and a missing variable alike: errors in a ``next``, then ``complete``, no cut body."""
    async with open_stream(served, query) as stream:
        answer = await stream.next()
        await stream.ended()

    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_unknown_operation_is_not_found_and_then_the_end(served: Served) -> None:
    """The error stands at the subscription's field."""
    async with open_stream(served, WATCH, vendorId="no-such-operation") as stream:
        answer = await stream.next()
        await stream.ended()

    (error,) = answer["errors"]
    assert answer["data"] is None
    assert error["path"] == ["operationProgress"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["extensions"]["requestId"] == stream.response.headers["x-request-id"]


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "text/html"])
async def test_a_subscription_needs_a_stream(served: Served, accept: str) -> None:
    """406 says what to send instead, and nobody follows anything."""
    status, answer, _ = await post(served, {"query": WATCH, "variables": {"vendorId": "x"}}, accept=accept)

    assert status == 406
    assert EVENT_STREAM in answer["errors"][0]["message"]
    assert not watched()


async def test_a_frame_has_the_cursor_of_its_event_as_its_id(served: Served) -> None:
    """The first one also says how soon to come again; a browser's EventSource obeys."""
    vendor_id = await start_operation(served)

    async with open_stream(served, WATCH_WITH_CURSOR, vendorId=vendor_id) as stream:
        first = await stream.fields()
        move_operation(served, vendor_id, "successful")
        second = await stream.fields()
        await stream.ended()

    cursors = [orjson.loads(frame["data"])["data"]["operationProgress"]["cursor"] for frame in (first, second)]
    assert [first["id"], second["id"]] == cursors
    assert first["retry"] == "1000"
    assert "retry" not in second


async def test_a_lost_stream_goes_on_behind_its_last_event_id(served: Served) -> None:
    """The client sends its first request again, argument and all; the header wins."""
    vendor_id = await start_operation(served)
    async with open_stream(served, WATCH_WITH_CURSOR, vendorId=vendor_id) as stream:
        first = await stream.fields()
        move_operation(served, vendor_id, "enable")
        second = await stream.fields()
    move_operation(served, vendor_id, "successful")

    variables = {"vendorId": vendor_id, "after": first["id"]}
    async with open_stream(served, WATCH_WITH_CURSOR, last_event_id=second["id"], **variables) as stream:
        third = await stream.next()
        await stream.ended()

    assert third["data"]["operationProgress"]["sequence"] == 3


@pytest.mark.parametrize("forged", ["nonsense", "QUJDREVGR0hJSktMTU5PUG9wZXJhdGlvbiB4IDE"])
async def test_a_forged_last_event_id_is_refused(served: Served, forged: str) -> None:
    """And nothing is asked of Digi."""
    async with open_stream(served, WATCH_WITH_CURSOR, last_event_id=forged, vendorId="x") as stream:
        (error,) = (await stream.next())["errors"]
        await stream.ended()

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "after" in error["message"]
    assert served.sandbox.calls.count("digi") == 0


async def test_a_caller_that_leaves_watches_no_more(served: Served) -> None:
    """The generator is closed; the operation itself is followed on."""
    vendor_id = await start_operation(served)
    async with open_stream(served, WATCH, vendorId=vendor_id) as stream:
        await stream.next()
        assert watched()

        stream.response.close()

    await until(lambda: not watched())
    await until(lambda: _open_streams(served) == 0)


async def test_one_who_leaves_does_not_end_it_for_others(served: Served) -> None:
    """Two watch one operation, by one poller; it lives as long as one of them."""
    vendor_id = await start_operation(served)
    async with open_stream(served, WATCH, vendorId=vendor_id) as stays:
        await stays.next()
        async with open_stream(served, WATCH, vendorId=vendor_id) as leaves:
            await leaves.next()
            assert served.runtime.metrics.registry.get_sample_value("esim_graph_followed") == 1
            leaves.response.close()
        await until(lambda: _open_streams(served) == 1)

        move_operation(served, vendor_id, "successful")

        assert (await stays.next())["data"]["operationProgress"]["operation"]["isTerminal"] is True
        await stays.ended()


async def test_a_closing_process_ends_its_streams(served: Served) -> None:
    """One would hold the process up until it is cut. It is not completed: clients then come again."""
    vendor_id = await start_operation(served)
    async with open_stream(served, WATCH, vendorId=vendor_id) as stream:
        await stream.next()

        served.runtime.closing.set()

        assert await stream.rest() == ""
    await until(lambda: not watched())


async def test_a_silent_stream_has_a_heartbeat(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment, which clients skip and proxies take for life."""
    monkeypatch.setattr(sse, "_HEARTBEAT", 0.01)
    vendor_id = await start_operation(served)

    async with open_stream(served, WATCH, vendorId=vendor_id) as stream:
        await stream.next()

        assert await stream.frame() == ":\n"


async def test_a_stream_is_never_buffered_or_kept(served: Served) -> None:
    """By no cache and no nginx."""
    async with open_stream(served, "{ __typename }") as stream:
        assert "no-store" in stream.response.headers["cache-control"]
        assert stream.response.headers["x-accel-buffering"] == "no"


async def test_each_event_sees_the_vendor_anew(served: Served) -> None:
    """What an event's child fields load is not the answer of the event before."""
    query = """
    subscription ($vendorId: String!) {
      operationProgress(vendorId: $vendorId) { operation { esim { liveStatus(maxAgeSeconds: 0) { statusRaw } } } }
    }
    """
    vendor_id = await start_operation(served)
    seen = []

    async with open_stream(served, query, vendorId=vendor_id) as stream:
        await stream.next()
        for status, word in (("download", "First"), ("enable", "Second")):
            move_operation(served, vendor_id, status)
            iccid = served.sandbox.world.operations[vendor_id].iccid
            assert iccid is not None
            served.sandbox.world.live.live(iccid).status = word
            answer = await stream.next()
            seen.append(answer["data"]["operationProgress"]["operation"]["esim"]["liveStatus"]["statusRaw"])

    assert seen == ["First", "Second"]


def _open_streams(served: Served) -> float | None:
    return served.runtime.metrics.registry.get_sample_value("esim_graph_subscriptions", {"transport": "sse"})


async def test_one_answer_comes_though_the_process_closes(served: Served) -> None:
    """Of a mutation too: whoever gets nothing would ask again, and act twice."""
    served.sandbox.faults.script("hold", "digi", "enable")
    device = landmarks.READY_TO_ENABLE
    wanted = {"deviceId": device.device_id, "iccid": device.iccid}
    document = "mutation ($i: ProfileEnableInput!) { profileEnable(input: $i) { transaction { vendorId } } }"
    async with open_stream(served, document, i=wanted) as stream:
        await served.sandbox.calls.wait_for(1, "digi", "enable")

        served.runtime.closing.set()
        served.sandbox.faults.clear()

        assert (await stream.next())["data"]["profileEnable"]["transaction"]["vendorId"]
        await stream.ended()


async def test_a_silent_stream_that_nobody_reads_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its heartbeat cannot be sent; without an end the poller behind it would go on for nobody."""
    monkeypatch.setattr(sse, "_HEARTBEAT", 0.01)
    monkeypatch.setattr(sse, "_SEND_SECONDS", 0.01)
    begun, closed = asyncio.Event(), asyncio.Event()

    async def silence() -> AsyncGenerator[Streamed, None]:
        try:
            begun.set()
            await asyncio.Event().wait()
            yield Streamed({})
        finally:
            closed.set()

    async def nobody_leaves() -> Message:
        await asyncio.Event().wait()
        return {}

    async def full(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async with asyncio.timeout(5):
        await sse.EventStream(silence(), asyncio.Event())({"type": "http"}, nobody_leaves, full)

    assert begun.is_set()
    assert closed.is_set()
