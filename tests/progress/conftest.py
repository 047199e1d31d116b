"""A sandbox that does not throttle, a clock that stands still, and a gateway over both."""

from collections.abc import AsyncIterator

import pytest

from esim_graph.sandbox import Options, Sandbox, serving
from progress.replicas import open_replica
from progress.rest import PollClock
from schema.vendors import unthrottle
from support.database import fresh_database_url
from support.gateway import Gateway


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with serving(Options(devices=60)) as opened:
        unthrottle(opened)
        yield opened


@pytest.fixture
def clock() -> PollClock:
    return PollClock()


@pytest.fixture
def database_url() -> str:
    return fresh_database_url()


@pytest.fixture
async def gateway(sandbox: Sandbox, clock: PollClock, database_url: str) -> AsyncIterator[Gateway]:
    async with open_replica(sandbox, database_url, clock=clock) as opened:
        yield opened
