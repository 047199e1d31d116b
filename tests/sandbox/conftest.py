"""One small sandbox per test, on a clock that only the test moves."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from esim_graph.sandbox import ManualClock, Options, Sandbox, serving
from sandbox.clients import Client, Digi, Esimfly, Esimgo


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def sandbox(clock: ManualClock) -> AsyncIterator[Sandbox]:
    async with serving(Options(devices=30), clock=clock) as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def digi(session: aiohttp.ClientSession, sandbox: Sandbox) -> Digi:
    sandbox.switches.digi.throttle_window_calls = 0  # tests of the throttle set their own
    return Digi(session, sandbox)


@pytest.fixture
def esimfly(session: aiohttp.ClientSession, sandbox: Sandbox) -> Esimfly:
    return Esimfly(session, sandbox)


@pytest.fixture
def esimgo(session: aiohttp.ClientSession, sandbox: Sandbox) -> Esimgo:
    return Esimgo(session, sandbox)


@pytest.fixture
def control(session: aiohttp.ClientSession, sandbox: Sandbox) -> Client:
    return Client(session, sandbox.url + "/control")
