"""The four actions and their transactions. Source: vendors page 001; upstreams §1.7, §7.1.6, §7.1.7."""

import pytest

from esim_graph.sandbox import landmarks

ENABLE = landmarks.READY_TO_ENABLE
DOWNLOAD = landmarks.READY_TO_DOWNLOAD
LONGEST = 600
CHECKED = 160  # longer than the system waits between its own checks
REPORTED = 50  # longer than a device takes to report


async def started(digi, action="enable", mark=ENABLE, **more):
    """Start an action and return its transaction id."""
    payload = {"device_id": mark.device_id, "iccid": mark.iccid} | more
    answer = await digi.post(f"/{action}", **{key: value for key, value in payload.items() if value})
    assert answer.status == 200, answer.text
    return answer.json["transaction"]


async def listed(digi, transaction):
    return (await digi.found(f"transaction = '{transaction}'", "/transactions/inventory"))[0]


async def progress(digi, transaction):
    return (await digi.get(f"/progress/{transaction}")).json


async def test_an_accepted_action_is_in_progress(digi):
    transaction = await started(digi)

    row = await progress(digi, transaction)
    assert (row["status"], row["action"], row["iccid"], row["eid"]) == (
        "in_progress",
        "enable",
        ENABLE.iccid,
        ENABLE.eid,
    )


async def test_it_takes_at_least_three_minutes(sandbox, digi):
    transaction = await started(digi)

    sandbox.world.advance(179)

    assert (await progress(digi, transaction))["status"] == "in_progress"


async def test_it_is_over_in_ten(sandbox, digi):
    transaction = await started(digi)

    sandbox.world.advance(LONGEST)

    assert (await progress(digi, transaction))["status"] == "complete"


@pytest.mark.parametrize(("interval", "status"), [(0, "in_progress"), (150, "complete")])
async def test_reading_the_list_checks_nothing_but_the_system_does(sandbox, digi, interval, status):
    sandbox.switches.digi.system_check_interval = interval
    transaction = await started(digi)

    sandbox.world.advance(LONGEST + CHECKED)

    assert (await listed(digi, transaction))["status"] == status


async def test_progress_checks_at_once_what_the_list_then_shows(sandbox, digi):
    sandbox.switches.digi.system_check_interval = 0
    transaction = await started(digi)
    sandbox.world.advance(LONGEST)

    await progress(digi, transaction)

    assert (await listed(digi, transaction))["status"] == "complete"


@pytest.mark.parametrize(("lag", "status"), [(45, "inactive"), (0, "active")])
async def test_the_profile_changes_only_when_the_device_reports(sandbox, digi, lag, status):
    sandbox.switches.digi.report_lag = lag
    transaction = await started(digi)
    sandbox.world.advance(LONGEST)

    assert (await progress(digi, transaction))["status"] == "complete"

    assert (await digi.profile(ENABLE.iccid))["status"] == status
    sandbox.world.advance(REPORTED)
    assert (await digi.profile(ENABLE.iccid))["status"] == "active"


async def test_enabling_turns_the_other_profile_off(sandbox, digi):
    await started(digi)

    sandbox.world.advance(LONGEST + CHECKED + REPORTED)

    rows = await digi.found(f"eid = '{ENABLE.eid}'")
    assert [row["iccid"] for row in rows if row["status"] == "active"] == [ENABLE.iccid]


async def test_disabling_leaves_no_profile_active(sandbox, digi):
    mark = landmarks.KNOWN_TO_ALL
    await started(digi, "disable", mark)

    sandbox.world.advance(LONGEST + CHECKED + REPORTED)

    assert (await digi.profile(mark.iccid))["status"] == "inactive"


async def test_deleting_removes_the_row_and_frees_the_code(sandbox, digi):
    await started(digi, "delete")

    sandbox.world.advance(LONGEST + CHECKED + REPORTED)

    assert await digi.profile(ENABLE.iccid) is None
    assert ENABLE.iccid in sandbox.world.codes


async def test_a_deleted_profile_may_reappear_on_another_esim(sandbox, digi):
    await started(digi, "delete")
    sandbox.world.advance(LONGEST + CHECKED + REPORTED)

    await started(digi, "download", ENABLE, device_id=DOWNLOAD.device_id)
    sandbox.world.advance(LONGEST + CHECKED + REPORTED)

    assert (await digi.profile(ENABLE.iccid))["eid"] == DOWNLOAD.eid


