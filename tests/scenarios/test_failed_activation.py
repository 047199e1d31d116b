"""An activation fails after the download; the technician sees where, and what is on the device now."""

from esim_graph.sandbox.landmarks import FAILS_AFTER_DOWNLOAD
from schema.vendors import time_passing_with_each_look, unthrottle
from support.gateway import open_gateway

PROGRESS = """subscription($vendorId: String!) { operationProgress(vendorId: $vendorId) { operation {
    status progress messageCode iccid steps { name state }
    downloadTransaction { status } enableTransaction { status messageCode }
} } }"""


async def test_a_failed_activation_leaves_a_profile_that_is_not_enabled() -> None:
    async with open_gateway(poll={"min_interval": 0.005, "max_interval": 0.01}, profiles={"ttl": 0}) as gateway:
        unthrottle(gateway.sandbox)
        begun = await gateway.data(f"""mutation {{ operationStart(input: {{
            kind: ACTIVATE, deviceId: "{FAILS_AFTER_DOWNLOAD.device_id}", carrier: "{FAILS_AFTER_DOWNLOAD.carrier}"
        }}) {{ operation {{ vendorId }} }} }}""")

        async with time_passing_with_each_look(gateway.sandbox):
            *_, last = [
                answer["data"]["operationProgress"]["operation"]
                async for answer in gateway.watch(PROGRESS, begun["operationStart"]["operation"])
            ]
        data = await gateway.data(
            """query($eid: String!) { profiles(filter: { eid: { eq: $eid } }) { nodes { iccid status } } }""",
            {"eid": FAILS_AFTER_DOWNLOAD.eid},
        )

        assert (last["status"], last["progress"], last["messageCode"]) == ("FAILED", 60, "ENABLE_REFUSED")
        assert {step["name"]: step["state"] for step in last["steps"]} == {
            "STARTING": "DONE",
            "DOWNLOAD": "DONE",
            "DOWNLOAD_VERIFY": "DONE",
            "ENABLE": "FAILED",
            "ENABLE_VERIFY": "SKIPPED",
        }
        assert last["downloadTransaction"] == {"status": "COMPLETE"}
        assert last["enableTransaction"] == {"status": "FAILED", "messageCode": "ENABLE_REFUSED"}
        on_device = {node["iccid"]: node["status"] for node in data["profiles"]["nodes"]}
        assert on_device == {FAILS_AFTER_DOWNLOAD.iccid: "ACTIVE", last["iccid"]: "INACTIVE"}
