"""How many calls the vendors get, counted where they arrive."""

import asyncio

import pytest

from esim_graph.config import load_settings
from esim_graph.sandbox.landmarks import KNOWN_TO_ALL, READY_TO_ENABLE
from schema.vendors import calls_by_endpoint, some_iccids
from support.gateway import Gateway, open_gateway

ICCID = KNOWN_TO_ALL.iccid
BRANCHES = "profile { status } liveStatus { status } bundleHistory { name }"


async def test_an_esim_without_branches_costs_no_call(gateway: Gateway) -> None:
    data = await gateway.data('{ esim(iccid: "8944100000000000034") { id iccid } }')

    assert data["esim"]["iccid"] == "8944100000000000034"
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_one_esim_with_three_branches_is_three_calls(gateway: Gateway) -> None:
    data = await gateway.data(f'{{ esim(iccid: "{ICCID}") {{ {BRANCHES} }} }}')

    assert data["esim"]["profile"] == {"status": "ACTIVE"}
    assert data["esim"]["liveStatus"] == {"status": "ACTIVE"}
    assert data["esim"]["bundleHistory"][0] == {"name": "Bundle Applied"}
    assert calls_by_endpoint(gateway.sandbox) == {"digi profile": 1, "esimfly status": 1, "esimgo history": 1}


async def test_the_same_esim_under_five_aliases_costs_no_more_than_once(gateway: Gateway) -> None:
    aliases = " ".join(f'a{number}: esim(iccid: "{ICCID}") {{ {BRANCHES} }}' for number in range(5))

    data = await gateway.data(f"{{ {aliases} }}")

    assert all(data[f"a{number}"] == data["a0"] for number in range(5))
    assert calls_by_endpoint(gateway.sandbox) == {"digi profile": 1, "esimfly status": 1, "esimgo history": 1}


async def test_root_fields_and_branches_share_their_calls(gateway: Gateway) -> None:
    await gateway.data(f"""{{
        esim(iccid: "{ICCID}") {{ {BRANCHES} }}
        profile(iccid: "{ICCID}") {{ status }}
        liveStatus(iccid: "{ICCID}") {{ status }}
        bundleHistory(iccid: "{ICCID}") {{ name }}
    }}""")

    assert calls_by_endpoint(gateway.sandbox) == {"digi profile": 1, "esimfly status": 1, "esimgo history": 1}


async def test_one_iccid_in_two_spellings_is_one_call(gateway: Gateway) -> None:
    data = await gateway.data(f"""{{
        plain: esim(iccid: "{ICCID}") {{ {BRANCHES} }}
        padded: esim(iccid: "{ICCID}F") {{ {BRANCHES} }}
        printed: esim(iccid: "8948 0100 1003 6785-060f") {{ {BRANCHES} }}
    }}""")

    assert data["plain"] == data["padded"] == data["printed"]
    assert calls_by_endpoint(gateway.sandbox) == {"digi profile": 1, "esimfly status": 1, "esimgo history": 1}


async def test_eid_and_profile_are_one_call(gateway: Gateway) -> None:
    data = await gateway.data(f'{{ esim(iccid: "{ICCID}") {{ eid profile {{ eid }} }} }}')

    assert data["esim"]["eid"] == data["esim"]["profile"]["eid"] == KNOWN_TO_ALL.eid
    assert calls_by_endpoint(gateway.sandbox) == {"digi profile": 1}


async def test_fifty_profiles_with_live_status_and_history_are_1_and_50_and_50_calls() -> None:
    """They run as wide as the limits of each vendor allow, and never wider."""
    async with open_gateway(esimfly={"concurrency": 8}, esimgo={"concurrency": 8}) as gateway:
        sandbox = gateway.sandbox
        for vendor in ("esimfly", "esimgo"):
            sandbox.faults.script("hold", vendor)

        asked = asyncio.create_task(
            gateway.ask("{ profiles(first: 50) { nodes { esim { liveStatus { status } bundleHistory { name } } } } }")
        )
        for vendor in ("esimfly", "esimgo"):
            await sandbox.calls.wait_for(8, vendor)
        sandbox.faults.clear()
        answer = await asked

        assert len(answer["data"]["profiles"]["nodes"]) == 50
        assert calls_by_endpoint(sandbox) == {"digi inventory": 1, "esimfly status": 50, "esimgo history": 50}
        assert sandbox.calls.most_in_flight("esimfly") == 8
        assert sandbox.calls.most_in_flight("esimgo") == 8


