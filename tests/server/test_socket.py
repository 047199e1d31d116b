"""Sockets: what runs on one, side by side and after each other, until it is closed or gone."""

import asyncio

import aiohttp
import pytest
from websockets.exceptions import InvalidStatus

from esim_graph.domain.identifiers import parse_iccid
from esim_graph.sandbox import landmarks
from esim_graph.server import socket
from server.client import (
    PROTOCOL,
    START,
    WATCH,
    move_operation,
    open_socket,
    start_operation,
    until,
    watched,
)
from support.gateway import Served

ICCID = landmarks.KNOWN_TO_ALL.iccid
LIVE = (
    "query ($iccid: ICCID!) { esim(iccid: $iccid) { profile { status } liveStatus(maxAgeSeconds: 0) { statusRaw } } }"
)


async def test_a_subscription_is_followed_to_its_end(served: Served) -> None:
    """First the present state, then each change, and ``complete`` after the last one."""
    vendor_id = await start_operation(served)
    async with open_socket(served) as opened:
        await opened.subscribe("1", WATCH, vendorId=vendor_id)
        first = await opened.next("1")
        move_operation(served, vendor_id, "successful")
        second = await opened.next("1")
        await opened.completed("1")

    assert [answer["data"]["operationProgress"]["operation"]["status"] for answer in (first, second)] == [
        "STARTING",
        "SUCCESSFUL",
    ]


async def test_queries_and_mutations_run_on_it_too(served: Served) -> None:
    """Some clients send everything over the socket."""
    device = landmarks.READY_TO_ACTIVATE
    wanted = {"kind": "ACTIVATE", "deviceId": device.device_id, "carrier": device.carrier}
    async with open_socket(served) as opened:
        await opened.subscribe("q", "{ __typename }")
        assert await opened.next("q") == {"data": {"__typename": "Query"}}
        await opened.completed("q")

        await opened.subscribe("m", START, input=wanted)
        assert (await opened.next("m"))["data"]["operationStart"]["operation"]["vendorId"]
        await opened.completed("m")


async def test_a_second_query_on_one_socket_sees_what_changed(served: Served) -> None:
    """A socket lives for hours; what its first query loaded must not be its last word."""
    async with open_socket(served) as opened:
        await opened.subscribe("1", LIVE, iccid=ICCID)
        first = (await opened.next("1"))["data"]["esim"]
        await opened.completed("1")
        served.sandbox.world.live.live(ICCID).status = "EXPIRED"
        served.sandbox.world.change_profile(ICCID, status="inactive")
        await served.runtime.rooms.memory.forget(parse_iccid(ICCID))  # as an action does

        await opened.subscribe("2", LIVE, iccid=ICCID)
        second = (await opened.next("2"))["data"]["esim"]

    assert first == {"profile": {"status": "ACTIVE"}, "liveStatus": {"statusRaw": "ACTIVE"}}
    assert second == {"profile": {"status": "INACTIVE"}, "liveStatus": {"statusRaw": "EXPIRED"}}


@pytest.mark.parametrize(
    "query", ["{oops", "{ nothing }", "subscription { nothing }", 'query { esim(iccid: "x") { eid } }']
)
async def test_a_broken_document_ends_its_own_operation_only(served: Served, query: str) -> None:
    """``error`` for that id; the socket and the other operations live on."""
    vendor_id = await start_operation(served)
    async with open_socket(served) as opened:
        await opened.subscribe("good", WATCH, vendorId=vendor_id)
        await opened.next("good")

        await opened.subscribe("bad", query)

        (error,) = await opened.refused("bad")
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        move_operation(served, vendor_id, "successful")
        assert (await opened.next("good"))["data"]["operationProgress"]["operation"]["isTerminal"] is True
        await opened.completed("good")


