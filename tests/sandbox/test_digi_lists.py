"""Digi's lists: envelopes, pages, cursors, order, bulk CSV. Source: vendors page 001; upstreams §1.2, §1.4."""

import csv
import io

import pytest

from esim_graph.sandbox import ManualClock, Options, landmarks, serving
from sandbox.clients import Digi

ICCID = landmarks.KNOWN_TO_ALL.iccid
FIELDS = ["carrier", "customer_id", "device_id", "eid", "iccid", "id", "normalized_carrier", "status", "type"]


@pytest.mark.parametrize(("shape", "key"), [("map", "apis"), ("list", "list")])
async def test_the_summary_names_the_apis(sandbox, digi, shape, key):
    sandbox.switches.digi.summary = shape

    answer = await digi.get()

    assert "/ws/v1/esim_profiles/inventory" in answer.text
    assert key in answer.json


@pytest.mark.parametrize("shape", ["bare", "wrapped"])
async def test_one_profile_is_bare_or_wrapped(sandbox, digi, shape):
    sandbox.switches.digi.single_get = shape

    content = (await digi.get(f"/inventory/{ICCID}")).json

    row = content if shape == "bare" else content["list"][0]
    assert row["iccid"] == ICCID
    assert sorted(row) == FIELDS


async def test_an_unknown_profile_is_404(digi):
    answer = await digi.get("/inventory/8900000000000000000")

    assert answer.status == 404
    assert answer.json["error_status"] == 404


@pytest.mark.parametrize("iccid", [landmarks.FOREIGN.iccid, landmarks.ESIMFLY_ONLY.iccid, landmarks.ESIMGO_ONLY.iccid])
async def test_what_other_vendors_know_is_absent(digi, iccid):
    assert await digi.found(f"iccid = '{iccid}'") == []


async def test_identifiers_are_strings(digi):
    row = await digi.profile(ICCID)

    assert isinstance(row["iccid"], str)
    assert isinstance(row["eid"], str)


@pytest.mark.parametrize(("kind", "value"), [("integer", 1001), ("string", "1001")])
async def test_the_customer_is_a_number_or_a_string(sandbox, digi, kind, value):
    sandbox.switches.digi.customer_id = kind

    assert (await digi.profile(ICCID))["customer_id"] == value


@pytest.mark.parametrize("shown", [True, False])
async def test_a_list_says_its_size_or_not(sandbox, digi, shown):
    sandbox.switches.digi.list_size = shown

    content = (await digi.get("/inventory", size=2)).json

    assert content["count"] == len(content["list"]) == 2
    assert content.get("size") == (2 if shown else None)


@pytest.mark.parametrize("empty", ["null", "absent"])
async def test_a_field_without_value_is_null_or_absent(sandbox, digi, empty):
    sandbox.switches.digi.empty_values = empty

    row = (await digi.found("status = 'complete'", "/transactions/inventory"))[0]

    assert ("message_code" in row) is (empty == "null")
    assert row.get("message_code") is None


async def test_pages_follow_each_other_to_the_end(sandbox, digi):
    seen, query = [], {"size": 10, "orderby": "asc iccid"}
    while True:
        page = (await digi.get("/inventory", **query)).json
        seen += [row["iccid"] for row in page["list"]]
        if "cursor" not in page:
            break
        query["cursor"] = page["cursor"]

    assert seen == sorted(sandbox.world.profiles)


@pytest.mark.parametrize("offered", [False, True])
async def test_a_full_last_page_has_a_cursor_or_none(sandbox, digi, offered):
    sandbox.switches.digi.cursor_after_full_last_page = offered
    total = len(sandbox.world.profiles)

    page = (await digi.get("/inventory", size=total)).json

    assert ("cursor" in page) is offered
    if offered:
        following = (await digi.get("/inventory", size=total, cursor=page["cursor"])).json
        assert following["list"] == []
        assert following["count"] == 0


@pytest.mark.parametrize(("binding", "status"), [("strict", 400), ("loose", 200)])
async def test_a_cursor_belongs_to_its_parameters(sandbox, digi, binding, status):
    sandbox.switches.digi.cursor_binding = binding
    cursor = (await digi.get("/inventory", size=5)).json["cursor"]

    answer = await digi.get("/inventory", size=5, cursor=cursor, query="status = 'active'")

    assert answer.status == status


