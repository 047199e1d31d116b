"""What every HTTP request passes: a request id, one log line, and the last catch of errors."""

import time

import orjson
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from esim_graph.telemetry import logger, new_request_id, request_id


class RequestScope:
    """Gives each request an id, which its log lines, its errors and its answer's header carry."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = request_id.set(new_request_id())
        began = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id.get()
                headers["x-content-type-options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            logger().exception("request_failed")
            if status:
                raise  # half an answer is out: uvicorn closes the connection
            await _internal_error(send_with_id)
        finally:
            # The path without its query: that may hold a document with what should not be logged.
            logger().debug(
                "request", method=scope["method"], path=scope["path"], status=status,
                milliseconds=round((time.perf_counter() - began) * 1000, 1),
            )  # fmt: skip
            request_id.reset(token)


async def _internal_error(send: Send) -> None:
    error = {
        "message": "Something unforeseen went wrong here.",
        "extensions": {"code": "INTERNAL", "retryable": False, "requestId": request_id.get()},
    }
    headers = [(b"content-type", b"application/json; charset=utf-8")]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps({"errors": [error]})})
