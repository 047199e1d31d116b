"""Digi's door: credentials and throttles. Source: upstreams §1.1, §1.6, §7.1.1, §7.1.5."""

import asyncio

import aiohttp
import pytest

from esim_graph.sandbox import ManualClock, Options, serving
from sandbox.clients import Digi


async def test_an_api_key_opens(digi):
    assert (await digi.get()).status == 200


async def test_basic_opens(sandbox, digi):
    names = sandbox.credentials
    basic = aiohttp.encode_basic_auth(names.digi_username, names.digi_password)

    answer = await digi.send("GET", "", headers={"Authorization": basic})

    assert answer.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-KEY-ID": "sandbox-key"},
        {"X-API-KEY-ID": "sandbox-key", "X-API-KEY-SECRET": "wrong"},
        {"X-API-KEY-ID": "nobody", "X-API-KEY-SECRET": "sandbox-key-secret"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic %%%"},
        {"Authorization": aiohttp.encode_basic_auth("sandbox", "wrong")},
    ],
)
async def test_anything_else_is_401(digi, headers):
    answer = await digi.send("GET", "", headers=headers)

    assert answer.status == 401
    assert answer.json["error_status"] == 401


@pytest.mark.parametrize(("body", "content_type"), [("json", "application/json"), ("html", "text/html")])
async def test_a_401_has_a_json_or_an_html_body(sandbox, digi, body, content_type):
    sandbox.switches.digi.unauthorized_body = body

    answer = await digi.send("GET", "")

    assert answer.status == 401
    assert answer.headers["Content-Type"].startswith(content_type)


@pytest.mark.parametrize(("sso", "status"), [(False, 200), (True, 401)])
async def test_basic_is_of_no_use_with_single_sign_on(sandbox, digi, sso, status):
    sandbox.switches.digi.sso = sso
    basic = aiohttp.encode_basic_auth("sandbox", "sandbox-password")

    assert (await digi.send("GET", "", headers={"Authorization": basic})).status == status
    assert (await digi.get()).status == 200


@pytest.mark.parametrize(("expired", "status"), [(False, 200), (True, 401)])
async def test_keys_expire(sandbox, digi, expired, status):
    sandbox.switches.digi.expired_keys = expired

    assert (await digi.get()).status == status


@pytest.mark.parametrize(("subscribed", "status"), [(True, 200), (False, 403)])
async def test_an_account_without_the_feature_gets_an_error(sandbox, digi, subscribed, status):
    sandbox.switches.digi.subscribed = subscribed

    assert (await digi.get()).status == status


async def test_the_41st_call_in_ten_seconds_is_429_without_retry_after(sandbox, digi):
    sandbox.switches.digi.throttle_window_calls = 40

    statuses = [(await digi.get()).status for _ in range(40)]
    refused = await digi.get()

    assert set(statuses) == {200}
    assert refused.status == 429
    assert "Retry-After" not in refused.headers


async def test_the_window_slides(sandbox, digi, clock):
    sandbox.switches.digi.throttle_window_calls = 2
    await digi.get()
    clock.advance(6)
    await digi.get()

    refused = await digi.get()
    clock.advance(4)
    allowed = await digi.get()

    assert (refused.status, allowed.status) == (429, 200)


async def test_two_keys_share_one_throttle(sandbox, digi):
    sandbox.switches.digi.throttle_window_calls = 1
    names = sandbox.credentials
    second = {"X-API-KEY-ID": names.digi_second_api_key_id, "X-API-KEY-SECRET": names.digi_second_api_key_secret}

    first_answer = await digi.get()
    second_answer = await digi.send("GET", "", headers=second)

    assert (first_answer.status, second_answer.status) == (200, 429)


@pytest.mark.parametrize(("counted", "status"), [(False, 200), (True, 429)])
async def test_a_throttled_call_fills_the_window_or_not(sandbox, digi, clock, counted, status):
    sandbox.switches.digi.throttle_window_calls = 1
    sandbox.switches.digi.throttled_calls_count = counted
    await digi.get()
    clock.advance(6)
    await digi.get()  # throttled

    clock.advance(6)

    assert (await digi.get()).status == status


@pytest.mark.parametrize(("body", "size"), [("json", 1), ("empty", 0)])
async def test_a_429_has_a_body_or_none(sandbox, digi, body, size):
    sandbox.switches.digi.throttle_window_calls = 1
    sandbox.switches.digi.throttled_body = body
    await digi.get()

    refused = await digi.get()

    assert refused.status == 429
    assert min(len(refused.raw), 1) == size


@pytest.mark.parametrize(("limit", "refused"), [(4, 2), (0, 0)])
async def test_a_fifth_call_at_once_is_refused(sandbox, digi, limit, refused):
    sandbox.switches.digi.throttle_in_flight = limit
    sandbox.faults.script("hold", "digi")

    waiting = [asyncio.create_task(digi.get()) for _ in range(6)]
    await sandbox.calls.wait_for(6, "digi")
    sandbox.faults.release()
    answers = await asyncio.gather(*waiting)

    assert sum(answer.status == 429 for answer in answers) == refused


async def test_at_speed_60_the_window_is_a_sixtieth(session):
    clock = ManualClock()
    async with serving(Options(devices=0, speed=60), clock=clock) as fast:
        digi = Digi(session, fast)
        fast.switches.digi.throttle_window_calls = 1
        await digi.get()
        clock.advance(10 / 60)

        assert (await digi.get()).status == 200
