"""GraphQL over HTTP: POST and GET, JSON and event streams, and GraphiQL for a browser.

Source: the GraphQL over HTTP draft; graphql-sse for streams.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from esim_graph.engine import Answer, Engine, Prepared, Refused, Request, Streamed
from esim_graph.errors import BadUserInput, Forbidden
from esim_graph.server.accept import best_match, names
from esim_graph.server.graphiql import GraphiQL
from esim_graph.server.origin import is_own_page
from esim_graph.server.requests import read_json, read_request
from esim_graph.server.sse import EVENT_STREAM, EventStream
from esim_graph.telemetry import Metrics, request_id

_JSON = "application/json"
_GRAPHQL_JSON = "application/graphql-response+json"
_HTML = "text/html"

_MAX_BODY = 1_000_000  # bytes
# A connection that is closed with bytes unread is reset, and the answer may be lost with it. So a body that is
# somewhat too long is read to its end, and thrown away.
_MAX_READ = 16 * _MAX_BODY
_BODY_SECONDS = 15.0  # for a body to arrive in: a half-sent one would stay open for ever


class Rejected(Exception):
    """The HTTP request is not one that can be answered with GraphQL."""

    def __init__(self, status: int, message: str, *, code: str = BadUserInput.code, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers


class GraphQLOverHttp:
    """The ASGI application at ``/graphql``."""

    def __init__(self, engine: Engine, graphiql: GraphiQL, *, closing: asyncio.Event, metrics: Metrics) -> None:
        self._engine = engine
        self._graphiql = graphiql
        self._closing = closing
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        http = HttpRequest(scope, receive)
        try:
            response = await self._respond(http)
        except ClientDisconnect:
            return
        except Rejected as rejected:
            response = _json(_refusal(rejected), _json_type(http), rejected.status, rejected.headers)
        await response(scope, receive, send)

    async def _respond(self, http: HttpRequest) -> ASGIApp:
        if not is_own_page(http.headers):
            raise Rejected(403, "Only this machine's own pages and programs may call.", code=Forbidden.code)
        accept = http.headers.get("accept")
        if http.method == "GET":
            if names(accept, _HTML) and best_match(accept, (_HTML, _JSON, _GRAPHQL_JSON)) == _HTML:
                return self._graphiql.page()
            request = _read_get(http)
        elif http.method == "POST":
            request = await _read_post(http)
        else:
            raise Rejected(405, "Use POST, or GET for a query.", allow="GET, POST")
        try:
            prepared = self._engine.prepare(request)
        except Refused as refused:
            return self._refuse(refused, accept)
        if prepared.type == "subscription":
            return self._subscribe(prepared, request, http)
        if prepared.type == "mutation" and http.method == "GET":
            raise Rejected(405, "A mutation must be sent with POST.", allow="POST")
        media_type = best_match(accept, (_JSON, _GRAPHQL_JSON))
        if media_type is not None:
            answer = await self._engine.execute(prepared, request.variables)
            return _json(answer, media_type, _status(answer, media_type))
        if best_match(accept, (EVENT_STREAM,)) is not None:
            return EventStream(self._once(prepared, request), None)
        raise Rejected(406, f"Accept must allow {_GRAPHQL_JSON}, {_JSON} or {EVENT_STREAM}.")

    def _refuse(self, refused: Refused, accept: str | None) -> ASGIApp:
        answer = self._engine.refusal(refused)
        media_type = best_match(accept, (_JSON, _GRAPHQL_JSON))
        if media_type is None and best_match(accept, (EVENT_STREAM,)) is not None:
            return EventStream(_just(answer), None)
        return _json(answer, media_type or _GRAPHQL_JSON, _status(answer, media_type or _GRAPHQL_JSON))

    def _subscribe(self, prepared: Prepared, request: Request, http: HttpRequest) -> ASGIApp:
        if best_match(http.headers.get("accept"), (EVENT_STREAM,)) is None:
            raise Rejected(406, f"A subscription needs Accept: {EVENT_STREAM}, or a WebSocket at the same address.")
        resume = http.headers.get("last-event-id") or None
        return EventStream(self._watch(prepared, request, resume), self._closing)

    async def _once(self, prepared: Prepared, request: Request) -> AsyncGenerator[Streamed, None]:
        yield Streamed(await self._engine.execute(prepared, request.variables))

    async def _watch(self, prepared: Prepared, request: Request, resume: str | None) -> AsyncGenerator[Streamed, None]:
        with self._metrics.subscriptions.labels("sse").track_inprogress():
            async with aclosing(self._engine.subscribe(prepared, request.variables, resume)) as answers:
                async for answer in answers:
                    yield answer


async def _just(answer: Answer) -> AsyncGenerator[Streamed, None]:
    yield Streamed(answer)


def _read_get(http: HttpRequest) -> Request:
    parameters = http.query_params
    try:
        return read_request(
            {
                "query": parameters.get("query"),
                "operationName": parameters.get("operationName"),
                "variables": _json_parameter(http, "variables"),
                "extensions": _json_parameter(http, "extensions"),
            }
        )
    except BadUserInput as error:
        raise Rejected(400, error.message) from None


def _json_parameter(http: HttpRequest, name: str) -> Any:
    text = http.query_params.get(name)
    if not text:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Rejected(400, f"{name} must be valid JSON.") from None


async def _read_post(http: HttpRequest) -> Request:
    media_type = http.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != _JSON:
        raise Rejected(415, f"Content-Type must be {_JSON}.")
    if http.headers.get("content-encoding", "identity").lower() != "identity":
        raise Rejected(415, "Content-Encoding must be identity.")
    try:
        return read_request(read_json(await _body(http)))
    except BadUserInput as error:
        raise Rejected(400, error.message) from None


async def _body(http: HttpRequest) -> bytes:
    """The body, as far as it is allowed to be large and slow."""
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in http.stream():
                size += len(chunk)
                if size <= _MAX_BODY:
                    body += chunk
                elif size > _MAX_READ:
                    break
    except TimeoutError:
        raise Rejected(408, f"The body must arrive within {_BODY_SECONDS:g} s.", connection="close") from None
    if size > _MAX_BODY:
        raise Rejected(413, f"The body must be at most {_MAX_BODY:,} bytes.", connection="close")
    return bytes(body)


def _json(answer: Answer, media_type: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(
        orjson.dumps(answer),
        status_code=status,
        media_type=f"{media_type}; charset=utf-8",
        headers={"cache-control": "no-store", "vary": "accept"} | (headers or {}),
    )


def _status(answer: Answer, media_type: str) -> int:
    """A document that was not executed is the request's fault, which only the newer media type may say."""
    return 400 if "data" not in answer and media_type == _GRAPHQL_JSON else 200


def _json_type(http: HttpRequest) -> str:
    return best_match(http.headers.get("accept"), (_JSON, _GRAPHQL_JSON)) or _JSON


def _refusal(rejected: Rejected) -> Answer:
    extensions = {"code": rejected.code, "retryable": False, "requestId": request_id.get()}
    return {"errors": [{"message": rejected.message, "extensions": extensions}]}
