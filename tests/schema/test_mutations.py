"""The actions: what begins, and in a form's terms why it did not."""

import asyncio
from typing import Any

import pytest

from esim_graph.sandbox.landmarks import (
    ESIMGO_ONLY,
    KNOWN_TO_ALL,
    READY_TO_ACTIVATE,
    READY_TO_DOWNLOAD,
    READY_TO_ENABLE,
    Landmark,
)
from schema.vendors import calls_by_endpoint
from support.gateway import Gateway

TRANSACTION = """transaction {
    id vendorId action actionRaw status statusRaw isTerminal iccid deviceId createdAt lastCheckedAt esim { iccid }
} replayed userErrors { code field message conflictsWith { __typename id } }"""
OPERATION = """operation {
    id vendorId kind kindRaw status isTerminal progress carrier iccid deviceId eid cause createdBy
    steps { name state startedAt }
} replayed userErrors { code field message conflictsWith { __typename id } }"""


async def act(gateway: Gateway, action: str, **given: Any) -> dict[str, Any]:
    name = f"profile{action}"
    query = f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {TRANSACTION} }} }}"
    payload: dict[str, Any] = (await gateway.data(query, {"input": given}))[name]
    return payload


async def start(gateway: Gateway, **given: Any) -> dict[str, Any]:
    query = f"mutation($input: OperationStartInput!) {{ operationStart(input: $input) {{ {OPERATION} }} }}"
    payload: dict[str, Any] = (await gateway.data(query, {"input": given}))["operationStart"]
    return payload


@pytest.mark.parametrize("answer_form", ["transaction", "row", "list"])
@pytest.mark.parametrize(
    ("action", "place"),
    [("Enable", READY_TO_ENABLE), ("Disable", KNOWN_TO_ALL), ("Delete", READY_TO_ENABLE)],
)
async def test_an_action_answers_its_transaction(
    gateway: Gateway, action: str, place: Landmark, answer_form: Any
) -> None:
    """Whatever form the vendor's answer has, which is documented nowhere."""
    gateway.sandbox.switches.digi.action_answer = answer_form

    payload = await act(gateway, action, deviceId=place.device_id, iccid=place.iccid)

    transaction = payload["transaction"]
    assert payload["userErrors"] == []
    assert transaction["vendorId"] in gateway.sandbox.world.transactions
    assert (transaction["action"], transaction["actionRaw"]) == (action.upper(), action.lower())
    assert (transaction["status"], transaction["statusRaw"]) == ("IN_PROGRESS", "in_progress")
    assert transaction["isTerminal"] is False
    assert (transaction["deviceId"], transaction["iccid"]) == (place.device_id, place.iccid)
    assert transaction["esim"] == {"iccid": place.iccid}
    assert transaction["lastCheckedAt"] is None
    assert payload["replayed"] is False
    assert gateway.sandbox.calls.count("digi", action.lower()) == 1


async def test_a_download_by_activation_code_begins_without_an_iccid(gateway: Gateway) -> None:
    payload = await act(
        gateway, "Download", deviceId=READY_TO_DOWNLOAD.device_id, activationCode=READY_TO_DOWNLOAD.activation_code
    )

    assert payload["userErrors"] == []
    assert payload["transaction"]["action"] == "DOWNLOAD"
    assert payload["transaction"]["iccid"] is None
    assert payload["transaction"]["esim"] is None


async def test_a_download_by_iccid_begins(gateway: Gateway) -> None:
    payload = await act(gateway, "Download", deviceId=READY_TO_ACTIVATE.device_id, iccid=READY_TO_ACTIVATE.iccid)

    assert payload["userErrors"] == []
    assert payload["transaction"]["iccid"] == READY_TO_ACTIVATE.iccid


async def test_an_action_names_the_euicc_where_the_caller_does(gateway: Gateway) -> None:
    await act(
        gateway,
        "Enable",
        deviceId=READY_TO_ENABLE.device_id,
        iccid=f"{READY_TO_ENABLE.iccid}F",
        eid=READY_TO_ENABLE.eid,
    )

    (call,) = gateway.sandbox.calls.of("digi", "enable")
    assert str(READY_TO_ENABLE.eid) in str(call.body)
    assert f'"{READY_TO_ENABLE.iccid}"' in str(call.body)


