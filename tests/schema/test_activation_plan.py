"""What an operation would do, before anybody starts it."""

from typing import Any

import pytest

from esim_graph.sandbox.landmarks import KNOWN_TO_ALL, READY_TO_ACTIVATE, READY_TO_ENABLE, SPN_MISMATCH
from schema.vendors import calls_by_endpoint
from support.gateway import Gateway

PLAN = """query($input: OperationStartInput!) { activationPlan(input: $input) {
    profile { iccid carrier } warnings { code message }
} }"""
START = """mutation($input: OperationStartInput!) { operationStart(input: $input) {
    operation { vendorId } replayed userErrors { code field message }
} }"""


async def plan(gateway: Gateway, **given: Any) -> tuple[str | None, list[str]]:
    found = (await gateway.data(PLAN, {"input": given}))["activationPlan"]
    return (found["profile"] or {}).get("iccid"), [warning["code"] for warning in found["warnings"]]


async def test_a_plan_is_one_call_and_sends_nothing(gateway: Gateway) -> None:
    carrier = f" {str(READY_TO_ENABLE.carrier).upper()} "

    planned = await plan(gateway, kind="ENABLE", deviceId=READY_TO_ENABLE.device_id, carrier=carrier)

    assert planned == (READY_TO_ENABLE.iccid, ["WILL_DISABLE_OTHER_PROFILE"])
    assert calls_by_endpoint(gateway.sandbox) == {"digi inventory": 1}


@pytest.mark.parametrize("field", ["carrier", "deviceId", "iccid", "eid"])
async def test_a_plan_with_a_text_that_nobody_can_write_down_is_bad_input(gateway: Gateway, field: str) -> None:
    given = {"kind": "ENABLE", "deviceId": READY_TO_ENABLE.device_id, "carrier": "EE"} | {field: "8\u00009"}

    error = await gateway.error(PLAN, {"input": given})

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert field in error["message"]
    assert calls_by_endpoint(gateway.sandbox) == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"kind": "ACTIVATE", "deviceId": READY_TO_ACTIVATE.device_id, "carrier": READY_TO_ACTIVATE.carrier},
            (None, ["WILL_DISABLE_OTHER_PROFILE"]),
        ),
        (
            {"kind": "ACTIVATE", "deviceId": SPN_MISMATCH.device_id, "carrier": SPN_MISMATCH.carrier},
            (None, ["CARRIER_SPN_MISMATCH", "WILL_DISABLE_OTHER_PROFILE"]),
        ),
        (
            {"kind": "ENABLE", "deviceId": SPN_MISMATCH.device_id, "carrier": SPN_MISMATCH.carrier},
            (None, ["CARRIER_SPN_MISMATCH"]),
        ),
        (
            {
                "kind": "ENABLE", "deviceId": SPN_MISMATCH.device_id, "carrier": SPN_MISMATCH.carrier,
                "iccid": SPN_MISMATCH.iccid,
            },
            (SPN_MISMATCH.iccid, ["CARRIER_SPN_MISMATCH", "WILL_DISABLE_OTHER_PROFILE"]),
        ),
        (
            {"kind": "ACTIVATE", "deviceId": KNOWN_TO_ALL.device_id, "iccid": KNOWN_TO_ALL.iccid},
            (KNOWN_TO_ALL.iccid, ["ALREADY_ACTIVE"]),
        ),
        (
            {"kind": "ENABLE", "deviceId": KNOWN_TO_ALL.device_id, "eid": READY_TO_ENABLE.eid, "carrier": "Play"},
            (None, ["CARRIER_SPN_MISMATCH"]),
        ),
        ({"kind": "ENABLE", "deviceId": "no-device", "iccid": KNOWN_TO_ALL.iccid}, (None, [])),
    ],
)  # fmt: skip
async def test_what_is_planned(gateway: Gateway, given: Any, expected: tuple[str | None, list[str]]) -> None:
    assert await plan(gateway, **given) == expected


async def test_an_ambiguous_carrier_is_warned_of_and_then_refused_unless_acknowledged(gateway: Gateway) -> None:
    for profile in gateway.sandbox.world.profiles_on(str(READY_TO_ENABLE.eid)):
        profile.carrier = str(READY_TO_ENABLE.carrier)
    given = {"kind": "ENABLE", "deviceId": READY_TO_ENABLE.device_id, "carrier": READY_TO_ENABLE.carrier}

    planned = await plan(gateway, **given)
    refused = (await gateway.data(START, {"input": given}))["operationStart"]
    began = (await gateway.data(START, {"input": given | {"acknowledge": ["CARRIER_AMBIGUOUS"]}}))["operationStart"]

    assert planned == (None, ["CARRIER_AMBIGUOUS"])
    (error,) = refused["userErrors"]
    assert (refused["operation"], error["code"], error["field"]) == (None, "CARRIER_AMBIGUOUS", ["input", "carrier"])
    assert began["operation"]["vendorId"] in gateway.sandbox.world.operations
    assert gateway.sandbox.calls.count("digi", "start_operation") == 1


async def test_other_warnings_stop_nothing(gateway: Gateway) -> None:
    given = {"kind": "ACTIVATE", "deviceId": SPN_MISMATCH.device_id, "carrier": SPN_MISMATCH.carrier}

    began = (await gateway.data(START, {"input": given}))["operationStart"]

    assert began["userErrors"] == []


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "ENABLE", "deviceId": "d"},
        {"kind": "UNKNOWN", "deviceId": "d", "carrier": "EE"},
        {"kind": "ENABLE", "deviceId": "../x", "carrier": "EE"},
    ],
)
async def test_a_plan_of_what_cannot_be_started_is_bad_input(gateway: Gateway, given: Any) -> None:
    error = await gateway.error(PLAN, {"input": given})

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert calls_by_endpoint(gateway.sandbox) == {}