async def test_a_download_by_code_adds_an_inactive_profile(sandbox, digi):
    transaction = await started(digi, "download", DOWNLOAD, iccid=None, activation_code=DOWNLOAD.activation_code)
    assert (await progress(digi, transaction))["iccid"] is None

    sandbox.world.advance(LONGEST)
    assert (await progress(digi, transaction))["iccid"] == DOWNLOAD.iccid
    assert await digi.profile(DOWNLOAD.iccid) is None

    sandbox.world.advance(REPORTED)
    row = await digi.profile(DOWNLOAD.iccid)
    assert (row["status"], row["eid"], row["id"]) == ("inactive", DOWNLOAD.eid, 2)


async def test_a_code_without_its_prefix_is_the_same_code(sandbox, digi):
    bare = str(DOWNLOAD.activation_code).removeprefix("LPA:")
    transaction = await started(digi, "download", DOWNLOAD, iccid=None, activation_code=bare)

    sandbox.world.advance(LONGEST)

    assert (await progress(digi, transaction))["status"] == "complete"


async def test_a_code_is_used_up(sandbox, digi):
    await started(digi, "download", DOWNLOAD, iccid=None, activation_code=DOWNLOAD.activation_code)
    sandbox.world.advance(LONGEST + CHECKED)

    again = await started(digi, "download", DOWNLOAD, iccid=None, activation_code=DOWNLOAD.activation_code)
    sandbox.world.advance(LONGEST)

    row = await progress(digi, again)
    assert (row["status"], row["message_code"]) == ("failed", "MATCHING_ID_REFUSED")


async def test_a_code_that_is_not_registered_cannot_be_downloaded_by_iccid(sandbox, digi):
    transaction = await started(digi, "download", DOWNLOAD)

    sandbox.world.advance(LONGEST)

    assert (await progress(digi, transaction))["status"] == "failed"


async def test_two_profiles_downloaded_by_registered_iccid(sandbox, digi):
    first, second = [code.iccid for code in sandbox.world.codes.values() if code.registered][:2]
    for iccid in (first, second):
        await started(digi, "download", DOWNLOAD, iccid=iccid)

    sandbox.world.advance(LONGEST + CHECKED + REPORTED)

    rows = await digi.found(f"eid = '{DOWNLOAD.eid}'")
    assert sorted(row["id"] for row in rows) == [1, 2, 3]


async def test_a_failing_device_says_why(sandbox, digi):
    mark = landmarks.ACTIONS_FAIL
    transaction = await started(digi, "disable", mark)

    sandbox.world.advance(LONGEST)

    row = await progress(digi, transaction)
    assert row["status"] == "failed"
    assert row["message_code"] == "DEVICE_NOT_RESPONDING"
    assert row["message"]
    assert (await digi.profile(mark.iccid))["status"] == "active"


async def test_unknown_becomes_complete_later(sandbox, digi):
    transaction = await started(digi, "disable", landmarks.UNKNOWN_FIRST)
    sandbox.world.advance(LONGEST)
    assert (await progress(digi, transaction))["status"] == "unknown"

    sandbox.world.advance(300)

    assert (await progress(digi, transaction))["status"] == "complete"


async def test_a_profile_that_is_not_there_fails(sandbox, digi):
    transaction = await started(digi, "enable", ENABLE, iccid=landmarks.DIGI_ONLY.iccid)

    sandbox.world.advance(LONGEST)

    assert (await progress(digi, transaction))["message_code"] == "PROFILE_NOT_FOUND"


@pytest.mark.parametrize(("rule", "status"), [("fails", "failed"), ("completes", "complete")])
async def test_deleting_the_active_profile(sandbox, digi, rule, status):
    sandbox.switches.digi.delete_active = rule
    transaction = await started(digi, "delete", landmarks.KNOWN_TO_ALL)

    sandbox.world.advance(LONGEST)

    assert (await progress(digi, transaction))["status"] == status


@pytest.mark.parametrize(("rule", "status"), [("fails", "failed"), ("completes", "complete")])
async def test_enabling_the_active_profile(sandbox, digi, rule, status):
    sandbox.switches.digi.enable_active = rule
    transaction = await started(digi, "enable", landmarks.KNOWN_TO_ALL)

    sandbox.world.advance(LONGEST)

    assert (await progress(digi, transaction))["status"] == status


