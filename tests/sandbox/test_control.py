"""The control API: everything a test can do in process, over HTTP."""

import asyncio

import pytest

from esim_graph.sandbox import landmarks

ICCID = landmarks.KNOWN_TO_ALL.iccid
ENABLE = landmarks.READY_TO_ENABLE
ACTIVATE = landmarks.READY_TO_ACTIVATE


async def transaction_of(digi):
    return (await digi.post("/enable", device_id=ENABLE.device_id, iccid=ENABLE.iccid)).json["transaction"]


async def operation_of(digi, mark=ACTIVATE):
    payload = {"operation": "activate", "device_id": mark.device_id, "carrier": mark.carrier}
    return (await digi.post("/operations/inventory", **payload)).json["id"]


async def test_the_index_names_every_route(control, sandbox):
    index = " ".join((await control.send("GET", "")).json["routes"])

    for path in (
        "faults",
        "calls",
        "switches",
        "landmarks",
        "time",
        "advance",
        "profiles",
        "transactions",
        "operations",
    ):
        assert f"/control/{path}" in index


async def test_a_fault_is_added_listed_and_removed(control, digi):
    added = await control.send("POST", "/faults", json={"kind": "status", "status": 503, "vendor": "digi"})
    struck = (await digi.get()).status
    listed = (await control.send("GET", "/faults")).json["faults"]
    removed = await control.send("DELETE", f"/faults/{added.json['id']}")

    assert (added.status, struck, removed.status) == (201, 503, 204)
    assert [(fault["id"], fault["struck"]) for fault in listed] == [(added.json["id"], 1)]
    assert (await digi.get()).status == 200


async def test_all_faults_are_cleared(control, digi, sandbox):
    sandbox.faults.status(500)

    assert (await control.send("DELETE", "/faults")).status == 204

    assert (await digi.get()).status == 200


async def test_held_calls_are_released(control, digi, sandbox):
    sandbox.faults.script("hold", "digi")
    waiting = asyncio.create_task(digi.get())
    await sandbox.calls.wait_for(1, "digi")

    await control.send("POST", "/faults/release")

    assert (await waiting).status == 200


@pytest.mark.parametrize(
    "body", ['{"kind": "nonsense"}', '{"kind": "status"}', '{"kind": "html", "typo": 1}', "[]", "x"]
)
async def test_a_fault_that_is_none_is_400_and_one_line(control, body):
    answer = await control.send("POST", "/faults", data=body)

    assert answer.status == 400
    assert "\n" not in answer.json["error"]


async def test_an_unknown_fault_is_404(control):
    assert (await control.send("DELETE", "/faults/99")).status == 404


async def test_calls_are_read_and_forgotten(control, digi, esimgo):
    await digi.get()
    await esimgo.history(ICCID)

    content = (await control.send("GET", "/calls?vendor=esimgo")).json
    await control.send("DELETE", "/calls")

    assert (content["count"], content["counts"]) == (1, {"digi": 1, "esimfly": 0, "esimgo": 1})
    assert content["most_in_flight"]["digi"] == 1
    assert (await control.send("GET", "/calls")).json["calls"] == []


async def test_calls_are_found_and_counted_by_what_they_mention(control, digi):
    await digi.get(f"/inventory/{ICCID}")
    await digi.get("/inventory")
    await digi.get("/inventory")

    mentioning = (await control.send("GET", f"/calls?mentions={ICCID}")).json
    newest = (await control.send("GET", "/calls?vendor=digi&last=1")).json
    numbers = (await control.send("GET", "/calls?last=0")).json

    assert (mentioning["count"], [call["endpoint"] for call in mentioning["calls"]]) == (1, ["profile"])
    assert (newest["count"], [call["endpoint"] for call in newest["calls"]]) == (3, ["inventory"])
    assert numbers["by_endpoint"] == {"digi": {"inventory": 2, "profile": 1}}
    assert numbers["calls"] == []


@pytest.mark.parametrize(
    "path", ["/calls?last=-1", "/calls?typo=1", "/transactions?since=soon", "/operations?action=x"]
)
async def test_a_parameter_that_is_none_is_400(control, path):
    assert (await control.send("GET", path)).status == 400


