"""What a caller sees of an error: a code, a sentence, and when to try again."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError

from esim_graph.errors import BadUserInput, GatewayError, UpstreamError
from esim_graph.schema.redaction import without_values
from esim_graph.telemetry import logger, request_id


def present(error: GraphQLError) -> Mapping[str, Any]:
    """Format an error of an operation; what is not ours is masked as ``INTERNAL`` and logged once."""
    cause = _cause(error)
    if isinstance(cause, GatewayError):
        message, extensions = cause.message, _extensions(cause)
    elif cause is None or _is_unreadable(error):
        # Of graphql-core itself: syntax, validation, coercion. It speaks of the caller's own document.
        message, extensions = without_values(error.message), {"code": BadUserInput.code, "retryable": False}
    else:
        logger().error("unforeseen_error", exc_info=cause, path=error.path)
        message, extensions = "Something unforeseen went wrong here.", {"code": "INTERNAL", "retryable": False}
    formatted: dict[str, Any] = {"message": message}
    if error.locations:
        formatted["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        formatted["path"] = error.path
    formatted["extensions"] = extensions | {"requestId": request_id.get()}
    return formatted


def _cause(error: GraphQLError) -> BaseException | None:
    """The exception behind an error; None if it is graphql-core's own."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _extensions(error: GatewayError) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": error.code, "retryable": error.retryable}
    if isinstance(error, UpstreamError):
        extensions["upstream"] = error.upstream
        if error.retry_after_seconds is not None:
            extensions["retryAfterSeconds"] = error.retry_after_seconds
    return extensions


def _is_unreadable(error: GraphQLError) -> bool:
    """Whether graphql-core stumbled over a value before anything ran: an Int of five thousand digits."""
    return error.path is None and ", but encountered error '" in error.message
