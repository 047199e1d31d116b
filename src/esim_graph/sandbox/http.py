"""What the faces and ``/control`` share: JSON in and out, and refusals that a handler can raise."""

from collections.abc import Awaitable, Callable, Mapping

import orjson
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.Response]]


class RefusalError(Exception):
    """A vendor refuses a request; ``response`` is what it answers."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


def json_response(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer *content* as compact JSON."""
    return web.Response(body=orjson.dumps(content), status=status, headers=headers, content_type="application/json")


def html_response(title: str, *, status: int) -> web.Response:
    """Answer the kind of page a proxy in front of a vendor answers."""
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return web.Response(text=page, status=status, content_type="text/html")


def parse_object(body: bytes) -> dict[str, object] | None:
    """Return the JSON object in *body*, or None when it is none."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return content if isinstance(content, dict) else None


async def body_of(request: web.Request) -> dict[str, object]:
    """Return the JSON object a ``/control`` request carries.

    Raises:
        RefusalError: 400 when it carries something else.
    """
    content = parse_object(await request.read())
    if content is None:
        raise RefusalError(json_response({"error": "the body must be a JSON object"}, status=400))
    return content


def unknown(what: str, identifier: str) -> RefusalError:
    """Return the 404 of ``/control`` to raise."""
    return RefusalError(json_response({"error": f"no {what} {identifier}"}, status=404))
