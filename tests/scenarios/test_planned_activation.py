"""A technician plans an activation, starts it, loses the connection in the lift, and reads afterwards what happened."""

import asyncio

from esim_graph.sandbox import Options
from esim_graph.sandbox.landmarks import READY_TO_ACTIVATE
from scenarios.caller import Lost, data, open_socket
from scenarios.sightings import Sightings
from scenarios.waves import STILL
from schema.vendors import unthrottle
from server.client import move_operation
from support.gateway import open_served

PLAN = """query ($input: OperationStartInput!) { activationPlan(input: $input) {
    profile { iccid } warnings { code message }
} }"""
START = """mutation ($input: OperationStartInput!) { operationStart(input: $input) {
    operation { vendorId status progress } userErrors { code message } replayed
} }"""
AFTERWARDS = """query ($iccid: ICCID!) { esim(iccid: $iccid) {
    profile { status deviceId }
    statusChanges(first: 10) { nodes { from to source isError unexpected transaction { action } } }
    lifecycle { state observations { source state raw } conflicts { kind } }
} }"""
_SECONDS = 30.0


async def test_an_activation_is_planned_followed_over_a_lost_connection_and_written_down() -> None:
    device = READY_TO_ACTIVATE
    wanted = {"kind": "ACTIVATE", "deviceId": device.device_id, "carrier": device.carrier}
    async with (
        asyncio.timeout(_SECONDS),
        open_served(Options(devices=60, speed=STILL), profiles={"ttl": 0}) as served,
    ):
        unthrottle(served.sandbox)

        plan = (await data(served.http, served.graphql, PLAN, {"input": wanted}))["activationPlan"]
        codes = [warning["code"] for warning in plan["warnings"]]
        started = await data(
            served.http,
            served.graphql,
            START,
            {"input": wanted | {"acknowledge": codes, "idempotencyKey": "visit-17"}},
        )
        operation = started["operationStart"]["operation"]
        seen = Sightings("operation", operation["vendorId"])
        async with open_socket(served.graphql) as socket:
            try:
                async for sequence in seen.follow(socket):
                    if sequence == 2:
                        socket.vanish()
                    else:
                        move_operation(served, operation["vendorId"], "download")
            except Lost:
                pass
        for step in ("download_verify", "enable", "enable_verify"):  # nobody watches, and it is followed all the same
            looks = served.sandbox.calls.count("digi")
            move_operation(served, operation["vendorId"], step)
            await served.sandbox.calls.wait_for(looks + 3, "digi")
        move_operation(served, operation["vendorId"], "successful")
        async with open_socket(served.graphql) as socket:
            async for _ in seen.follow(socket):
                pass
        esim = (await data(served.http, served.graphql, AFTERWARDS, {"iccid": device.iccid}))["esim"]
        again = await data(
            served.http,
            served.graphql,
            START,
            {"input": wanted | {"acknowledge": codes, "idempotencyKey": "visit-17"}},
        )

        assert started["operationStart"]["userErrors"] == []
        assert not seen.gaps()
        assert [state["status"] for _, state in seen.events] == [
            "STARTING", "DOWNLOAD", "DOWNLOAD_VERIFY", "ENABLE", "ENABLE_VERIFY", "SUCCESSFUL",
        ]  # fmt: skip
        assert [state["progress"] for _, state in seen.events] == sorted(state["progress"] for _, state in seen.events)
        assert esim["profile"] == {"status": "ACTIVE", "deviceId": device.device_id}
        written = esim["statusChanges"]["nodes"]
        assert written[0]["to"] == "ENABLED"
        assert {row["isError"] for row in written} == {False}
        assert {row["transaction"]["action"] for row in written if row["transaction"]} == {"DOWNLOAD", "ENABLE"}
        assert esim["lifecycle"]["state"] == "ENABLED"
        assert again["operationStart"]["replayed"]
        assert again["operationStart"]["operation"]["vendorId"] == operation["vendorId"]
        assert served.sandbox.calls.count("digi", "start_operation") == 1
