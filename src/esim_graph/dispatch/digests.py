"""Digests of what must not be kept as it is: comparable with each other, and with nothing else."""

import hmac
import json

from esim_graph.domain.identifiers import ActivationCode


class Digests:
    """Keyed, so that neither a code nor its plain hash is in the database."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"esim-graph requests", "sha256")

    def of_code(self, code: ActivationCode | None) -> str | None:
        """What tells one activation code from another."""
        return None if code is None else self._digest("code", code.reveal())

    def of_input(self, *parts: str | None) -> str:
        """What tells one input from another; it is made of all of them, in their order."""
        return self._digest("input", json.dumps(parts))

    def _digest(self, purpose: str, text: str) -> str:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(), "sha256").hex()
