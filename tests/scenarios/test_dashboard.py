"""A dashboard shows a page of the fleet, then the next, then one eSIM in full, with the default limits."""

from support.gateway import open_gateway

PAGE = """query($after: String) { profiles(first: 25, after: $after, filter: { type: { eq: "operational" } },
    orderBy: { field: ICCID, direction: ASC }) {
    nodes { id iccid status carrier esim { liveStatus { status freshness { servedFrom } } } }
    pageInfo { endCursor hasNextPage }
} }"""


async def test_a_dashboard_pages_through_the_fleet_and_opens_one_esim() -> None:
    async with open_gateway(
        digi={"rate_limit": 240, "concurrency": 4},
        esimfly={"rate_limit": 100, "concurrency": 8},
        esimgo={"rate_limit": 300, "concurrency": 8},
    ) as gateway:
        calls = gateway.sandbox.calls

        first = (await gateway.ask(PAGE))["data"]["profiles"]
        second = (await gateway.ask(PAGE, {"after": first["pageInfo"]["endCursor"]}))["data"]["profiles"]
        back = (await gateway.ask(PAGE))["data"]["profiles"]
        opened = first["nodes"][0]
        esim = await gateway.ask(
            """query($iccid: ICCID!, $id: ID!) {
                esim(iccid: $iccid) {
                    profile { status } bundleHistory { name } transactions(first: 5) { nodes { id } }
                }
                node(id: $id) { ... on Profile { iccid } }
            }""",
            {"iccid": opened["iccid"], "id": opened["id"]},
        )

        iccids = [node["iccid"] for node in first["nodes"] + second["nodes"]]
        assert iccids == sorted(set(iccids))
        assert len(iccids) == 50
        assert {
            node["esim"]["liveStatus"]["freshness"]["servedFrom"]
            for node in back["nodes"]
            if node["esim"]["liveStatus"]
        } == {"CACHE"}
        assert esim["data"]["node"] == {"iccid": opened["iccid"]}
        assert esim["data"]["esim"]["profile"] == {"status": opened["status"]}
        assert calls.count("digi", "inventory") == 3
        assert calls.most_in_flight("digi") <= 4
        assert all(call.status != 429 for call in calls)
