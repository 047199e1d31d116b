"""Identity: an id names a thing of one tenant, for as long as the thing exists."""

import asyncio
import base64

import pytest

from esim_graph.sandbox.landmarks import ESIMGO_ONLY, KNOWN_TO_ALL
from esim_graph.schema.ids import NodeIds
from schema.vendors import calls_by_endpoint
from support.gateway import Gateway, open_gateway

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"


async def ids_of(gateway: Gateway) -> dict[str, str]:
    data = await gateway.data(f"""{{
        esim(iccid: "{KNOWN_TO_ALL.iccid}") {{ id }}
        profile(iccid: "{KNOWN_TO_ALL.iccid}") {{ id }}
        transactions(first: 1) {{ nodes {{ id }} }}
        operations(first: 1) {{ nodes {{ id }} }}
    }}""")
    return {
        "Esim": data["esim"]["id"],
        "Profile": data["profile"]["id"],
        "Transaction": data["transactions"]["nodes"][0]["id"],
        "Operation": data["operations"]["nodes"][0]["id"],
        "StatusChange": await id_of_a_status_change(gateway),
    }


async def id_of_a_status_change(gateway: Gateway) -> str:
    """What was read above is in the journal a moment later; its first line is the first profile's."""
    query = f'{{ esim(iccid: "{KNOWN_TO_ALL.iccid}") {{ statusChanges {{ nodes {{ id source }} }} }} }}'
    async with asyncio.timeout(5):
        while not (nodes := (await gateway.data(query))["esim"]["statusChanges"]["nodes"]):
            pass
    found: str = nodes[-1]["id"]
    return found


@pytest.mark.parametrize("type_name", ["Esim", "Profile", "Transaction", "Operation", "StatusChange"])
async def test_an_id_finds_its_thing_again(gateway: Gateway, type_name: str) -> None:
    node = (await ids_of(gateway))[type_name]

    data = await gateway.data(NODE, {"id": node})

    assert data == {"node": {"__typename": type_name, "id": node}}


async def test_every_type_with_an_identity_is_found(gateway: Gateway) -> None:
    data = await gateway.data('{ __type(name: "Node") { possibleTypes { name } } }')

    assert {one["name"] for one in data["__type"]["possibleTypes"]} == set(await ids_of(gateway))


async def test_the_id_of_an_esim_costs_no_call(gateway: Gateway) -> None:
    data = await gateway.data(f'{{ esim(iccid: "{KNOWN_TO_ALL.iccid}") {{ id }} }}')

    await gateway.data(NODE, {"id": data["esim"]["id"]})

    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_ids_stay_the_same_from_process_to_process(gateway: Gateway) -> None:
    async with open_gateway() as other:
        ours, theirs = await ids_of(gateway), await ids_of(other)

    del ours["StatusChange"], theirs["StatusChange"]  # a line of each gateway's own database
    assert ours == theirs


async def test_ids_differ_by_type(gateway: Gateway) -> None:
    ids = await ids_of(gateway)

    assert len(set(ids.values())) == len(ids)


async def test_both_spellings_of_an_iccid_have_one_id(gateway: Gateway) -> None:
    data = await gateway.data(f"""{{
        plain: esim(iccid: "{KNOWN_TO_ALL.iccid}") {{ id }} padded: esim(iccid: "{KNOWN_TO_ALL.iccid}F") {{ id }}
    }}""")

    assert data["plain"] == data["padded"]


@pytest.mark.parametrize("type_name", ["Esim", "Profile", "Transaction", "Operation"])
async def test_another_tenants_id_is_nothing_here(gateway: Gateway, type_name: str) -> None:
    """Whether such a thing exists is not told: null, no error, no call."""
    data = await gateway.data(NODE, {"id": NodeIds("another").write(type_name, KNOWN_TO_ALL.iccid)})

    assert data == {"node": None}
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    ("type_name", "key"),
    [("Profile", ESIMGO_ONLY.iccid), ("Transaction", "gone"), ("Operation", "gone")],
)
async def test_the_id_of_a_thing_that_is_gone_is_null(gateway: Gateway, type_name: str, key: str) -> None:
    assert await gateway.data(NODE, {"id": NodeIds("default").write(type_name, key)}) == {"node": None}


@pytest.mark.parametrize(
    "text",
    [
        "Nothing\ndefault\nkey",
        "esim\ndefault\n8948010010036785060",
        "Esim\ndefault\nno-iccid",
        "Profile\ndefault\n' or '1'='1",
        "Transaction\ndefault\n../../admin",
        "Operation\ndefault\na?b",
        "Operation\ndefault\n",
        "Esim\ndefault",
        "Esim\ndefault\n8948010010036785060\nmore",
        "__Type\ndefault\nx",
        "Query\ndefault\nx",
    ],
)
async def test_a_made_up_id_is_refused_before_any_call(gateway: Gateway, text: str) -> None:
    node = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    error = await gateway.error(NODE, {"id": node})

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_nodes_come_in_the_order_asked_and_fail_alone(gateway: Gateway) -> None:
    ids = await ids_of(gateway)
    asked = [ids["Operation"], "garbled", ids["Esim"], NodeIds("another").write("Profile", "x"), ids["Profile"]]

    answer = await gateway.ask("query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", {"ids": asked})

    found = [node and node["__typename"] for node in answer["data"]["nodes"]]
    assert found == ["Operation", None, "Esim", None, "Profile"]
    assert [error["path"] for error in answer["errors"]] == [["nodes", 1]]
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_no_nodes_are_no_nodes(gateway: Gateway) -> None:
    assert await gateway.data("{ nodes(ids: []) { id } }") == {"nodes": []}


async def test_a_dead_vendor_nulls_only_the_nodes_behind_it(gateway: Gateway) -> None:
    ids = await ids_of(gateway)
    gateway.sandbox.faults.status(500, "digi")

    answer = await gateway.ask(
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", {"ids": [ids["Esim"], ids["Operation"]]}
    )

    assert answer["data"]["nodes"] == [{"__typename": "Esim"}, None]
