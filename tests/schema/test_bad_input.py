"""Wrong input is refused before any vendor is called, and the refusal says what to mend."""

import asyncio
from typing import Any

import pytest

from esim_graph.sandbox.landmarks import KNOWN_TO_ALL
from schema.vendors import calls_by_endpoint
from support.gateway import Gateway

ICCID = KNOWN_TO_ALL.iccid
NO_ICCIDS = (
    "",
    "abc",
    "89480100100367850",  # 17 digits
    "894801001003678506012",  # 21
    "8948010010036785060FF",
    "8948010010036785G60",
    "F948010010036785060",
    "894801001003678506F",  # 18 digits and an F: only a 20th character may be one
    "\N{FULLWIDTH DIGIT EIGHT}\N{FULLWIDTH DIGIT NINE}" * 9,
    "\N{ARABIC-INDIC DIGIT EIGHT}\N{ARABIC-INDIC DIGIT NINE}" * 9,
    "../../etc/passwd",
    "8948010010036785060'",
    "8948010010036785060/../x",
)


def only_error(answer: dict[str, Any]) -> dict[str, Any]:
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["retryable"] is False
    found: dict[str, Any] = error
    return found


@pytest.mark.parametrize("iccid", NO_ICCIDS)
async def test_a_variable_that_is_no_iccid_is_refused(gateway: Gateway, iccid: str) -> None:
    query = "query($iccid: ICCID!) { esim(iccid: $iccid) { profile { status } } }"

    answer = await gateway.ask(query, {"iccid": iccid})

    assert "iccid must be an ICCID" in only_error(answer)["message"]
    assert "data" not in answer
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("value", [8948010010036785060, 8.9e18, True, ["8948010010036785060", "x"], {"a": 1}])
async def test_an_iccid_that_is_no_string_is_refused(gateway: Gateway, value: Any) -> None:
    answer = await gateway.ask("query($iccid: ICCID!) { esim(iccid: $iccid) { iccid } }", {"iccid": value})

    assert "iccid must be given as a string" in only_error(answer)["message"]


@pytest.mark.parametrize("literal", ["8948010010036785060", '"abc"', "8.9e18", "true", "ABC", "{a: 1}"])
async def test_a_literal_that_is_no_iccid_is_refused_at_its_place(gateway: Gateway, literal: str) -> None:
    answer = await gateway.ask(f"{{ esim(iccid: {literal}) {{ profile {{ status }} }} }}")

    error = only_error(answer)
    assert error["message"].startswith("iccid must be")
    assert error["locations"] == [{"line": 1, "column": 15}]
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_one_bad_iccid_refuses_the_operation_with_its_good_fields(gateway: Gateway) -> None:
    """Coercion comes before execution: nothing runs."""
    answer = await gateway.ask(f'{{ a: profile(iccid: "{ICCID}") {{ id }} b: profile(iccid: "1") {{ id }} }}')

    assert "data" not in answer
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("field", ["profiles", "transactions", "operations"])
@pytest.mark.parametrize("first", [0, 5000, 1001, -1, 2**31 - 1, -(2**31)])
async def test_a_page_size_out_of_range_stops_its_field_and_no_other(gateway: Gateway, field: str, first: int) -> None:
    answer = await gateway.ask(
        f'{{ {field}(first: {first}) {{ nodes {{ id }} }} liveStatus(iccid: "{ICCID}") {{ status }} }}'
    )

    error = only_error(answer)
    assert error["message"] == "first must be between 1 and 1000."
    assert error["path"] == [field]
    assert answer["data"] == {field: None, "liveStatus": {"status": "ACTIVE"}}
    assert calls_by_endpoint(gateway.sandbox) == {"esimfly status": 1}


@pytest.mark.parametrize("field", ["transactions", "operations"])
async def test_a_page_size_out_of_range_stops_only_that_branch_of_an_esim(gateway: Gateway, field: str) -> None:
    answer = await gateway.ask(f"""{{ esim(iccid: "{ICCID}") {{
        {field}(first: 5000) {{ nodes {{ id }} }} profile {{ status }}
    }} }}""")

    assert only_error(answer)["path"] == ["esim", field]
    assert answer["data"]["esim"] == {field: None, "profile": {"status": "ACTIVE"}}


