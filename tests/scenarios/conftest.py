"""How long the scenarios go on, by which seed, and what they have shown.

``pytest tests/scenarios --soak`` runs the long forms; ``--seed N`` draws the same instants again.
"""

import random
import secrets
from collections.abc import Callable

import pytest

_SHOWN = "shown"
_SOAK_SECONDS = 7200


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("scenarios")
    group.addoption("--soak", action="store_true", default=False, help="run the scenarios in their long forms")
    group.addoption("--seed", type=int, default=None, help="draw a scenario's instants as that run did")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak", default=False):
        for item in items:
            item.add_marker(pytest.mark.timeout(_SOAK_SECONDS), append=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was shown, with the figures and the seed that shows it again."""
    shown = [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == _SHOWN
    ]
    if shown:
        terminalreporter.section("shown")
        for line in shown:
            terminalreporter.write_line(line)


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether this run is a long one."""
    return bool(request.config.getoption("--soak", default=False))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What the scenario's random instants are drawn from; a failure names it."""
    given = request.config.getoption("--seed", default=None)
    return secrets.randbelow(1_000_000) if given is None else int(given)


@pytest.fixture
def rng(seed: int) -> random.Random:
    """The scenario's chance."""
    return random.Random(seed)


@pytest.fixture
def show(record_property: Callable[[str, object], None], seed: int) -> Callable[[str], None]:
    """Note what was shown, for the end of the run."""

    def note(text: str) -> None:
        record_property(_SHOWN, f"{text} (seed {seed})")

    return note
