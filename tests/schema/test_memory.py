"""What is remembered of the vendors' answers, for how long, and what ends it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from esim_graph.sandbox.landmarks import (
    DIGI_ONLY,
    ESIMFLY_ONLY,
    KNOWN_TO_ALL,
    PROCESSING,
    READY_TO_ACTIVATE,
    READY_TO_ENABLE,
)
from schema.vendors import unthrottle
from support.clock import ManualClock, settle
from support.gateway import Gateway, open_gateway

ICCID = KNOWN_TO_ALL.iccid
LIVE = """query($iccid: ICCID!, $age: Int) { liveStatus(iccid: $iccid, maxAgeSeconds: $age) {
    status freshness { servedFrom ageSeconds stale observedAt }
} }"""
PLACE = f'deviceId: "{READY_TO_ENABLE.device_id}", iccid: "{READY_TO_ENABLE.iccid}"'
HISTORY = f'{{ bundleHistory(iccid: "{ICCID}") {{ name }} }}'
PROFILE = f'{{ profile(iccid: "{ICCID}") {{ status }} }}'


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime.now(UTC))  # the vendor judges the signature's time by its own clock


@pytest.fixture
async def still(clock: ManualClock) -> AsyncIterator[Gateway]:
    """A gateway on a clock that only the test moves, with the times to live of the contract."""
    async with open_gateway(clock=clock) as opened:
        unthrottle(opened.sandbox)
        yield opened


async def freshness(gateway: Gateway, *, age: int | None = None, iccid: str = ICCID) -> dict[str, object]:
    data = await gateway.data(LIVE, {"iccid": iccid, "age": age})
    found: dict[str, object] = data["liveStatus"]["freshness"]
    return found


async def test_a_live_status_says_where_it_came_from_and_how_old_it_is(still: Gateway, clock: ManualClock) -> None:
    observed = clock.now().replace(microsecond=0)

    first = await freshness(still)
    await clock.advance(10)
    second = await freshness(still)

    assert (first["servedFrom"], first["ageSeconds"], first["stale"]) == ("UPSTREAM", 0.0, False)
    assert (second["servedFrom"], second["ageSeconds"], second["stale"]) == ("CACHE", 10.0, False)
    assert first["observedAt"] == second["observedAt"]
    assert str(first["observedAt"]).startswith(observed.strftime("%Y-%m-%dT%H:%M:%S"))


@pytest.mark.parametrize(
    ("query", "vendor", "seconds"),
    [
        (f'{{ liveStatus(iccid: "{ICCID}") {{ status }} }}', "esimfly", 15),
        (HISTORY, "esimgo", 60),
        (PROFILE, "digi", 5),
    ],
)
async def test_an_answer_is_remembered_for_its_time_to_live(
    still: Gateway, clock: ManualClock, query: str, vendor: str, seconds: float
) -> None:
    await still.data(query)
    await clock.advance(seconds - 0.001)
    await still.data(query)
    within = still.sandbox.calls.count(vendor)
    await clock.advance(0.001)
    await still.data(query)

    assert within == 1
    assert still.sandbox.calls.count(vendor) == 2


async def test_a_caller_may_demand_a_fresher_live_status(still: Gateway, clock: ManualClock) -> None:
    await freshness(still)
    await clock.advance(5)

    old_enough = await freshness(still, age=6)
    too_old = await freshness(still, age=5)

    assert old_enough["servedFrom"] == "CACHE"
    assert too_old["servedFrom"] == "UPSTREAM"
    assert still.sandbox.calls.count("esimfly") == 2


async def test_an_age_of_zero_always_asks_anew(still: Gateway) -> None:
    for _ in range(3):
        assert (await freshness(still, age=0))["servedFrom"] == "UPSTREAM"

    assert still.sandbox.calls.count("esimfly") == 3


async def test_an_answer_demanded_fresh_is_remembered_for_the_others(still: Gateway) -> None:
    await freshness(still, age=0)

    assert (await freshness(still))["servedFrom"] == "CACHE"


async def test_an_age_beyond_the_time_to_live_does_not_lengthen_it(still: Gateway, clock: ManualClock) -> None:
    await freshness(still)
    await clock.advance(20)

    assert (await freshness(still, age=3600))["servedFrom"] == "UPSTREAM"


@pytest.mark.parametrize(
    ("setting", "query", "vendor"),
    [
        ("live_status", f'{{ liveStatus(iccid: "{ICCID}") {{ status freshness {{ servedFrom stale }} }} }}', "esimfly"),
        ("bundle_history", HISTORY, "esimgo"),
        ("profiles", PROFILE, "digi"),
    ],
)
async def test_a_time_to_live_of_zero_remembers_nothing(setting: str, query: str, vendor: str) -> None:
    settings: dict[str, Any] = {setting: {"ttl": 0}}
    async with open_gateway(**settings) as gateway:
        answers = [await gateway.data(query) for _ in range(3)]

        assert answers[0] == answers[1] == answers[2]
        assert gateway.sandbox.calls.count(vendor) == 3


async def test_without_a_memory_one_operation_still_asks_once() -> None:
    async with open_gateway(live_status={"ttl": 0}, profiles={"ttl": 0}, bundle_history={"ttl": 0}) as gateway:
        branches = "profile { status } liveStatus { status } bundleHistory { name }"

        await gateway.data(
            f'{{ a: esim(iccid: "{ICCID}") {{ {branches} }} b: esim(iccid: "{ICCID}") {{ {branches} }} }}'
        )

        assert gateway.sandbox.calls.count() == 3


@pytest.mark.parametrize("ttl", [15, 0])
async def test_queries_at_one_moment_share_one_call(ttl: int) -> None:
    async with open_gateway(live_status={"ttl": ttl}, profiles={"ttl": ttl}, bundle_history={"ttl": ttl}) as gateway:
        gateway.sandbox.faults.script("hold")
        query = (
            f'{{ esim(iccid: "{ICCID}") {{ profile {{ status }} liveStatus {{ status }} bundleHistory {{ name }} }} }}'
        )

        asked = [asyncio.create_task(gateway.data(query)) for _ in range(20)]
        await gateway.sandbox.calls.wait_for(3)
        await settle()
        gateway.sandbox.faults.clear()
        answers = await asyncio.gather(*asked)

        assert all(answer == answers[0] for answer in answers)
        assert gateway.sandbox.calls.count() == 3


async def test_a_batch_asks_only_for_what_is_not_on_its_way(gateway: Gateway) -> None:
    """One query asks for one eSIM, another for that one and one more."""
    gateway.sandbox.faults.latency(0.05, "digi")

    await asyncio.gather(
        gateway.data(PROFILE),
        gateway.data(f"""{{ esimsByIccid(iccids: ["{ICCID}", "{DIGI_ONLY.iccid}"]) {{ profile {{ status }} }} }}"""),
    )

    assert [call.endpoint for call in gateway.sandbox.calls] == ["profile", "profile"]
    assert gateway.sandbox.calls.of("digi")[1].path.endswith(DIGI_ONLY.iccid)


async def test_a_caller_who_leaves_does_not_cancel_the_others(gateway: Gateway) -> None:
    gateway.sandbox.faults.script("hold", "esimfly")
    query = f'{{ liveStatus(iccid: "{ICCID}") {{ status }} }}'
    impatient = asyncio.create_task(gateway.data(query))
    await gateway.sandbox.calls.wait_for(1, "esimfly")
    patient = asyncio.create_task(gateway.data(query))
    await settle()

    impatient.cancel()
    await asyncio.wait([impatient])
    gateway.sandbox.faults.clear()

    assert await patient == {"liveStatus": {"status": "ACTIVE"}}
    assert gateway.sandbox.calls.count("esimfly") == 1


@pytest.mark.parametrize(
    ("query", "vendor"),
    [(f'{{ liveStatus(iccid: "{ICCID}") {{ status }} }}', "esimfly"), (HISTORY, "esimgo"), (PROFILE, "digi")],
)
async def test_an_error_is_not_remembered(gateway: Gateway, query: str, vendor: str) -> None:
    fault = gateway.sandbox.faults.status(403, vendor)
    assert "errors" in await gateway.ask(query)

    gateway.sandbox.faults.remove(fault.id)

    assert "errors" not in await gateway.ask(query)
    assert gateway.sandbox.calls.count(vendor) == 2


async def test_not_found_is_not_remembered(gateway: Gateway) -> None:
    world = gateway.sandbox.world
    query = f'{{ profile(iccid: "{READY_TO_ACTIVATE.iccid}") {{ status }} }}'
    assert await gateway.data(query) == {"profile": None}

    device = world.devices[str(READY_TO_ACTIVATE.device_id)]
    world.device_reports("download", device, READY_TO_ACTIVATE.iccid, world.codes[READY_TO_ACTIVATE.iccid])

    assert await gateway.data(query) == {"profile": {"status": "INACTIVE"}}


async def test_processing_is_not_remembered(gateway: Gateway) -> None:
    query = f'{{ bundleHistory(iccid: "{PROCESSING.iccid}") {{ name }} }}'
    assert "errors" in await gateway.ask(query)

    gateway.sandbox.world.advance(601)

    assert (await gateway.data(query))["bundleHistory"]


@pytest.mark.parametrize(
    "mutation",
    [
        f"profileEnable(input: {{ {PLACE} }})",
        f"profileDisable(input: {{ {PLACE} }})",
        f"profileDelete(input: {{ {PLACE} }})",
        f"operationStart(input: {{ kind: ENABLE, {PLACE} }})",
    ],
)
async def test_an_action_drops_the_profile_and_the_live_status(still: Gateway, mutation: str) -> None:
    query = f"""{{ esim(iccid: "{READY_TO_ENABLE.iccid}") {{
        profile {{ status }} liveStatus {{ freshness {{ servedFrom }} }}
    }} }}"""
    await still.data(query)

    await still.data(f"mutation {{ {mutation} {{ userErrors {{ message }} }} }}")
    still.sandbox.calls.clear()
    after = await still.data(query)

    assert after["esim"]["liveStatus"]["freshness"] == {"servedFrom": "UPSTREAM"}
    assert still.sandbox.calls.count("digi", "profile") == 1


async def test_an_action_leaves_what_is_known_of_other_esims(still: Gateway) -> None:
    await freshness(still)

    await still.data(f"""mutation {{ profileEnable(input: {{
        deviceId: "{READY_TO_ENABLE.device_id}", iccid: "{READY_TO_ENABLE.iccid}"
    }}) {{ userErrors {{ message }} }} }}""")

    assert (await freshness(still))["servedFrom"] == "CACHE"


async def test_a_memory_of_one_spelling_serves_the_other(still: Gateway) -> None:
    await freshness(still)

    assert (await freshness(still, iccid=f"{ICCID}F"))["servedFrom"] == "CACHE"


async def test_a_live_status_by_number_is_remembered_too(gateway: Gateway) -> None:
    number = gateway.sandbox.world.live.live(ESIMFLY_ONLY.iccid).esim_id
    query = f'{{ liveStatus(esimId: "{number}") {{ iccid freshness {{ servedFrom }} }} }}'

    first, second = await gateway.data(query), await gateway.data(query)

    assert first["liveStatus"] == {"iccid": ESIMFLY_ONLY.iccid, "freshness": {"servedFrom": "UPSTREAM"}}
    assert second["liveStatus"]["freshness"] == {"servedFrom": "CACHE"}


async def test_an_observation_is_told_in_utc(still: Gateway, clock: ManualClock) -> None:
    observed = datetime.fromisoformat(str((await freshness(still))["observedAt"]))

    assert abs(observed - clock.now()) < timedelta(milliseconds=1)
