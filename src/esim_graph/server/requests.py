"""Reads what callers send into a request for the engine, whatever the transport."""

from typing import Any

import orjson

from esim_graph.engine import Request
from esim_graph.errors import BadUserInput


def read_json(body: bytes | str) -> Any:
    """Parse JSON.

    Raises:
        BadUserInput: it is none, too deeply nested, or not UTF-8.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadUserInput("The body must be valid JSON in UTF-8.") from None


def read_request(body: Any) -> Request:
    """Read the members of a GraphQL request.

    Raises:
        BadUserInput: one is missing or of the wrong kind; the sentence names it.

    Source: GraphQL over HTTP, "Request parameters".
    """
    if not isinstance(body, dict):
        raise BadUserInput("The request must be a JSON object with a query.")
    query, variables = body.get("query"), body.get("variables")
    operation_name, extensions = body.get("operationName"), body.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise BadUserInput("query must be a string with a GraphQL document.", argument="query")
    if variables is not None and not isinstance(variables, dict):
        raise BadUserInput("variables must be an object.", argument="variables")
    if operation_name is not None and not isinstance(operation_name, str):
        raise BadUserInput("operationName must be a string.", argument="operationName")
    if extensions is not None and not isinstance(extensions, dict):
        raise BadUserInput("extensions must be an object.", argument="extensions")
    return Request(query=query, variables=variables, operation_name=operation_name or None)
