"""ICCIDs and EIDs: what counts as one, and that none is ever a number."""

import pytest
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, get_named_type

from esim_graph.sandbox.landmarks import ESIMFLY_ONLY, KNOWN_TO_ALL
from schema.vendors import calls_by_endpoint
from support.gateway import SCHEMA, Gateway

FAIL_LUHN = (
    "8944123456789012000",
    "8910300001234567890",
    "8932042000010078801",
    "8901234567890123456",
    "8981100000012345678",
    "89860468152080349618",
)


@pytest.mark.parametrize("iccid", FAIL_LUHN)
async def test_documented_iccids_that_fail_luhn_are_accepted(gateway: Gateway, iccid: str) -> None:
    data = await gateway.data(f'{{ esim(iccid: "{iccid}") {{ iccid profile {{ iccid }} }} }}')

    assert data["esim"]["iccid"] == iccid
    assert calls_by_endpoint(gateway.sandbox) == {"digi profile": 1}


@pytest.mark.parametrize(
    ("written", "iccid"),
    [
        ("894800001003678506", "894800001003678506"),
        ("8948010010036785060", "8948010010036785060"),
        ("89852000263318806140", "89852000263318806140"),
        ("8948010010036785060F", "8948010010036785060"),
        ("8948010010036785060f", "8948010010036785060"),
        (" 8948 0100 1003 6785 060 ", "8948010010036785060"),
        ("8948-0100-1003-6785-060-F", "8948010010036785060"),
    ],
)
async def test_an_iccid_has_one_canonical_form(gateway: Gateway, written: str, iccid: str) -> None:
    data = await gateway.data("query($iccid: ICCID!) { esim(iccid: $iccid) { iccid } }", {"iccid": written})

    assert data == {"esim": {"iccid": iccid}}


async def test_twenty_digits_are_not_the_nineteen_they_begin_with(gateway: Gateway) -> None:
    nineteen = ESIMFLY_ONLY.iccid[:-1]

    data = await gateway.data(f"""{{
        twenty: liveStatus(iccid: "{ESIMFLY_ONLY.iccid}") {{ iccid }}
        nineteen: liveStatus(iccid: "{nineteen}") {{ iccid }}
    }}""")

    assert data == {"twenty": {"iccid": ESIMFLY_ONLY.iccid}, "nineteen": None}


async def test_an_iccid_leaves_as_the_string_it_is(gateway: Gateway) -> None:
    data = await gateway.data(f"""{{ esim(iccid: "{KNOWN_TO_ALL.iccid}") {{
        eid profile {{ iccid eid }} liveStatus {{ iccid }} transactions(first: 1) {{ nodes {{ iccid eid }} }}
    }} }}""")

    esim = data["esim"]
    assert esim["eid"] == esim["profile"]["eid"] == KNOWN_TO_ALL.eid
    assert esim["profile"]["iccid"] == esim["liveStatus"]["iccid"] == KNOWN_TO_ALL.iccid


def test_no_identifier_is_a_number_anywhere_in_the_schema() -> None:
    wrong = []
    for owner in SCHEMA.type_map.values():
        if isinstance(owner, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for name, field in owner.fields.items():
                takers = [(name, field), *getattr(field, "args", {}).items()]
                wrong += [
                    f"{owner.name}.{name}"
                    for taker, typed in takers
                    if any(word in taker.lower() for word in ("iccid", "eid", "imei"))
                    and get_named_type(typed.type).name in ("Int", "Float", "BigInt")
                ]

    assert wrong == []


async def test_an_esimfly_number_beyond_32_bits_is_asked_for_as_it_is(gateway: Gateway) -> None:
    await gateway.data('{ liveStatus(esimId: "9007199254740993") { status } }')

    (call,) = gateway.sandbox.calls.of("esimfly")
    assert call.body == '{"esimId":9007199254740993}'
