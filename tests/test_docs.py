"""The documents say what the code does: queries are valid, tables are whole, links lead somewhere."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from esim_graph import errors
from esim_graph.config import CONFIG_FILE, describe
from esim_graph.errors import GatewayError, UpstreamError
from esim_graph.sandbox.control import __doc__ as control_doc
from esim_graph.sandbox.landmarks import LANDMARKS
from schema.vendors import time_passing_with_each_look
from support.gateway import SCHEMA, open_gateway

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)
_CURL_BODY = re.compile(r"-d '(\{\n.*?\n\})'", re.DOTALL)
_PARAGRAPH = re.compile(r"§\s?(\d+(?:\.\d+)*)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in _BLOCK.findall(page.read_text()) if found == language]


def rows(page: Path) -> Iterator[list[str]]:
    """The cells of every table row."""
    for row in _ROW.findall(page.read_text()):
        yield [cell.strip() for cell in row.split(" | ")]


def curl_bodies() -> list[dict[str, Any]]:
    """What the README's commands send; the shell's own quotation is undone."""
    return [json.loads(body.replace("'\"$id\"'", "ID")) for body in _CURL_BODY.findall(README.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_graphql_document_is_valid(page: Path) -> None:
    """What a reader copies from a page is accepted by the graph."""
    for document in blocks(page, "graphql"):
        assert validate(SCHEMA, parse(document)) == [], document


def test_the_readmes_commands_send_the_operations_it_shows() -> None:
    """Each curl sends a valid document that is short for the one above it."""
    shown = {parse(text).definitions[0].name.value: text for text in blocks(README, "graphql")}  # type: ignore[attr-defined]

    bodies = curl_bodies()

    assert len(bodies) == len(shown) == 4
    for body in bodies:
        (definition,) = parse(body["query"]).definitions
        assert validate(SCHEMA, parse(body["query"])) == []
        above = shown[definition.name.value]  # type: ignore[attr-defined]
        assert re.sub(r"\s+", "", above) == re.sub(r"\s+", "", body["query"])


async def test_the_readmes_first_query_answers_what_the_readme_says() -> None:
    """All three branches answer, as shown; the history is shown shortened."""
    body = curl_bodies()[0]
    (said,) = (json.loads(text)["data"]["esim"] for text in blocks(README, "json"))

    async with open_gateway() as gateway:
        answered = (await gateway.data(body["query"], body["variables"]))["esim"]

    shown = said.pop("bundleHistory")
    history = answered.pop("bundleHistory")
    assert answered == said
    assert history[: len(shown)] == shown
    assert len(history) == 7  # the README says so


async def test_the_readmes_activation_ends_successful() -> None:
    """The mutation starts what the subscription sees to its end, in the six events the README speaks of."""
    _, start, watch, history = curl_bodies()

    async with open_gateway() as gateway, time_passing_with_each_look(gateway.sandbox):
        started = (await gateway.data(start["query"], start["variables"]))["operationStart"]
        vendor_id = started["operation"]["vendorId"]
        events = [
            event["data"]["operationProgress"] async for event in gateway.watch(watch["query"], {"vendorId": vendor_id})
        ]
        esim = (await gateway.data(history["query"], history["variables"]))["esim"]

    assert started["userErrors"] == []
    assert [change["to"] for change in esim["statusChanges"]["nodes"]] == ["ENABLED", "INSTALLED", "DOWNLOADED"]
    assert esim["lifecycle"]["state"] == "ENABLED"
    assert [event["operation"]["status"] for event in events] == [
        "STARTING", "DOWNLOAD", "DOWNLOAD_VERIFY", "ENABLE", "ENABLE_VERIFY", "SUCCESSFUL",
    ]  # fmt: skip
    assert events[0]["operation"] == {"status": "STARTING", "progress": 0, "iccid": None}
    assert events[-1]["operation"] == {"status": "SUCCESSFUL", "progress": 100, "iccid": "8944538532008160222"}


def test_settings_lists_every_setting_with_its_default_and_meaning() -> None:
    """The table is what ``describe()`` says, in its order."""
    expected = [
        [f"`{variable}`", "" if field.default is None else f"`{field.default}`", field.description]
        for variable, field in describe()
    ]

    listed = [row for row in rows(DOCS / "settings.md") if row[0].startswith("`ESIM_GRAPH_")]

    assert [[row[0], row[1].strip("| "), row[-1]] for row in listed] == expected


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_variable_named_is_a_setting(page: Path) -> None:
    """A page that names a variable names one that exists."""
    known = {variable for variable, _ in describe()} | {CONFIG_FILE}
    known |= {f"{variable}_FILE" for variable in known}

    named = set(re.findall(r"ESIM_GRAPH_[A-Z_]*[A-Z](?![A-Z_…])", page.read_text()))

    assert {name for name in named if not name.startswith("ESIM_GRAPH_SANDBOX_")} <= known


def test_errors_lists_every_code_and_whether_it_is_retryable() -> None:
    """A row for each code of the error tree, and one for what is masked."""
    classes = [
        cls
        for _, cls in inspect.getmembers(errors, inspect.isclass)
        if issubclass(cls, GatewayError) and cls not in (GatewayError, UpstreamError)
    ]
    expected = {f"`{cls.code}`": "yes" if cls.retryable else "no" for cls in classes} | {"`INTERNAL`": "no"}

    listed = [row for row in rows(DOCS / "errors.md") if row[0].isupper()]

    assert {row[0]: row[2] for row in listed} == expected
    assert len(listed) == len(expected)


def test_the_sandbox_page_lists_every_landmark_and_control() -> None:
    """Nothing that can be asked for or done is left out."""
    page = (DOCS / "sandbox.md").read_text()

    assert [row[1] for row in rows(DOCS / "sandbox.md") if row[1].strip("`").isdigit() and len(row[1]) > 18] == [
        f"`{landmark.iccid}`" for landmark in LANDMARKS
    ]
    for address in re.findall(r"/control[\w/{}]*", control_doc or ""):
        assert f"{address}`" in page


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """A link inside the repository names a file or folder that is there."""
    for target in _LINK.findall(page.read_text()):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), f"{name_of(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_named_exist(page: Path) -> None:
    """A file named in code type is there: from the root, below the package, or under a vendor's or doors' folder."""
    places = [ROOT, ROOT / "src" / "esim_graph", ROOT / "src" / "esim_graph" / "upstreams", DOCS, page.parent]
    for name in re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|graphql|toml|json|js|html))`", page.read_text()):
        everywhere = any(path.name == name for path in (ROOT / "src").rglob(name)) if "/" not in name else False
        assert everywhere or any((place / name).exists() for place in places), f"{name_of(page)} names {name}"


def test_paragraphs_that_the_code_refers_to_exist() -> None:
    """``upstreams.md §3.3`` in the code is a heading there, or a numbered item below one."""
    text = (DOCS / "upstreams.md").read_text()
    known = set(re.findall(r"^#+ (\d+(?:\.\d+)*)\.? ", text, re.MULTILINE))
    for section in re.split(r"^#+ (?=\d)", text, flags=re.MULTILINE)[1:]:
        number = section.split(" ", 1)[0].rstrip(".")
        known |= {f"{number}.{item}" for item in re.findall(r"^(\d+)\. ", section, re.MULTILINE)}

    for source in sorted((ROOT / "src" / "esim_graph").rglob("*.py")):
        referred = {
            number
            for line in source.read_text().splitlines()
            if "RFC" not in line
            for number in _PARAGRAPH.findall(line)
        }
        assert referred <= known, f"{name_of(source)} refers to {sorted(referred - known)}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_named_exist(page: Path) -> None:
    """`make test` is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE)) <= targets


def test_every_decision_is_in_the_list() -> None:
    """The list of decisions names each page by its own title."""
    listed = dict(re.findall(r"^\d+\. \[(.+)\]\((.+)\)$", (DOCS / "decisions" / "README.md").read_text(), re.MULTILINE))
    pages = sorted((DOCS / "decisions").glob("0*.md"))

    assert sorted(listed.values()) == [page.name for page in pages]
    for title, name in listed.items():
        heading = (DOCS / "decisions" / name).read_text().splitlines()[0]
        assert heading == f"# {int(name[:4])}. {title}"
