"""The pinned requirements: in step with ``pyproject.toml``, with every hash, silent about where they come from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = sorted((ROOT / "requirements").glob("*.txt"))


def _pins(name: str) -> dict[str, str]:
    """Return the version of every package that ``requirements/NAME.txt`` pins."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==([^\s;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("run", PYPROJECT["project"]["dependencies"]),
        ("run", PYPROJECT["dependency-groups"]["build"]),
        ("run", PYPROJECT["build-system"]["requires"]),
        ("dev", PYPROJECT["dependency-groups"]["dev"]),
        ("node", PYPROJECT["dependency-groups"]["node"]),
    ],
    ids=["dependencies", "build group", "build system", "dev group", "node group"],
)
def test_what_pyproject_asks_for_is_pinned(name: str, asked: list[str]) -> None:
    """A range changed without ``make lock`` shows here."""
    pins = _pins(name)

    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(pins[requirement.name.lower()], prereleases=True), requirement


def test_developers_have_what_users_have() -> None:
    """``dev`` holds every package of ``run``, at the same version."""
    assert _pins("run").items() <= _pins("dev").items()


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.name)
def test_every_pin_has_a_hash(path: Path) -> None:
    """Without one, installing would trust whatever the registry gives."""
    for block in re.split(r"\n(?=[a-z0-9])", path.read_text()):
        if "==" in block.partition("\n")[0]:
            assert "--hash=sha256:" in block, block


@pytest.mark.parametrize(
    "path", [*PINNED, ROOT / "lint" / "package.json", ROOT / "lint" / "package-lock.json"], ids=lambda path: path.name
)
def test_no_file_says_where_packages_come_from(path: Path) -> None:
    """Each machine's own clients know their registry; an address of ours would override it."""
    text = path.read_text()

    assert not re.search(r"--(index|extra-index|find-links|trusted-host)|\"resolved\"|\.whl|\.tgz|\.tar\.gz", text)
    if path.suffix == ".txt":
        assert "://" not in text
