"""An activation code goes in and never comes out, wherever in a request it stands."""

import json
from typing import Any

import pytest
import structlog
from graphql import parse
from graphql.execution import get_variable_values
from graphql.validation import validate
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.domain.identifiers import parse_activation_code
from esim_graph.sandbox.landmarks import KNOWN_TO_ALL, READY_TO_DOWNLOAD
from esim_graph.schema.errors import present
from esim_graph.schema.mutation import ProfileDownloadInput
from support.gateway import SCHEMA, Gateway

CODE = "LPA:1$rsp.example.com$TOP-SECRET"
SECRET = "TOP-SECRET"
DOWNLOAD = """mutation($input: ProfileDownloadInput!) { profileDownload(input: $input) {
    transaction { id vendorId action statusRaw iccid message messageCode } userErrors { code field message }
} }"""
DEVICE = READY_TO_DOWNLOAD.device_id
MISPLACED: list[Any] = [
    {"activationCode": CODE},  # and no deviceId
    {"deviceId": 5, "activationCode": CODE},
    {"deviceId": None, "activationCode": CODE},
    {"deviceId": DEVICE, "activationCode": CODE, "iccid": "bad"},
    {"deviceId": DEVICE, "activationCode": CODE, "iccid": 5},
    {"deviceId": DEVICE, "activationCode": CODE, "eid": "bad"},
    {"deviceId": DEVICE, "activationCode": CODE, "unknown": 1},
    {"deviceId": DEVICE, "activationcode": CODE},
    {"deviceId": DEVICE, "activationCode": [CODE]},
    {"deviceId": DEVICE, "activationCode": {"code": CODE}},
    {"deviceId": DEVICE, "activationCode": CODE + " " + CODE},
    {"deviceId": DEVICE, "activationCode": CODE * 20},
    {"deviceId": DEVICE, "iccid": CODE},
    {"deviceId": DEVICE, "eid": CODE},
    {"deviceId": CODE, "iccid": KNOWN_TO_ALL.iccid},
    {"deviceId": [CODE], "iccid": KNOWN_TO_ALL.iccid},
    {"deviceId": {"code": CODE}},
    {CODE: DEVICE},
    CODE,
    [CODE],
    [[CODE], {"activationCode": CODE}],
]
MISPLACED_ELSEWHERE = [
    ("query($v: ICCID!) { esim(iccid: $v) { iccid } }", CODE),
    ("query($v: [ICCID!]!) { esimsByIccid(iccids: $v) { iccid } }", [CODE]),
    ("query($v: Int) { profiles(first: $v) { nodes { id } } }", CODE),
    ("query($v: String) { profiles(after: $v) { nodes { id } } }", CODE),
    ("query($v: ID!) { node(id: $v) { id } }", CODE),
    ("query($v: ID!) { node(id: $v) { id } }", {"code": CODE}),
    ("query($v: [ID!]!) { nodes(ids: $v) { id } }", [[CODE]]),
    ("query($v: BigInt) { liveStatus(esimId: $v) { status } }", CODE),
    ("query($v: String!) { transaction(vendorId: $v) { id } }", CODE),
    ("query($v: String!) { transaction(vendorId: $v) { id } }", [CODE]),
    ("query($v: Boolean!) { profiles @include(if: $v) { nodes { id } } }", CODE),
    ("query($v: ProfileStatus!) { profiles(filter: { status: { eq: $v } }) { nodes { id } } }", CODE),
    ("query($v: ProfileStatus!) { profiles(filter: { status: { eq: $v } }) { nodes { id } } }", "SECRET"),
    ("query($v: ProfileFilter) { profiles(filter: $v) { nodes { id } } }", CODE),
    ("query($v: ProfileFilter) { profiles(filter: $v) { nodes { id } } }", {"carrier": CODE}),
    ("query($v: ProfileFilter) { profiles(filter: $v) { nodes { id } } }", {"carrier": {"in": {"x": CODE}}}),
    ("query($v: ProfileOrder) { profiles(orderBy: $v) { nodes { id } } }", {"field": CODE, "direction": CODE}),
    ("query($v: DateTime) { transactions(filter: { createdAt: { gt: $v } }) { nodes { id } } }", CODE),
]
REFUSED = "{ userErrors { message } }"
LITERALS = [
    'mutation { profileDownload(input: { activationCode: "CODE" }) REFUSED }',
    'mutation { profileDownload(input: { deviceId: 5, activationCode: "CODE" }) REFUSED }',
    'mutation { profileDownload(input: { deviceId: "d", activationcode: "CODE" }) REFUSED }',
    'mutation { profileDownload(input: "CODE") REFUSED }',
    'mutation { profileDownload(input: ["CODE"]) REFUSED }',
    'mutation { profileDownload(input: { deviceId: ["CODE"] }) REFUSED }',
    'mutation { profileDownload(input: { deviceId: "d", activationCode: { c: "CODE" } }) REFUSED }',
    'mutation { profileDownload(input: { deviceId: "d", activationCode: """CODE""", nope: 1 }) REFUSED }',
    'mutation { profileDownload(input: { deviceId: "d", iccid: "CODE" }) REFUSED }',
    'mutation { profileDownload("CODE") REFUSED }',
    'mutation { profileDownload(input: { deviceId: "d" activationCode "CODE" }) REFUSED }',
    'mutation($c: String = "CODE") { profileDownload(input: { deviceId: 5, activationCode: $c }) REFUSED }',
    'mutation($i: ProfileDownloadInput = { activationCode: "CODE" }) { profileDownload(input: $i) REFUSED }',
    """mutation {
        a: profileDownload(input: { deviceId: "d", activationCode: "CODE" }) REFUSED
        a: profileDelete(input: { deviceId: "CODE", iccid: "8948010010036785060" }) REFUSED
    }""",
    'mutation { "CODE" }',
    'mutation { """CODE""" }',
    'mutation { "SECRET" }',
    '"CODE"',
    '{ profiles(first: "CODE") { nodes { id } } }',
    '{ profiles(filter: { status: { eq: "CODE" } }) { nodes { id } } }',
    '{ profiles @include(if: "CODE") { nodes { id } } }',
    '{ esim(iccid: "CODE") { id } }',
    '{ operation(vendorId: "CODE") { id } }',
    '{ node(id: { a: "CODE" }) { id } }',
]


