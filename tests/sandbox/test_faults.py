"""Every scripted fault, as a client meets it."""

import asyncio
import time

import aiohttp
import pytest
from pydantic import ValidationError

from esim_graph.sandbox import landmarks

ICCID = landmarks.KNOWN_TO_ALL.iccid
ENABLE = landmarks.READY_TO_ENABLE


async def test_a_status_in_each_vendors_form(sandbox, digi, esimfly, esimgo):
    sandbox.faults.status(500)

    answers = [await digi.get(), await esimfly.status(iccid=ICCID), await esimgo.history(ICCID)]

    assert [answer.status for answer in answers] == [500, 500, 500]
    assert [sorted(answer.json) for answer in answers] == [
        ["error_message", "error_status"],
        ["error", "success"],
        ["message"],
    ]


async def test_a_status_with_retry_after_headers_and_body(sandbox, esimgo):
    sandbox.faults.status(
        503, "esimgo", retry_after=30, headers={"X-More": "1"}, body="busy", content_type="text/plain"
    )

    answer = await esimgo.history(ICCID)

    assert (answer.status, answer.text) == (503, "busy")
    assert (answer.headers["Retry-After"], answer.headers["X-More"]) == ("30", "1")


async def test_a_redirect_can_be_scripted(sandbox, esimgo):
    sandbox.faults.status(302, "esimgo", headers={"Location": "http://127.0.0.1:1/"})

    answer = await esimgo.send("GET", "/esims", headers=esimgo.key, allow_redirects=False)

    assert (answer.status, answer.headers["Location"]) == (302, "http://127.0.0.1:1/")


async def test_times_limits_a_fault(sandbox, digi):
    sandbox.faults.status(429, "digi", times=2)

    assert [(await digi.get()).status for _ in range(3)] == [429, 429, 200]


async def test_only_limits_a_fault_to_one_iccid(sandbox, digi, esimfly, esimgo):
    sandbox.faults.status(500, only=ICCID)

    assert (await digi.get(f"/inventory/{ICCID}")).status == 500
    assert (await digi.get("/inventory", query=f"iccid = '{ICCID}'")).status == 500
    assert (await esimfly.status(iccid=ICCID)).status == 500
    assert (await digi.get("/inventory")).status == 200
    assert (await esimgo.history(landmarks.ESIMGO_ONLY.iccid)).status == 200


async def test_endpoint_limits_a_fault(sandbox, digi):
    sandbox.faults.status(500, "digi", "bulk")

    assert (await digi.get("/bulk")).status == 500
    assert (await digi.get("/inventory")).status == 200


async def test_the_first_fault_that_fits_strikes(sandbox, digi):
    sandbox.faults.status(500, times=1)
    sandbox.faults.status(502)

    assert [(await digi.get()).status for _ in range(2)] == [500, 502]


async def test_latency_delays_the_answer(sandbox, digi):
    sandbox.faults.latency(0.05, "digi")
    started = time.monotonic()

    answer = await digi.get()

    assert answer.status == 200
    assert time.monotonic() - started >= 0.05


async def test_latency_may_be_a_range(sandbox, digi):
    fault = sandbox.faults.latency(0.01, "digi", up_to=0.02)

    await digi.get()

    assert fault.struck == 1


async def test_a_late_answer_is_of_a_request_carried_out_at_once(sandbox, digi):
    sandbox.faults.script("late", "digi", "enable", seconds=30)
    before = len(sandbox.world.transactions)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(digi.post("/enable", device_id=ENABLE.device_id, iccid=ENABLE.iccid), 0.2)

    [call] = sandbox.calls.of("digi", "enable")
    assert len(sandbox.world.transactions) == before + 1
    assert (call.fault, call.finished) == ("late", False)


async def test_a_late_answer_is_the_usual_one(sandbox, digi):
    sandbox.faults.script("late", "digi", seconds=0.05)
    started = time.monotonic()

    answer = await digi.post("/enable", device_id=ENABLE.device_id, iccid=ENABLE.iccid)

    assert answer.json["transaction"] in sandbox.world.transactions
    assert time.monotonic() - started >= 0.05


