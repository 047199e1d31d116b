"""The graphql-transport-ws protocol, message by message: what is welcome, and which code ends the rest."""

import asyncio
from typing import Any

import pytest

from esim_graph.server import socket
from server.client import WATCH, open_socket
from support.gateway import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUERY = {"query": "{ __typename }"}


@pytest.mark.parametrize("init", [{}, {"payload": None}, {"payload": {}}, {"payload": {"authorization": "x"}}])
async def test_a_connection_is_acknowledged(shared: Served, init: dict[str, Any]) -> None:
    """With any payload that the protocol allows; null is one."""
    async with open_socket(shared, init=False) as opened:
        await opened.send({"type": "connection_init"} | init)

        assert await opened.receive() == {"type": "connection_ack"}


async def test_the_protocol_is_the_one_agreed_on(shared: Served) -> None:
    """Whatever else a client offers."""
    async with open_socket(shared, protocols=("graphql-ws", "graphql-transport-ws", "x")) as opened:
        assert opened.connection.subprotocol == "graphql-transport-ws"


@pytest.mark.parametrize("protocols", [(), ("graphql-ws",), ("subscriptions-transport-ws", "mqtt")])
async def test_another_protocol_is_refused(shared: Served, protocols: tuple[str, ...]) -> None:
    """The older graphql-ws among them."""
    async with open_socket(shared, init=False, protocols=protocols) as opened:
        assert await opened.closed() == 4406


@pytest.mark.parametrize(
    "message",
    [
        "",
        "nonsense",
        "{",
        "[]",
        "1",
        "null",
        '"x"',
        "true",
        "[" * 10_000,
        "9" * 100_000,
        '{"type": null}',
        '{"type": 1}',
        '{"type": ["ping"]}',
        "{}",
        '{"id": "1"}',
        '{"type": "start", "id": "1", "payload": {"query": "{ __typename }"}}',
        '{"type": "connection_terminate"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "subscribe", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": null, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": ["1"], "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": null}',
        '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "subscribe", "id": "1", "payload": "{ __typename }"}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": null}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": "x"}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "operationName": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "extensions": 1}}',
        '{"type": "complete"}',
        '{"type": "complete", "id": 1}',
    ],
    ids=lambda message: message[:60],
)
async def test_a_message_that_is_none_closes_with_4400(shared: Served, message: str) -> None:
    """A code that clients understand, never 1006 or 1011."""
    async with open_socket(shared) as opened:
        await opened.send(message)

        assert await opened.closed() == 4400


async def test_a_binary_message_closes_with_4400(shared: Served) -> None:
    """The protocol is text."""
    async with open_socket(shared) as opened:
        await opened.connection.send(b'{"type": "ping"}')

        assert await opened.closed() == 4400


@pytest.mark.parametrize("payload", [1, "x", [], True])
async def test_an_odd_payload_of_init_closes_with_4400(shared: Served, payload: object) -> None:
    """It may be an object, null or absent."""
    async with open_socket(shared, init=False) as opened:
        await opened.send({"type": "connection_init", "payload": payload})

        assert await opened.closed() == 4400


async def test_subscribing_before_the_acknowledgement_closes_with_4401(shared: Served) -> None:
    """Nobody has been let in yet."""
    async with open_socket(shared, init=False) as opened:
        await opened.send({"id": "1", "type": "subscribe", "payload": QUERY})

        assert await opened.closed() == 4401


async def test_a_second_init_closes_with_4429(shared: Served) -> None:
    """Once is enough."""
    async with open_socket(shared) as opened:
        await opened.send({"type": "connection_init"})

        assert await opened.closed() == 4429


async def test_a_running_id_closes_with_4409(shared: Served) -> None:
    """Nobody could tell the answers apart."""
    hold = shared.sandbox.faults.script("hold", "digi", "operation")
    async with open_socket(shared) as opened:
        await opened.subscribe("1", WATCH, vendorId="x")
        await opened.subscribe("1", WATCH, vendorId="x")

        assert await opened.closed() == 4409
    shared.sandbox.faults.remove(hold.id)
    shared.sandbox.faults.release()


async def test_a_silent_caller_is_closed_with_4408(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that nobody initialises would stay open for ever."""
    monkeypatch.setattr(socket, "_INIT_SECONDS", 0.02)
    async with open_socket(shared, init=False) as opened:
        assert await opened.closed() == 4408


async def test_pings_do_not_put_off_the_initialisation(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time runs from the beginning."""
    monkeypatch.setattr(socket, "_INIT_SECONDS", 0.5)
    async with open_socket(shared, init=False) as opened, asyncio.timeout(5):
        await opened.send({"type": "ping"})
        assert await opened.receive() == {"type": "pong"}

        assert await opened.closed() == 4408


@pytest.mark.parametrize("init", [False, True])
async def test_a_ping_is_answered_at_any_time(shared: Served, init: bool) -> None:
    """Before the acknowledgement too; what it carries does not matter."""
    async with open_socket(shared, init=init) as opened:
        await opened.send({"type": "ping", "payload": {"at": 1}})

        assert (await opened.receive())["type"] == "pong"


async def test_an_unasked_pong_is_welcome(shared: Served) -> None:
    """It is a one-way heartbeat."""
    async with open_socket(shared) as opened:
        await opened.send({"type": "pong"})

        assert await opened.lives()
