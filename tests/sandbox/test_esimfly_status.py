"""The live status and the stored list. Source: vendors page 002; upstreams §2.5, §2.6, §7.2."""

from typing import Any

import pytest

from esim_graph.sandbox import landmarks

ICCID = landmarks.KNOWN_TO_ALL.iccid
NEVER_CONNECTED = landmarks.UNKNOWN_FIRST.iccid

SAMPLE: dict[str, Any] = {
    "success": True,
    "message": "Live eSIM status retrieved",
    "data": {
        "iccid": "8948010010036785060",
        "status": "ACTIVE",
        "esim_status": "Active",
        "smdp_status": "AFFECTED",
        "profile": "Enabled",
        "unlimited": False,
        "last_network": {
            "operator": "Optus",
            "mcc": "505",
            "mnc": "2",
            "country": "Australia",
            "country_iso2": "AU",
            "connection_type": "4G - LTE",
        },
        "device": {"model": "GTF7P", "imei": "350000000000000"},
        "activation_date": "2026-06-26T14:34:40.000Z",
        "last_usage_date": "2026-06-26T14:35:21.000Z",
        "expiry_date": "2026-07-26T14:34:40.000Z",
        "data_usage": {"used_gb": 0, "total_gb": 1, "unlimited": False},
    },
}


async def test_the_documented_esim_answers_the_documented_sample(esimfly):
    assert (await esimfly.status(iccid=ICCID)).json == SAMPLE


async def test_whole_gigabytes_have_no_fraction(esimfly):
    assert '"used_gb":0,"total_gb":1,' in (await esimfly.status(iccid=ICCID)).text


async def test_an_esim_id_finds_the_same_esim(sandbox, esimfly):
    esim_id = sandbox.world.live.live(ICCID).esim_id

    assert (await esimfly.status(esimId=esim_id)).json == SAMPLE


async def test_iccid_wins_over_esim_id(sandbox, esimfly):
    other = sandbox.world.live.live(landmarks.ESIMFLY_ONLY.iccid).esim_id

    assert (await esimfly.status(iccid=ICCID, esimId=other)).json["data"]["iccid"] == ICCID


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"nonsense",
        b'{"iccid":""}',
        b'{"iccid":8948010010036785060}',
        b'{"esimId":"1"}',
        b'{"esimId":true}',
    ],
)
async def test_no_identifier_is_400(esimfly, body):
    answer = await esimfly.ask(body)

    assert (answer.status, answer.json) == (
        400,
        {"success": False, "message": "Provide either iccid or esimId", "code": "MISSING_IDENTIFIER"},
    )


async def test_a_foreign_esim_is_403(esimfly):
    answer = await esimfly.status(iccid=landmarks.FOREIGN.iccid)

    assert (answer.status, answer.json) == (
        403,
        {"success": False, "message": "You do not have permission to access this eSIM", "code": "FORBIDDEN"},
    )


@pytest.mark.parametrize("payload", [{"iccid": landmarks.DIGI_ONLY.iccid}, {"esimId": 1}])
async def test_an_unknown_esim_is_404(esimfly, payload):
    answer = await esimfly.status(**payload)

    assert (answer.status, answer.json) == (
        404,
        {"success": False, "message": "eSIM not found", "code": "ESIM_NOT_FOUND"},
    )


async def test_a_network_that_is_away_is_502(esimfly):
    answer = await esimfly.status(iccid=landmarks.PROVIDER_ERROR.iccid)

    assert (answer.status, answer.json) == (
        502,
        {
            "success": False,
            "message": "Failed to fetch live status from the provider",
            "code": "PROVIDER_ERROR",
        },
    )


@pytest.mark.parametrize(("every", "statuses"), [(0, [200] * 4), (2, [200, 502, 200, 502])])
async def test_the_network_is_away_now_and_then(sandbox, esimfly, every, statuses):
    sandbox.switches.esimfly.provider_error_every = every

    assert [(await esimfly.status(iccid=ICCID)).status for _ in range(4)] == statuses


@pytest.mark.parametrize("form", ["null_members", "null_object"])
async def test_an_esim_that_never_connected_has_no_network_and_no_device(sandbox, esimfly, form):
    sandbox.switches.esimfly.never_connected = form

    data = (await esimfly.status(iccid=NEVER_CONNECTED)).json["data"]

    assert data["activation_date"] is None
    if form == "null_object":
        assert (data["last_network"], data["device"]) == (None, None)
    else:
        assert set(data["last_network"]) == set(SAMPLE["data"]["last_network"])
        assert set(data["last_network"].values()) | set(data["device"].values()) == {None}


@pytest.mark.parametrize("form", ["null", "absent"])
async def test_an_unknown_profile_is_null_or_absent(sandbox, esimfly, form):
    sandbox.switches.esimfly.unknown_profile = form

    data = (await esimfly.status(iccid=NEVER_CONNECTED)).json["data"]

    assert ("profile" in data) is (form == "null")
    assert data.get("profile") is None


async def test_an_unlimited_plan_has_no_total(esimfly):
    usage = (await esimfly.status(iccid=landmarks.FAILS_AFTER_DOWNLOAD.iccid)).json["data"]["data_usage"]

    assert (usage["unlimited"], usage["total_gb"]) == (True, None)


async def test_a_changed_value_shows_in_the_next_answer(sandbox, esimfly):
    await esimfly.status(iccid=ICCID)

    sandbox.world.live.live(ICCID).used_gb = 0.5

    assert (await esimfly.status(iccid=ICCID)).json["data"]["data_usage"]["used_gb"] == 0.5


async def test_the_list_is_stored_until_a_live_call_refreshes_it(sandbox, esimfly):
    sandbox.world.live.live(ICCID).used_gb = 0.5
    before = (await esimfly.esims(search=ICCID)).json["data"]["esims"][0]["data"]["used_mb"]

    await esimfly.status(iccid=ICCID)

    after = (await esimfly.esims(search=ICCID)).json["data"]["esims"][0]["data"]["used_mb"]
    assert (before, after) == (0, 512)


async def test_an_unlimited_plan_is_zero_megabytes_in_the_list(esimfly):
    item = (await esimfly.esims(search=landmarks.FAILS_AFTER_DOWNLOAD.iccid)).json["data"]["esims"][0]

    assert (item["data"]["total_mb"], item["data"]["is_unlimited"]) == (0, True)


@pytest.mark.parametrize("spelling", ["total_pages", "totalPages"])
async def test_the_list_pages(sandbox, esimfly, spelling):
    sandbox.switches.esimfly.total_pages = spelling

    data = (await esimfly.esims(page=2, limit=50)).json["data"]

    total = len(sandbox.world.live.known)
    assert data["pagination"] == {"page": 2, "limit": 50, "total": total, spelling: -(-total // 50)}
    assert len(data["esims"]) == 50


async def test_the_list_filters_by_status(esimfly):
    data = (await esimfly.esims(status="DEPLETED", limit=1000)).json["data"]

    assert {item["status"] for item in data["esims"]} == {"DEPLETED"}
    assert data["pagination"]["limit"] == 100


async def test_the_list_shows_no_activation_code(esimfly):
    assert "SANDBOX-" not in (await esimfly.esims(limit=100)).text