async def test_a_late_reset_is_of_a_request_carried_out_at_once(sandbox, digi):
    sandbox.faults.script("late", "digi", seconds=0.05)
    sandbox.faults.script("reset_after", "digi")
    before = len(sandbox.world.transactions)
    started = time.monotonic()

    with pytest.raises(aiohttp.ClientConnectionError):
        await digi.post("/enable", device_id=ENABLE.device_id, iccid=ENABLE.iccid)

    assert len(sandbox.world.transactions) == before + 1
    assert time.monotonic() - started >= 0.05


async def test_a_held_call_waits_for_the_release(sandbox, digi):
    sandbox.faults.script("hold", "digi")
    waiting = asyncio.create_task(digi.get())
    await sandbox.calls.wait_for(1, "digi")

    before = waiting.done()
    sandbox.faults.release()

    assert not before
    assert (await waiting).status == 200


async def test_a_delay_and_another_fault_strike_together(sandbox, digi):
    sandbox.faults.script("hold", "digi")
    sandbox.faults.status(503, "digi")
    waiting = asyncio.create_task(digi.get())
    await sandbox.calls.wait_for(1, "digi")

    sandbox.faults.release()

    assert (await waiting).status == 503


@pytest.mark.parametrize("status", [200, 502])
async def test_an_html_page(sandbox, digi, status):
    sandbox.faults.script("html", "digi", status=status)

    answer = await digi.get()

    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.json is None


async def test_json_of_another_shape(sandbox, digi):
    sandbox.faults.script("wrong_shape", "digi")

    answer = await digi.get(f"/inventory/{ICCID}")

    assert (answer.status, answer.json) == (200, ["unexpected"])


async def test_json_of_other_types(sandbox, digi):
    sandbox.faults.script("wrong_types", "digi")

    row = (await digi.get(f"/inventory/{ICCID}")).json

    assert not isinstance(row["iccid"], str)
    assert not isinstance(row["id"], int)


async def test_json_that_is_none(sandbox, digi):
    sandbox.faults.script("invalid_json", "digi")

    answer = await digi.get()

    assert answer.status == 200
    assert answer.json is None


async def test_a_cut_body(sandbox, digi):
    sandbox.faults.script("cut_body", "digi")

    with pytest.raises(aiohttp.ClientPayloadError):
        await digi.get("/inventory")


async def test_a_dripping_body_arrives_whole(sandbox, digi):
    sandbox.faults.script("drip", "digi", seconds=0, chunk=16)

    assert (await digi.get()).json["apis"]


async def test_a_huge_body(sandbox, digi):
    sandbox.faults.script("huge", "digi", size=1_000_000)

    answer = await digi.get()

    assert len(answer.raw) == 1_000_000
    assert list(answer.json) == ["list"]


async def test_an_empty_answer(sandbox, digi):
    sandbox.faults.script("empty", "digi")

    assert ((await digi.get()).status, (await digi.get()).raw) == (204, b"")


async def test_a_reset_before_the_answer_does_nothing(sandbox, digi):
    """A POST: aiohttp itself repeats a GET once when its connection is reset."""
    sandbox.faults.script("reset_before", "digi")
    before = len(sandbox.world.transactions)

    with pytest.raises(aiohttp.ClientConnectionError):
        await digi.post("/enable", device_id=ENABLE.device_id, iccid=ENABLE.iccid)

    assert len(sandbox.world.transactions) == before


async def test_a_reset_after_acceptance_leaves_a_transaction(sandbox, digi):
    sandbox.faults.script("reset_after", "digi", "enable")
    before = len(sandbox.world.transactions)

    with pytest.raises(aiohttp.ClientConnectionError):
        await digi.post("/enable", device_id=ENABLE.device_id, iccid=ENABLE.iccid)

    assert len(sandbox.world.transactions) == before + 1


async def test_a_refused_call_uses_up_no_fault(sandbox, digi):
    fault = sandbox.faults.status(500, "digi", times=1)

    await digi.send("GET", "")

    assert fault.struck == 0


async def test_faults_are_removed_one_by_one_or_all(sandbox, digi):
    first, second = sandbox.faults.status(500, "digi"), sandbox.faults.status(502, "digi")

    assert sandbox.faults.remove(first.id)
    assert not sandbox.faults.remove(first.id)
    assert sandbox.faults.all() == [second]
    sandbox.faults.clear()
    assert (await digi.get()).status == 200


def test_a_status_fault_needs_a_status(sandbox):
    with pytest.raises(ValidationError):
        sandbox.faults.script("status", "digi")
