"""The vendors' documented samples, as answers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from esim_graph.upstreams.messages import Answer

_FOLDER = Path(__file__).parent.parent / "vendor_samples"
RECEIVED_AT = datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)


def sample(name: str) -> bytes:
    """One file, as it is."""
    return (_FOLDER / name).read_bytes()


def sample_json(name: str) -> Any:
    """One file's value."""
    return json.loads(sample(name))


def answer(body: bytes | object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with this body; what is not bytes is written as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=headers or {}, body=content, received_at=RECEIVED_AT)
