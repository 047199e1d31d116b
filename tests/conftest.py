"""What every test stands on: nothing leaves this machine."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

import loopback_guard
from support.database import CHOSEN

_HERE = Path(__file__).parent
_WITHOUT_DATABASE = ("domain", "engine", "sandbox", "upstreams", "test_requirements.py", "test_wheel.py")
# What opens a database and is about something else, and what takes minutes: with PostgreSQL only on request.
_ABOUT_OTHER_THINGS = (
    "cli/test_command_line.py", "cli/test_doctor.py", "cli/test_programs.py", "scenarios/test_kills.py",
    "schema/test_bad_input.py", "schema/test_call_counts.py", "schema/test_errors.py", "schema/test_filters.py",
    "schema/test_identifiers.py", "schema/test_memory.py", "schema/test_outages.py", "schema/test_paging.py",
    "schema/test_sdl.py", "schema/test_vendor_words.py", "server", "test_cache.py", "test_config.py",
    "test_connections.py", "test_docs.py", "test_house_rules.py", "test_loaders.py", "test_loopback_only.py",
    "test_seal.py", "test_telemetry.py",
)  # fmt: skip

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


def pytest_addoption(parser: pytest.Parser) -> None:
    """``pytest --database=postgresql``: every gateway of the tests keeps its data there."""
    parser.addoption(
        "--database", choices=("sqlite", "postgresql"), default="sqlite", help="What gateways keep data in."
    )
    parser.addoption(
        "--whole", action="store_true", help="With PostgreSQL, run also what a database makes no difference to."
    )


def pytest_configure(config: pytest.Config) -> None:
    """With xdist the process that starts the workers comes first, and owns the server."""
    CHOSEN.open(config.getoption("database"))


def pytest_unconfigure() -> None:
    """The run is over."""
    CHOSEN.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With PostgreSQL, leave out what never touches a database, and unless asked for, what is about other things."""
    if config.getoption("database") == "sqlite":
        return
    left_out = _WITHOUT_DATABASE + (() if config.getoption("whole") else _ABOUT_OTHER_THINGS)
    paths = {item: f"{item.path.relative_to(_HERE).as_posix()}/" for item in items}
    gone = {item for item in items if paths[item].startswith(tuple(f"{path}/" for path in left_out))}
    config.hook.pytest_deselected(items=list(gone))
    items[:] = [item for item in items if item not in gone]


@pytest.fixture(autouse=True)
def databases_of_one_test() -> Iterator[None]:
    """What ``fresh_database_url`` hands out is gone after the test."""
    with CHOSEN.of_one_test():
        yield


@pytest.fixture(autouse=True)
def logging_of_one_test() -> Iterator[None]:
    """Who configured logging wrote to a stream that ends with the test."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)