@pytest.mark.parametrize("value", MISPLACED, ids=repr)
async def test_a_refused_download_does_not_repeat_its_code(gateway: Gateway, value: Any) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await gateway.ask(DOWNLOAD, {"input": value})

    assert "errors" in answer or answer["data"]["profileDownload"]["userErrors"]
    assert SECRET not in json.dumps(answer)
    assert SECRET not in repr(logs)
    assert gateway.sandbox.calls.count() == 0


@pytest.mark.parametrize(("query", "value"), MISPLACED_ELSEWHERE)
async def test_a_code_where_something_else_belongs_is_not_repeated(gateway: Gateway, query: str, value: Any) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await gateway.ask(query, {"v": value})

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "SECRET" not in json.dumps(answer)
    assert "SECRET" not in repr(logs)


@pytest.mark.parametrize("document", LITERALS)
async def test_a_code_in_a_document_is_not_repeated(gateway: Gateway, document: str) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await gateway.ask(document.replace("CODE", CODE).replace("REFUSED", REFUSED))

    assert "errors" in answer
    assert "SECRET" not in json.dumps(answer)
    assert "SECRET" not in repr(logs)


@pytest.mark.parametrize("answer_form", ["transaction", "row", "list"])
async def test_an_accepted_download_tells_nobody_its_code(gateway: Gateway, answer_form: Any) -> None:
    gateway.sandbox.switches.digi.action_answer = answer_form
    code = str(READY_TO_DOWNLOAD.activation_code)

    with structlog.testing.capture_logs() as logs:
        answer = await gateway.ask(DOWNLOAD, {"input": {"deviceId": DEVICE, "activationCode": code}})

    assert answer["data"]["profileDownload"]["transaction"]["action"] == "DOWNLOAD"
    (call,) = gateway.sandbox.calls.of("digi", "download")
    assert code.encode() in call.content
    assert "SANDBOX-READY" not in json.dumps(answer)
    assert "SANDBOX-READY" not in repr(logs)


