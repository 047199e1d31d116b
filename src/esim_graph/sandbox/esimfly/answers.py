"""eSIMfly's refusals, verbatim. Source: vendors page 002; upstreams §2.3.

Three shapes exist side by side: ``error`` without a code, ``error`` with one, ``message`` with one.
"""

from aiohttp import web

from esim_graph.sandbox.http import RefusalError, json_response


def _error(status: int, error: str, code: str) -> web.Response:
    return json_response({"success": False, "error": error, "code": code}, status=status)


def _message(status: int, message: str, code: str) -> web.Response:
    return json_response({"success": False, "message": message, "code": code}, status=status)


def authentication_required() -> web.Response:
    """No credentials at all: 401 and no code (F)."""
    text = "Please provide either Bearer token or complete HMAC signature authentication"
    return json_response({"success": False, "error": "Authentication required", "message": text}, status=401)


def hmac_required(status: int) -> web.Response:
    """Some RT-* headers are missing (F for the body, I for the status)."""
    text = (
        "Missing required headers: RT-Signature, RT-Timestamp, and RT-RequestID are mandatory when using RT-AccessCode"
    )
    error = "HMAC signature authentication required"
    return json_response({"success": False, "error": error, "message": text, "code": "HMAC_REQUIRED"}, status=status)


def invalid_api_key() -> web.Response:
    """The access code is not known (F)."""
    return _error(401, "Invalid API key", "INVALID_API_KEY")


def invalid_signature() -> web.Response:
    """The signature does not fit the bytes received (F)."""
    return _error(401, "Invalid signature", "INVALID_SIGNATURE")


def invalid_request_id() -> web.Response:
    """RT-RequestID is no UUID v4 (F)."""
    text = "Invalid or missing RT-RequestID header. Must be a valid UUID v4."
    return _error(400, text, "INVALID_REQUEST_ID")


def invalid_timestamp() -> web.Response:
    """RT-Timestamp is older than five minutes, or no number (F)."""
    return _error(401, "Request timestamp is too old or invalid", "INVALID_TIMESTAMP")


def duplicate_request() -> web.Response:
    """RT-RequestID was used in the last 24 hours: 400, not 409 (F)."""
    return _error(400, "Request ID has already been used", "DUPLICATE_REQUEST")


def invalid_user() -> web.Response:
    """Not a business account (F)."""
    return _error(403, "Invalid user or not a business account", "INVALID_USER")


def rate_limited() -> web.Response:
    """Too many calls: the code is a fact, the text is ours (§2.3)."""
    return _error(429, "Rate limit exceeded", "RATE_LIMIT_EXCEEDED")


def missing_identifier() -> RefusalError:
    """Neither iccid nor esimId (vendors page 002)."""
    return RefusalError(_message(400, "Provide either iccid or esimId", "MISSING_IDENTIFIER"))


def forbidden() -> RefusalError:
    """The eSIM is somebody else's (vendors page 002)."""
    return RefusalError(_message(403, "You do not have permission to access this eSIM", "FORBIDDEN"))


def not_found() -> RefusalError:
    """Nobody's eSIM (vendors page 002)."""
    return RefusalError(_message(404, "eSIM not found", "ESIM_NOT_FOUND"))


def provider_error() -> RefusalError:
    """The network could not be reached (vendors page 002)."""
    return RefusalError(_message(502, "Failed to fetch live status from the provider", "PROVIDER_ERROR"))
