"""What the transport's and the clients' tests stand on."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from esim_graph.clock import Deadline
from esim_graph.config import Settings, load_settings
from esim_graph.sandbox import Options, Sandbox, serving
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import Upstreams, open_upstreams
from esim_graph.upstreams.transport import Transport
from upstreams.scripted import ScriptedVendor, scripted_vendor
from upstreams.transports import CLOCK, transport_to


@pytest.fixture
async def vendor() -> AsyncIterator[ScriptedVendor]:
    async with scripted_vendor() as opened:
        yield opened


@pytest.fixture
async def transport(vendor: ScriptedVendor) -> AsyncIterator[Transport]:
    async with transport_to(vendor.url) as opened:
        yield opened


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with serving(Options(devices=300)) as opened:
        opened.switches.digi.throttle_window_calls = 0  # ours are tested elsewhere
        yield opened


@pytest.fixture
def settings(sandbox: Sandbox) -> Settings:
    credentials = sandbox.credentials
    digi: dict[str, Any] = {
        "base_url": sandbox.digi_url,
        "api_key_id": credentials.digi_api_key_id,
        "api_key_secret": credentials.digi_api_key_secret,
        "rate_limit": 0,
    }
    esimfly: dict[str, Any] = {
        "base_url": sandbox.esimfly_url,
        "access_code": credentials.esimfly_access_code,
        "secret_key": credentials.esimfly_secret_key,
    }
    esimgo: dict[str, Any] = {"base_url": sandbox.esimgo_url, "api_key": credentials.esimgo_api_key}
    return load_settings(_env_file=None, digi=digi, esimfly=esimfly, esimgo=esimgo)


@pytest.fixture
async def upstreams(settings: Settings) -> AsyncIterator[Upstreams]:
    async with open_upstreams(settings, metrics=Metrics(), clock=CLOCK, jitter=lambda: 0.0) as opened:
        yield opened


@pytest.fixture
def soon() -> Callable[[], Deadline]:
    """A deadline that is far enough away."""
    return lambda: Deadline.after(10.0, CLOCK)


@pytest.fixture
def deadline(soon: Callable[[], Deadline]) -> Deadline:
    return soon()
