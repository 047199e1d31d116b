"""Multistep operations. Source: vendors page 001 ("eSIM Multistep Operation Data"); upstreams §1.7, §7.1.8."""

import pytest

from esim_graph.sandbox import ManualClock, Options, landmarks, serving
from sandbox.clients import Digi

ACTIVATE = landmarks.READY_TO_ACTIVATE
ENABLE = landmarks.READY_TO_ENABLE
STEPS = ["starting", "download", "download_verify", "enable", "enable_verify", "successful"]
OVER = 610


async def started(digi, mark=ACTIVATE, operation="activate", **more):
    """Start an operation by the landmark's carrier, and return its row."""
    payload = {"operation": operation, "device_id": mark.device_id, "carrier": mark.carrier} | more
    answer = await digi.post("/operations/inventory", **{key: value for key, value in payload.items() if value})
    assert answer.status == 200, answer.text
    return answer.json


async def read(digi, row):
    return (await digi.get(f"/operations/inventory/{row['id']}")).json


async def steps_of(sandbox, digi, row):
    """Return every status seen when looking each second, and how many seconds it lasted."""
    lasted: dict[str, int] = {}
    for _ in range(700):
        status = (await read(digi, row))["status"]
        lasted[status] = lasted.get(status, 0) + 1
        if status in ("successful", "failed"):
            break
        sandbox.world.advance(1)
    return lasted


async def test_an_activation_passes_every_step_in_three_to_ten_minutes(sandbox, digi):
    row = await started(digi)

    lasted = await steps_of(sandbox, digi, row)

    assert list(lasted) == STEPS
    running = list(lasted.values())[:-1]
    assert all(seconds >= 40 for seconds in running)
    assert 180 <= sum(running) <= 601


@pytest.mark.parametrize("seed", range(5))
async def test_the_bounds_hold_for_every_seed(session, seed):
    clock = ManualClock()
    async with serving(Options(seed=seed, devices=0), clock=clock) as sandbox:
        sandbox.switches.digi.throttle_window_calls = 0
        digi = Digi(session, sandbox)
        row = await started(digi, ENABLE, "enable")

        sandbox.world.advance(179)
        early = (await read(digi, row))["status"]
        sandbox.world.advance(422)

        assert early != "successful"
        assert (await read(digi, row))["status"] == "successful"


async def test_no_polling_is_needed(sandbox, digi):
    row = await started(digi)

    sandbox.world.advance(OVER)

    assert (await read(digi, row))["status"] == "successful"


async def test_the_profile_is_chosen_after_the_start(sandbox, digi):
    row = await started(digi)
    assert row["iccid"] is None

    sandbox.world.advance(61)

    assert (await read(digi, row))["iccid"] == ACTIVATE.iccid


async def test_transactions_fill_in_one_by_one(sandbox, digi):
    row = await started(digi)
    assert (row["download_tx"], row["enable_tx"]) == (None, None)

    sandbox.world.advance(61)
    row = await read(digi, row)
    inside = await digi.found(f"transaction = '{row['download_tx']}'", "/transactions/inventory")
    assert (inside[0]["action"], inside[0]["status"], row["enable_tx"]) == ("download", "in_progress", None)

    sandbox.world.advance(OVER)
    row = await read(digi, row)
    both = await digi.found(
        f"transaction = '{row['download_tx']}' or transaction = '{row['enable_tx']}'", "/transactions/inventory"
    )
    assert [(inside["action"], inside["status"]) for inside in both] == [
        ("download", "complete"),
        ("enable", "complete"),
    ]


async def test_the_end_is_an_active_profile_and_no_other(sandbox, digi):
    await started(digi)

    sandbox.world.advance(OVER)

    rows = await digi.found(f"eid = '{ACTIVATE.eid}'")
    assert {row["iccid"]: row["status"] for row in rows}[ACTIVATE.iccid] == "active"
    assert sum(row["status"] == "active" for row in rows) == 1


async def test_the_downloaded_profile_is_reported_when_its_verification_ends(sandbox, digi):
    row = await started(digi)
    operation = sandbox.world.operations[row["id"]]

    sandbox.multistep.change(operation, "download_verify", None, None)
    before = await digi.profile(ACTIVATE.iccid)
    sandbox.multistep.change(operation, "enable", None, None)

    assert before is None
    assert (await digi.profile(ACTIVATE.iccid))["status"] == "inactive"


async def test_a_profile_on_the_device_is_only_enabled(sandbox, digi):
    row = await started(digi, ENABLE)

    lasted = await steps_of(sandbox, digi, row)

    assert list(lasted) == ["starting", "enable", "enable_verify", "successful"]
    assert (await digi.profile(ENABLE.iccid))["status"] == "active"


