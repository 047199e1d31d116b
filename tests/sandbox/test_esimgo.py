"""eSIM Go: history shapes, refusals, processing, list, refresh. Source: vendors page 003; upstreams §3, §7.3."""

import re

import pytest

from esim_graph.sandbox import ManualClock, Options, landmarks, serving
from sandbox.clients import Esimgo

SAMPLE = landmarks.ESIMGO_ONLY.iccid
ICCID = landmarks.KNOWN_TO_ALL.iccid


async def test_the_documented_esim_answers_the_documented_example(sandbox, esimgo):
    sandbox.switches.esimgo.history_extras = False

    answer = await esimgo.history(SAMPLE)

    assert answer.json == [
        {"name": "Bundle Applied", "bundleName": "A_BUNDLE_20GB_30D_EU_U", "date": "2023-04-07T00:50:31.618780311Z"},
        {"name": "Bundle Revoked", "bundleName": "A_BUNDLE_20GB_30D_EU_U", "date": "2023-04-07T00:50:31.618780311Z"},
    ]


@pytest.mark.parametrize("container", ["array", "actions", "history"])
async def test_the_events_come_in_a_container(sandbox, esimgo, container):
    sandbox.switches.esimgo.history_container = container

    content = (await esimgo.history(SAMPLE)).json

    rows = content if container == "array" else content[container]
    assert [row["name"] for row in rows] == ["Bundle Applied", "Bundle Revoked"]


async def test_a_lone_event_may_be_a_bare_object(sandbox, esimgo):
    sandbox.switches.esimgo.history_container = "object"
    events = sandbox.world.history.events(SAMPLE)

    several = (await esimgo.history(SAMPLE)).json
    del events[1:]
    lone = (await esimgo.history(SAMPLE)).json

    assert isinstance(several, list)
    assert lone["name"] == "Bundle Applied"


@pytest.mark.parametrize("spelling", ["bundleName", "bundle", "none"])
async def test_the_bundle_is_spelled_in_two_ways_or_missing(sandbox, esimgo, spelling):
    sandbox.switches.esimgo.bundle_spelling = spelling

    row = (await esimgo.history(SAMPLE)).json[0]

    assert {"bundleName", "bundle"} & set(row) == ({spelling} if spelling != "none" else set())


@pytest.mark.parametrize("extras", [True, False])
async def test_states_and_alerts_are_there_or_not(sandbox, esimgo, extras):
    sandbox.switches.esimgo.history_extras = extras
    keys = {
        key for iccid in sandbox.world.history.known[:20] for row in (await esimgo.history(iccid)).json for key in row
    }

    assert keys >= {"name", "date", "bundleName"}
    assert (keys >= {"bundleState", "alertType"}) is extras


@pytest.mark.parametrize(("form", "bundle"), [("absent", None), ("null", None), ("empty", "")])
async def test_an_event_of_the_esim_itself_has_no_bundle(sandbox, esimgo, form, bundle):
    sandbox.switches.esimgo.esim_level_bundle = form

    row = next(row for row in (await esimgo.history(ICCID)).json if row["name"] == "eSIM Updated")

    assert ("bundleName" in row) is (form != "absent")
    assert row.get("bundleName") == bundle


async def test_dates_have_nine_digits_and_repeat(esimgo):
    dates = [row["date"] for row in (await esimgo.history(ICCID)).json]

    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", date) for date in dates)
    assert dates == sorted(dates)
    assert len(set(dates)) < len(dates)


@pytest.mark.parametrize("status", [403, 400])
@pytest.mark.parametrize("iccid", [landmarks.FOREIGN.iccid, landmarks.DIGI_ONLY.iccid, "nonsense"])
async def test_an_unknown_or_foreign_iccid_is_never_404(sandbox, esimgo, iccid, status):
    sandbox.switches.esimgo.foreign_status = status

    answer = await esimgo.history(iccid)

    assert answer.status == status
    assert set(answer.json) == {"message"}


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer sandbox-esimgo-key"}])
async def test_a_bad_key_is_403(esimgo, headers):
    answer = await esimgo.send("GET", f"/esims/{ICCID}/history", headers=headers)

    assert answer.status == 403
    assert set(answer.json) == {"message"}


async def test_header_names_are_in_any_case(esimgo):
    answer = await esimgo.send("GET", f"/esims/{ICCID}/history", headers={"X-API-KEY": "sandbox-esimgo-key"})

    assert answer.status == 200


@pytest.mark.parametrize("header", [True, False])
async def test_a_processing_bundle_is_503_with_retry_after(sandbox, esimgo, header):
    sandbox.switches.esimgo.retry_after_header = header

    answer = await esimgo.history(landmarks.PROCESSING.iccid)

    assert answer.status == 503
    assert answer.headers.get("Retry-After") == ("600" if header else None)
    assert answer.json["message"].startswith("Processing")


async def test_processing_ends(sandbox, esimgo):
    sandbox.world.advance(600)

    assert (await esimgo.history(landmarks.PROCESSING.iccid)).status == 200


async def test_retry_after_is_real_seconds(session):
    async with serving(Options(devices=0, speed=60), clock=ManualClock()) as fast:
        answer = await Esimgo(session, fast).history(landmarks.PROCESSING.iccid)

    assert answer.headers["Retry-After"] == "10"


@pytest.mark.parametrize(("limit", "status"), [(0, 200), (2, 429)])
async def test_too_many_calls_are_429_without_retry_after(sandbox, esimgo, limit, status):
    sandbox.switches.esimgo.per_minute = limit
    for _ in range(2):
        await esimgo.history(ICCID)

    answer = await esimgo.history(ICCID)

    assert answer.status == status
    assert "Retry-After" not in answer.headers


async def test_a_refresh_disconnects_and_is_counted(sandbox, esimgo):
    answer = await esimgo.get(f"/esims/{ICCID}/refresh")

    assert answer.json == {"status": "Successfully refreshed SIM"}
    assert sandbox.world.history.refreshes == {ICCID: 1}
    assert (await esimgo.history(ICCID)).json[-1]["name"] == "eSIM Refreshed"


async def test_reading_a_history_refreshes_nothing(sandbox, esimgo):
    await esimgo.history(ICCID)

    assert sandbox.world.history.refreshes == {}


async def test_the_list_pages_without_totals(sandbox, esimgo):
    first, second = [(await esimgo.get("/esims", perPage=25, page=page)).json for page in (1, 2)]

    assert set(first) == {"esims"}
    assert [item["iccid"] for item in first["esims"] + second["esims"]] == sandbox.world.history.known[:50]


async def test_the_list_turns_round_and_filters(sandbox, esimgo):
    reverse = (await esimgo.get("/esims", direction="desc")).json["esims"]
    found = (await esimgo.get("/esims", filterBy="iccid", filter=ICCID)).json["esims"]

    assert reverse[0]["iccid"] == sandbox.world.history.known[-1]
    assert [item["iccid"] for item in found] == [ICCID]


@pytest.mark.parametrize("query", [{"perPage": 20}, {"perPage": "x"}, {"page": 0}, {"page": "²"}])
async def test_other_page_sizes_are_400(esimgo, query):
    assert (await esimgo.get("/esims", **query)).status == 400
