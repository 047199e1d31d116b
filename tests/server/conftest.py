"""Two gateways: one of a module's own for tests that leave no trace, one of a test's own for the others."""

from collections.abc import AsyncIterator

import pytest_asyncio

from support.gateway import Served, open_served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Served]:
    """For a module with ``pytestmark = pytest.mark.asyncio(loop_scope="module")``."""
    async with open_served() as opened:
        opened.sandbox.switches.digi.throttle_window_calls = 0  # pollers here are faster than any of Digi's
        yield opened


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with open_served() as opened:
        opened.sandbox.switches.digi.throttle_window_calls = 0  # pollers here are faster than any of Digi's
        yield opened
