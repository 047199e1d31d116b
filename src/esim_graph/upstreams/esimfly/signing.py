"""eSIMfly's signature: HMAC-SHA256 over time, request id, access code and body.

Source: upstreams.md §2.1. Method, path and query are not signed; the body is, byte by byte.
"""

import hashlib
import hmac


def headers(body: bytes, *, access_code: str, secret_key: str, request_id: str, timestamp_ms: int) -> dict[str, str]:
    """Sign *body* as it will be sent.

    Args:
        body: the exact bytes; empty for a GET.
        access_code: whose call it is.
        secret_key: what signs it.
        request_id: a UUID of version 4 that was never used before; eSIMfly remembers it for 24 h.
        timestamp_ms: Unix time in milliseconds; refused when 5 minutes old.
    """
    signed = f"{timestamp_ms}{request_id}{access_code}".encode() + body
    return {
        "RT-AccessCode": access_code,
        "RT-RequestID": request_id,
        "RT-Timestamp": str(timestamp_ms),
        "RT-Signature": hmac.digest(secret_key.encode(), signed, hashlib.sha256).hex().upper(),
        "Content-Type": "application/json",
    }
