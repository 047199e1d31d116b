"""A fleet manager switches a device to its other profile, and the first one goes off."""

import asyncio

from esim_graph.sandbox.landmarks import READY_TO_ENABLE
from schema.vendors import unthrottle
from support.gateway import Gateway, open_gateway

PROGRESS = """subscription($id: String!) { transactionProgress(vendorId: $id) { transaction {
    status verification isTerminal
} } }"""


async def statuses(gateway: Gateway) -> dict[str, str]:
    data = await gateway.data(f"""{{ profiles(filter: {{ eid: {{ eq: "{READY_TO_ENABLE.eid}" }} }}) {{
        nodes {{ iccid status }}
    }} }}""")
    return {node["iccid"]: node["status"] for node in data["profiles"]["nodes"]}


async def changes(gateway: Gateway, iccid: str) -> list[str]:
    """What became of a profile, newest first."""
    data = await gateway.data(f'{{ esim(iccid: "{iccid}") {{ statusChanges {{ nodes {{ to }} }} }} }}')
    return [node["to"] for node in data["esim"]["statusChanges"]["nodes"]]


async def test_enabling_a_profile_turns_its_neighbour_off() -> None:
    async with open_gateway() as gateway:
        unthrottle(gateway.sandbox)
        before = await statuses(gateway)
        (neighbour,) = set(before) - {READY_TO_ENABLE.iccid}
        begun = await gateway.data(f"""mutation {{ profileEnable(input: {{
            deviceId: "{READY_TO_ENABLE.device_id}", iccid: "{READY_TO_ENABLE.iccid}"
        }}) {{ transaction {{ vendorId }} userErrors {{ message }} }} }}""")

        seen: list[tuple[str, str, bool]] = []
        async for answer in gateway.watch(PROGRESS, {"id": begun["profileEnable"]["transaction"]["vendorId"]}):
            state = answer["data"]["transactionProgress"]["transaction"]
            # Digi's first answer is an id alone; what a look adds to that may leave these three as they are.
            if (news := (state["status"], state["verification"], state["isTerminal"])) not in seen:
                seen.append(news)
                # The device reports a while after the transaction is complete.
                gateway.sandbox.world.advance(601 if state["status"] == "IN_PROGRESS" else 60)
        async with asyncio.timeout(10):  # before anybody asks for the neighbour
            while len(found := await changes(gateway, neighbour)) < 2:
                pass
        after = await statuses(gateway)

        assert before == {READY_TO_ENABLE.iccid: "INACTIVE", neighbour: "ACTIVE"}
        assert seen == [
            ("IN_PROGRESS", "PENDING", False),
            ("COMPLETE", "PENDING", False),
            ("COMPLETE", "VERIFIED", True),
        ]
        assert after == {READY_TO_ENABLE.iccid: "ACTIVE", neighbour: "INACTIVE"}
        assert found == ["DISABLED", "ENABLED"]
