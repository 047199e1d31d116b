"""The journal's own idea: what a source reports, what is known of it, and what is a change.

Each source is compared with what that source itself said before, so that two that disagree do
not make a change of every look. Nothing is ever refused: what is odd or late is recorded and
flagged.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.lifecycle import ON_DEVICE, ProfileState, is_in_order, rank
from esim_graph.domain.words import Word


class StatusSource(Word):
    """Who says so."""

    DIGI = "digi", "Digi Remote Manager: what its devices report and what its transactions come to."
    ESIMFLY = "esimfly", "The vendor eSIMfly, by a live status."
    ESIMGO = "esimgo", "The vendor eSIM Go. It tells of bundles and not of profiles, so no change comes from it yet."


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a source says of a profile, before the journal has judged it.

    With an ``identity`` it tells of an event, and the same identity again is the same event.
    Without one it is a reading: the state as it was when somebody looked.
    """

    iccid: Iccid
    source: StatusSource
    seen_at: datetime  #: when this gateway learned of it; for a reading, when it asked
    state: ProfileState | None  #: None for a failure
    eid: Eid | None = None
    device_id: str | None = None
    raw: str | None = None
    at: datetime | None = None  #: by the source's clock; None if it does not say
    actor: str | None = None
    transaction_id: str | None = None
    operation_id: str | None = None
    message: str | None = None
    message_code: str | None = None
    is_error: bool = False
    identity: str | None = None
    #: Seconds from ``at`` in which readings of the same source may still show the state before.
    lag: float | None = None
    #: Whether a reading looked at all that its source has of the profile; a row of a list did not.
    whole: bool = True

    @property
    def happened_at(self) -> datetime:
        """When, as far as anybody knows."""
        return self.at or self.seen_at

    @property
    def is_reading(self) -> bool:
        """Whether it tells of a state and not of an event."""
        return self.identity is None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownState:
    """What one source last said of one profile."""

    state: ProfileState
    at: datetime
    seen_at: datetime
    eid: Eid | None = None
    previous: ProfileState | None = None  #: None if this is the first that was ever seen
    #: What readings may still show until ``unconfirmed_until``; None stands for no state at all.
    outdated: tuple[ProfileState | None, ...] = ()
    unconfirmed_until: datetime | None = None

    @property
    def changed_at(self) -> datetime | None:
        """When it changed; None where nobody saw the state before."""
        return None if self.previous is None else self.at

    def is_unconfirmed(self, now: datetime) -> bool:
        """Whether readings may still show the state before."""
        return self.unconfirmed_until is not None and now < self.unconfirmed_until


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """One row of the journal."""

    number: int  #: from 1, in the order of writing
    iccid: Iccid
    eid: Eid | None
    device_id: str | None
    from_state: ProfileState | None  #: of the same source; None at its first sighting, and of what came late
    to_state: ProfileState | None  #: of a failure, the same as ``from_state``
    at: datetime
    seen_at: datetime
    source: StatusSource
    actor: str | None
    transaction_id: str | None
    operation_id: str | None
    message: str | None
    message_code: str | None
    is_error: bool
    unexpected: bool  #: the table of transitions does not have it
    late: bool  #: it arrived after something newer of the same source


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFilter:
    """Which changes; all that is given holds. ``since`` is included, ``until`` is not."""

    iccid: Iccid | None = None
    eid: Eid | None = None
    device_id: str | None = None
    state: ProfileState | None = None  #: that the change led to
    source: StatusSource | None = None
    only_errors: bool = False
    since: datetime | timedelta | None = None  #: a span is relative to now
    until: datetime | timedelta | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a report adds to the journal."""

    before: ProfileState | None
    after: ProfileState | None
    unexpected: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a report: a change or none, and what is known from then on."""

    change: Change | None
    known: KnownState | None


def judge(known: KnownState | None, report: Report) -> Verdict:
    """What *report* means to who knows *known* of the same profile from the same source.

    Whether its identity was seen before is not judged here.
    """
    if report.is_error or report.state is None:
        late = known is not None and report.happened_at < known.at
        state = None if known is None or late else known.state
        return Verdict(Change(state, state, late=late), known)
    if report.is_reading:
        return _judge_reading(known, report)
    return _judge_event(known, report, report.state)


