"""eSIM Go's verbs, against the sandbox."""

from typing import Any, Literal

import pytest
from pydantic import SecretStr

from esim_graph.clock import Deadline
from esim_graph.config import EsimgoSettings, Settings
from esim_graph.domain.identifiers import Iccid
from esim_graph.errors import (
    UpstreamAuthFailed,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamForbidden,
    UpstreamProcessing,
    UpstreamRateLimited,
)
from esim_graph.sandbox import Sandbox, landmarks
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import Upstreams, open_upstreams
from esim_graph.upstreams.esimgo import EsimgoClient
from upstreams.transports import CLOCK

ICCID = Iccid(landmarks.KNOWN_TO_ALL.iccid)


@pytest.fixture
def esimgo(upstreams: Upstreams) -> EsimgoClient:
    return upstreams.esimgo


@pytest.mark.parametrize("spelling", ["bundleName", "bundle"])
@pytest.mark.parametrize("container", ["array", "actions", "history", "object"])
async def test_a_history_is_read_in_every_shape(
    sandbox: Sandbox, esimgo: EsimgoClient, deadline: Deadline, container: Any, spelling: Any
) -> None:
    sandbox.switches.esimgo.history_container = container
    sandbox.switches.esimgo.bundle_spelling = spelling

    events = await esimgo.bundle_history(ICCID, deadline=deadline)

    assert [event.name for event in events[:2]] == ["Bundle Applied", "Bundle Revoked"]
    assert events[0].bundle_name == "A_BUNDLE_20GB_30D_EU_U"
    assert events[0].occurred_at_raw == "2023-04-07T00:50:31.618780311Z"


@pytest.mark.parametrize("status", [400, 403])
async def test_a_foreign_esim_is_forbidden(
    sandbox: Sandbox, esimgo: EsimgoClient, deadline: Deadline, status: Literal[400, 403]
) -> None:
    sandbox.switches.esimgo.foreign_status = status

    with pytest.raises(UpstreamForbidden):
        await esimgo.bundle_history(Iccid(landmarks.DIGI_ONLY.iccid), deadline=deadline)


@pytest.mark.parametrize(("retry_after", "seconds"), [(600, 600.0), (None, 30.0)])
async def test_processing_is_no_outage_and_is_not_asked_again(
    sandbox: Sandbox, esimgo: EsimgoClient, deadline: Deadline, retry_after: int | None, seconds: float
) -> None:
    sandbox.faults.status(503, "esimgo", retry_after=retry_after)

    with pytest.raises(UpstreamProcessing) as processing:
        await esimgo.bundle_history(ICCID, deadline=deadline)

    assert processing.value.retry_after == seconds
    assert sandbox.calls.count("esimgo") == 1


async def test_too_many_calls_are_said_to_be_so(sandbox: Sandbox, esimgo: EsimgoClient, deadline: Deadline) -> None:
    sandbox.switches.esimgo.per_minute = 1
    await esimgo.bundle_history(ICCID, deadline=deadline)

    with pytest.raises(UpstreamRateLimited):
        await esimgo.bundle_history(ICCID, deadline=deadline)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("html", UpstreamBadResponse), ("cut_body", UpstreamBadResponse), ("huge", UpstreamBadResponse)],
)
async def test_a_vendor_out_of_its_mind_is_an_error(
    sandbox: Sandbox, esimgo: EsimgoClient, deadline: Deadline, kind: Any, error: type[UpstreamError]
) -> None:
    sandbox.faults.script(kind, "esimgo")

    with pytest.raises(error):
        await esimgo.bundle_history(ICCID, deadline=deadline)


async def test_the_check_proves_the_key(esimgo: EsimgoClient, deadline: Deadline) -> None:
    offset = await esimgo.check(deadline=deadline)

    assert offset is not None
    assert abs(offset) < 5.0


async def test_the_check_finds_a_wrong_key(settings: Settings, deadline: Deadline) -> None:
    wrong = EsimgoSettings(base_url=settings.esimgo.base_url, api_key=SecretStr("wrong"))
    changed = settings.model_copy(update={"esimgo": wrong})

    async with open_upstreams(changed, metrics=Metrics(), clock=CLOCK) as upstreams:
        with pytest.raises(UpstreamAuthFailed):
            await upstreams.esimgo.check(deadline=deadline)
