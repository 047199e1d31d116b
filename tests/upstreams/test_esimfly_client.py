"""eSIMfly's verbs, against the sandbox, which checks signatures with its own implementation."""

import asyncio
from typing import Literal

import pytest
from pydantic import SecretStr

from esim_graph.clock import Deadline
from esim_graph.config import EsimflySettings, Settings
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.live_status import PlanStatus
from esim_graph.errors import UpstreamAuthFailed, UpstreamRateLimited, UpstreamTimeout, UpstreamUnavailable
from esim_graph.sandbox import Sandbox, landmarks
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import Upstreams, open_upstreams
from esim_graph.upstreams.esimfly import EsimflyClient
from upstreams.transports import CLOCK

ICCID = Iccid(landmarks.KNOWN_TO_ALL.iccid)


@pytest.fixture
def esimfly(upstreams: Upstreams) -> EsimflyClient:
    return upstreams.esimfly


async def test_a_live_status_is_found_by_iccid(esimfly: EsimflyClient, deadline: Deadline) -> None:
    found = await esimfly.live_status(ICCID, deadline=deadline)

    assert found is not None
    assert (found.iccid, found.status) == (ICCID, PlanStatus.ACTIVE)


async def test_an_unknown_esim_is_none(esimfly: EsimflyClient, deadline: Deadline) -> None:
    assert await esimfly.live_status(Iccid(landmarks.DIGI_ONLY.iccid), deadline=deadline) is None


async def test_an_unknown_esim_id_is_none(esimfly: EsimflyClient, deadline: Deadline) -> None:
    assert await esimfly.live_status(2**62, deadline=deadline) is None


async def test_many_at_once_are_each_signed_for_themselves(esimfly: EsimflyClient, deadline: Deadline) -> None:
    found = await asyncio.gather(*(esimfly.live_status(ICCID, deadline=deadline) for _ in range(30)))

    assert len({status.iccid for status in found if status}) == 1


async def test_a_lost_answer_is_asked_for_with_a_new_request_id(
    sandbox: Sandbox, esimfly: EsimflyClient, deadline: Deadline
) -> None:
    """The first request was carried out, so its id is used up; repeating it would be DUPLICATE_REQUEST."""
    sandbox.faults.script("reset_after", "esimfly", times=1)

    assert await esimfly.live_status(ICCID, deadline=deadline) is not None
    assert sandbox.calls.count("esimfly") == 2


async def test_a_failed_network_is_said_once(sandbox: Sandbox, esimfly: EsimflyClient, deadline: Deadline) -> None:
    sandbox.switches.esimfly.provider_error_every = 1

    with pytest.raises(UpstreamUnavailable, match="network behind"):
        await esimfly.live_status(ICCID, deadline=deadline)

    assert sandbox.calls.count("esimfly") == 1


@pytest.mark.parametrize("reset", ["iso", "unix"])
async def test_too_many_calls_say_how_long_to_wait(
    sandbox: Sandbox, esimfly: EsimflyClient, deadline: Deadline, reset: Literal["iso", "unix"]
) -> None:
    sandbox.switches.esimfly.per_minute = 1
    sandbox.switches.esimfly.rate_reset = reset
    await esimfly.live_status(ICCID, deadline=deadline)

    with pytest.raises(UpstreamRateLimited) as refused:
        await esimfly.live_status(ICCID, deadline=deadline)

    assert refused.value.retry_after is not None
    assert 0 <= refused.value.retry_after <= 61


async def test_a_slow_network_is_waited_for_until_the_deadline(sandbox: Sandbox, esimfly: EsimflyClient) -> None:
    sandbox.faults.script("hold", "esimfly")

    with pytest.raises(UpstreamTimeout):
        await esimfly.live_status(ICCID, deadline=Deadline.after(0.05, CLOCK))


async def test_the_check_proves_the_credentials_without_asking_the_network(
    sandbox: Sandbox, esimfly: EsimflyClient, deadline: Deadline
) -> None:
    sandbox.switches.esimfly.provider_error_every = 1  # any live call would fail

    offset = await esimfly.check(deadline=deadline)

    assert offset is not None
    assert abs(offset) < 5.0


async def test_the_check_finds_a_wrong_key(settings: Settings, deadline: Deadline) -> None:
    wrong = EsimflySettings(
        base_url=settings.esimfly.base_url, access_code=SecretStr("esf_sandbox"), secret_key=SecretStr("sk_wrong")
    )
    changed = settings.model_copy(update={"esimfly": wrong})

    async with open_upstreams(changed, metrics=Metrics(), clock=CLOCK) as upstreams:
        with pytest.raises(UpstreamAuthFailed):
            await upstreams.esimfly.check(deadline=deadline)
