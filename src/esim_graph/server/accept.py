"""Content negotiation: which of the types offered does a caller want most?"""

from collections.abc import Sequence

_ANY = "*/*"


def best_match(accept: str | None, offered: Sequence[str]) -> str | None:
    """The offered media type with the highest quality in an ``Accept`` header; None if it takes none.

    Without a header, and among equals, the first offered wins. A precise range goes before
    ``type/*`` and that before ``*/*``, whatever their order.

    Source: RFC 9110 §12.5.1.
    """
    if accept is None or not accept.strip():
        return offered[0] if offered else None
    ranges = [_read(part) for part in accept.split(",") if part.strip()]
    best, highest = None, 0.0
    for media_type in offered:
        quality = _quality(media_type, ranges)
        if quality > highest:
            best, highest = media_type, quality
    return best


def names(accept: str | None, media_type: str) -> bool:
    """Whether a caller asks for this very type, not just for anything."""
    return any(
        name == media_type and quality > 0 for name, quality in (_read(part) for part in (accept or "").split(","))
    )


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    group = media_type.split("/", maxsplit=1)[0] + "/*"
    for wanted in (media_type, group, _ANY):
        for name, quality in ranges:
            if name == wanted:
                return quality
    return 0.0


def _read(part: str) -> tuple[str, float]:
    name, *parameters = part.split(";")
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return name.strip().lower(), quality