async def test_a_begun_action_can_be_read_at_once(gateway: Gateway) -> None:
    payload = await act(gateway, "Enable", deviceId=READY_TO_ENABLE.device_id, iccid=READY_TO_ENABLE.iccid)
    begun = payload["transaction"]

    data = await gateway.data(
        """query($id: ID!, $vendorId: String!) {
            node(id: $id) { ... on Transaction { vendorId status } } transaction(vendorId: $vendorId) { createdAt }
        }""",
        {"id": begun["id"], "vendorId": begun["vendorId"]},
    )

    assert data["node"] == {"vendorId": begun["vendorId"], "status": "IN_PROGRESS"}
    assert data["transaction"]["createdAt"].endswith("Z")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"deviceId": READY_TO_DOWNLOAD.device_id}, ["input", "iccid"]),
        (
            {"deviceId": READY_TO_DOWNLOAD.device_id, "iccid": KNOWN_TO_ALL.iccid, "activationCode": "LPA:1$h$t"},
            ["input", "iccid"],
        ),
        ({"deviceId": READY_TO_DOWNLOAD.device_id, "iccid": None, "activationCode": None}, ["input", "iccid"]),
        ({"deviceId": "../x", "iccid": KNOWN_TO_ALL.iccid}, ["input", "deviceId"]),
        ({"deviceId": "", "iccid": KNOWN_TO_ALL.iccid}, ["input", "deviceId"]),
    ],
)
async def test_a_download_that_does_not_fit_together_is_a_user_error(
    gateway: Gateway, given: dict[str, Any], field: list[str]
) -> None:
    payload = await act(gateway, "Download", **given)

    (error,) = payload["userErrors"]
    assert payload["transaction"] is None
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", field)
    assert error["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("carrier", [None, "", "   "])
async def test_an_operation_for_neither_carrier_nor_iccid_is_a_user_error(
    gateway: Gateway, carrier: str | None
) -> None:
    payload = await start(gateway, kind="ACTIVATE", deviceId=READY_TO_ACTIVATE.device_id, carrier=carrier)

    (error,) = payload["userErrors"]
    assert payload["operation"] is None
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", ["input", "carrier"])
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("text", ["\u0000", "E\u0000E", "E\ud800", "E\nE"])
@pytest.mark.parametrize("field", ["carrier", "deviceId", "idempotencyKey"])
async def test_a_text_that_nobody_can_write_down_is_a_user_error(gateway: Gateway, field: str, text: str) -> None:
    given = {"kind": "ACTIVATE", "deviceId": READY_TO_ACTIVATE.device_id, "carrier": "EE"} | {field: text}

    payload = await start(gateway, **given)

    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", ["input", field])
    assert field in error["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize("field", ["deviceId", "iccid", "eid", "idempotencyKey", "activationCode"])
async def test_a_download_with_a_text_that_nobody_can_write_down_is_bad_input(gateway: Gateway, field: str) -> None:
    given = {"deviceId": READY_TO_DOWNLOAD.device_id, "activationCode": "LPA:1$h$t"} | {field: "8\u00009"}
    query = "mutation($input: ProfileDownloadInput!) { profileDownload(input: $input) { userErrors { code message } } }"

    answer = await gateway.ask(query, {"input": given})

    refusals = answer.get("errors") or answer["data"]["profileDownload"]["userErrors"]
    assert "BAD_USER_INPUT" in str(refusals)
    assert field in str(refusals)
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("Enable", {"deviceId": "00000000-00000000-00409DFF-FFABCDEF", "iccid": KNOWN_TO_ALL.iccid}),
        ("Enable", {"deviceId": "no-device", "iccid": KNOWN_TO_ALL.iccid}),
        ("Enable", {"deviceId": KNOWN_TO_ALL.device_id, "iccid": KNOWN_TO_ALL.iccid, "eid": READY_TO_ENABLE.eid}),
        ("Download", {"deviceId": KNOWN_TO_ALL.device_id, "activationCode": "no-code"}),
    ],
)
async def test_what_digi_refuses_is_a_user_error_in_our_words(
    gateway: Gateway, action: str, given: dict[str, Any]
) -> None:
    payload = await act(gateway, action, **given)

    assert payload["transaction"] is None
    assert payload["userErrors"] == [
        {
            "code": "BAD_USER_INPUT",
            "field": None,
            "message": "Digi refuses the action as it was asked for.",
            "conflictsWith": None,
        }
    ]
    assert calls_by_endpoint(gateway.sandbox) == {"digi transactions": 1, f"digi {action.lower()}": 1}


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_any_refusal_of_digis_is_a_user_error(gateway: Gateway, status: int) -> None:
    gateway.sandbox.faults.status(status, "digi", "start_operation")

    payload = await start(gateway, kind="ENABLE", deviceId=READY_TO_ENABLE.device_id, carrier="EE")

    assert [error["code"] for error in payload["userErrors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("action", ["profileEnable", "profileDisable", "profileDelete"])
@pytest.mark.parametrize(
    "given", ['deviceId: "d"', 'iccid: "8948010010036785060"', 'deviceId: null, iccid: "8948010010036785060"']
)
async def test_a_missing_identifier_is_bad_input(gateway: Gateway, action: str, given: str) -> None:
    answer = await gateway.ask(f"mutation {{ {action}(input: {{ {given} }}) {{ userErrors {{ code }} }} }}")

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "data" not in answer
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_a_download_without_a_device_is_bad_input(gateway: Gateway) -> None:
    error = await gateway.error(
        f'mutation {{ profileDownload(input: {{ iccid: "{ESIMGO_ONLY.iccid}" }}) {{ userErrors {{ code }} }} }}'
    )

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "deviceId" in error["message"]


@pytest.mark.parametrize("answer_form", ["row", "id", "list"])
@pytest.mark.parametrize("kind", ["ACTIVATE", "DOWNLOAD"])
async def test_an_operation_answers_itself(gateway: Gateway, kind: str, answer_form: Any) -> None:
    gateway.sandbox.switches.digi.operation_answer = answer_form

    payload = await start(
        gateway, kind=kind, deviceId=READY_TO_ACTIVATE.device_id, carrier=f" {READY_TO_ACTIVATE.carrier} "
    )

    operation = payload["operation"]
    assert payload["userErrors"] == []
    assert operation["vendorId"] in gateway.sandbox.world.operations
    assert (operation["kind"], operation["kindRaw"]) == (kind, kind.lower())
    assert (operation["status"], operation["isTerminal"], operation["progress"]) == ("STARTING", False, 0)
    assert (operation["carrier"], operation["iccid"]) == (READY_TO_ACTIVATE.carrier, None)
    assert [step["name"] for step in operation["steps"]][:3] == ["STARTING", "DOWNLOAD", "DOWNLOAD_VERIFY"]
    assert [step["state"] for step in operation["steps"]][:2] == ["RUNNING", "PENDING"]


async def test_an_operation_for_an_iccid_names_it(gateway: Gateway) -> None:
    payload = await start(gateway, kind="ENABLE", deviceId=READY_TO_ENABLE.device_id, iccid=READY_TO_ENABLE.iccid)

    assert payload["operation"]["iccid"] == READY_TO_ENABLE.iccid
    assert [step["name"] for step in payload["operation"]["steps"]] == ["STARTING", "ENABLE", "ENABLE_VERIFY"]


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("identifiers", ["uuid", "integer"])
async def test_an_action_is_accepted_in_any_form(gateway: Gateway, status: Any, identifiers: Any) -> None:
    gateway.sandbox.switches.digi.accepted_status = status
    gateway.sandbox.switches.digi.identifiers = identifiers

    payload = await act(gateway, "Enable", deviceId=READY_TO_ENABLE.device_id, iccid=READY_TO_ENABLE.iccid)

    vendor_id = payload["transaction"]["vendorId"]
    data = await gateway.data("query($id: String!) { transaction(vendorId: $id) { vendorId } }", {"id": vendor_id})
    assert data == {"transaction": {"vendorId": vendor_id}}


async def test_the_mutations_of_a_document_run_one_after_the_other(gateway: Gateway) -> None:
    gateway.sandbox.faults.latency(0.02, "digi")
    given = f'(input: {{ force: true, deviceId: "{READY_TO_ENABLE.device_id}", iccid: "{READY_TO_ENABLE.iccid}" }})'

    await gateway.data(f"""mutation {{
        a: profileDisable{given} {{ userErrors {{ code }} }}
        b: profileDelete{given} {{ userErrors {{ code }} }}
        c: profileEnable{given} {{ userErrors {{ code }} }}
    }}""")

    posts = [call.endpoint for call in gateway.sandbox.calls if call.method == "POST"]
    assert posts == ["disable", "delete", "enable"]


async def test_a_refused_mutation_does_not_stop_the_next(gateway: Gateway) -> None:
    answer = await gateway.ask(f"""mutation {{
        a: profileDownload(input: {{ deviceId: "d" }}) {{ userErrors {{ code }} }}
        b: profileEnable(input: {{ deviceId: "{READY_TO_ENABLE.device_id}", iccid: "{READY_TO_ENABLE.iccid}" }}) {{
            transaction {{ action }}
        }}
    }}""")

    assert answer["data"]["a"] == {"userErrors": [{"code": "BAD_USER_INPUT"}]}
    assert answer["data"]["b"] == {"transaction": {"action": "ENABLE"}}


async def test_the_same_action_asked_twice_at_once_is_sent_once(gateway: Gateway) -> None:
    asked = [act(gateway, "Enable", deviceId=READY_TO_ENABLE.device_id, iccid=READY_TO_ENABLE.iccid) for _ in range(2)]

    first, second = await asyncio.gather(*asked)

    assert first["transaction"]["vendorId"] == second["transaction"]["vendorId"]
    assert {first["replayed"], second["replayed"]} == {False, True}
    assert gateway.sandbox.calls.count("digi", "enable") == 1


async def test_the_same_key_again_is_replayed(gateway: Gateway) -> None:
    given = {"deviceId": READY_TO_ENABLE.device_id, "iccid": READY_TO_ENABLE.iccid, "idempotencyKey": "visit 17: é"}
    first = await act(gateway, "Enable", **given)

    again = await act(gateway, "Enable", **given)

    assert (again["transaction"]["id"], again["replayed"]) == (first["transaction"]["id"], True)
    assert again["userErrors"] == []


async def test_a_key_used_for_another_input_is_a_user_error(gateway: Gateway) -> None:
    given = {"deviceId": READY_TO_ENABLE.device_id, "iccid": READY_TO_ENABLE.iccid, "idempotencyKey": "k"}
    await act(gateway, "Enable", **given)

    payload = await act(gateway, "Delete", **given)

    (error,) = payload["userErrors"]
    assert (payload["transaction"], payload["replayed"]) == (None, False)
    assert (error["code"], error["field"]) == ("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])
    assert gateway.sandbox.calls.count("digi", "delete") == 0


@pytest.mark.parametrize("key", ["", "k" * 256, "line\nbreak", "\x00"])
async def test_a_key_that_is_none_is_a_user_error(gateway: Gateway, key: str) -> None:
    payload = await act(
        gateway, "Enable", deviceId=READY_TO_ENABLE.device_id, iccid=READY_TO_ENABLE.iccid, idempotencyKey=key
    )

    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", ["input", "idempotencyKey"])
    assert calls_by_endpoint(gateway.sandbox) == {}


async def test_a_refusal_is_replayed_too(gateway: Gateway) -> None:
    given = {"deviceId": "no-device", "iccid": KNOWN_TO_ALL.iccid, "idempotencyKey": "k"}
    first = await act(gateway, "Enable", **given)

    again = await act(gateway, "Enable", **given)

    assert again["userErrors"] == first["userErrors"]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert gateway.sandbox.calls.count("digi", "enable") == 1


async def test_a_conflict_has_a_link_to_what_runs(gateway: Gateway) -> None:
    given = {"deviceId": READY_TO_ENABLE.device_id, "iccid": READY_TO_ENABLE.iccid}
    running = await act(gateway, "Enable", **given)

    refused = await act(gateway, "Disable", **given)
    forced = await act(gateway, "Disable", force=True, **given)

    (error,) = refused["userErrors"]
    assert (refused["transaction"], error["code"]) == (None, "CONFLICTING_OPERATION")
    assert error["conflictsWith"] == {"__typename": "Transaction", "id": running["transaction"]["id"]}
    assert running["transaction"]["vendorId"] in error["message"]
    assert (forced["transaction"]["action"], forced["replayed"]) == ("DISABLE", False)


async def test_a_conflict_with_an_operation_has_a_link_to_it(gateway: Gateway) -> None:
    given = {"deviceId": READY_TO_ACTIVATE.device_id, "carrier": READY_TO_ACTIVATE.carrier}
    running = await start(gateway, kind="ACTIVATE", **given)

    refused = await start(gateway, kind="DOWNLOAD", **given)

    (error,) = refused["userErrors"]
    assert error["conflictsWith"] == {"__typename": "Operation", "id": running["operation"]["id"]}


async def test_a_device_has_one_spelling(gateway: Gateway) -> None:
    device = str(READY_TO_ENABLE.device_id)
    first = await act(gateway, "Enable", deviceId=device, iccid=READY_TO_ENABLE.iccid)

    second = await act(gateway, "Enable", deviceId=device.lower(), iccid=READY_TO_ENABLE.iccid)

    assert second["transaction"]["id"] == first["transaction"]["id"]


async def test_a_broken_connection_is_a_retryable_error_when_it_did_not_start(gateway: Gateway) -> None:
    gateway.sandbox.faults.script("reset_before", "digi", "enable", times=1)
    given = {"deviceId": READY_TO_ENABLE.device_id, "iccid": READY_TO_ENABLE.iccid}
    query = "mutation($input: ProfileEnableInput!) { profileEnable(input: $input) { transaction { id } } }"

    error = await gateway.error(query, {"input": given})

    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("UPSTREAM_UNAVAILABLE", True)


@pytest.mark.parametrize("document", [
    "mutation { profileDelete { userErrors { code } } }",
    "{ profileDelete { userErrors { code } } }",
    "mutation { profiles { nodes { id } } }",
])  # fmt: skip
async def test_actions_are_mutations_with_an_input(gateway: Gateway, document: str) -> None:
    answer = await gateway.ask(document)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert calls_by_endpoint(gateway.sandbox) == {}