async def test_updated_follows_created(sandbox, digi, clock):
    transaction = await started(digi)
    clock.advance(LONGEST)

    row = await progress(digi, transaction)

    assert row["updated"] > row["created"]


async def test_the_network_follows_the_device(sandbox, digi, esimfly):
    """Three vendors, one eSIM: what Digi disables, eSIMfly sees disabled."""
    mark = landmarks.KNOWN_TO_ALL
    await started(digi, "disable", mark)

    sandbox.world.advance(LONGEST + CHECKED + REPORTED)
    await digi.get()  # somebody looks

    assert (await esimfly.status(iccid=mark.iccid)).json["data"]["profile"] == "Disabled"


@pytest.mark.parametrize("shape", ["transaction", "row", "list"])
async def test_an_accepted_action_answers_in_three_ways(sandbox, digi, shape):
    sandbox.switches.digi.action_answer = shape

    content = (await digi.post("/enable", device_id=ENABLE.device_id, iccid=ENABLE.iccid)).json

    row = content["list"][0] if shape == "list" else content
    assert row["transaction"] in sandbox.world.transactions
    assert ("status" in row) is (shape == "row")


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_acceptance_has_any_success_status(sandbox, digi, status):
    sandbox.switches.digi.accepted_status = status

    answer = await digi.post("/enable", device_id=ENABLE.device_id, iccid=ENABLE.iccid)

    assert answer.status == status


@pytest.mark.parametrize(("kind", "type_"), [("uuid", str), ("integer", int)])
async def test_identifiers_are_strings_or_numbers(sandbox, digi, kind, type_):
    sandbox.switches.digi.identifiers = kind

    transaction = await started(digi)

    assert isinstance(transaction, type_)
    assert (await progress(digi, transaction))["transaction"] == transaction
    assert (await listed(digi, transaction))["transaction"] == transaction


async def test_an_unknown_transaction_is_404(digi):
    assert (await digi.get("/progress/nonsense")).status == 404


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("enable", {}),
        ("enable", {"device_id": "FF123456", "iccid": "89"}),
        ("enable", {"device_id": ENABLE.device_id}),
        ("enable", {"device_id": ENABLE.device_id, "iccid": 8948010010036785060}),
        ("enable", {"device_id": ENABLE.device_id, "iccid": ENABLE.iccid, "eid": DOWNLOAD.eid}),
        ("disable", {"device_id": ENABLE.device_id, "activation_code": "1$a$b"}),
        ("download", {"device_id": ENABLE.device_id}),
        ("download", {"device_id": ENABLE.device_id, "iccid": "89", "activation_code": "1$a$b"}),
    ],
)
async def test_what_breaks_the_rules_is_400(sandbox, digi, action, payload):
    before = len(sandbox.world.transactions)

    answer = await digi.post(f"/{action}", **payload)

    assert answer.status == 400
    assert len(sandbox.world.transactions) == before


async def test_a_body_that_is_no_object_is_400(digi):
    assert (await digi.send("POST", "/enable", headers=digi.keys, data=b"[]")).status == 400


@pytest.mark.parametrize("status", [400, 404])
async def test_an_unknown_device_is_refused(sandbox, digi, status):
    sandbox.switches.digi.unknown_device_status = status

    answer = await digi.post("/enable", device_id="00000000-00000000-00000000-00000000", iccid=ENABLE.iccid)

    assert answer.status == status


@pytest.mark.parametrize(("required", "status"), [(False, 200), (True, 400)])
async def test_the_eid_is_required_or_not(sandbox, digi, required, status):
    sandbox.switches.digi.eid_required = required

    assert (await digi.post("/enable", device_id=ENABLE.device_id, iccid=ENABLE.iccid)).status == status


@pytest.mark.parametrize(("rule", "status"), [("refuse", 400), ("fail", 200)])
async def test_a_code_that_is_none_is_refused_or_fails(sandbox, digi, rule, status):
    sandbox.switches.digi.malformed_code = rule

    answer = await digi.post("/download", device_id=ENABLE.device_id, activation_code="nonsense")

    assert answer.status == status
    if status == 200:
        sandbox.world.advance(LONGEST)
        assert (await progress(digi, answer.json["transaction"]))["status"] == "failed"
