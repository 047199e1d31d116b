"""What this process knows without asking the database, so that a look that finds nothing new costs nothing.

Only a memory: what it has forgotten is looked up, and what another replica wrote since is noticed
when an entry is a minute old.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

from esim_graph.clock import Clock
from esim_graph.domain.status_change import KnownState, Report, is_unchanged, judge
from esim_graph.journal.rows import Key

K = TypeVar("K")
V = TypeVar("V")

_REMEMBERED = 50_000  # profile states, and as many identities
_SECONDS = 60.0  # for which a state is believed; others may write too


class News:
    """Tells reports that say something new from those that repeat what is known."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._states: _Lately[Key, tuple[KnownState | None, float]] = _Lately()
        self._recorded: _Lately[str, None] = _Lately()

    def may_be(self, report: Report) -> bool:
        """Whether *report* may be news; False only where it surely is not."""
        if report.identity is not None:
            return report.identity not in self._recorded
        entry = self._states.get((report.iccid, report.source))
        if entry is None or entry[1] < self._clock.monotonic():
            return True
        return is_news(entry[0], report)

    def know(self, key: Key, known: KnownState | None) -> None:
        """This is what the database has."""
        self._states.put(key, (known, self._clock.monotonic() + _SECONDS))

    def forget(self, keys: Iterable[Key]) -> None:
        """These are being written."""
        for key in keys:
            self._states.drop(key)

    def are_recorded(self, reports: Iterable[Report]) -> None:
        """These reports are in the database."""
        for report in reports:
            if report.identity is not None:
                self._recorded.put(report.identity, None)


def is_news(known: KnownState | None, report: Report) -> bool:
    """Whether a reading says anything to who knows *known*."""
    if is_unchanged(known, report):
        return False
    verdict = judge(known, report)
    return verdict.change is not None or verdict.known != known


class _Lately(Generic[K, V]):
    """The entries used last."""

    def __init__(self) -> None:
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > _REMEMBERED:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)