@pytest.mark.parametrize("first", ['"x"', "1.5", "99999999999", "true", "9" * 5000])
async def test_a_page_size_that_is_no_int_is_refused(gateway: Gateway, first: str) -> None:
    answer = await gateway.ask(f"{{ profiles(first: {first}) {{ nodes {{ id }} }} }}")

    assert only_error(answer)["locations"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    "arguments",
    ["", f'(iccid: "{ICCID}", esimId: "5")', "(iccid: null)", "(iccid: null, esimId: null)", "(maxAgeSeconds: 5)"],
)
async def test_live_status_takes_exactly_one_identifier(gateway: Gateway, arguments: str) -> None:
    answer = await gateway.ask(f"{{ liveStatus{arguments} {{ status }} }}")

    message = only_error(answer)["message"]
    assert "iccid" in message
    assert "esimId" in message
    assert answer["data"] == {"liveStatus": None}
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("number", ["0", "-1", "9223372036854775808", "9999999999999999999"])
async def test_an_esimfly_number_out_of_range_is_refused(gateway: Gateway, number: str) -> None:
    answer = await gateway.ask(f'{{ liveStatus(esimId: "{number}") {{ status }} }}')

    assert "esimId" in only_error(answer)["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    "value", ["x", "", "1.5", "1e3", "0x10", " 5", "\u0665", "--5", "9" * 20, 1.5, True, ["5", "6"], {"a": 5}]
)
async def test_what_is_no_big_int_is_refused(gateway: Gateway, value: Any) -> None:
    answer = await gateway.ask("query($id: BigInt!) { liveStatus(esimId: $id) { status } }", {"id": value})

    error = only_error(answer)
    assert "$id" in error["message"]
    assert "BigInt" in error["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "",
        "2026-13-01T00:00:00Z",
        "2026-06-26",
        "2026-06-26T24:00:00Z",
        "-1y",
        "1h",
        "--1h",
        5,
        True,
        "-1h or 1=1",
    ],
)
async def test_what_is_no_moment_is_refused(gateway: Gateway, value: Any) -> None:
    answer = await gateway.ask(
        "query($at: DateTime!) { transactions(filter: { createdAt: { gt: $at } }) { nodes { id } } }", {"at": value}
    )

    error = only_error(answer)
    assert "$at" in error["message"]
    assert "DateTime" in error["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    "field", [f'esim(iccid: "{ICCID}") {{ liveStatus', f'esim(iccid: "{ICCID}") {{ again: liveStatus']
)
async def test_a_negative_age_is_refused(gateway: Gateway, field: str) -> None:
    answer = await gateway.ask(f"{{ {field}(maxAgeSeconds: -1) {{ status }} }} }}")

    assert "maxAgeSeconds" in only_error(answer)["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_a_negative_age_of_the_root_field_is_refused(gateway: Gateway) -> None:
    answer = await gateway.ask(f'{{ liveStatus(iccid: "{ICCID}", maxAgeSeconds: -1) {{ status }} }}')

    assert "maxAgeSeconds" in only_error(answer)["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("field", ["transaction", "operation"])
@pytest.mark.parametrize(
    "vendor_id",
    [
        "",
        "a/b",
        "..",
        "../../admin",
        "a?b=c",
        "a#b",
        "%2e%2e",
        "a b",
        "a'b",
        "a\nb",
        "a\\b",
        "x" * 129,
        "é",
        ".a",
        "a\x00",
    ],
)
async def test_an_identifier_that_could_leave_its_place_is_refused(
    gateway: Gateway, field: str, vendor_id: str
) -> None:
    answer = await gateway.ask(f"query($id: String!) {{ {field}(vendorId: $id) {{ status }} }}", {"id": vendor_id})

    assert "vendorId" in only_error(answer)["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("field", ["transactionProgress", "operationProgress"])
async def test_a_subscription_to_such_an_identifier_is_refused(gateway: Gateway, field: str) -> None:
    answers = [answer async for answer in gateway.watch(f'subscription {{ {field}(vendorId: "../x") {{ sequence }} }}')]

    assert "vendorId" in only_error(answers[-1])["message"]
    assert len(answers) == 1
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("after", ["", "x", "garbled!", "Y3Vyc29y", "é", "A" * 5000, "==", "\n"])
@pytest.mark.parametrize("field", ["profiles", "transactions", "operations"])
async def test_a_cursor_that_was_never_given_out_is_refused(gateway: Gateway, field: str, after: str) -> None:
    answer = await gateway.ask(
        f"query($after: String) {{ {field}(after: $after) {{ nodes {{ id }} }} }}", {"after": after}
    )

    assert "after" in only_error(answer)["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    "elsewhere",
    [
        'profiles(after: $after, filter: { carrier: { eq: "KPN" } })',
        "profiles(after: $after, filter: { status: { eq: INACTIVE } })",
        "profiles(after: $after, orderBy: { field: ICCID, direction: ASC })",
        "transactions(after: $after)",
        "operations(after: $after)",
    ],
)
async def test_a_cursor_is_good_for_its_own_list_only(gateway: Gateway, elsewhere: str) -> None:
    data = await gateway.data("{ profiles(first: 3, filter: { status: { eq: ACTIVE } }) { pageInfo { endCursor } } }")
    cursor = data["profiles"]["pageInfo"]["endCursor"]
    gateway.sandbox.calls.clear()

    answer = await gateway.ask(f"query($after: String) {{ {elsewhere} {{ nodes {{ id }} }} }}", {"after": cursor})

    assert only_error(answer)["message"].startswith("after belongs to another list")
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_a_cursor_of_one_esim_is_not_good_for_another(gateway: Gateway) -> None:
    query = """query($iccid: ICCID!, $after: String) { esim(iccid: $iccid) {
        transactions(first: 1, after: $after) { pageInfo { endCursor } }
    } }"""
    acted_on = next(one.iccid for one in gateway.sandbox.world.transactions.values() if one.iccid != ICCID)
    data = await gateway.data(query, {"iccid": acted_on})
    cursor = data["esim"]["transactions"]["pageInfo"]["endCursor"]
    gateway.sandbox.calls.clear()

    answer = await gateway.ask(query, {"iccid": ICCID, "after": cursor})

    assert only_error(answer)["message"].startswith("after belongs to another list")
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("node", ["", "x", "!!!", "é", "RXNpbQ", "A" * 10_000])
async def test_a_garbled_node_id_is_refused(gateway: Gateway, node: str) -> None:
    answer = await gateway.ask("query($id: ID!) { node(id: $id) { id } }", {"id": node})

    assert only_error(answer)["message"].startswith("id must be one")
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    ("query", "argument"),
    [
        ("query($many: [ICCID!]!) { esimsByIccid(iccids: $many) { profile { id } } }", "iccids"),
        ("query($many: [ID!]!) { nodes(ids: $many) { id } }", "ids"),
    ],
)
async def test_more_than_two_hundred_at_once_are_refused(gateway: Gateway, query: str, argument: str) -> None:
    answer = await gateway.ask(query, {"many": [ICCID] * 201})

    assert only_error(answer)["message"] == f"{argument} must have at most 200 values."
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ({"carrier": None}, "filter.carrier"),
        ({"carrier": {"eq": None}}, "filter.carrier.eq"),
        ({"carrier": {"startsWith": None}}, "filter.carrier.startsWith"),
        ({"iccid": {"in": None}}, "filter.iccid.in"),
        ({"and": None}, "filter.and"),
        ({"not": None}, "filter.not"),
        ({"or": [{"status": {"eq": "ACTIVE"}}, {"not": {"number": {"gte": None}}}]}, "filter.or[1].not.number.gte"),
        ({"normalizedCarrier": None}, "filter.normalizedCarrier"),
    ],
)
async def test_a_null_in_a_filter_is_refused_by_its_path(gateway: Gateway, where: dict[str, Any], path: str) -> None:
    """A comparison that vanished would select everything."""
    answer = await gateway.ask(
        "query($where: ProfileFilter) { profiles(filter: $where) { nodes { id } } }", {"where": where}
    )

    assert only_error(answer)["message"] == f"{path} must not be null; leave it out instead."
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("where", [{"in": ["x"] * 201}])
async def test_a_list_of_more_than_two_hundred_values_is_refused(gateway: Gateway, where: dict[str, Any]) -> None:
    answer = await gateway.ask(
        "query($c: TextFilter) { profiles(filter: { carrier: $c }) { nodes { id } } }", {"c": where}
    )

    assert "filter.carrier.in" in only_error(answer)["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("text", ["a\nb", "a\x00b", "\x7f", "a\u0085b", "\ud800"])
async def test_control_characters_in_a_filter_are_refused(gateway: Gateway, text: str) -> None:
    answer = await gateway.ask(
        "query($t: String) { profiles(filter: { carrier: { eq: $t } }) { nodes { id } } }", {"t": text}
    )

    assert "filter" in only_error(answer)["message"].lower()
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "\ud800"])
async def test_control_characters_in_a_filter_of_status_changes_are_refused(gateway: Gateway, text: str) -> None:
    """No device's id has them, and a database could not compare with each."""
    answer = await gateway.ask(
        "query($t: String) { statusChanges(filter: { deviceId: $t }) { nodes { id } } }", {"t": text}
    )

    assert only_error(answer)["message"] == "filter.deviceId must not contain control characters."
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_a_filter_nested_beyond_ten_levels_is_refused(gateway: Gateway) -> None:
    where: dict[str, Any] = {"carrier": {"eq": "KPN"}}
    for _ in range(11):
        where = {"not": where}

    answer = await gateway.ask("query($w: ProfileFilter) { profiles(filter: $w) { nodes { id } } }", {"w": where})

    assert "nested too deep" in only_error(answer)["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_a_filter_nested_ten_levels_is_answered(gateway: Gateway) -> None:
    where: dict[str, Any] = {"carrier": {"eq": "KPN"}}
    for _ in range(10):
        where = {"not": where}

    data = await gateway.data("query($w: ProfileFilter) { profiles(filter: $w) { nodes { carrier } } }", {"w": where})

    assert {node["carrier"] for node in data["profiles"]["nodes"]} == {"KPN"}


async def test_a_filter_too_long_for_the_vendor_is_refused(gateway: Gateway) -> None:
    answer = await gateway.ask(
        "query($t: [String!]) { profiles(filter: { carrier: { in: $t } }) { nodes { id } } }", {"t": ["x" * 100] * 100}
    )

    assert "too long" in only_error(answer)["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_what_digi_refuses_in_a_filter_is_bad_input(gateway: Gateway) -> None:
    """A customer id is a number at Digi; only Digi can say so."""
    answer = await gateway.ask('{ profiles(filter: { customerId: { eq: "abc" } }) { nodes { id } } }')

    assert only_error(answer)["extensions"]["upstream"] == "digi"
    assert answer["data"] == {"profiles": None}


async def test_unknown_is_no_kind_of_operation_to_start(gateway: Gateway) -> None:
    data = await gateway.data(f"""mutation {{ operationStart(input: {{
        kind: UNKNOWN, deviceId: "{KNOWN_TO_ALL.device_id}", carrier: "EE"
    }}) {{ operation {{ id }} userErrors {{ code field message }} }} }}""")

    (error,) = data["operationStart"]["userErrors"]
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", ["input", "kind"])
    assert data["operationStart"]["operation"] is None
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_a_null_filter_is_no_filter(gateway: Gateway) -> None:
    data = await gateway.data("{ profiles(first: 2, filter: null, orderBy: null, after: null) { nodes { id } } }")

    assert len(data["profiles"]["nodes"]) == 2


@pytest.mark.parametrize(
    "document", ["", "{", "query { nope }", "{ profiles { nodes } }", "subscription { nope }", "}{"]
)
async def test_a_document_that_cannot_run_is_refused(gateway: Gateway, document: str) -> None:
    answer = await gateway.ask(document)

    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert "data" not in answer


async def test_a_fragment_bomb_costs_no_time(gateway: Gateway) -> None:
    """Each fragment spreads the next one twice: a walk of every spread would take 2^60 steps."""
    fragments = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    document = f"{{ ...F0 }} {fragments} fragment F60 on Query {{ __typename }}"

    async with asyncio.timeout(2):
        assert await gateway.data(document) == {"__typename": "Query"}


async def test_a_document_of_thousands_of_fields_is_refused_at_once(gateway: Gateway) -> None:
    document = f'{{ esim(iccid: "{ICCID}") {{ {"profile { status } " * 1500} }} }}'

    async with asyncio.timeout(2):
        answer = await gateway.ask(document)

    assert only_error(answer)
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_a_document_nested_too_deep_is_refused(gateway: Gateway) -> None:
    document = f'{{ esim(iccid: "{ICCID}") {"{ profile { esim " * 15} {{ id }} {"} } " * 15} }}'

    answer = await gateway.ask(document)

    assert "levels deep" in only_error(answer)["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}
