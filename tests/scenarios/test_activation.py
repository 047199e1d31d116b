"""A technician activates a profile on a device and watches it become active."""

from esim_graph.sandbox.landmarks import READY_TO_ACTIVATE
from schema.vendors import time_passing_with_each_look, unthrottle
from support.gateway import open_gateway

PROGRESS = """subscription($id: String!) { operationProgress(vendorId: $id) { operation {
    status progress iccid downloadTransaction { status } enableTransaction { status }
} } }"""


async def test_a_technician_activates_a_profile_and_sees_it_active() -> None:
    async with open_gateway(poll={"min_interval": 0.005, "max_interval": 0.01}, profiles={"ttl": 0.001}) as gateway:
        unthrottle(gateway.sandbox)
        esim = f'{{ esim(iccid: "{READY_TO_ACTIVATE.iccid}") {{ profile {{ status carrier deviceId }} }} }}'
        assert await gateway.data(esim) == {"esim": {"profile": None}}

        started = await gateway.data(f"""mutation {{ operationStart(input: {{
            kind: ACTIVATE, deviceId: "{READY_TO_ACTIVATE.device_id}", carrier: "{READY_TO_ACTIVATE.carrier}"
        }}) {{ operation {{ vendorId status iccid }} userErrors {{ message }} }} }}""")
        operation = started["operationStart"]["operation"]
        async with time_passing_with_each_look(gateway.sandbox):
            seen = [
                answer["data"]["operationProgress"]["operation"]
                async for answer in gateway.watch(PROGRESS, {"id": operation["vendorId"]})
            ]
        after = await gateway.data(esim)

        assert (operation["status"], operation["iccid"]) == ("STARTING", None)
        assert [step["status"] for step in seen] == [
            "STARTING", "DOWNLOAD", "DOWNLOAD_VERIFY", "ENABLE", "ENABLE_VERIFY", "SUCCESSFUL",
        ]  # fmt: skip
        assert [step["progress"] for step in seen] == [0, 20, 40, 60, 80, 100]
        assert seen[-1]["iccid"] == READY_TO_ACTIVATE.iccid
        assert seen[-1]["downloadTransaction"] == seen[-1]["enableTransaction"] == {"status": "COMPLETE"}
        assert after["esim"]["profile"] == {
            "status": "ACTIVE",
            "carrier": READY_TO_ACTIVATE.carrier,
            "deviceId": READY_TO_ACTIVATE.device_id,
        }
