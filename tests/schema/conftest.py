"""One gateway per test, over a sandbox that does not throttle."""

from collections.abc import AsyncIterator

import pytest

from schema.vendors import unthrottle
from support.gateway import Gateway, open_gateway


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_gateway() as opened:
        unthrottle(opened.sandbox)
        yield opened
