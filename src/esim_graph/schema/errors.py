"""What a caller sees of an error: a code, a sentence, and when to try again."""

import re
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError

from esim_graph.errors import BadUserInput, GatewayError, UpstreamError
from esim_graph.telemetry import logger, request_id

# graphql-core repeats what the caller sent: behind "found: " or "value: " to the end of a sentence, and
# between quotation marks. An activation code may be among it, beside a missing field or where something
# else belongs. What remains are names: of types, fields, arguments, variables and directives.
_TAIL = re.compile(
    r"(?:, but encountered error '|[,;.]? [Ff]ound: |(?<!has invalid value)(?<!invalid default value)(?<= value): ).*",
    re.DOTALL,
)
_STRING = re.compile(r"(?<=String )['\"].*['\"]", re.DOTALL)  # a token of a document that cannot be parsed
_ENUM_VARIABLE = re.compile(r"(?<=: Value )'.*'(?= does not exist in )", re.DOTALL)
_NAME = re.compile(r"'(?:[$@\[]*[A-Za-z_]\w*(?:\.\w+)?(?:\(\w+:\)| \{ \.\.\. \})?[\]!]*|[^\w\s'\"]{1,3})'", re.ASCII)
_QUOTATION_MARK = re.compile(r"['\"]")


def present(error: GraphQLError) -> Mapping[str, Any]:
    """Format an error of an operation; what is not ours is masked as ``INTERNAL`` and logged once."""
    cause = _cause(error)
    if isinstance(cause, GatewayError):
        message, extensions = cause.message, _extensions(cause)
    elif cause is None or _is_unreadable(error):
        # Of graphql-core itself: syntax, validation, coercion. It speaks of the caller's own document.
        message, extensions = _without_values(error.message), {"code": BadUserInput.code, "retryable": False}
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


def _without_values(message: str) -> str:
    """A sentence of graphql-core's without the values that the caller sent."""
    for repeated, instead in ((_TAIL, "."), (_STRING, "'…'"), (_ENUM_VARIABLE, "'…'")):
        message = repeated.sub(instead, message)
    at = 0
    while (mark := _QUOTATION_MARK.search(message, at)) is not None:
        name = _NAME.match(message, mark.start())
        if name is None and not message.startswith("'…'", mark.start()):
            return message[: mark.start()] + "…"
        at = mark.start() + 3 if name is None else name.end()
    return message
