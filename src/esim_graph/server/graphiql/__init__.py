"""GraphiQL for a browser at ``/graphql``: the page, its files, and the policy that keeps it on this machine."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["CSP", "Example", "GraphiQL"]

_HERE = Path(__file__).parent

# Nothing but this origin, and no inline script. ``'self'`` covers the WebSocket of the same origin.
# Inline styles stay allowed: the components that GraphiQL is made of write style elements as they open.
CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

# What a browser may ask for. The Python source beside them is not among it.
_OURS = ("icon.svg", "page.css", "page.js")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One operation that a first visit to GraphiQL finds ready in a tab."""

    name: str  #: Shown as the first line's comment.
    query: str
    variables: Mapping[str, object] | None = None


class GraphiQL:
    """The page and the files it loads; built once, when the application is."""

    def __init__(self, examples: Sequence[Example] = ()) -> None:
        """Read the page; *examples* open as tabs, in this order."""
        manifest = json.loads((_HERE / "assets.json").read_text(encoding="utf-8"))
        self._files = {name: _HERE / name for name in _OURS} | {
            f"assets/{name}": _HERE / "assets" / name
            for package in manifest["packages"]
            for name in package["files"].values()
        }
        #: False on an installation whose build brought no GraphiQL; the page then says so.
        self.installed = all(path.is_file() for path in self._files.values())
        self._base = f"/graphiql/{self._version()}"
        self._html = self._render(examples)

    def route(self) -> BaseRoute:
        """Return the route of the files: read-only, and remembered by browsers for a year.

        The address changes with the files' content, so an upgrade needs no reload.
        """
        return Mount(self._base, _Files(directory=_HERE, allowed=frozenset(self._files)))

    def page(self) -> HTMLResponse:
        """Return the page with its content security policy; 503 and one sentence without its files."""
        return HTMLResponse(
            self._html,
            status_code=200 if self.installed else 503,
            headers={
                "Content-Security-Policy": CSP,
                "Cache-Control": "no-cache",
                "Referrer-Policy": "no-referrer",
                "Vary": "Accept",  # the same address answers GraphQL with JSON
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _version(self) -> str:
        """Return what tells one content of all files from another, as 12 hexadecimal digits.

        The build checks the third-party files against ``assets.json``, so that file stands for them.
        """
        digest = hashlib.sha256()
        for name in ("assets.json", *_OURS):
            digest.update((_HERE / name).read_bytes())
        return digest.hexdigest()[:12]

    def _render(self, examples: Sequence[Example]) -> str:
        if not self.installed:
            return (_HERE / "missing.html").read_text(encoding="utf-8")
        # ``<`` would let an example end the script element it stands in.
        data = json.dumps([asdict(example) for example in examples]).replace("<", "\\u003c")
        page = Template((_HERE / "page.html").read_text(encoding="utf-8"))
        return page.substitute(base=self._base, examples=data)


class _Files(StaticFiles):
    """Serve the allowed files of one folder, to be kept by browsers for as long as they like."""

    def __init__(self, *, directory: Path, allowed: frozenset[str]) -> None:
        super().__init__(directory=directory)
        self._allowed = allowed

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer one request; anything not allowed is absent."""
        if path not in self._allowed:
            return Response(status_code=404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
