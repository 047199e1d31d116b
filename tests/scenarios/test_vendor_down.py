"""One vendor is down all day; the support desk works on with what the other two say."""

import pytest

from esim_graph.sandbox.landmarks import KNOWN_TO_ALL, READY_TO_ENABLE
from schema.vendors import time_passing_with_each_look, unthrottle
from support.gateway import open_gateway


@pytest.mark.parametrize("dead", ["esimfly", "esimgo"])
async def test_an_enable_is_followed_to_its_end_while_a_vendor_is_down(dead: str) -> None:
    async with open_gateway(poll={"min_interval": 0.005, "max_interval": 0.01}) as gateway:
        unthrottle(gateway.sandbox)
        gateway.sandbox.faults.status(503, dead)
        desk = f"""{{ esim(iccid: "{READY_TO_ENABLE.iccid}") {{
            profile {{ status }} liveStatus {{ profile }} bundleHistory {{ name }}
        }} }}"""
        missing = {"esimfly": "liveStatus", "esimgo": "bundleHistory"}[dead]

        before = await gateway.ask(desk)
        begun = await gateway.data(f"""mutation {{ operationStart(input: {{
            kind: ENABLE, deviceId: "{READY_TO_ENABLE.device_id}", iccid: "{READY_TO_ENABLE.iccid}"
        }}) {{ operation {{ vendorId }} }} }}""")
        async with time_passing_with_each_look(gateway.sandbox):
            progress = [
                answer["data"]["operationProgress"]["operation"]["progress"]
                async for answer in gateway.watch(
                    f"""subscription($vendorId: String!) {{ operationProgress(vendorId: $vendorId) {{
                        operation {{ progress esim {{ {missing} {{ __typename }} }} }}
                    }} }}""",
                    begun["operationStart"]["operation"],
                )
            ]
        after = await gateway.ask(desk)

        for answer, status in ((before, "INACTIVE"), (after, "ACTIVE")):
            assert answer["data"]["esim"]["profile"] == {"status": status}
            assert [error["path"] for error in answer["errors"]] == [["esim", missing]]
            assert sum(value is not None for value in answer["data"]["esim"].values()) == 2
        assert progress == [0, 33, 66, 100]


async def test_without_digi_the_other_two_still_answer_all_day() -> None:
    async with open_gateway(live_status={"ttl": 0}, bundle_history={"ttl": 0}) as gateway:
        gateway.sandbox.faults.script("reset_before", "digi")

        for _ in range(3):
            answer = await gateway.ask(f"""{{
                esim(iccid: "{KNOWN_TO_ALL.iccid}") {{
                    profile {{ id }} liveStatus {{ status }} bundleHistory {{ name }}
                }}
                profiles {{ nodes {{ id }} }}
            }}""")

            assert answer["data"]["esim"]["profile"] is answer["data"]["profiles"] is None
            assert answer["data"]["esim"]["liveStatus"] == {"status": "ACTIVE"}
            assert answer["data"]["esim"]["bundleHistory"]