async def test_a_wrong_operation_name_ends_its_own_operation_only(served: Served) -> None:
    """It once closed the whole socket, elsewhere."""
    async with open_socket(served) as opened:
        payload = {"query": "query A { __typename }", "operationName": "B"}
        await opened.send({"id": "1", "type": "subscribe", "payload": payload})

        (error,) = await opened.refused("1")

        assert error["message"].startswith("operationName")
        assert await opened.lives()


async def test_a_wrong_variable_ends_its_own_operation_only(served: Served) -> None:
    """Nothing ran, so it is ``error`` and not ``next``."""
    async with open_socket(served) as opened:
        await opened.subscribe("1", WATCH)

        (error,) = await opened.refused("1")

        assert "$vendorId" in error["message"]
        assert await opened.lives()


async def test_an_unknown_operation_is_told_and_completed(served: Served) -> None:
    """Something ran: the error comes with ``data: null``, and then the end."""
    async with open_socket(served) as opened:
        await opened.subscribe("1", WATCH, vendorId="no-such-operation")
        answer = await opened.next("1")
        await opened.completed("1")

    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_each_operation_has_a_request_id_of_its_own(served: Served) -> None:
    """A socket's errors must be findable in the log, one by one."""
    async with open_socket(served) as opened:
        identifiers = []
        for name in ("1", "2"):
            await opened.subscribe(name, "{oops")
            (error,) = await opened.refused(name)
            identifiers.append(error["extensions"]["requestId"])

    assert identifiers[0] != identifiers[1]
    assert "-" not in identifiers


async def test_complete_cancels_and_frees_the_id(served: Served) -> None:
    """The caller may use the id again at once, and cancel that one as well."""
    vendor_id = await start_operation(served)
    async with open_socket(served) as opened:
        for _ in range(3):
            await opened.subscribe("1", WATCH, vendorId=vendor_id)
            await opened.next("1")
            await opened.send({"id": "1", "type": "complete"})

        await until(lambda: not watched())
        assert await opened.lives()


async def test_an_id_that_is_used_again_at_once_still_belongs_to_the_new_operation(served: Served) -> None:
    """The end of the old operation must not make the socket forget the new one, which it could then never cancel."""
    vendor_id = await start_operation(served)
    async with open_socket(served) as opened:
        await opened.subscribe("1", WATCH, vendorId=vendor_id)
        await opened.next("1")

        await opened.send({"id": "1", "type": "complete"})
        await opened.subscribe("1", WATCH, vendorId=vendor_id)
        await opened.next("1")
        await opened.send({"id": "1", "type": "complete"})

        await until(lambda: not watched())


async def test_an_id_may_be_used_again_after_complete(served: Served) -> None:
    """And after an error."""
    async with open_socket(served) as opened:
        for query in ("{ __typename }", "{oops", "{ __typename }"):
            await opened.subscribe("1", query)
            message = await opened.receive()
            if message["type"] == "next":
                await opened.completed("1")

        assert message["payload"] == {"data": {"__typename": "Query"}}


async def test_completing_what_does_not_run_is_no_mistake(served: Served) -> None:
    """The server's own ``complete`` may be on its way already."""
    async with open_socket(served) as opened:
        await opened.send({"id": "never-started", "type": "complete"})

        assert await opened.lives()


async def test_a_hundred_operations_run_at_once_and_no_more(served: Served) -> None:
    """The one too many is refused by itself."""
    vendor_id = await start_operation(served)
    async with open_socket(served) as opened:
        for number in range(100):
            await opened.subscribe(str(number), WATCH, vendorId=vendor_id)
        for _ in range(100):
            assert (await opened.receive())["type"] == "next"

        await opened.subscribe("one too many", WATCH, vendorId=vendor_id)

        (error,) = await opened.refused("one too many")
        assert "100" in error["message"]
        await opened.send({"id": "0", "type": "complete"})
        assert await opened.lives()  # by when the completed one has ended
        await opened.subscribe("fits again", WATCH, vendorId=vendor_id)
        await opened.next("fits again")