def is_unchanged(known: KnownState | None, report: Report) -> bool:
    """Whether a reading surely says nothing new; ``judge`` would say the same and costs more."""
    if known is None:
        return _settle(None, report) is None
    return (
        known.unconfirmed_until is None
        and (report.eid is None or report.eid == known.eid)
        and _settle(known.state, report) is known.state
    )


def _judge_event(known: KnownState | None, report: Report, state: ProfileState) -> Verdict:
    at = report.happened_at
    if known is not None and (at, rank(state)) < (known.at, rank(known.state)):
        return Verdict(Change(None, state, late=True), known)
    before = None if known is None else known.state
    change = Change(before, state, unexpected=not is_in_order(before, state))
    if known is not None and state is before:
        return Verdict(change, replace(known, at=at, seen_at=max(known.seen_at, report.seen_at)))
    until = None if report.lag is None else at + timedelta(seconds=report.lag)
    outdated: tuple[ProfileState | None, ...] = ()
    if until is not None and until > report.seen_at:
        # Of two such changes in a row, readings may still show the state before the first.
        still = known.outdated if known is not None and known.is_unconfirmed(report.seen_at) else ()
        outdated = tuple(one for one in dict.fromkeys((*still, before)) if one is not state)
    after = KnownState(
        state=state,
        at=at,
        seen_at=report.seen_at if known is None else max(known.seen_at, report.seen_at),
        eid=report.eid or (None if known is None else known.eid),
        previous=before,
        outdated=outdated,
        unconfirmed_until=until if outdated else None,
    )
    return Verdict(change, after)


def _judge_reading(known: KnownState | None, report: Report) -> Verdict:
    if known is None:
        state = _settle(None, report)
        return Verdict(None, None) if state is None else Verdict(Change(None, state), _seen(report, state, None))
    if report.seen_at < known.seen_at or (report.at is not None and report.at < known.at):
        return Verdict(None, known)  # it was made before what is known was learned, or is of before that
    state = _settle(known.state, report)
    if state is None or state is known.state:
        confirmed = replace(known, outdated=(), unconfirmed_until=None, eid=report.eid or known.eid)
        return Verdict(None, confirmed)
    if known.is_unconfirmed(report.seen_at) and any(_may_show(old, known, report) for old in known.outdated):
        return Verdict(None, known)
    elsewhere = report.eid is not None and known.eid is not None and report.eid != known.eid
    if not report.whole and elsewhere and known.state is ProfileState.ENABLED and state is not ProfileState.ENABLED:
        return Verdict(None, known)  # a row that another eUICC has left behind
    unexpected = not is_in_order(known.state, state)
    return Verdict(Change(known.state, state, unexpected=unexpected), _seen(report, state, known))


def _may_show(old: ProfileState | None, known: KnownState, report: Report) -> bool:
    """Whether a reading may still be of the state *old*, from before what is known."""
    if old is None and known.state is not ProfileState.DOWNLOADED:
        return True  # nobody saw what was there before, so it may have been anything
    return _settle(old, report) is old


def _seen(report: Report, state: ProfileState, known: KnownState | None) -> KnownState:
    return KnownState(
        state=state,
        at=report.happened_at,
        seen_at=report.seen_at,
        eid=report.eid or (None if known is None else known.eid),
        previous=None if known is None else known.state,
    )


def _settle(before: ProfileState | None, report: Report) -> ProfileState | None:
    """The state that a reading shows, to who knows the state *before*; None if it shows none.

    Digi knows two words and an absence. Its ``inactive`` is "on the eUICC and not enabled", which is
    INSTALLED until the profile was enabled once and DISABLED after it; so is a verified download, and says
    even less. An absence is a deletion only of what was there.

    Source: upstreams.md §6.
    """
    state = report.state
    if report.source is not StatusSource.DIGI:
        return state
    if state is ProfileState.INSTALLED and before in (ProfileState.ENABLED, ProfileState.DISABLED):
        return before
    if state is ProfileState.DISABLED and before not in (None, ProfileState.ENABLED, ProfileState.DISABLED):
        return ProfileState.INSTALLED
    if state is ProfileState.DELETED and before not in ON_DEVICE:
        return before
    return state