async def test_a_vendors_message_with_a_code_is_shown_without_it(gateway: Gateway) -> None:
    gateway.sandbox.faults.script(
        "status", "digi", "download", status=200,
        body=json.dumps({"transaction": "tx-1", "message": f"Downloading {CODE} now"}),
    )  # fmt: skip

    answer = await gateway.ask(DOWNLOAD, {"input": {"deviceId": DEVICE, "activationCode": CODE}})

    assert answer["data"]["profileDownload"]["transaction"]["message"] == "Downloading *** now"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_after"},
        {"kind": "cut_body"},
        {"kind": "html"},
        {"kind": "status", "status": 400, "body": json.dumps({"error_message": f"bad code {CODE}"})},
        {"kind": "status", "status": 500, "body": CODE},
        {"kind": "status", "status": 200, "body": json.dumps({"list": [{"message": CODE}]})},
    ],
)
async def test_a_failed_download_tells_nobody_its_code(gateway: Gateway, fault: dict[str, Any]) -> None:
    gateway.sandbox.faults.script(vendor="digi", endpoint="download", **fault)

    with structlog.testing.capture_logs() as logs:
        answer = await gateway.ask(DOWNLOAD, {"input": {"deviceId": DEVICE, "activationCode": CODE}})

    found_again = fault["kind"] in ("reset_after", "cut_body")  # Digi has taken it up all the same
    assert found_again or "errors" in answer or answer["data"]["profileDownload"]["userErrors"]
    assert SECRET not in json.dumps(answer)
    assert SECRET not in repr(logs)


def test_whatever_prints_an_input_prints_stars() -> None:
    given_input = ProfileDownloadInput(device_id="d", activation_code=parse_activation_code(CODE))

    assert "***" in repr(given_input)
    assert SECRET not in repr(given_input)
    assert SECRET not in f"{given_input.activation_code} {given_input.activation_code!r}"


PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)
CODES = st.builds(lambda before, after: f"{before}#SECRET#{after}", PRINTABLE, PRINTABLE)


@given(code=CODES, place=st.sampled_from(["sibling", "wrong field", "list", "object", "whole", "enum", "int", "key"]))
def test_no_code_at_all_survives_a_refused_variable(code: str, place: str) -> None:
    """Quotation marks, blanks and words like ``found:`` in a code must not help it out."""
    variable, value = {
        "sibling": ("ProfileDownloadInput!", {"activationCode": code}),
        "wrong field": ("ProfileDownloadInput!", {"deviceId": "d", "code": code}),
        "list": ("ProfileDownloadInput!", [code]),
        "object": ("ProfileDownloadInput!", {"deviceId": {"x": code}}),
        "whole": ("ProfileDownloadInput!", code),
        "enum": ("ProfileStatus!", code),
        "int": ("Int!", code),
        "key": ("ProfileDownloadInput!", {code.replace("'", "").replace('"', ""): "x"}),
    }[place]
    document = parse(f"query($v: {variable}) {{ x }}")

    errors = get_variable_values(SCHEMA, document.definitions[0].variable_definitions or (), {"v": value})  # type: ignore[attr-defined]

    assert isinstance(errors, list)
    for error in errors:
        assert "SECRET" not in str(present(error)["message"])


@given(code=CODES)
def test_no_code_at_all_survives_a_refused_literal(code: str) -> None:
    literal = json.dumps(code)
    document = parse(f"""mutation {{
        a: profileDownload(input: {{ activationCode: {literal} }}) {{ userErrors {{ message }} }}
        b: profileDownload(input: {literal}) {{ userErrors {{ message }} }}
        c: profileDownload(input: {{ deviceId: [{literal}] }}) {{ userErrors {{ message }} }}
        d: operationStart(input: {{ deviceId: "d", kind: {literal} }}) {{ userErrors {{ message }} }}
    }}""")
    errors = validate(SCHEMA, document)

    assert errors
    for error in errors:
        assert "SECRET" not in str(present(error)["message"])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{ profils { nodes { id } } }", "Cannot query field 'profils' on type 'Query'."),
        ("{ profiles(frist: 1) { nodes { id } } }", "Unknown argument 'frist' on field 'Query.profiles'."),
        ("{ profiles { nodes { id }", "Syntax Error: Expected Name, found <EOF>."),
        ("{ profiles(first: ) { id } }", "Syntax Error: Unexpected ')'."),
        ("query($v: Int) { viewer }", "Variable '$v' is never used."),
        ("{ profiles }", "Field 'profiles' of type 'ProfileConnection' must have a selection of subfields."),
        ("mutation { profileDelete(input: { deviceId: \"d\" }) { userErrors { code } } }",
         "Expected value of type 'ProfileDeleteInput' to include required field 'iccid'."),
        ("{ profiles(filter: { status: { eq: ACTIV } }) { nodes { id } } }",
         "Value 'ACTIV' does not exist in 'ProfileStatus' enum."),
    ],
)  # fmt: skip
async def test_names_in_a_message_stay_readable(gateway: Gateway, document: str, message: str) -> None:
    answer = await gateway.ask(document)

    assert any(error["message"].startswith(message) for error in answer["errors"]), answer["errors"]
