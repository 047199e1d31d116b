"""The envelopes of Digi's answers: lists, single objects, errors. Source: upstreams §1.2."""

from aiohttp import web

from esim_graph.sandbox.http import RefusalError, json_response
from esim_graph.sandbox.switches import DigiSwitches

Row = dict[str, object]


def error(status: int, message: str) -> web.Response:
    """Answer ``{"error_status", "error_message"}`` (a fact for the envelope, the texts are ours)."""
    return json_response({"error_status": status, "error_message": message}, status=status)


def refuse(status: int, message: str) -> RefusalError:
    """Return the error to raise so that the caller gets *status* and *message*."""
    return RefusalError(error(status, message))


def envelope(rows: list[Row], switches: DigiSwitches, *, size: int, cursor: str | None = None) -> Row:
    """Return ``{"count", "size", "list"[, "cursor"]}``; ``size`` may be switched off (observed only)."""
    content: Row = {"count": len(rows)}
    if switches.list_size:
        content["size"] = size
    content["list"] = rows
    if cursor is not None:
        content["cursor"] = cursor
    return content


def single(row: Row, switches: DigiSwitches) -> web.Response:
    """Answer one object, bare or as a list of one (unknown, switch ``single_get``)."""
    if switches.single_get == "bare":
        return json_response(row)
    return json_response(envelope([row], switches, size=1))