async def test_transactions_are_found_by_what_they_are(control, digi):
    identifier = await transaction_of(digi)

    here = f"/transactions?device_id={ENABLE.device_id}&iccid={ENABLE.iccid}"
    [row] = (await control.send("GET", f"{here}&action=enable&status=in_progress")).json["transactions"]
    none = (await control.send("GET", f"{here}&action=disable&status=in_progress")).json

    assert (row["transaction"], row["operation"], none["count"]) == (identifier, None, 0)
    assert "code" not in row


async def test_transactions_are_found_by_when_they_were_accepted(control, digi, sandbox):
    past = (await control.send("GET", "/transactions")).json["count"]
    since = sandbox.world.time.now().isoformat().replace("+", "%2B")
    await transaction_of(digi)

    assert (await control.send("GET", f"/transactions?since={since}")).json["count"] == 1
    assert (await control.send("GET", "/transactions")).json["count"] == past + 1


async def test_a_transaction_names_the_operation_that_it_is_a_step_of(control, digi):
    identifier = await operation_of(digi)
    await control.send("PATCH", f"/operations/{identifier}", json={"status": "download"})

    [row] = (await control.send("GET", f"/transactions?device_id={ACTIVATE.device_id}&status=in_progress")).json[
        "transactions"
    ]
    [operation] = (await control.send("GET", f"/operations?device_id={ACTIVATE.device_id}&status=download")).json[
        "operations"
    ]

    assert row["operation"] == operation["id"] == identifier


async def test_switches_are_read_and_flipped(control, digi):
    before = (await control.send("GET", "/switches")).json

    after = (await control.send("PATCH", "/switches", json={"digi": {"single_get": "wrapped"}})).json

    assert (before["digi"]["single_get"], after["digi"]["single_get"]) == ("bare", "wrapped")
    assert "list" in await digi.profile(ICCID)


@pytest.mark.parametrize("body", [{"digi": {"single_get": "x"}}, {"digi": {"typo": 1}}, {"nobody": {}}, {"digi": 1}])
async def test_a_wrong_switch_changes_nothing(control, sandbox, body):
    before = sandbox.switches.model_dump()

    answer = await control.send("PATCH", "/switches", json=body)

    assert answer.status == 400
    assert sandbox.switches.model_dump() == before


async def test_landmarks_are_listed(control):
    named = (await control.send("GET", "/landmarks")).json["landmarks"]

    assert {landmark["name"] for landmark in named} == {landmark.name for landmark in landmarks.LANDMARKS}


async def test_time_is_skipped(control, digi):
    transaction = await transaction_of(digi)

    answer = await control.send("POST", "/advance", json={"seconds": 600})

    assert answer.json["elapsed"] == 600
    assert (await control.send("GET", "/time")).json == answer.json
    assert (await digi.get(f"/progress/{transaction}")).json["status"] == "complete"


async def test_time_does_not_go_back(control):
    assert (await control.send("POST", "/advance", json={"seconds": -1})).status == 400


async def test_a_profile_changes_at_once(control, digi):
    await control.send("PATCH", f"/profiles/{ICCID}", json={"status": "sleeping", "carrier": "New"})

    row = await digi.profile(ICCID)
    assert (row["status"], row["carrier"]) == ("sleeping", "New")
    assert (await control.send("GET", f"/profiles/{ICCID}")).json["status"] == "sleeping"


async def test_a_profile_disappears(control, digi):
    await control.send("DELETE", f"/profiles/{ICCID}")

    assert await digi.profile(ICCID) is None


@pytest.mark.parametrize("changes", [{"iccid": "1"}, {"typo": 1}, {"id": "two"}])
async def test_a_wrong_change_of_a_profile_is_400(control, digi, changes):
    assert (await control.send("POST", f"/profiles/{ICCID}", json=changes)).status == 400


async def test_a_transaction_is_put_into_any_state_and_stays(control, digi, sandbox):
    transaction = await transaction_of(digi)

    state = {"status": "failed", "message": "No", "message_code": "NO"}
    await control.send("PATCH", f"/transactions/{transaction}", json=state)
    sandbox.world.advance(1200)

    row = (await digi.get(f"/progress/{transaction}")).json
    assert {name: row[name] for name in state} == state


async def test_a_transaction_made_complete_is_reported_by_the_device(control, digi, sandbox):
    transaction = await transaction_of(digi)

    await control.send("PATCH", f"/transactions/{transaction}", json={"status": "complete"})
    before = await digi.profile(ENABLE.iccid)
    sandbox.world.advance(60)

    assert before["status"] == "inactive"
    assert (await digi.profile(ENABLE.iccid))["status"] == "active"


