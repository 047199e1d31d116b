"""Seals what callers carry for us (cursors), so that it comes back as it went out, or not at all."""

import base64
import binascii
import hashlib
import hmac

_MAC_BYTES = 16
_MAX_TOKEN = 4096  # ours are about 150 characters; the vendor decides on a part of it


class Seal:
    """Seals and opens small texts with one key; each token is bound to a purpose and a tenant."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"esim-graph seal\0" + key).digest()

    def close(self, purpose: str, tenant: str, text: str) -> str:
        """Return *text* as an opaque token that only ``open`` with the same binding reads."""
        body = text.encode()
        return _write(self._mac(purpose, tenant, body) + body)

    def open(self, purpose: str, tenant: str, token: str) -> str | None:
        """Return the text of a token, or None if it is not ours, not for this, or was changed."""
        if len(token) > _MAX_TOKEN or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if _write(raw) != token:  # the same bytes in another spelling, of which base64 has some
            return None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(purpose, tenant, body)):
            return None
        return body.decode()

    def _mac(self, purpose: str, tenant: str, body: bytes) -> bytes:
        bound = f"{purpose}\0{tenant}\0".encode() + body
        return hmac.digest(self._key, bound, "sha256")[:_MAC_BYTES]


def _write(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
