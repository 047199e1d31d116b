"""Where a profile is in its life, as callers see it: all vendors at once, and none that fails takes it away."""

from typing import Any

import pytest

from esim_graph.sandbox.landmarks import DIGI_ONLY, ESIMFLY_ONLY, FOREIGN, KNOWN_TO_ALL, PROCESSING, READY_TO_ENABLE
from schema.vendors import calls_by_endpoint, unthrottle
from support.gateway import Gateway, open_gateway

LIFECYCLE = """query ($iccid: ICCID!) { esim(iccid: $iccid) { lifecycle {
  state observations { source axis state raw observedAt } conflicts { kind severity message }
  unavailable { source code }
} } }"""
ALL = """query ($iccid: ICCID!) { esim(iccid: $iccid) {
  eid profile { status } liveStatus { status } bundleHistory { name } lifecycle { state }
} }"""


async def lifecycle(gateway: Gateway, iccid: str) -> dict[str, Any]:
    """The lifecycle of one eSIM."""
    found: dict[str, Any] = (await gateway.data(LIFECYCLE, {"iccid": iccid}))["esim"]["lifecycle"]
    return found


async def test_three_vendors_come_to_one_state(gateway: Gateway) -> None:
    """Each observation has its axis, its own word and its time."""
    found = await lifecycle(gateway, KNOWN_TO_ALL.iccid)

    assert found["state"] == "ENABLED"
    assert found["unavailable"] == []
    told = [(one["source"], one["axis"], one["state"], one["raw"]) for one in found["observations"]]
    assert told[:4] == [
        ("DIGI", "PROFILE", "ENABLED", "active"),
        ("ESIMFLY", "PROFILE", "ENABLED", "Enabled"),
        ("ESIMFLY", "SMDP", None, "AFFECTED"),
        ("ESIMFLY", "PLAN", None, "ACTIVE"),
    ]
    assert all(one["observedAt"].endswith("Z") for one in found["observations"])


async def test_it_costs_no_more_beside_the_branches_it_is_made_of(gateway: Gateway) -> None:
    """One call to each vendor."""
    await gateway.data(ALL, {"iccid": KNOWN_TO_ALL.iccid})

    assert sum(calls_by_endpoint(gateway.sandbox).values()) == 3


@pytest.mark.parametrize("landmark", [DIGI_ONLY, ESIMFLY_ONLY], ids=lambda landmark: landmark.name)
async def test_what_one_vendor_knows_alone_is_said(gateway: Gateway, landmark: Any) -> None:
    """ESIM Go's refusal is listed; it may be for another reason."""
    found = await lifecycle(gateway, landmark.iccid)

    assert "KNOWN_TO_ONE_VENDOR" in [conflict["kind"] for conflict in found["conflicts"]]
    assert found["unavailable"] == [{"source": "ESIMGO", "code": "UPSTREAM_FORBIDDEN"}]


async def test_what_nobody_knows_has_no_state(gateway: Gateway) -> None:
    """It is no error."""
    found = await lifecycle(gateway, FOREIGN.iccid)

    assert (found["state"], found["observations"]) == ("UNKNOWN", [])


async def test_a_vendor_that_fails_takes_nothing_away() -> None:
    """Its code is told; what it said before is remembered."""
    async with open_gateway(profiles={"ttl": 0}) as gateway:
        unthrottle(gateway.sandbox)
        await lifecycle(gateway, KNOWN_TO_ALL.iccid)
        await gateway.runtime.rooms.journal.settled()
        gateway.sandbox.faults.script(kind="status", status=500, body="down", vendor="digi")

        found = await lifecycle(gateway, KNOWN_TO_ALL.iccid)

    assert found["state"] == "ENABLED"
    assert {"source": "DIGI", "code": "UPSTREAM_UNAVAILABLE"} in found["unavailable"]
    assert (found["observations"][0]["source"], found["observations"][0]["raw"]) == ("DIGI", None)


async def test_come_back_later_is_told_by_its_code(gateway: Gateway) -> None:
    """That is no outage."""
    found = await lifecycle(gateway, PROCESSING.iccid)

    assert {"source": "ESIMGO", "code": "UPSTREAM_PROCESSING"} in found["unavailable"]


async def test_a_vendor_that_is_not_configured_is_left_out() -> None:
    """Nobody expects it to say anything."""
    async with open_gateway(esimfly={"access_code": None, "secret_key": None}) as gateway:
        unthrottle(gateway.sandbox)

        found = await lifecycle(gateway, READY_TO_ENABLE.iccid)

    assert found["state"] == "DISABLED"
    assert "ESIMFLY" not in [one["source"] for one in found["unavailable"]]