async def test_reading_a_transaction_here_checks_nothing(control, digi, sandbox):
    sandbox.switches.digi.system_check_interval = 0
    transaction = await transaction_of(digi)
    sandbox.world.advance(600)

    shown = (await control.send("GET", f"/transactions/{transaction}")).json

    assert (shown["status"], shown["outcome"]["status"]) == ("in_progress", "complete")


async def test_an_operation_jumps_forward_with_what_lies_between(control, digi):
    operation = await operation_of(digi)

    await control.send("PATCH", f"/operations/{operation}", json={"status": "enable"})

    row = (await digi.get(f"/operations/inventory/{operation}")).json
    assert (row["status"], row["iccid"]) == ("enable", ACTIVATE.iccid)
    assert (await digi.get(f"/progress/{row['download_tx']}")).json["status"] == "complete"
    assert (await digi.get(f"/progress/{row['enable_tx']}")).json["status"] == "in_progress"
    assert (await digi.profile(ACTIVATE.iccid))["status"] == "inactive"


async def test_an_operation_stays_where_it_was_put(control, digi, sandbox):
    operation = await operation_of(digi)
    await control.send("PATCH", f"/operations/{operation}", json={"status": "download"})

    sandbox.world.advance(1200)

    assert (await digi.get(f"/operations/inventory/{operation}")).json["status"] == "download"


async def test_an_operation_jumps_to_its_end(control, digi):
    operation = await operation_of(digi)

    await control.send("PATCH", f"/operations/{operation}", json={"status": "successful"})

    assert (await digi.profile(ACTIVATE.iccid))["status"] == "active"


@pytest.mark.parametrize("status", ["failed", "rebooting"])
async def test_an_operation_takes_any_word(control, digi, status):
    operation = await operation_of(digi)

    await control.send("PATCH", f"/operations/{operation}", json={"status": status, "message_code": "X"})

    row = (await digi.get(f"/operations/inventory/{operation}")).json
    assert (row["status"], row["message_code"]) == (status, "X")
    assert (await control.send("GET", f"/operations/{operation}")).json["status"] == status


async def test_a_live_value_changes_in_part(control, esimfly):
    changes = {"used_gb": 0.5, "profile": None, "last_network": {"operator": "Telstra"}}

    await control.send("PATCH", f"/live/{ICCID}", json=changes)

    data = (await esimfly.status(iccid=ICCID)).json["data"]
    assert (data["data_usage"]["used_gb"], data["profile"]) == (0.5, None)
    assert (data["last_network"]["operator"], data["last_network"]["mcc"]) == ("Telstra", "505")


async def test_reading_a_live_value_here_is_no_live_call(control, sandbox):
    shown = (await control.send("GET", f"/live/{ICCID}")).json

    assert shown["status"] == "ACTIVE"
    assert sandbox.calls.count("esimfly") == 0


@pytest.mark.parametrize("changes", [{"used_gb": "much"}, {"iccid": "1"}, {"last_network": {"operator": 1}}])
async def test_a_wrong_live_value_is_400(control, changes):
    assert (await control.send("PATCH", f"/live/{ICCID}", json=changes)).status == 400


async def test_a_history_grows(control, esimgo):
    await control.send(
        "PATCH", f"/history/{ICCID}", json={"append": {"name": "Bundle Revoked", "bundle": "B", "state": "revoked"}}
    )

    row = (await esimgo.history(ICCID)).json[-1]
    assert (row["name"], row["bundleName"], row["bundleState"]) == ("Bundle Revoked", "B", "revoked")
    assert (await control.send("GET", f"/history/{ICCID}")).json["events"][-1]["bundle"] == "B"


async def test_a_history_can_be_processing(control, esimgo, clock):
    await control.send("PATCH", f"/history/{ICCID}", json={"processing_seconds": 30})

    busy = await esimgo.history(ICCID)
    clock.advance(30)

    assert (busy.status, busy.headers["Retry-After"]) == (503, "30")
    assert (await esimgo.history(ICCID)).status == 200


@pytest.mark.parametrize("path", ["profiles/1", "transactions/1", "operations/1", "live/1", "history/1", "nonsense"])
async def test_what_is_unknown_is_404(control, path):
    assert (await control.send("GET", f"/{path}")).status == 404
