"""The vendors' oddities as the graph shows them: raw words beside ours, units, instants, empty places."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from esim_graph.sandbox.history import BundleEvent
from esim_graph.sandbox.landmarks import (
    DIGI_ONLY,
    ESIMGO_ONLY,
    FAILS_AFTER_DOWNLOAD,
    KNOWN_TO_ALL,
    SPN_MISMATCH,
    UNKNOWN_FIRST,
)
from support.gateway import Gateway

ICCID = KNOWN_TO_ALL.iccid


async def live(gateway: Gateway, fields: str, iccid: str = ICCID) -> dict[str, Any]:
    data = await gateway.data(f'{{ liveStatus(iccid: "{iccid}", maxAgeSeconds: 0) {{ {fields} }} }}')
    found: dict[str, Any] = data["liveStatus"]
    return found


@pytest.mark.parametrize("word", ["quarantined", "Active!", "not active", "アクティブ", ""])
async def test_an_unknown_word_is_unknown_and_kept(gateway: Gateway, word: str) -> None:
    world = gateway.sandbox.world
    world.change_profile(ICCID, status=word)
    transaction = next(iter(world.transactions.values()))
    transaction.status = transaction.action = word
    operation = next(iter(world.operations.values()))
    operation.status = operation.operation = operation.cause = word
    world.live.put(replace(world.live.live(ICCID), status=word))

    data = await gateway.data(f"""{{
        profile(iccid: "{ICCID}") {{ status statusRaw }}
        transaction(vendorId: "{transaction.transaction}") {{ status statusRaw action actionRaw isTerminal }}
        operation(vendorId: "{operation.id}") {{ status statusRaw kind kindRaw cause causeRaw isTerminal progress }}
        liveStatus(iccid: "{ICCID}") {{ status statusRaw }}
    }}""")

    unknown = {"status": "UNKNOWN", "statusRaw": word}
    assert data["profile"] == unknown
    assert data["transaction"] == unknown | {"action": "UNKNOWN", "actionRaw": word, "isTerminal": False}
    assert data["operation"] == unknown | {
        "kind": "UNKNOWN", "kindRaw": word, "cause": "UNKNOWN", "causeRaw": word, "isTerminal": False, "progress": None,
    }  # fmt: skip
    assert data["liveStatus"] == unknown


@pytest.mark.parametrize("word", ["ACTIVE", "Active", " active "])
async def test_a_known_word_is_known_in_any_case(gateway: Gateway, word: str) -> None:
    gateway.sandbox.world.change_profile(ICCID, status=word)

    data = await gateway.data(f'{{ profile(iccid: "{ICCID}") {{ status statusRaw }} }}')

    assert data["profile"] == {"status": "ACTIVE", "statusRaw": word}


async def test_the_documented_live_status_is_shown_whole(gateway: Gateway) -> None:
    status = await live(gateway, """
        iccid status statusRaw esimStatus smdpStatus profile unlimited activatedAt lastUsedAt expiresAt
        lastNetwork { operator mcc mnc country countryCode connectionType } device { model imei }
        dataUsage { usedBytes totalBytes usedGb totalGb unlimited usedPercent }
    """)  # fmt: skip

    assert status == {
        "iccid": ICCID,
        "status": "ACTIVE",
        "statusRaw": "ACTIVE",
        "esimStatus": "Active",
        "smdpStatus": "AFFECTED",
        "profile": "Enabled",
        "unlimited": False,
        "activatedAt": "2026-06-26T14:34:40Z",
        "lastUsedAt": "2026-06-26T14:35:21Z",
        "expiresAt": "2026-07-26T14:34:40Z",
        "lastNetwork": {
            "operator": "Optus",
            "mcc": "505",
            "mnc": "2",
            "country": "Australia",
            "countryCode": "AU",
            "connectionType": "4G - LTE",
        },
        "device": {"model": "GTF7P", "imei": "350000000000000"},
        "dataUsage": {
            "usedBytes": "0",
            "totalBytes": "1073741824",
            "usedGb": 0.0,
            "totalGb": 1.0,
            "unlimited": False,
            "usedPercent": 0.0,
        },
    }


@pytest.mark.parametrize(
    ("used", "total", "used_bytes", "percent"),
    [
        (5.25, 10.0, "5637144576", 52.5),
        (0.01, 3.0, "10737418", 0.33),
        (12.0, 10.0, "12884901888", 100.0),
        (1 / 3, 1.0, "357913941", 33.33),
        (4096.5, 8193.0, "4398583382016", 50.0),
        (1.0, 0.0, "1073741824", None),
    ],
)
async def test_bytes_are_gb_of_two_to_the_thirty_as_decimal_text(
    gateway: Gateway, used: float, total: float, used_bytes: str, percent: float | None
) -> None:
    book = gateway.sandbox.world.live
    book.put(replace(book.live(ICCID), used_gb=used, total_gb=total))

    usage = (await live(gateway, "dataUsage { usedBytes usedPercent usedGb }"))["dataUsage"]

    assert usage["usedBytes"] == used_bytes
    assert usage["usedPercent"] == percent
    assert usage["usedGb"] == pytest.approx(used)


async def test_an_unlimited_plan_has_no_total_and_no_percentage(gateway: Gateway) -> None:
    status = await live(
        gateway,
        "unlimited dataUsage { unlimited totalBytes totalGb usedPercent usedBytes }",
        FAILS_AFTER_DOWNLOAD.iccid,
    )

    assert status["unlimited"] is True
    used = status["dataUsage"].pop("usedBytes")
    assert status["dataUsage"] == {"unlimited": True, "totalBytes": None, "totalGb": None, "usedPercent": None}
    assert int(used) > 0


@pytest.mark.parametrize("form", ["null_members", "null_object"])
async def test_an_esim_that_never_connected_has_no_network_and_no_device(gateway: Gateway, form: Any) -> None:
    gateway.sandbox.switches.esimfly.never_connected = form

    status = await live(gateway, "lastNetwork { mcc } device { imei } activatedAt", UNKNOWN_FIRST.iccid)

    assert status == {"lastNetwork": None, "device": None, "activatedAt": None}


@pytest.mark.parametrize("form", ["null", "absent"])
async def test_a_profile_unknown_to_the_network_is_null(gateway: Gateway, form: Any) -> None:
    gateway.sandbox.switches.esimfly.unknown_profile = form
    book = gateway.sandbox.world.live
    book.put(replace(book.live(ICCID), profile=None))

    assert await live(gateway, "profile") == {"profile": None}


async def test_a_history_keeps_all_nine_digits_beside_the_instant(gateway: Gateway) -> None:
    data = await gateway.data(f"""{{ bundleHistory(iccid: "{ESIMGO_ONLY.iccid}") {{
        name kind bundleName bundleState bundleStateRaw occurredAt occurredAtRaw
    }} }}""")

    assert data["bundleHistory"] == [
        {
            "name": "Bundle Applied",
            "kind": "BUNDLE_APPLIED",
            "bundleName": "A_BUNDLE_20GB_30D_EU_U",
            "bundleState": "QUEUED",
            "bundleStateRaw": "queued",
            "occurredAt": "2023-04-07T00:50:31.618780Z",
            "occurredAtRaw": "2023-04-07T00:50:31.618780311Z",
        },
        {
            "name": "Bundle Revoked",
            "kind": "BUNDLE_REVOKED",
            "bundleName": "A_BUNDLE_20GB_30D_EU_U",
            "bundleState": "REVOKED",
            "bundleStateRaw": "revoked",
            "occurredAt": "2023-04-07T00:50:31.618780Z",
            "occurredAtRaw": "2023-04-07T00:50:31.618780311Z",
        },
    ]


@pytest.mark.parametrize("container", ["array", "actions", "history", "object"])
@pytest.mark.parametrize("spelling", ["bundleName", "bundle", "none"])
async def test_a_history_is_read_in_every_shape(gateway: Gateway, container: Any, spelling: Any) -> None:
    gateway.sandbox.switches.esimgo.history_container = container
    gateway.sandbox.switches.esimgo.bundle_spelling = spelling
    gateway.sandbox.switches.esimgo.history_extras = False

    data = await gateway.data(f'{{ bundleHistory(iccid: "{ESIMGO_ONLY.iccid}") {{ name bundleName bundleState }} }}')

    bundle = None if spelling == "none" else "A_BUNDLE_20GB_30D_EU_U"
    assert data["bundleHistory"] == [
        {"name": name, "bundleName": bundle, "bundleState": None} for name in ("Bundle Applied", "Bundle Revoked")
    ]


@pytest.mark.parametrize(
    ("date", "instant"),
    [
        ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06Z"),
        ("2026-02-03T04:05:06.5Z", "2026-02-03T04:05:06.500Z"),
        ("2026-02-03T04:05:06+02:00", "2026-02-03T02:05:06Z"),
        ("2026-02-03T04:05:06", "2026-02-03T04:05:06Z"),
        ("2026-02-03T04:05:06.123456789-00:30", "2026-02-03T04:35:06.123456Z"),
        ("February 13, 2026 at 11:27 PM", None),
        ("", None),
    ],
)
async def test_an_instant_leaves_in_utc_with_z(gateway: Gateway, date: str, instant: str | None) -> None:
    gateway.sandbox.world.history.events(ICCID)[:] = [BundleEvent(name="Something New", date=date)]

    data = await gateway.data(f'{{ bundleHistory(iccid: "{ICCID}") {{ name kind occurredAt occurredAtRaw }} }}')

    assert data["bundleHistory"] == [
        {"name": "Something New", "kind": "UNKNOWN", "occurredAt": instant, "occurredAtRaw": date}
    ]


async def test_every_instant_of_every_vendor_ends_with_z(gateway: Gateway) -> None:
    data = await gateway.data(f"""{{
        transactions(first: 3) {{ nodes {{ createdAt updatedAt }} }}
        operations(first: 3) {{ nodes {{ createdAt updatedAt }} }}
        esim(iccid: "{ICCID}") {{
            liveStatus {{ activatedAt expiresAt lastUsedAt freshness {{ observedAt }} }} bundleHistory {{ occurredAt }}
        }}
    }}""")

    instants = [text for text in _texts(data) if text is not None]
    assert len(instants) > 15
    for text in instants:
        assert text.endswith("Z")
        assert datetime.fromisoformat(text).utcoffset() is not None


def _texts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value]


@pytest.mark.parametrize("single_get", ["bare", "wrapped"])
@pytest.mark.parametrize("empty_values", ["null", "absent"])
@pytest.mark.parametrize("customer_id", ["integer", "string"])
async def test_a_profile_is_the_same_in_every_form(
    gateway: Gateway, single_get: Any, empty_values: Any, customer_id: Any
) -> None:
    switches = gateway.sandbox.switches.digi
    switches.single_get, switches.empty_values, switches.customer_id = single_get, empty_values, customer_id

    data = await gateway.data(f"""{{ profile(iccid: "{ICCID}") {{
        iccid eid number carrier normalizedCarrier customerId deviceId status statusRaw type
    }} }}""")

    assert data["profile"] == {
        "iccid": ICCID,
        "eid": KNOWN_TO_ALL.eid,
        "number": 1,
        "carrier": "Play",
        "normalizedCarrier": "play",
        "customerId": "1001",
        "deviceId": KNOWN_TO_ALL.device_id,
        "status": "ACTIVE",
        "statusRaw": "active",
        "type": "operational",
    }


@pytest.mark.parametrize("number", [2**31, 10**18, -(2**40)])
async def test_a_number_beyond_graphql_s_int_is_null_and_no_error(gateway: Gateway, number: int) -> None:
    gateway.sandbox.world.change_profile(ICCID, id=number)

    data = await gateway.data(f'{{ profile(iccid: "{ICCID}") {{ number status }} }}')

    assert data["profile"] == {"number": None, "status": "ACTIVE"}


async def test_the_carrier_asked_for_and_the_one_reported_stand_side_by_side(gateway: Gateway) -> None:
    data = await gateway.data(f'{{ profile(iccid: "{SPN_MISMATCH.iccid}") {{ carrier }} }}')

    assert data["profile"]["carrier"] == "Mobile"
    assert SPN_MISMATCH.carrier == "Fred's Fast Wireless Service"


async def test_a_vendor_with_other_types_everywhere_breaks_no_other_branch(gateway: Gateway) -> None:
    """Each scalar of the answer is of another type: what can still be used is used."""
    gateway.sandbox.faults.script("wrong_types", "esimfly")

    answer = await gateway.ask(f'{{ esim(iccid: "{ICCID}") {{ liveStatus {{ iccid status }} profile {{ status }} }} }}')

    assert answer["data"]["esim"]["profile"] == {"status": "ACTIVE"}
    assert all(error["extensions"]["code"] == "UPSTREAM_BAD_RESPONSE" for error in answer.get("errors", []))


async def test_a_message_with_an_activation_code_is_shown_without_it(gateway: Gateway) -> None:
    transaction = next(iter(gateway.sandbox.world.transactions.values()))
    transaction.message = "Could not fetch LPA:1$rsp.example.com$SECRET-TOKEN now"

    data = await gateway.data(f'{{ transaction(vendorId: "{transaction.transaction}") {{ message }} }}')

    assert data["transaction"]["message"] == "Could not fetch *** now"


async def test_an_esim_of_digi_alone_is_still_an_esim(gateway: Gateway) -> None:
    answer = await gateway.ask(f"""{{ esim(iccid: "{DIGI_ONLY.iccid}") {{
        profile {{ carrier }} liveStatus {{ status }} bundleHistory {{ name }}
    }} }}""")

    assert answer["data"]["esim"] == {"profile": {"carrier": "csl"}, "liveStatus": None, "bundleHistory": None}
    assert [error["path"] for error in answer["errors"]] == [["esim", "bundleHistory"]]
