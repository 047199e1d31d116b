"""Reports as vendors' answers make them, for tests of the journal."""

from datetime import UTC, datetime, timedelta
from typing import Any

from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.status_change import Report, StatusSource

NOON = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
ICCID = Iccid("8948010010036785060")
OTHER = Iccid("8943108170002570328")


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def event(identity: str, state: ProfileState, seconds: float, **more: Any) -> Report:
    """Something that Digi says happened; it is seen a minute later, whatever *seconds* is."""
    given: dict[str, Any] = {"iccid": ICCID, "source": StatusSource.DIGI, "seen_at": at(seconds + 60)}
    return Report(state=state, at=at(seconds), identity=identity, **given | more)


def failure(identity: str, seconds: float, **more: Any) -> Report:
    """An attempt that failed."""
    given: dict[str, Any] = {"iccid": ICCID, "source": StatusSource.DIGI, "seen_at": at(seconds + 60)}
    return Report(state=None, at=at(seconds), identity=identity, is_error=True, **given | more)


def reading(state: ProfileState, seconds: float, **more: Any) -> Report:
    """What Digi shows at a moment: ENABLED is its active, DISABLED its inactive, DELETED its silence."""
    given: dict[str, Any] = {"iccid": ICCID, "source": StatusSource.DIGI, "seen_at": at(seconds)}
    return Report(state=state, **given | more)
