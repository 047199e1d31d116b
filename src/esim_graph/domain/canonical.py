"""One state for a profile, from what all vendors say: a pure function, with its conflicts.

Three axes are never mixed. The state comes from what is said of the profile on the device; the
order at the SM-DP+ is told as it is; the plan only takes part in conflicts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from esim_graph.domain.bundle import BundleEvent, BundleEventKind, BundleState
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.lifecycle import ON_DEVICE, ProfileState
from esim_graph.domain.live_status import LiveStatus, PlanStatus
from esim_graph.domain.profile import Profile
from esim_graph.domain.reports import INVENTORY_LAG, of_absent_profile, of_live_status, of_profile
from esim_graph.domain.status_change import KnownState, Report, StatusSource, judge
from esim_graph.domain.words import Word

#: Seconds in which news of one source may not have reached another: their clocks differ, devices report at
#: intervals of their own.
SKEW = INVENTORY_LAG


class Axis(Word):
    """What an observation is about."""

    PROFILE = "profile", "The profile on the device."
    SMDP = "smdp", "The order at the SM-DP+; its word is the vendor's own and stands for no state."
    PLAN = "plan", "The data plan or bundle."


class ConflictKind(Word):
    """What does not go together."""

    PROFILE_STATE_DISAGREES = "profile_state_disagrees", "Two sources see the profile in different states."
    PROFILE_STATE_UNCONFIRMED = (
        "profile_state_unconfirmed",
        "Digi calls an action complete, and the device has not reported its result so far.",
    )
    BUNDLE_EXPIRED_PROFILE_ENABLED = (
        "bundle_expired_profile_enabled",
        "The profile is enabled, and the time of every bundle on it is over.",
    )
    PLAN_ENDED_PROFILE_ENABLED = (
        "plan_ended_profile_enabled",
        "The profile is enabled, and its plan is used up, expired, taken back or cancelled.",
    )
    PLAN_ACTIVE_PROFILE_GONE = (
        "plan_active_profile_gone",
        "A plan is in use, and the profile is on no device.",
    )
    KNOWN_TO_ONE_VENDOR = "known_to_one_vendor", "Of the vendors that answered only one knows it."


class Severity(Word):
    """How much a conflict matters."""

    INFO = "info", "Good to know; it may go away by itself."
    WARNING = "warning", "Somebody should look."
    ERROR = "error", "Something is wrong."


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one source says on one axis."""

    source: StatusSource
    axis: Axis
    state: ProfileState | None  #: None on the other axes
    raw: str | None  #: the source's own word; None where it is remembered, or nothing was found
    observed_at: datetime
    changed_at: datetime | None = None  #: when its state changed, where the journal saw that


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Something that does not go together."""

    kind: ConflictKind
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Where a profile is in its life."""

    state: ProfileState
    observations: tuple[Observation, ...]
    conflicts: tuple[Conflict, ...]


