"""What every test stands on: nothing leaves this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import loopback_guard

# Python processes that a test starts come under the same guard.
os.environ["PYTHONPATH"] = os.pathsep.join(
    part for part in (str(Path(loopback_guard.__file__).parent), os.environ.get("PYTHONPATH")) if part
)


@pytest.fixture(autouse=True)
def refused_connections() -> Iterator[list[tuple[str, str]]]:
    """Fail the test that reached beyond loopback, even where the code under test swallowed the refusal.

    A test of the guard itself empties the list.
    """
    loopback_guard.refused.clear()
    yield loopback_guard.refused
    assert not loopback_guard.refused, f"reached beyond loopback: {loopback_guard.refused}"