@pytest.mark.parametrize("path", ["/inventory", "/operations/inventory"])
async def test_a_cursor_of_another_list_is_none(digi, path):
    cursor = (await digi.get("/transactions/inventory", size=5)).json["cursor"]

    assert (await digi.get(path, size=5, cursor=cursor)).status == 400


@pytest.mark.parametrize("size", ["0", "-1", "x", "1.5", "²"])
async def test_a_size_that_is_none_is_400(digi, size):
    assert (await digi.get("/inventory", size=size)).status == 400


@pytest.mark.parametrize(("answer", "status"), [("refuse", 400), ("clamp", 200)])
async def test_more_than_a_thousand_is_refused_or_clamped(sandbox, digi, answer, status):
    sandbox.switches.digi.size_over_maximum = answer

    response = await digi.get("/inventory", size=1001)

    assert response.status == status
    if status == 200:
        assert response.json["size"] == 1000


async def test_many_iccids_are_one_query(sandbox, digi):
    wanted = list(sandbox.world.profiles)[:20]

    rows = await digi.found(" or ".join(f"iccid='{iccid}'" for iccid in wanted))

    assert {row["iccid"] for row in rows} == set(wanted)


async def test_a_bad_query_is_400_in_the_vendors_words(digi):
    answer = await digi.get("/inventory", query="type equals 'EX50'")

    assert answer.json == {
        "error_status": 400,
        "error_message": "Invalid input 'q', expected 'n/N' (line 1, pos 7):\ntype equals 'EX50'\n      ^",
    }


async def test_an_unknown_field_is_400(digi):
    assert (await digi.get("/inventory", query="nonsense = 'x'")).status == 400


async def test_descending_order(digi):
    rows = (await digi.get("/transactions/inventory", orderby="desc created", size=50)).json["list"]

    created = [row["created"] for row in rows]
    assert created == sorted(created, reverse=True)


@pytest.mark.parametrize(("understood", "status"), [(False, 400), (True, 200)])
async def test_the_field_first_order_is_understood_or_not(sandbox, digi, understood, status):
    sandbox.switches.digi.orderby_field_first = understood

    assert (await digi.get("/inventory", orderby="iccid desc")).status == status


@pytest.mark.parametrize("orderby", ["nonsense", "desc", "desc nonsense", "desc iccid eid"])
async def test_an_order_that_is_none_is_400(digi, orderby):
    assert (await digi.get("/inventory", orderby=orderby)).status == 400


async def test_bulk_is_csv_of_every_profile(sandbox, digi):
    answer = await digi.get("/bulk")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert {row["iccid"] for row in rows} == set(sandbox.world.profiles)
    assert list(rows[0]) == FIELDS
    assert "Truncated" not in answer.headers


async def test_bulk_quotes_commas(sandbox, digi):
    sandbox.world.change_profile(ICCID, carrier='Daffy, "Duck"')

    answer = await digi.get("/bulk", fields="iccid,carrier", query=f"iccid='{ICCID}'")

    assert list(csv.reader(io.StringIO(answer.text))) == [["iccid", "carrier"], [ICCID, 'Daffy, "Duck"']]


async def test_an_unknown_bulk_field_is_400(digi):
    assert (await digi.get("/bulk", fields="iccid,nonsense")).status == 400


@pytest.mark.parametrize("truncates", [True, False])
async def test_bulk_cut_by_size_says_so_or_not(sandbox, digi, truncates):
    sandbox.switches.digi.size_truncates_bulk = truncates

    answer = await digi.get("/bulk", size=3)

    assert len(answer.text.splitlines()) == 4
    assert ("Truncated" in answer.headers) is truncates


@pytest.mark.parametrize("value", ["true", "20000"])
async def test_bulk_stops_at_twenty_thousand(session, value):
    async with serving(Options(devices=16_000), clock=ManualClock()) as large:
        large.switches.digi.truncated_value = value

        answer = await Digi(session, large).get("/bulk", fields="iccid")

    assert len(answer.text.splitlines()) == 20_001
    assert answer.headers["Truncated"] == value


async def test_another_path_is_404_in_the_vendors_form(digi):
    answer = await digi.get("/nonsense")

    assert answer.json == {"error_status": 404, "error_message": "Not Found"}
