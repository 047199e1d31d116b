"""What the sandbox writes down about the calls it received."""

import asyncio

import pytest
from aiohttp.test_utils import make_mocked_request

from esim_graph.sandbox import landmarks
from esim_graph.sandbox.calls import CALLS_KEPT, Calls
from esim_graph.sandbox.clock import ManualClock

ICCID = landmarks.KNOWN_TO_ALL.iccid
DOWNLOAD = landmarks.READY_TO_DOWNLOAD


async def test_calls_are_counted_by_vendor_and_endpoint(sandbox, digi, esimfly, esimgo):
    await digi.get("/inventory")
    await digi.get(f"/inventory/{ICCID}")
    await esimfly.status(iccid=ICCID)
    await esimgo.history(ICCID)

    assert [sandbox.calls.count(vendor) for vendor in ("digi", "esimfly", "esimgo")] == [2, 1, 1]
    assert sandbox.calls.count("digi", "inventory") == sandbox.calls.count("digi", "profile") == 1
    assert sandbox.calls.count() == len(sandbox.calls) == 4


async def test_a_call_keeps_what_was_asked_and_answered(sandbox, digi):
    await digi.get("/inventory", query="status = 'active'", size=5)

    [call] = sandbox.calls.of("digi", "inventory")
    assert (call.method, call.path, call.status) == ("GET", "/digi/ws/v1/esim_profiles/inventory", 200)
    assert call.query == {"query": "status = 'active'", "size": "5"}
    assert call.received == sandbox.world.time.now()
    assert call.finished


async def test_refused_calls_are_kept_too(sandbox, digi):
    await digi.send("GET", "")
    await digi.get("/nonsense")

    assert [(call.endpoint, call.status) for call in sandbox.calls] == [("summary", 401), ("nowhere", 404)]


async def test_a_call_names_the_fault_it_met(sandbox, digi):
    sandbox.faults.script("html", "digi")

    await digi.get()

    assert sandbox.calls.of("digi")[0].fault == "html"


async def test_no_secret_is_kept(sandbox, digi, control):
    await digi.post("/download", device_id=DOWNLOAD.device_id, activation_code=DOWNLOAD.activation_code)

    [call] = sandbox.calls.of("digi", "download")
    shown = (await control.send("GET", "/calls")).text
    assert "X-API-KEY-SECRET" in call.headers
    assert call.body == f'{{"device_id":"{DOWNLOAD.device_id}","activation_code":"***"}}'
    for secret in ("SANDBOX-READY", sandbox.credentials.digi_api_key_secret):
        assert secret not in repr(call)
        assert secret not in shown


async def test_a_body_that_is_no_json_is_not_shown(sandbox, digi):
    await digi.send("POST", "/download", headers=digi.keys, data=b"activation_code=1$secret")

    assert "secret" not in str(sandbox.calls.of("digi")[0].body)


async def test_the_most_calls_at_once_are_counted_per_vendor(sandbox, digi, esimgo):
    sandbox.faults.script("hold")
    waiting = [asyncio.create_task(digi.get()) for _ in range(3)] + [asyncio.create_task(esimgo.history(ICCID))]
    await sandbox.calls.wait_for(4)

    now = sandbox.calls.in_flight("digi")
    sandbox.faults.release()
    await asyncio.gather(*waiting)

    assert now == 3
    assert (sandbox.calls.most_in_flight("digi"), sandbox.calls.most_in_flight("esimgo")) == (3, 1)
    assert sandbox.calls.in_flight("digi") == 0


async def test_clearing_forgets(sandbox, digi):
    await digi.get()

    sandbox.calls.clear()

    assert (sandbox.calls.count(), sandbox.calls.most_in_flight("digi")) == (0, 0)


async def test_calls_are_found_by_what_they_mention(sandbox, digi, esimfly, esimgo):
    await digi.get(f"/inventory/{ICCID}")
    await digi.get("/inventory", query=f"iccid = '{ICCID}'")
    await esimfly.status(iccid=ICCID)
    await esimgo.history(landmarks.ESIMGO_ONLY.iccid)

    assert [call.endpoint for call in sandbox.calls.of(mentions=ICCID)] == ["profile", "inventory", "status"]


def test_what_is_kept_no_more_is_still_counted():
    """A run of hours counts its calls too."""
    calls, request = Calls(ManualClock()), make_mocked_request("GET", "/digi")
    for _ in range(CALLS_KEPT + 5):
        with calls.arriving("digi", "progress", request, b""):
            pass

    assert len(calls) == CALLS_KEPT
    assert calls.count("digi", "progress") == calls.count() == CALLS_KEPT + 5
    assert calls.counts() == {"digi": {"progress": CALLS_KEPT + 5}}


async def test_waiting_for_calls_that_never_come_times_out(sandbox):
    with pytest.raises(TimeoutError):
        await sandbox.calls.wait_for(1, "digi", within=0.01)


async def test_control_is_not_counted(sandbox, control):
    await control.send("GET", "")

    assert sandbox.calls.count() == 0