async def test_closing_a_socket_stops_what_ran_on_it(served: Served) -> None:
    """The poller ends with its last watcher."""
    vendor_id = await start_operation(served)
    async with open_socket(served) as opened:
        await opened.subscribe("1", WATCH, vendorId=vendor_id)
        await opened.next("1")

    await until(lambda: not watched())


async def test_a_caller_that_vanishes_stops_what_ran_on_it(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    """No word is said, and it is no failure of ours: nothing goes on, nothing is logged as an error."""
    vendor_id = await start_operation(served)
    async with open_socket(served) as opened:
        for number in range(5):
            await opened.subscribe(str(number), WATCH, vendorId=vendor_id)
        for _ in range(5):
            await opened.receive()

        opened.vanish()
        move_operation(served, vendor_id, "enable")  # an answer is on its way to nobody

        await until(lambda: not watched())
    assert "failed" not in "".join(capfd.readouterr())


async def test_a_closing_process_says_that_it_goes(served: Served) -> None:
    """1001, so that clients come back to another one."""
    vendor_id = await start_operation(served)
    async with open_socket(served) as opened:
        await opened.subscribe("1", WATCH, vendorId=vendor_id)
        await opened.next("1")

        served.runtime.closing.set()

        assert await opened.closed() == 1001
    await until(lambda: not watched())


async def test_the_server_pings_and_lives_with_the_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What proxies take for life."""
    monkeypatch.setattr(socket, "_PING_SECONDS", 0.01)
    async with open_socket(served) as opened:
        assert await opened.receive() == {"type": "ping"}
        await opened.send({"type": "pong"})

        assert await opened.receive() == {"type": "ping"}


async def test_answers_are_text(served: Served) -> None:
    """Clients cannot read binary frames."""
    async with open_socket(served) as opened:
        await opened.subscribe("1", "{ __typename }")

        assert isinstance(await opened.connection.recv(), str)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://evil.example:8000",
        "http://127.0.0.1.evil.example",
        "null",
        "http://[::1",
        "http://localhost@evil.example",
        "file://",
    ],
)
async def test_another_sites_page_is_refused(served: Served, origin: str) -> None:
    """Browsers let any page open a socket to anywhere; it must not act on devices."""
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(served, origin=origin):
            pass

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:5173", "http://localhost:3000", "https://localhost", "http://[::1]:8000", None]
)
async def test_pages_of_this_machine_and_programs_pass(served: Served, origin: str | None) -> None:
    """A frontend developer's own server runs on another port; programs send no origin at all."""
    async with open_socket(served, origin=origin) as opened:
        assert await opened.lives()


async def test_a_name_that_others_can_point_here_is_refused(served: Served) -> None:
    """DNS rebinding: the page's own name leads to this machine, so host and origin agree."""
    headers = {"Host": "evil.example", "Origin": "http://evil.example"}

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await served.http.ws_connect(served.graphql, protocols=[PROTOCOL], headers=headers)

    assert refused.value.status == 403


async def test_pages_of_the_same_host_pass(served: Served) -> None:
    """A name without a dot is one of the own network's."""
    headers = {"Host": "gateway:8443", "Origin": "https://gateway"}

    async with served.http.ws_connect(served.graphql, protocols=[PROTOCOL], headers=headers) as opened:
        await opened.send_json({"type": "connection_init"})

        assert await opened.receive_json() == {"type": "connection_ack"}


async def test_many_sockets_leave_nothing_behind(served: Served) -> None:
    """Half of them vanish; no task stays."""
    vendor_id = await start_operation(served)

    async def visit(number: int) -> None:
        async with open_socket(served) as opened:
            await opened.subscribe("1", WATCH, vendorId=vendor_id)
            await opened.next("1")
            if number % 2:
                opened.vanish()

    await asyncio.gather(*(visit(number) for number in range(40)))

    await until(lambda: not any(task.get_name().startswith(("socket ", "follow ")) for task in asyncio.all_tasks()))
