"""Instants as vendors write them."""

import re
from datetime import UTC, datetime, timedelta

_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,12}))?\s*(Z|z|[+-]\d{2}:?\d{2})?", re.ASCII
)


def parse_instant(text: str) -> datetime | None:
    """Read an ISO 8601 instant; None if it is not one.

    Fractions of up to twelve digits are cut to microseconds (eSIM Go sends nine), and a
    missing zone means UTC (eSIMfly's network events have none).

    Source: upstreams.md §8.11.
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        return None
    date, time, fraction, zone = match.groups()
    try:
        instant = datetime.fromisoformat(f"{date}T{time}.{(fraction or '0')[:6]:0<6}{(zone or 'Z').upper()}")
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_instant(instant: datetime) -> str:
    """Write an instant in UTC with ``Z``, with milli- or microseconds only where they matter."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    precision = "seconds" if not utc.microsecond else "microseconds" if utc.microsecond % 1000 else "milliseconds"
    return utc.isoformat(timespec=precision) + "Z"


_RELATIVE = re.compile(r"([+-])(\d{1,6})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_relative(text: str) -> timedelta | None:
    """Read a time relative to now as Digi writes it: ``-1h``, ``-7d``, ``+30m``; None if it is not one."""
    match = _RELATIVE.fullmatch(text.strip())
    if match is None:
        return None
    sign, count, unit = match.groups()
    return timedelta(seconds=int(sign + count) * _SECONDS[unit])