class Absence(Enum):
    """Why a source says nothing."""

    NOT_ASKED = 1  #: it is not configured, or it did not answer
    NOT_KNOWN = 2  #: it answered that it has no such eSIM


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found out about one eSIM, now or a moment ago."""

    iccid: Iccid
    now: datetime
    profile: Profile | Absence
    profile_at: datetime
    live_status: LiveStatus | Absence
    live_status_at: datetime
    history: Sequence[BundleEvent] | Absence
    known: dict[StatusSource, KnownState]  #: what the journal knows of each source


_GROUPS = (
    frozenset({ProfileState.DOWNLOADED, ProfileState.INSTALLED, ProfileState.DISABLED}),
    frozenset({ProfileState.ENABLED}),
)
_TRUST = (StatusSource.DIGI, StatusSource.ESIMFLY, StatusSource.ESIMGO)

_ENDED_PLANS = frozenset({PlanStatus.EXPIRED, PlanStatus.DEPLETED, PlanStatus.CANCELLED, PlanStatus.DELETED})
_OVER = frozenset({BundleState.EXPIRED, BundleState.LAPSED})
_ENDED_BUNDLES = _OVER | {BundleState.DEPLETED, BundleState.REVOKED}
_BUNDLE_STATES = {
    BundleEventKind.BUNDLE_APPLIED: BundleState.QUEUED,
    BundleEventKind.BUNDLE_EXPIRED: BundleState.EXPIRED,
    BundleEventKind.BUNDLE_LAPSED: BundleState.LAPSED,
    BundleEventKind.BUNDLE_REVOKED: BundleState.REVOKED,
    BundleEventKind.BUNDLE_REFUNDED_TO_BALANCE: BundleState.REVOKED,
    BundleEventKind.BUNDLE_REFUNDED_TO_INVENTORY: BundleState.REVOKED,
}


def lifecycle_of(findings: Findings) -> Lifecycle:
    """Where a profile is in its life, by everything that is known of it."""
    bundles = _newest_by_bundle(findings.history)
    profiles = _on_device(findings)
    state = canonical_state(profiles, now=findings.now)
    observations = (*profiles, *_of_live_status(findings), *_of_bundles(bundles))
    conflicts = (
        *_disagreements(profiles, findings.now),
        *_unconfirmed(findings),
        *_of_plans(state, findings, bundles),
        *_of_vendors(findings),
    )
    return Lifecycle(state=state, observations=observations, conflicts=conflicts)


def canonical_state(observations: Sequence[Observation], *, now: datetime) -> ProfileState:
    """The state that observations of the profile on the device come to; UNKNOWN without any.

    1. A change that the journal saw within the last ``SKEW`` seconds counts, the newest of several:
       the other sources have not heard of it yet.
    2. Else, of what was observed within ``SKEW`` seconds of the newest observation, Digi's counts before
       eSIMfly's: the device itself reports it, while the network is told by notifications that can get lost.

    Source: upstreams.md §4.3 (notifications are best effort).
    """
    told = [
        one
        for one in observations
        if one.axis is Axis.PROFILE and one.state is not None and one.state is not ProfileState.UNKNOWN
    ]
    if not told:
        return ProfileState.UNKNOWN
    skew = timedelta(seconds=SKEW)
    changed = [(one.changed_at, one) for one in told if one.changed_at is not None and now - one.changed_at <= skew]
    if changed:
        newest = max(at for at, _ in changed)
        told = [one for at, one in changed if at == newest]
    else:
        latest = max(one.observed_at for one in told)
        told = [one for one in told if latest - one.observed_at <= skew]
    chosen = min(told, key=lambda one: _TRUST.index(one.source))
    return chosen.state or ProfileState.UNKNOWN


def _on_device(findings: Findings) -> tuple[Observation, ...]:
    return tuple(one for one in (_by_digi(findings), _by_esimfly(findings)) if one is not None)


def _by_digi(findings: Findings) -> Observation | None:
    if isinstance(findings.profile, Profile):
        report = of_profile(findings.profile, findings.profile_at)
        return _observed(
            findings, StatusSource.DIGI, report, findings.profile.status_raw, findings.profile_at
        )  # fmt: skip
    if findings.profile is Absence.NOT_KNOWN:
        report = of_absent_profile(findings.iccid, findings.profile_at)
        return _observed(findings, StatusSource.DIGI, report, None, findings.profile_at)
    return _observed(findings, StatusSource.DIGI, None, None, findings.profile_at)


def _by_esimfly(findings: Findings) -> Observation | None:
    if isinstance(findings.live_status, LiveStatus):
        report = of_live_status(findings.live_status, findings.live_status_at)
        raw = findings.live_status.profile
        return _observed(findings, StatusSource.ESIMFLY, report, raw, findings.live_status_at)
    return _observed(findings, StatusSource.ESIMFLY, None, None, findings.live_status_at)


def _observed(
    findings: Findings, source: StatusSource, report: Report | None, raw: str | None, at: datetime
) -> Observation | None:
    """A source's word, as the journal understands it; without one, what the journal remembers."""
    known = findings.known.get(source)
    if report is not None:
        known = judge(known, report).known
    elif raw is not None:  # a word that stands for no state
        return Observation(source=source, axis=Axis.PROFILE, state=ProfileState.UNKNOWN, raw=raw, observed_at=at)
    if known is None:
        return None
    return Observation(
        source=source,
        axis=Axis.PROFILE,
        state=known.state,
        raw=raw,
        observed_at=known.seen_at if report is None else at,
        changed_at=known.changed_at,
    )


def _of_live_status(findings: Findings) -> Iterator[Observation]:
    if isinstance(findings.live_status, LiveStatus):
        for axis, raw in (
            (Axis.SMDP, findings.live_status.smdp_status),
            (Axis.PLAN, findings.live_status.status_raw),
        ):
            if raw is not None:
                yield Observation(
                    source=StatusSource.ESIMFLY, axis=axis, state=None, raw=raw, observed_at=findings.live_status_at
                )


def _of_bundles(events: Sequence[BundleEvent]) -> Iterator[Observation]:
    for event in events:
        if event.occurred_at is not None:
            yield Observation(
                source=StatusSource.ESIMGO,
                axis=Axis.PLAN,
                state=None,
                raw=event.bundle_state_raw or event.name,
                observed_at=event.occurred_at,
            )


