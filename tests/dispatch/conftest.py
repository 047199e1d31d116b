"""One house per test, and one gateway in it."""

from collections.abc import AsyncIterator

import pytest

from dispatch.replicas import House, Replica, open_house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


@pytest.fixture
async def gateway(house: House) -> AsyncIterator[Replica]:
    async with house.open() as opened:
        yield opened
