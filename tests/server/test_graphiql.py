"""The GraphiQL page: its policy, its examples, its files, and its one sentence without them."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.types import Message

from esim_graph.server import graphiql
from esim_graph.server.graphiql import CSP, Example, GraphiQL

HOSTILE = Example(name="</script><script>alert(1)</script>", query="{ a }", variables={"b": "<!--"})


async def _get(app: Starlette, path: str) -> tuple[int, dict[str, str]]:
    """Ask *app* for *path*; return the status and the headers."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }
    await app(scope, receive, send)
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def _page(*examples: Example) -> str:
    return bytes(GraphiQL(examples).page().body).decode()


class _Reader(HTMLParser):
    """Collects the addresses a page loads and the text of its script elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name in {"src", "href"} and value]
        self._inside = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.scripts.append(data)


def test_the_policy_names_no_other_place_and_no_inline_script() -> None:
    """Whatever the page is made to do, the browser talks to this origin only."""
    assert "http" not in CSP
    assert "*" not in CSP
    assert "default-src 'none'" in CSP
    assert "script-src 'self';" in CSP
    assert GraphiQL().page().headers["content-security-policy"] == CSP


def test_examples_travel_as_data_even_hostile_ones() -> None:
    """An example's text can neither end its element nor become markup."""
    scripts = _Reader(_page(HOSTILE)).scripts

    assert len(scripts) == 1
    assert json.loads(scripts[0]) == [{"name": HOSTILE.name, "query": "{ a }", "variables": {"b": "<!--"}}]


async def test_every_file_of_the_page_is_served_and_kept() -> None:
    """The page's addresses carry a version, so browsers may keep each file for good."""
    ide = GraphiQL()
    app = Starlette(routes=[ide.route()])
    addresses = _Reader(_page()).addresses

    assert len(addresses) >= 8
    for address in addresses:
        status, headers = await _get(app, address)
        assert (status, address) == (200, address)
        assert headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "name", ["__init__.py", "assets.json", "page.html", "assets/", "", "../__init__.py", "assets/../__init__.py"]
)
async def test_nothing_else_is_served(name: str) -> None:
    """The folder also holds our source; none of it is a browser's business."""
    ide = GraphiQL()
    [base] = {re.sub(r"/(assets/)?[^/]+$", "", address) for address in _Reader(_page()).addresses}

    status, _ = await _get(Starlette(routes=[ide.route()]), f"{base}/{name}")

    assert status == 404


def test_without_its_files_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation built without npm still has a graph, and tells what is missing in one sentence."""
    for path in Path(graphiql.__file__).parent.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(graphiql, "_HERE", tmp_path)

    ide = GraphiQL()

    assert not ide.installed
    assert ide.page().status_code == 503
    assert b"files are missing from this installation" in bytes(ide.page().body)