def _newest_by_bundle(history: Sequence[BundleEvent] | Absence) -> list[BundleEvent]:
    """The newest event of each bundle that tells its state; of two at one time, the later in the list."""
    if isinstance(history, Absence):
        return []
    newest: dict[str | None, BundleEvent] = {}
    for event in history:
        if _bundle_state(event) is None or event.occurred_at is None:
            continue
        other = newest.get(event.bundle_name)
        if other is None or other.occurred_at is None or event.occurred_at >= other.occurred_at:
            newest[event.bundle_name] = event
    return list(newest.values())


def _bundle_state(event: BundleEvent) -> BundleState | None:
    return event.bundle_state or _BUNDLE_STATES.get(event.kind)


def _disagreements(profiles: Sequence[Observation], now: datetime) -> Iterator[Conflict]:
    told = [one for one in profiles if one.state is not None and one.state is not ProfileState.UNKNOWN]
    if len({_group(one.state) for one in told if one.state is not None}) <= 1:
        return
    changes = [one.changed_at for one in told if one.changed_at is not None]
    fresh = bool(changes) and now - max(changes) <= timedelta(seconds=SKEW)
    words = " and ".join(f"{_title(one.source)} says {one.state.name}" for one in told if one.state is not None)
    yield Conflict(
        kind=ConflictKind.PROFILE_STATE_DISAGREES,
        severity=Severity.INFO if fresh else Severity.WARNING,
        message=f"{words}; it changed minutes ago, so one may not have heard of it yet." if fresh else f"{words}.",
    )


def _group(state: ProfileState) -> int:
    """States that go together: a profile that was just installed is switched off."""
    return next((place for place, group in enumerate(_GROUPS) if state in group), len(_GROUPS))


def _unconfirmed(findings: Findings) -> Iterator[Conflict]:
    known = findings.known.get(StatusSource.DIGI)
    if known is None or not known.is_unconfirmed(findings.now) or findings.profile is Absence.NOT_ASKED:
        return
    report = (
        of_profile(findings.profile, findings.profile_at)
        if isinstance(findings.profile, Profile)
        else of_absent_profile(findings.iccid, findings.profile_at)
    )
    if report is not None and judge(known, report).known == known:
        yield Conflict(
            kind=ConflictKind.PROFILE_STATE_UNCONFIRMED,
            severity=Severity.INFO,
            message=f"A transaction left the profile {known.state.name}; the device has not reported that so far.",
        )


def _of_plans(state: ProfileState, findings: Findings, bundles: Sequence[BundleEvent]) -> Iterator[Conflict]:
    live = findings.live_status
    plan = live.status if isinstance(live, LiveStatus) else None
    states = {_bundle_state(event) for event in bundles}
    enabled = state is ProfileState.ENABLED
    if enabled and states and states <= _OVER:
        yield _warning(
            ConflictKind.BUNDLE_EXPIRED_PROFILE_ENABLED,
            "The profile is enabled, and at eSIM Go the time of every bundle on it is over.",
        )
    elif enabled and states and states <= _ENDED_BUNDLES:
        yield _warning(
            ConflictKind.PLAN_ENDED_PROFILE_ENABLED,
            "The profile is enabled, and at eSIM Go every bundle on it has ended.",
        )
    if enabled and plan is not None and plan in _ENDED_PLANS:
        yield _warning(
            ConflictKind.PLAN_ENDED_PROFILE_ENABLED,
            f"The profile is enabled, and at eSIMfly its plan is {plan.name}.",
        )
    gone = state is not ProfileState.UNKNOWN and state not in ON_DEVICE
    if gone and (plan is PlanStatus.ACTIVE or BundleState.ACTIVE in states):
        yield _warning(
            ConflictKind.PLAN_ACTIVE_PROFILE_GONE, f"A plan is in use, and the profile is {state.name}."
        )  # fmt: skip


def _of_vendors(findings: Findings) -> Iterator[Conflict]:
    asked = {
        StatusSource.DIGI: findings.profile,
        StatusSource.ESIMFLY: findings.live_status,
        StatusSource.ESIMGO: findings.history,
    }
    answered = {source: found for source, found in asked.items() if found is not Absence.NOT_ASKED}
    knowing = [source for source, found in answered.items() if found is not Absence.NOT_KNOWN]
    if len(answered) > 1 and len(knowing) == 1:
        others = " and ".join(_title(source) for source in answered if source not in knowing)
        yield Conflict(
            kind=ConflictKind.KNOWN_TO_ONE_VENDOR,
            severity=Severity.INFO,
            message=f"{_title(knowing[0])} knows this eSIM; for the account here {others} does not.",
        )


def _warning(kind: ConflictKind, message: str) -> Conflict:
    return Conflict(kind=kind, severity=Severity.WARNING, message=message)


def _title(source: StatusSource) -> str:
    return {StatusSource.DIGI: "Digi", StatusSource.ESIMFLY: "eSIMfly", StatusSource.ESIMGO: "eSIM Go"}[source]