async def test_calls_to_digi_are_as_wide_as_its_limit_and_never_wider() -> None:
    async with open_gateway(digi={"concurrency": 4}) as gateway:
        sandbox = gateway.sandbox
        sandbox.faults.script("hold", "digi")
        fields = " ".join(
            f'a{number}: profiles(first: 1, filter: {{ carrier: {{ contains: "{number}" }} }}) {{ nodes {{ id }} }}'
            for number in range(12)
        )

        asked = asyncio.create_task(gateway.data(f"{{ {fields} }}"))
        await sandbox.calls.wait_for(4, "digi")
        sandbox.faults.clear()
        await asked

        assert sandbox.calls.count("digi") == 12
        assert sandbox.calls.most_in_flight("digi") == 4


async def test_the_default_limits_are_those_of_the_vendors() -> None:
    settings = load_settings()

    assert (settings.digi.concurrency, settings.esimfly.concurrency, settings.esimgo.concurrency) == (4, 8, 8)


async def test_two_ages_of_one_live_status_in_one_query_are_one_call(gateway: Gateway) -> None:
    await gateway.data(f"""{{
        any: liveStatus(iccid: "{ICCID}") {{ status }}
        fresh: liveStatus(iccid: "{ICCID}", maxAgeSeconds: 0) {{ status }}
    }}""")

    assert calls_by_endpoint(gateway.sandbox) == {"esimfly status": 1}


async def test_fifty_esims_by_iccid_with_profile_are_one_call(gateway: Gateway) -> None:
    iccids = some_iccids(gateway.sandbox, 50)

    data = await gateway.data(
        "query($iccids: [ICCID!]!) { esimsByIccid(iccids: $iccids) { iccid profile { iccid } } }", {"iccids": iccids}
    )

    assert [esim["profile"]["iccid"] for esim in data["esimsByIccid"]] == iccids
    assert calls_by_endpoint(gateway.sandbox) == {"digi inventory": 1}


async def test_the_active_profiles_of_a_page_are_known_to_their_esims(gateway: Gateway) -> None:
    data = await gateway.data(
        "{ profiles(first: 30, filter: { status: { eq: ACTIVE } })"
        " { nodes { iccid status esim { eid profile { iccid status } } } } }"
    )

    for node in data["profiles"]["nodes"]:
        assert node["esim"]["profile"] == {"iccid": node["iccid"], "status": node["status"]}
    assert calls_by_endpoint(gateway.sandbox) == {"digi inventory": 1}


@pytest.mark.parametrize("field", ["transactions", "operations"])
async def test_the_first_pages_of_many_esims_are_one_call(gateway: Gateway, field: str) -> None:
    iccids = some_iccids(gateway.sandbox, 40)
    page = f"{field}(first: 1) {{ nodes {{ vendorId iccid createdAt }} pageInfo {{ hasNextPage }} }}"

    together = await gateway.data(
        f"query($iccids: [ICCID!]!) {{ esimsByIccid(iccids: $iccids) {{ {page} }} }}", {"iccids": iccids}
    )

    assert calls_by_endpoint(gateway.sandbox) == {f"digi {field}": 1}
    for iccid, esim in list(zip(iccids, together["esimsByIccid"], strict=True))[:10]:
        alone = await gateway.data(f'{{ esim(iccid: "{iccid}") {{ {page} }} }}')
        assert esim == alone["esim"]
    assert any(esim[field]["pageInfo"]["hasNextPage"] for esim in together["esimsByIccid"])


