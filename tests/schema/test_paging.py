"""Walking a list page by page: every row once, whatever the page sizes, and cursors that cannot be forged."""

import string
from collections.abc import Callable, Iterator
from itertools import chain, cycle, repeat

import pytest

from support.gateway import Gateway, open_gateway

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
FIELDS = {"profiles": "iccid", "transactions": "vendorId", "operations": "vendorId"}
Sizes = Callable[[], Iterator[int]]


async def walk(gateway: Gateway, field: str, sizes: Iterator[int], *, arguments: str = "", pick: int = -1) -> list[str]:
    """Return the key of every row, following the cursor of row *pick* of each page; rows after it come again."""
    key = FIELDS[field]
    query = f"""query($first: Int, $after: String) {{ page: {field}(first: $first, after: $after{arguments}) {{
        edges {{ cursor node {{ {key} }} }} nodes {{ {key} }}
        pageInfo {{ hasNextPage endCursor startCursor hasPreviousPage }}
    }} }}"""
    seen: list[str] = []
    after = None
    for first in sizes:
        page = (await gateway.data(query, {"first": first, "after": after}))["page"]
        edges, info = page["edges"], page["pageInfo"]
        assert len(edges) <= first
        assert [edge["node"] for edge in edges] == page["nodes"]
        assert info["hasPreviousPage"] is (after is not None)
        assert info["endCursor"] == (edges[-1]["cursor"] if edges else None)
        assert info["startCursor"] == (edges[0]["cursor"] if edges else None)
        if not info["hasNextPage"]:
            return seen + [edge["node"][key] for edge in edges]
        taken = edges if pick == -1 else edges[: pick + 1]
        seen += [edge["node"][key] for edge in taken]
        after = taken[-1]["cursor"]
    raise AssertionError("the list has no end")


def every_key(gateway: Gateway, field: str) -> list[str]:
    world = gateway.sandbox.world
    return {
        "profiles": list(world.profiles),
        "transactions": list(world.transactions),
        "operations": list(world.operations),
    }[field]


@pytest.mark.parametrize(
    "sizes",
    [
        lambda: repeat(7),
        lambda: repeat(50),
        lambda: repeat(1000),
        lambda: chain([3], repeat(40)),
        lambda: chain([40], repeat(3)),
        lambda: cycle([1, 9, 2, 30, 5]),
        lambda: chain([10, 1], repeat(100)),
    ],
    ids=["7", "50", "1000", "3 then 40", "40 then 3", "changing", "10, 1, then 100"],
)
async def test_a_walk_visits_every_row_once(gateway: Gateway, sizes: Sizes) -> None:
    """``first`` may change between pages, although the vendor's cursors are bound to a page size."""
    seen = await walk(gateway, "profiles", sizes())

    assert seen == every_key(gateway, "profiles")


@pytest.mark.parametrize("field", ["transactions", "operations"])
async def test_a_walk_through_history_visits_every_row_once(gateway: Gateway, field: str) -> None:
    seen = await walk(gateway, field, cycle([120, 33, 250]))

    assert seen == every_key(gateway, field)


@pytest.mark.parametrize("pick", [0, 2, 4])
async def test_a_walk_may_go_on_from_any_row(gateway: Gateway, pick: int) -> None:
    """The cursor of an edge in the middle of a page is as good as the last."""
    seen = await walk(gateway, "profiles", cycle([20, 5, 9]), pick=pick)

    assert seen == every_key(gateway, "profiles")


async def test_a_filtered_and_sorted_walk_visits_every_row_once(gateway: Gateway) -> None:
    seen = await walk(
        gateway,
        "profiles",
        cycle([4, 11]),
        arguments=", filter: { status: { eq: ACTIVE } }, orderBy: { field: ICCID, direction: DESC }",
    )

    active = [row.iccid for row in gateway.sandbox.world.profiles.values() if row.status == "active"]
    assert seen == sorted(active, reverse=True)


async def test_a_page_of_unchanged_size_is_one_call(gateway: Gateway) -> None:
    pages = (len(gateway.sandbox.world.profiles) + 19) // 20

    await walk(gateway, "profiles", repeat(20))

    assert gateway.sandbox.calls.count("digi") == pages


async def test_a_page_is_fifty_rows_when_nothing_is_said(gateway: Gateway) -> None:
    data = await gateway.data("{ profiles { nodes { iccid } pageInfo { hasNextPage hasPreviousPage } } }")

    assert [node["iccid"] for node in data["profiles"]["nodes"]] == every_key(gateway, "profiles")[:50]
    assert data["profiles"]["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False}


async def test_a_full_last_page_may_promise_a_page_that_is_empty(gateway: Gateway) -> None:
    """The vendor gives a cursor with a full page; only the next page tells that there was no more."""
    gateway.sandbox.switches.digi.cursor_after_full_last_page = True
    every = every_key(gateway, "profiles")
    first = len(every)
    query = """query($first: Int, $after: String) { profiles(first: $first, after: $after) {
        nodes { iccid } pageInfo { hasNextPage endCursor startCursor }
    } }"""

    full = (await gateway.data(query, {"first": first}))["profiles"]
    empty = (await gateway.data(query, {"first": first, "after": full["pageInfo"]["endCursor"]}))["profiles"]

    assert full["pageInfo"]["hasNextPage"] is True
    assert empty == {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None, "startCursor": None}}


