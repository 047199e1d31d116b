"""The programs as processes: what they print, and that they end cleanly when they are asked to."""

import asyncio
import os
import re
import signal
from pathlib import Path

import aiohttp
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from cli.program import running
from esim_graph.sandbox import landmarks

START = "mutation ($input: OperationStartInput!) { operationStart(input: $input) { operation { vendorId } } }"
WATCH = "subscription ($v: String!) { operationProgress(vendorId: $v) { operation { status } } }"
SLOW = f'{{ esim(iccid: "{landmarks.KNOWN_TO_ALL.iccid}") {{ liveStatus {{ status }} }} }}'
STATUS = {"kind": "latency", "vendor": "esimfly", "seconds": 0.6}


async def test_the_demo_ends_its_streams_and_finishes_its_queries(tmp_path: Path) -> None:
    """SIGTERM with a stream, a socket and a query open: an end, 1001, an answer, and exit code 0.

    uvicorn alone would wait for the stream and then cut it.
    """
    device = landmarks.READY_TO_ACTIVATE
    wanted = {"kind": "ACTIVATE", "deviceId": device.device_id, "carrier": device.carrier}
    arguments = ("demo", "--port", "0", "--sandbox-port", "0", "--speed", "60")
    async with running(*arguments, cwd=tmp_path, TMPDIR=str(tmp_path)) as program, aiohttp.ClientSession() as http:
        graphql = (await program.line("/graphql")).split()[1]
        control = (await program.line("/control")).split()[2]
        async with http.post(graphql, json={"query": START, "variables": {"input": wanted}}) as response:
            vendor_id = (await response.json())["data"]["operationStart"]["operation"]["vendorId"]
        watch = {"query": WATCH, "variables": {"v": vendor_id}}
        async with http.post(f"{control}/faults", json=STATUS) as response:
            assert response.status == 201

        stream = await http.post(graphql, json=watch, headers={"accept": "text/event-stream"})
        frame = [await stream.content.readline() for _ in range(3)]  # after its id and how soon to come again
        assert b"event: next\n" in frame
        socket = await connect(
            graphql.replace("http", "ws", 1), subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None
        )
        await socket.send('{"type": "connection_init"}')
        assert b"connection_ack" in (await socket.recv(decode=False))
        await socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": watch}).decode())
        assert b'"next"' in (await socket.recv(decode=False))
        query = asyncio.create_task(_answer(http, graphql))
        await _called(http, control)

        code, errors = await program.end(signal.SIGTERM)

        assert code == 0
        assert {orjson.loads(line)["level"] for line in errors.splitlines()} <= {"info"}
        assert (await query)["data"]["esim"]["liveStatus"]["status"] == "ACTIVE"
        assert b"event: complete" not in await stream.read()  # whoever watches comes again
        await socket.wait_closed()
        assert socket.close_code == 1001
        assert os.listdir(tmp_path) == []  # its database was a temporary one
        stream.close()


async def _answer(http: aiohttp.ClientSession, graphql: str) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    async with http.post(graphql, json={"query": SLOW}) as response:
        answer: dict[str, dict[str, dict[str, dict[str, str]]]] = await response.json()
        return answer


async def _called(http: aiohttp.ClientSession, control: str) -> None:
    """Wait until eSIMfly has been asked."""
    async with asyncio.timeout(5):
        while True:
            async with http.get(f"{control}/calls", params={"vendor": "esimfly"}) as response:
                if (await response.json())["count"]:
                    return


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_gateway_says_where_it_is_and_ends_when_asked(tmp_path: Path, number: signal.Signals) -> None:
    """Without any setting: it serves, and every vendor is not configured."""
    async with running("serve", "--port", "0", cwd=tmp_path) as program, aiohttp.ClientSession() as http:
        address = (await program.line("esim-graph on ")).split()[-1]
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+/graphql", address)
        async with http.post(address, json={"query": SLOW}) as response:
            (error,) = (await response.json())["errors"]

        code, errors = await program.end(number)

    assert error["extensions"]["code"] == "UPSTREAM_NOT_CONFIGURED"
    assert code == 0
    assert "Traceback" not in errors


async def test_the_sandbox_says_how_to_point_a_gateway_at_it(tmp_path: Path) -> None:
    """Line by line as settings, which the doctor then finds in order."""
    async with running("sandbox", "--port", "0", cwd=tmp_path) as sandbox:
        await sandbox.line("ESIM_GRAPH_ESIMGO__API_KEY=")
        settings = dict(line.strip().split("=", 1) for line in sandbox.lines if line.startswith("ESIM_GRAPH_"))

        async with running("doctor", cwd=tmp_path, **settings) as doctor:
            await doctor.line("esimgo")
            assert await doctor.ended() == (0, "")

        assert await sandbox.end(signal.SIGINT) == (0, "")


async def test_a_broken_start_is_no_traceback(tmp_path: Path) -> None:
    """From the outside as from the inside."""
    async with running("serve", "--port", "0", cwd=tmp_path, ESIM_GRAPH_POLL__DEADLINE="soon") as program:
        code, errors = await program.ended()

    assert code == 2
    assert errors.startswith("esim-graph: ESIM_GRAPH_POLL__DEADLINE='soon': ")
    assert errors.count("\n") == 1