@pytest.mark.parametrize("field", ["transactions", "operations"])
async def test_paging_one_of_many_esims_is_a_call_of_its_own(gateway: Gateway, field: str) -> None:
    iccids = some_iccids(gateway.sandbox, 40)
    page = f"{field}(first: 1) {{ nodes {{ vendorId }} pageInfo {{ endCursor hasNextPage }} }}"
    data = await gateway.data(
        f"query($iccids: [ICCID!]!) {{ esimsByIccid(iccids: $iccids) {{ iccid {page} }} }}", {"iccids": iccids}
    )
    esim = next(esim for esim in data["esimsByIccid"] if esim[field]["pageInfo"]["hasNextPage"])
    gateway.sandbox.calls.clear()

    following = await gateway.data(
        f"""query($iccid: ICCID!, $after: String) {{
            esim(iccid: $iccid) {{ {field}(first: 5, after: $after) {{ nodes {{ vendorId iccid }} }} }}
        }}""",
        {"iccid": esim["iccid"], "after": esim[field]["pageInfo"]["endCursor"]},
    )

    nodes = following["esim"][field]["nodes"]
    assert nodes
    assert {node["iccid"] for node in nodes} == {esim["iccid"]}
    assert esim[field]["nodes"][0]["vendorId"] not in {node["vendorId"] for node in nodes}
    assert calls_by_endpoint(gateway.sandbox) == {f"digi {field}": 1}


async def test_the_transactions_of_a_page_of_operations_are_one_call_more(gateway: Gateway) -> None:
    data = await gateway.data("""{ operations(first: 40) { nodes {
        kind downloadTransaction { action } enableTransaction { action }
    } } }""")

    nodes = data["operations"]["nodes"]
    assert {node["downloadTransaction"]["action"] for node in nodes if node["downloadTransaction"]} == {"DOWNLOAD"}
    assert {node["enableTransaction"]["action"] for node in nodes if node["enableTransaction"]} == {"ENABLE"}
    assert calls_by_endpoint(gateway.sandbox) == {"digi operations": 1, "digi transactions": 1}


async def test_nodes_of_several_profiles_are_one_call(gateway: Gateway) -> None:
    found = await gateway.data("{ profiles(first: 20) { nodes { id iccid } } }")
    profiles = found["profiles"]["nodes"]
    gateway.sandbox.calls.clear()

    data = await gateway.data(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Profile { iccid } } }",
        {"ids": [profile["id"] for profile in profiles]},
    )

    assert data["nodes"] == profiles
    assert calls_by_endpoint(gateway.sandbox) == {"digi inventory": 1}


async def test_several_operations_by_identifier_are_one_call(gateway: Gateway) -> None:
    ids = list(gateway.sandbox.world.operations)[:5]
    fields = " ".join(f'o{at}: operation(vendorId: "{one}") {{ vendorId }}' for at, one in enumerate(ids))

    data = await gateway.data(f"{{ {fields} }}")

    assert [data[f"o{at}"]["vendorId"] for at in range(5)] == ids
    assert calls_by_endpoint(gateway.sandbox) == {"digi operations": 1}


async def test_a_profile_is_remembered_from_query_to_query(gateway: Gateway) -> None:
    query = f'{{ profile(iccid: "{READY_TO_ENABLE.iccid}") {{ status }} }}'

    for _ in range(3):
        await gateway.data(query)

    assert gateway.sandbox.calls.count("digi") == 1


async def test_going_round_in_circles_costs_nothing_more(gateway: Gateway) -> None:
    data = await gateway.data(
        f'{{ esim(iccid: "{ICCID}") {{ profile {{ esim {{ profile {{ esim {{ eid }} }} }} }} }} }}'
    )

    assert data["esim"]["profile"]["esim"]["profile"]["esim"]["eid"] == KNOWN_TO_ALL.eid
    assert calls_by_endpoint(gateway.sandbox) == {"digi profile": 1}


async def test_the_readme_query_stays_within_the_vendors_own_throttles() -> None:
    async with open_gateway(
        digi={"rate_limit": 240, "concurrency": 4},
        esimfly={"rate_limit": 100, "concurrency": 8},
        esimgo={"rate_limit": 300, "concurrency": 8},
    ) as gateway:
        data = await gateway.data(f'{{ esim(iccid: "{ICCID}") {{ {BRANCHES} }} }}')

        assert all(data["esim"].values())