async def test_a_download_stops_before_enabling(sandbox, digi):
    row = await started(digi, ACTIVATE, "download")

    lasted = await steps_of(sandbox, digi, row)

    assert list(lasted) == ["starting", "download", "download_verify", "successful"]
    assert (await digi.profile(ACTIVATE.iccid))["status"] == "inactive"


async def test_an_iccid_may_say_which_profile(sandbox, digi):
    row = await started(digi, ACTIVATE, carrier=None, iccid=ACTIVATE.iccid)

    sandbox.world.advance(OVER)

    assert (await read(digi, row))["status"] == "successful"


async def test_two_operations_take_two_codes(sandbox, digi):
    first, second = await started(digi), await started(digi, landmarks.READY_TO_DOWNLOAD, carrier=ACTIVATE.carrier)

    sandbox.world.advance(OVER)

    first, second = await read(digi, first), await read(digi, second)
    assert (first["status"], second["status"]) == ("successful", "successful")
    assert first["iccid"] != second["iccid"]


async def test_a_supplier_name_takes_another_profile(sandbox, digi):
    """Vendors page 001, Warning: the system sees only the reported SPN."""
    mark = landmarks.SPN_MISMATCH

    row = await started(digi, mark)
    sandbox.world.advance(OVER)

    row = await read(digi, row)
    assert row["status"] == "successful"
    assert row["iccid"] != mark.iccid
    assert row["carrier"] == "Fred's Fast Wireless Service"
    assert (await digi.profile(row["iccid"]))["carrier"] == "Mobile"


@pytest.mark.parametrize("carrier", ["Nobody's Network", "Play' or carrier <> '"])
async def test_a_carrier_nobody_has_fails(sandbox, digi, carrier):
    row = await started(digi, carrier=carrier)

    sandbox.world.advance(61)

    row = await read(digi, row)
    assert (row["status"], row["message_code"], row["iccid"]) == ("failed", "NO_MATCHING_PROFILE", None)


async def test_one_device_fails_after_the_download(sandbox, digi):
    row = await started(digi, landmarks.FAILS_AFTER_DOWNLOAD)

    lasted = await steps_of(sandbox, digi, row)

    row = await read(digi, row)
    inside = await digi.found(f"transaction = '{row['enable_tx']}'", "/transactions/inventory")
    assert list(lasted) == ["starting", "download", "download_verify", "enable", "failed"]
    assert (row["message_code"], inside[0]["status"]) == ("ENABLE_REFUSED", "failed")
    assert (await digi.profile(row["iccid"]))["status"] == "inactive"


async def test_one_device_fails_everything(sandbox, digi):
    row = await started(digi, landmarks.ACTIONS_FAIL)

    sandbox.world.advance(OVER)

    assert (await read(digi, row))["status"] == "failed"


@pytest.mark.parametrize("shape", ["row", "id", "list"])
async def test_a_started_operation_answers_in_three_ways(sandbox, digi, shape):
    sandbox.switches.digi.operation_answer = shape

    content = await started(digi)

    row = content["list"][0] if shape == "list" else content
    assert row["id"] in sandbox.world.operations
    assert ("status" in row) is (shape != "id")


@pytest.mark.parametrize("kind", ["uuid", "integer"])
async def test_every_identifier_of_an_operation_is_of_one_kind(sandbox, digi, kind):
    sandbox.switches.digi.identifiers = kind
    row = await started(digi)
    sandbox.world.advance(OVER)

    row = await read(digi, row)

    kinds = {type(row[name]) for name in ("id", "download_tx", "enable_tx")}
    assert kinds == {str if kind == "uuid" else int}


@pytest.mark.parametrize("shape", ["bare", "wrapped"])
async def test_one_operation_is_bare_or_wrapped(sandbox, digi, shape):
    row = await started(digi)
    sandbox.switches.digi.single_get = shape

    content = await read(digi, row)

    assert (content if shape == "bare" else content["list"][0])["id"] == row["id"]


async def test_a_page_of_operations_by_query(digi):
    row = await started(digi)

    rows = await digi.found("status = 'STARTING' and cause = 'request'", "/operations/inventory")

    assert [found["id"] for found in rows] == [row["id"]]


async def test_an_unknown_operation_is_404(digi):
    assert (await digi.get("/operations/inventory/nonsense")).status == 404


@pytest.mark.parametrize(
    "payload",
    [
        {"device_id": ACTIVATE.device_id, "carrier": "Play"},
        {"operation": "explode", "device_id": ACTIVATE.device_id, "carrier": "Play"},
        {"operation": "activate", "carrier": "Play"},
        {"operation": "activate", "device_id": ACTIVATE.device_id},
    ],
)
async def test_what_breaks_the_rules_is_400(digi, payload):
    assert (await digi.post("/operations/inventory", **payload)).status == 400