async def test_a_walk_ends_although_the_last_page_is_full(gateway: Gateway) -> None:
    gateway.sandbox.switches.digi.cursor_after_full_last_page = True

    seen = await walk(gateway, "profiles", repeat(len(every_key(gateway, "profiles")) // 2))

    assert seen == every_key(gateway, "profiles")


async def test_an_empty_list_is_a_page_without_rows(gateway: Gateway) -> None:
    data = await gateway.data("""{ profiles(filter: { carrier: { eq: "Nobody" } }) {
        nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor startCursor }
    } }""")

    assert data["profiles"] == {
        "nodes": [],
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "endCursor": None, "startCursor": None},
    }


async def test_a_cursor_with_any_one_character_changed_is_refused(gateway: Gateway) -> None:
    data = await gateway.data("{ profiles(first: 5) { pageInfo { endCursor } } }")
    cursor = data["profiles"]["pageInfo"]["endCursor"]
    gateway.sandbox.calls.clear()

    for place, character in enumerate(cursor):
        other = ALPHABET[ALPHABET.index(character) ^ 1]  # the last bit, which may mean nothing in the last character
        error = await gateway.error(
            "query($after: String) { profiles(after: $after) { nodes { id } } }",
            {"after": cursor[:place] + other + cursor[place + 1 :]},
        )
        assert error["extensions"]["code"] == "BAD_USER_INPUT"

    assert gateway.sandbox.calls.count() == 0


async def test_a_cursor_of_another_gateways_key_is_refused(gateway: Gateway) -> None:
    data = await gateway.data("{ profiles(first: 5) { pageInfo { endCursor } } }")

    async with open_gateway(signing_key="another") as other:
        error = await other.error(
            "query($after: String) { profiles(after: $after) { nodes { id } } }",
            {"after": data["profiles"]["pageInfo"]["endCursor"]},
        )

    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_cursor_that_the_vendor_forgot_is_expired() -> None:
    """Two gateways share a key and not a vendor: the second vendor never gave out the cursor."""
    query = "query($after: String) { profiles(first: 5, after: $after) { nodes { id } pageInfo { endCursor } } }"
    async with open_gateway(signing_key="shared") as gateway, open_gateway(signing_key="shared") as other:
        first = await gateway.data(query)
        cursor = first["profiles"]["pageInfo"]["endCursor"]

        error = await other.error(query, {"after": cursor})

        assert error["extensions"]["code"] == "CURSOR_EXPIRED"
        assert error["extensions"]["retryable"] is False
        assert "errors" not in await gateway.ask(query, {"after": cursor})


async def test_a_cursor_within_the_first_page_needs_no_cursor_of_the_vendor() -> None:
    query = "query($after: String) { profiles(first: 5, after: $after) { nodes { iccid } edges { cursor } } }"
    async with open_gateway(signing_key="shared") as gateway, open_gateway(signing_key="shared") as other:
        first = await gateway.data(query)

        data = await other.data(query, {"after": first["profiles"]["edges"][1]["cursor"]})

        assert [node["iccid"] for node in data["profiles"]["nodes"]] == list(other.sandbox.world.profiles)[2:7]


async def test_two_signing_keys_write_two_cursors_for_one_place() -> None:
    async with open_gateway(signing_key="one") as one, open_gateway(signing_key="two") as two:
        cursors = set()
        for opened in (one, two):
            data = await opened.data("{ profiles(first: 1) { edges { cursor } } }")
            cursors.add(data["profiles"]["edges"][0]["cursor"])

        assert len(cursors) == 2


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(
    ("field", "order", "shown"),
    [
        ("profiles", "ICCID", "iccid"),
        ("profiles", "CARRIER", "carrier"),
        ("profiles", "NORMALIZED_CARRIER", "normalizedCarrier"),
        ("profiles", "NUMBER", "number"),
        ("profiles", "DEVICE_ID", "deviceId"),
        ("profiles", "EID", "eid"),
        ("profiles", "STATUS", "statusRaw"),
        ("profiles", "TYPE", "type"),
        ("transactions", "CREATED_AT", "createdAt"),
        ("transactions", "UPDATED_AT", "updatedAt"),
        ("transactions", "ACTION", "actionRaw"),
        ("transactions", "VENDOR_ID", "vendorId"),
        ("operations", "CREATED_AT", "createdAt"),
        ("operations", "KIND", "kindRaw"),
        ("operations", "CAUSE", "causeRaw"),
        ("operations", "VENDOR_ID", "vendorId"),
    ],
)
async def test_a_list_comes_in_the_order_asked(
    gateway: Gateway, field: str, order: str, shown: str, direction: str
) -> None:
    data = await gateway.data(
        f"{{ {field}(first: 1000, orderBy: {{ field: {order}, direction: {direction} }}) {{ nodes {{ {shown} }} }} }}"
    )

    values = [node[shown] for node in data[field]["nodes"]]
    folded = [value.casefold() if isinstance(value, str) else value for value in values]
    assert folded == sorted(folded, reverse=direction == "DESC")
    assert len(set(values)) > 1


async def test_every_order_of_the_schema_is_understood_by_the_vendor(gateway: Gateway) -> None:
    for field, enum in (
        ("profiles", "ProfileOrderField"),
        ("transactions", "TransactionOrderField"),
        ("operations", "OperationOrderField"),
    ):
        names = await gateway.data(f'{{ __type(name: "{enum}") {{ enumValues {{ name }} }} }}')
        for value in names["__type"]["enumValues"]:
            order = f"orderBy: {{ field: {value['name']}, direction: ASC }}"
            await gateway.data(f"{{ {field}(first: 1, {order}) {{ nodes {{ id }} }} }}")
