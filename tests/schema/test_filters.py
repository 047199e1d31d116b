"""Filters of the graph, answered by the vendor, against the same filters judged in Python over the whole list."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schema.vendors import calls_by_endpoint
from support.gateway import Gateway

PROFILE_FIELDS = "iccid eid number carrier normalizedCarrier deviceId customerId status statusRaw type"
TRANSACTION_FIELDS = "vendorId action status iccid eid deviceId customerId message messageCode createdAt updatedAt"
OPERATION_FIELDS = """vendorId kind status cause causeId carrier iccid eid deviceId customerId createdBy source jobId
    message messageCode createdAt updatedAt"""
FIELDS = {"profiles": PROFILE_FIELDS, "transactions": TRANSACTION_FIELDS, "operations": OPERATION_FIELDS}
KEYS = {"profiles": "iccid", "transactions": "vendorId", "operations": "vendorId"}
TYPES = {"profiles": "ProfileFilter", "transactions": "TransactionFilter", "operations": "OperationFilter"}
Row = dict[str, Any]


async def rows_of(gateway: Gateway, field: str, where: Any = None) -> list[Row]:
    """Return every row that *where* selects."""
    query = f"""query($where: {TYPES[field]}, $after: String) {{
        page: {field}(first: 1000, after: $after, filter: $where) {{
        nodes {{ {FIELDS[field]} }} pageInfo {{ hasNextPage endCursor }}
    }} }}"""
    rows: list[Row] = []
    after = None
    while True:
        page = (await gateway.data(query, {"where": where, "after": after}))["page"]
        rows += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows
        after = page["pageInfo"]["endCursor"]


def keys(field: str, rows: list[Row]) -> list[str]:
    return [row[KEYS[field]] for row in rows]


def _text(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: value is not None and compare(str(value).casefold(), str(wanted).casefold())


TEXT: dict[str, Callable[[Any, Any], bool]] = {
    "eq": _text(lambda value, wanted: value == wanted),
    "ne": lambda value, wanted: value is None or str(value).casefold() != str(wanted).casefold(),
    "contains": _text(lambda value, wanted: wanted in value),
    "startsWith": _text(lambda value, wanted: value.startswith(wanted)),
    "endsWith": _text(lambda value, wanted: value.endswith(wanted)),
    "in": lambda value, wanted: any(TEXT["eq"](value, one) for one in wanted),
}
NUMBER: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: bool(value == wanted),
    "ne": lambda value, wanted: bool(value != wanted),
    "lt": lambda value, wanted: bool(value < wanted),
    "lte": lambda value, wanted: bool(value <= wanted),
    "gt": lambda value, wanted: bool(value > wanted),
    "gte": lambda value, wanted: bool(value >= wanted),
}


def holds(where: Row, row: Row) -> bool:
    """Judge a filter as the schema describes it."""
    return all(_holds(name, value, row) for name, value in where.items())


def _holds(name: str, value: Any, row: Row) -> bool:
    match name:
        case "and":
            return all(holds(part, row) for part in value)
        case "or":
            return any(holds(part, row) for part in value)
        case "not":
            return not holds(value, row)
    operators = NUMBER if name == "number" else TEXT
    return all(operators[operator](row[name], wanted) for operator, wanted in value.items())


@pytest.mark.parametrize("operator", ["eq", "ne", "contains", "startsWith", "endsWith", "in"])
@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("profiles", "carrier"),
        ("profiles", "normalizedCarrier"),
        ("profiles", "deviceId"),
        ("profiles", "eid"),
        ("profiles", "iccid"),
        ("profiles", "type"),
        ("transactions", "messageCode"),
        ("transactions", "vendorId"),
        ("operations", "carrier"),
        ("operations", "causeId"),
    ],
)
async def test_a_text_is_compared_as_the_schema_says(gateway: Gateway, field: str, name: str, operator: str) -> None:
    every = await rows_of(gateway, field)
    sample = next(row[name] for row in reversed(every) if row[name])
    wanted = {
        "contains": sample[1:6].upper(),
        "startsWith": sample[:4].lower(),
        "endsWith": sample[-4:],
        "in": [sample, every[0][name] or "x", "nothing like it"],
    }.get(operator, sample.swapcase())
    where = {name: {operator: wanted}}

    found = await rows_of(gateway, field, where)

    assert keys(field, found) == keys(field, [row for row in every if holds(where, row)])
    assert found


@pytest.mark.parametrize("operator", ["eq", "ne", "lt", "lte", "gt", "gte"])
@pytest.mark.parametrize("wanted", [1, 2, 3, -1])
async def test_a_number_is_compared_as_the_schema_says(gateway: Gateway, operator: str, wanted: int) -> None:
    every = await rows_of(gateway, "profiles")
    where = {"number": {operator: wanted}}

    found = await rows_of(gateway, "profiles", where)

    assert keys("profiles", found) == keys("profiles", [row for row in every if holds(where, row)])


@pytest.mark.parametrize("comparison", [{"eq": "1001"}, {"ne": "1001"}, {"in": ["1001", "5"]}, {"in": ["5"]}])
async def test_a_customer_is_compared_although_it_is_a_number_at_the_vendor(gateway: Gateway, comparison: Row) -> None:
    every = await rows_of(gateway, "profiles")
    where = {"customerId": comparison}

    found = await rows_of(gateway, "profiles", where)

    assert keys("profiles", found) == keys("profiles", [row for row in every if holds(where, row)])


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("profiles", {"status": {"eq": "ACTIVE"}}),
        ("profiles", {"status": {"ne": "ACTIVE"}}),
        ("profiles", {"status": {"in": ["ACTIVE", "INACTIVE"]}}),
        ("transactions", {"action": {"eq": "DELETE"}}),
        ("transactions", {"status": {"ne": "COMPLETE"}}),
        ("transactions", {"action": {"in": ["ENABLE", "DISABLE"]}, "status": {"eq": "FAILED"}}),
        ("operations", {"kind": {"eq": "ACTIVATE"}}),
        ("operations", {"kind": {"ne": "ACTIVATE"}, "status": {"eq": "FAILED"}}),
        ("operations", {"cause": {"in": ["AUTOMATION", "TEMPLATE"]}}),
    ],
)
async def test_a_word_is_compared_as_the_schema_says(gateway: Gateway, field: str, where: Row) -> None:
    every = await rows_of(gateway, field)

    found = await rows_of(gateway, field, where)

    assert keys(field, found) == keys(field, [row for row in every if holds(where, row)])
    assert found


@pytest.mark.parametrize(
    ("where", "statuses"),
    [
        ({"eq": "UNKNOWN"}, {"quarantined"}),
        ({"ne": "UNKNOWN"}, {"active", "inactive"}),
        ({"in": ["UNKNOWN", "ACTIVE"]}, {"quarantined", "active"}),
    ],
)
async def test_unknown_means_every_word_that_is_no_other_member(
    gateway: Gateway, where: Row, statuses: set[str]
) -> None:
    for iccid in list(gateway.sandbox.world.profiles)[:3]:
        gateway.sandbox.world.change_profile(iccid, status="quarantined")

    found = await rows_of(gateway, "profiles", {"status": where})

    assert {row["statusRaw"] for row in found} == statuses
    assert {row["status"] for row in found if row["statusRaw"] == "quarantined"} <= {"UNKNOWN"}


def random_filter(rng: random.Random, rows: list[Row], depth: int) -> Row:
    """Return a filter with values that occur in *rows*, nested at most *depth* deep."""
    where: Row = {}
    for _ in range(rng.choice((1, 1, 2))):
        kind = rng.choice(("and", "or", "not", "text", "text", "number", "status") if depth else ("text", "number"))
        row = rng.choice(rows)
        if kind in ("and", "or"):
            where[kind] = [random_filter(rng, rows, depth - 1) for _ in range(rng.randrange(4))]
        elif kind == "not":
            where["not"] = random_filter(rng, rows, depth - 1)
        elif kind == "number":
            where["number"] = {rng.choice(list(NUMBER)): rng.randrange(4)}
        elif kind == "status":
            where["status"] = {rng.choice(("eq", "ne")): rng.choice(("ACTIVE", "INACTIVE"))}
        else:
            name = rng.choice(("carrier", "iccid", "eid", "type"))
            operator = rng.choice(list(TEXT))
            value = row[name]
            part = value[rng.randrange(3) : rng.randrange(3, 9)]
            where[name] = {operator: [value, rng.choice(rows)[name]] if operator == "in" else rng.choice((value, part))}
    return where


@pytest.mark.parametrize("seed", range(4))
async def test_nested_filters_mean_what_they_say(gateway: Gateway, seed: int) -> None:
    every = await rows_of(gateway, "profiles")
    rng = random.Random(seed)

    for _ in range(15):
        where = random_filter(rng, every, 3)
        found = await rows_of(gateway, "profiles", where)
        assert keys("profiles", found) == keys("profiles", [row for row in every if holds(where, row)]), where


@pytest.mark.parametrize(
    "where",
    [
        {"iccid": {"in": []}},
        {"or": []},
        {"status": {"in": []}},
        {"and": [{"carrier": {"eq": "KPN"}}, {"or": []}]},
        {"not": {}},
        {"not": {"and": []}},
    ],
)
async def test_a_filter_that_nothing_can_pass_costs_no_call(gateway: Gateway, where: Row) -> None:
    found = await rows_of(gateway, "profiles", where)

    assert found == []
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("where", [{}, {"and": []}, {"not": {"or": []}}, {"iccid": {}}, {"or": [{}]}])
async def test_a_filter_that_everything_passes_selects_everything(gateway: Gateway, where: Row) -> None:
    found = await rows_of(gateway, "profiles", where)

    assert keys("profiles", found) == list(gateway.sandbox.world.profiles)


@pytest.mark.parametrize("operator", ["lt", "lte", "gt", "gte", "ne"])
@pytest.mark.parametrize("name", ["createdAt", "updatedAt"])
@pytest.mark.parametrize("field", ["transactions", "operations"])
async def test_an_instant_is_compared_as_the_schema_says(
    gateway: Gateway, field: str, name: str, operator: str
) -> None:
    every = await rows_of(gateway, field)
    middle = datetime.fromisoformat(every[len(every) // 2][name]) + timedelta(seconds=1)

    found = await rows_of(gateway, field, {name: {operator: middle.isoformat()}})

    wanted = [row for row in every if NUMBER[operator](datetime.fromisoformat(row[name]), middle)]
    assert keys(field, found) == keys(field, wanted)


@pytest.mark.parametrize(("relative", "distance"), [("-7d", 7), ("-2w", 14), ("-24h", 1), ("-1440m", 1), ("+1d", -1)])
async def test_an_instant_may_be_relative_to_now(gateway: Gateway, relative: str, distance: int) -> None:
    every = await rows_of(gateway, "transactions")
    moment = datetime.now(UTC) - timedelta(days=distance)

    later = await rows_of(gateway, "transactions", {"createdAt": {"gt": relative}})
    earlier = await rows_of(gateway, "transactions", {"createdAt": {"lte": relative}})

    assert keys("transactions", later) == keys(
        "transactions", [row for row in every if datetime.fromisoformat(row["createdAt"]) > moment]
    )
    assert len(later) + len(earlier) == len(every)


async def test_an_instant_of_another_zone_is_the_same_instant(gateway: Gateway) -> None:
    every = await rows_of(gateway, "operations")
    middle = datetime.fromisoformat(every[len(every) // 2]["createdAt"]) + timedelta(seconds=1)
    elsewhere = middle.replace(tzinfo=None) + timedelta(hours=5, minutes=30)

    here = await rows_of(gateway, "operations", {"createdAt": {"lt": middle.isoformat()}})
    there = await rows_of(gateway, "operations", {"createdAt": {"lt": f"{elsewhere.isoformat()}+05:30"}})

    assert keys("operations", here) == keys("operations", there)
    assert 0 < len(here) < len(every)


@pytest.mark.parametrize(
    "carrier",
    [
        "O'",
        "O'Brien's",
        "''",
        "'",
        "' or '1'='1",
        "x' or carrier contains '",
        "\\'",
        "100% (really) & more + #1?",
        "not (carrier='x')",
        'say "hello"',
        "Ünïcödé ✓ 中文",
        "-1h",
        "a" * 200,
        " leading and trailing ",
    ],
)
async def test_a_hostile_text_is_only_a_text(gateway: Gateway, carrier: str) -> None:
    """It finds what has that text, and never more."""
    target, other = list(gateway.sandbox.world.profiles)[5:7]
    gateway.sandbox.world.change_profile(target, carrier=carrier)
    gateway.sandbox.world.change_profile(other, carrier="O Brien")

    for operator in ("eq", "startsWith", "contains", "endsWith"):
        found = await rows_of(gateway, "profiles", {"carrier": {operator: carrier}})
        every = await rows_of(gateway, "profiles")
        assert keys("profiles", found) == keys(
            "profiles", [row for row in every if TEXT[operator](row["carrier"], carrier)]
        )
        assert target in keys("profiles", found)


async def test_the_contracts_own_example_is_answered(gateway: Gateway) -> None:
    every = await rows_of(gateway, "profiles")
    where = {
        "carrier": {"startsWith": "O'"},
        "or": [{"status": {"eq": "ACTIVE"}}, {"not": {"eid": {"in": ["89049032123451234512345678901235"]}}}],
    }

    found = await rows_of(gateway, "profiles", where)

    assert keys("profiles", found) == keys("profiles", [row for row in every if holds(where, row)])
    assert found


async def test_every_field_of_every_filter_is_known_to_the_vendor(gateway: Gateway) -> None:
    """A field that the vendor does not have would be refused by it."""
    values = {
        "TextFilter": {"ne": "1"},
        "IntFilter": {"ne": 1},
        "DateTimeFilter": {"gt": "-1h"},
    }
    for field, name in TYPES.items():
        found = await gateway.data(f'{{ __type(name: "{name}") {{ inputFields {{ name type {{ name kind }} }} }} }}')
        for entry in found["__type"]["inputFields"]:
            if entry["name"] in ("and", "or", "not"):
                continue
            comparison = values.get(entry["type"]["name"], {"eq": "UNKNOWN"})
            await rows_of(gateway, field, {entry["name"]: comparison})
