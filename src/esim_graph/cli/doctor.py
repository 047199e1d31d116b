"""``esim-graph doctor``: is everything set up right, and if not, what is to be done?"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from esim_graph.clock import Clock, Deadline, SystemClock
from esim_graph.config import Settings
from esim_graph.database import CannotOpenDatabase
from esim_graph.database.engine import sqlite_file
from esim_graph.database.migrate import examine
from esim_graph.errors import (
    GatewayError,
    UpstreamAuthFailed,
    UpstreamForbidden,
    UpstreamNotConfigured,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import open_upstreams

_SECONDS = 10.0
_MAX_SKEW = 60.0  # eSIMfly refuses calls that are more than 300 s off; this leaves room


@dataclass(frozen=True, slots=True)
class _Finding:
    name: str
    verdict: str  # ok, note or wrong
    text: str


async def run_doctor(
    settings: Settings, unknown: Sequence[str], *, say: Callable[[str], None], clock: Clock | None = None
) -> int:
    """Print a line per finding; 1 if anything is wrong.

    Each vendor is asked once, with a call that changes nothing and reaches no device. The
    database is looked at and not changed.
    """
    findings = [_Finding("settings", "ok", "they can be read")]
    findings += [_Finding("settings", "note", f"{name} is no setting of this version: ignored") for name in unknown]
    findings.append(await _check_database(settings.database_url.get_secret_value()))
    clock = clock or SystemClock()
    async with open_upstreams(settings, metrics=Metrics(), clock=clock) as upstreams:
        deadline = Deadline.after(_SECONDS, clock)
        checks = await asyncio.gather(
            _check("digi", upstreams.digi.summary(deadline=deadline), "DIGI__API_KEY_ID and __API_KEY_SECRET"),
            _check("esimfly", upstreams.esimfly.check(deadline=deadline), "ESIMFLY__ACCESS_CODE and __SECRET_KEY"),
            _check("esimgo", upstreams.esimgo.check(deadline=deadline), "ESIMGO__API_KEY"),
        )
    findings += [finding for check in checks for finding in check]
    if not any((settings.digi.configured, settings.esimfly.configured, settings.esimgo.configured)):
        findings.append(_Finding("vendors", "wrong", "none is configured; set the credentials of one at least"))
    for finding in findings:
        say(f"{finding.verdict:<5}  {finding.name:<8}  {finding.text}")
    return int(any(finding.verdict == "wrong" for finding in findings))


async def _check_database(url: str) -> _Finding:
    file = sqlite_file(url)
    if file is not None and (finding := _check_place(file)):
        return finding
    try:
        current = await examine(url)
    except CannotOpenDatabase as error:
        return _Finding("database", "wrong", f"{error}; check ESIM_GRAPH_DATABASE_URL")
    if file is not None:
        later = "" if current else "; it will be migrated when the gateway starts"
        return _Finding("database", "ok", f"the SQLite file {file} can be used{later}")
    if not current:
        return _Finding("database", "wrong", "it is not at this version's schema: run esim-graph migrate")
    return _Finding("database", "ok", "PostgreSQL answers, at this version's schema")


def _check_place(file: Path) -> _Finding | None:
    """What is to be said of a file before it is opened, which would make it."""
    place = file if file.exists() else file.absolute().parent
    if not os.access(place, os.W_OK):  # also where nothing is
        return _Finding(
            "database", "wrong", f"this user cannot write to {place}; change that, or set ESIM_GRAPH_DATABASE_URL"
        )
    if not file.exists():
        return _Finding("database", "ok", f"the SQLite file {file} will be made when the gateway starts")
    return None


async def _check(name: str, call: Awaitable[float | None], variables: str) -> list[_Finding]:
    try:
        skew = await call
    except UpstreamNotConfigured:
        return [_Finding(name, "note", f"not configured; set ESIM_GRAPH_{variables} to use it")]
    except (UpstreamAuthFailed, UpstreamForbidden):
        return [
            _Finding(
                name,
                "wrong",
                f"refuses the credentials; are ESIM_GRAPH_{variables} right and still valid?",
            )
        ]
    except (UpstreamUnavailable, UpstreamTimeout) as error:
        base = f"check ESIM_GRAPH_{name.upper()}__BASE_URL and the network"
        return [_Finding(name, "wrong", f"{error.message} {base[0].upper()}{base[1:]}.")]
    except GatewayError as error:
        return [_Finding(name, "wrong", error.message)]
    findings = [_Finding(name, "ok", "accepts the credentials")]
    if skew is not None and abs(skew) > _MAX_SKEW:
        findings.append(
            _Finding(
                "clock",
                "wrong",
                f"this machine's is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} {name}'s; set it by NTP",
            )
        )
    return findings
