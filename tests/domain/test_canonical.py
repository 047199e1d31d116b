"""One state from what all vendors say, and what does not go together."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.domain.bundle import BundleEvent, BundleEventKind, BundleState
from esim_graph.domain.canonical import (
    SKEW,
    Absence,
    Axis,
    ConflictKind,
    Findings,
    Observation,
    Severity,
    canonical_state,
    lifecycle_of,
)
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.live_status import LiveStatus, PlanStatus
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.status_change import KnownState, StatusSource
from support.status_reports import ICCID, NOON, at

S = ProfileState
DIGI, ESIMFLY, ESIMGO = StatusSource
Kind = ConflictKind


def row(status: ProfileStatus = ProfileStatus.ACTIVE) -> Profile:
    return Profile(
        iccid=ICCID, eid=None, number=1, carrier=None, normalized_carrier=None, customer_id=None, device_id=None,
        status=status, status_raw=status.value, type=None,
    )  # fmt: skip


def live(profile: str | None = "Enabled", plan: PlanStatus = PlanStatus.ACTIVE) -> LiveStatus:
    nothing: dict[str, Any] = dict.fromkeys(
        ("unlimited", "last_network", "device", "activated_at", "last_used_at", "expires_at", "data_usage")
    )
    return LiveStatus(
        iccid=ICCID, status=plan, status_raw=plan.value, esim_status="Active", smdp_status="AFFECTED",
        profile=profile, **nothing,
    )  # fmt: skip


def bundle(state: BundleState | None, seconds: float = 0, name: str = "1GB", **more: Any) -> BundleEvent:
    values: dict[str, Any] = {"name": "Something", "kind": BundleEventKind.UNKNOWN, "alert_type": None}
    return BundleEvent(
        bundle_name=name, bundle_state=state, bundle_state_raw=None if state is None else state.value,
        occurred_at=at(seconds), occurred_at_raw=None, **values | more,
    )  # fmt: skip


def findings(**more: Any) -> Findings:
    """All three know it, and agree."""
    values: dict[str, Any] = {
        "profile": row(),
        "live_status": live(),
        "history": [bundle(BundleState.ACTIVE)],
        "known": {},
    }
    return Findings(iccid=ICCID, now=NOON, profile_at=NOON, live_status_at=NOON, **values | more)


def known(state: ProfileState, seconds: float, previous: ProfileState | None = None) -> KnownState:
    return KnownState(state=state, at=at(seconds), seen_at=at(seconds), previous=previous)


def kinds(of: Findings) -> list[ConflictKind]:
    return [conflict.kind for conflict in lifecycle_of(of).conflicts]


def test_three_that_agree_have_no_conflict() -> None:
    """Each is told with its own word and time, on its axis."""
    lifecycle = lifecycle_of(findings())

    assert lifecycle.state is S.ENABLED
    assert lifecycle.conflicts == ()
    assert [(one.source, one.axis, one.state, one.raw) for one in lifecycle.observations] == [
        (DIGI, Axis.PROFILE, S.ENABLED, "active"),
        (ESIMFLY, Axis.PROFILE, S.ENABLED, "Enabled"),
        (ESIMFLY, Axis.SMDP, None, "AFFECTED"),
        (ESIMFLY, Axis.PLAN, None, "ACTIVE"),
        (ESIMGO, Axis.PLAN, None, "Active"),
    ]


def test_without_any_word_the_state_is_unknown() -> None:
    """Plans say nothing of it."""
    nobody = findings(profile=Absence.NOT_ASKED, live_status=live(None), history=[])

    assert lifecycle_of(nobody).state is S.UNKNOWN


def test_of_two_that_disagree_the_device_counts() -> None:
    """The network is told by notifications that can get lost."""
    lifecycle = lifecycle_of(findings(live_status=live("Disabled")))

    assert lifecycle.state is S.ENABLED
    assert [(one.kind, one.severity) for one in lifecycle.conflicts] == [
        (Kind.PROFILE_STATE_DISAGREES, Severity.WARNING)
    ]


def test_a_change_of_minutes_ago_counts_before_who_has_not_heard_of_it() -> None:
    """And that they disagree is no more than good to know."""
    just_now = {DIGI: known(S.ENABLED, -86_400, S.DISABLED), ESIMFLY: known(S.DISABLED, -60, S.ENABLED)}

    lifecycle = lifecycle_of(findings(live_status=live("Disabled"), known=just_now))

    assert lifecycle.state is S.DISABLED
    assert [(one.kind, one.severity) for one in lifecycle.conflicts] == [(Kind.PROFILE_STATE_DISAGREES, Severity.INFO)]


def test_a_first_sighting_is_no_change() -> None:
    """Nobody knows since when it has been so."""
    first = {ESIMFLY: known(S.DISABLED, -60)}

    assert lifecycle_of(findings(live_status=live("Disabled"), known=first)).state is S.ENABLED


def test_what_was_observed_long_before_counts_less() -> None:
    """Digi does not answer, and what it said yesterday is only remembered."""
    yesterday = {DIGI: known(S.ENABLED, -86_400)}

    lifecycle = lifecycle_of(findings(profile=Absence.NOT_ASKED, live_status=live("Disabled"), known=yesterday))

    assert lifecycle.state is S.DISABLED
    assert lifecycle.observations[0] == Observation(
        source=DIGI, axis=Axis.PROFILE, state=S.ENABLED, raw=None, observed_at=at(-86_400)
    )


def test_what_a_transaction_left_counts_before_the_row_that_lags() -> None:
    """It is told as unconfirmed."""
    unconfirmed = replace(known(S.ENABLED, -60, S.DISABLED), outdated=(S.DISABLED,), unconfirmed_until=at(540))

    lifecycle = lifecycle_of(findings(profile=row(ProfileStatus.INACTIVE), known={DIGI: unconfirmed}))

    assert lifecycle.state is S.ENABLED
    assert lifecycle.observations[0].raw == "inactive"
    assert [one.kind for one in lifecycle.conflicts] == [Kind.PROFILE_STATE_UNCONFIRMED]


def test_installed_and_switched_off_are_no_disagreement() -> None:
    """A profile that was just installed is off."""
    installed = {DIGI: known(S.INSTALLED, -86_400, S.DOWNLOADED)}

    lifecycle = lifecycle_of(
        findings(profile=row(ProfileStatus.INACTIVE), live_status=live("Disabled"), known=installed)
    )

    assert lifecycle.state is S.INSTALLED
    assert lifecycle.conflicts == ()


def test_a_word_that_stands_for_no_state_is_told_as_it_is() -> None:
    """It takes no part in the state."""
    lifecycle = lifecycle_of(findings(live_status=live("Hibernating")))

    assert (lifecycle.state, lifecycle.conflicts) == (S.ENABLED, ())
    assert (lifecycle.observations[1].state, lifecycle.observations[1].raw) == (S.UNKNOWN, "Hibernating")


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([bundle(BundleState.EXPIRED)], [Kind.BUNDLE_EXPIRED_PROFILE_ENABLED]),
        ([bundle(BundleState.LAPSED)], [Kind.BUNDLE_EXPIRED_PROFILE_ENABLED]),
        ([bundle(BundleState.DEPLETED)], [Kind.PLAN_ENDED_PROFILE_ENABLED]),
        ([bundle(BundleState.EXPIRED), bundle(BundleState.ACTIVE, name="2GB")], []),
        ([bundle(BundleState.EXPIRED, 10), bundle(BundleState.QUEUED, 20)], []),
        ([bundle(BundleState.QUEUED, 20), bundle(BundleState.EXPIRED, 10)], []),
        ([bundle(BundleState.QUEUED), bundle(BundleState.EXPIRED)], [Kind.BUNDLE_EXPIRED_PROFILE_ENABLED]),
        ([bundle(None, kind=BundleEventKind.BUNDLE_EXPIRED)], [Kind.BUNDLE_EXPIRED_PROFILE_ENABLED]),
        (
            [bundle(BundleState.EXPIRED), bundle(None, 1, kind=BundleEventKind.BUNDLE_APPLIED)],
            [],
        ),
    ],
)
def test_an_enabled_profile_whose_bundles_are_over(history: list[BundleEvent], expected: list[ConflictKind]) -> None:
    """Of each bundle the newest event counts; one that lives is enough."""
    assert kinds(findings(history=history)) == expected


def test_an_enabled_profile_whose_plan_has_ended() -> None:
    """By eSIMfly's word for the plan; a disabled one is in order."""
    ended = live(plan=PlanStatus.DEPLETED)

    assert kinds(findings(live_status=ended)) == [Kind.PLAN_ENDED_PROFILE_ENABLED]
    off = replace(ended, profile="Disabled")
    assert kinds(findings(profile=row(ProfileStatus.INACTIVE), live_status=off)) == []


def test_a_plan_in_use_without_a_profile() -> None:
    """Somebody pays for nothing."""
    gone = findings(
        profile=Absence.NOT_KNOWN, live_status=live(None), known={DIGI: known(S.DELETED, -86_400, S.DISABLED)}
    )

    assert lifecycle_of(gone).state is S.DELETED
    assert kinds(gone) == [Kind.PLAN_ACTIVE_PROFILE_GONE]


@pytest.mark.parametrize(
    ("answers", "alone"),
    [
        ({"live_status": Absence.NOT_KNOWN, "history": Absence.NOT_KNOWN}, True),
        ({"live_status": Absence.NOT_KNOWN, "history": Absence.NOT_ASKED}, True),
        ({"live_status": Absence.NOT_ASKED, "history": Absence.NOT_ASKED}, False),
        ({"live_status": Absence.NOT_KNOWN}, False),
        ({"profile": Absence.NOT_KNOWN, "live_status": Absence.NOT_KNOWN, "history": []}, True),
    ],
)
def test_known_to_one_vendor_needs_another_that_answered(answers: dict[str, Any], alone: bool) -> None:
    """One that did not answer proves nothing."""
    assert (Kind.KNOWN_TO_ONE_VENDOR in kinds(findings(**answers))) == alone


observations = st.builds(
    Observation,
    source=st.sampled_from(StatusSource),
    axis=st.sampled_from(Axis),
    state=st.one_of(st.none(), st.sampled_from(ProfileState)),
    raw=st.none(),
    observed_at=st.integers(-2_000, 0).map(at),
    changed_at=st.one_of(st.none(), st.integers(-2_000, 0).map(at)),
)


@given(st.lists(observations, max_size=5).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_the_state_is_one_that_somebody_told_of_the_profile(case: tuple[list[Observation], list[Observation]]) -> None:
    """Other axes have no part in it."""
    told, _ = case
    state = canonical_state(told, now=NOON)

    on_device = [one.state for one in told if one.axis is Axis.PROFILE]
    assert state in on_device if state is not S.UNKNOWN else not {*on_device} - {None, S.UNKNOWN}


@given(st.lists(observations, max_size=3, unique_by=lambda one: one.source), st.randoms())
def test_the_order_of_observations_does_not_matter(told: list[Observation], random: Any) -> None:
    """With one of each source."""
    mixed = told[:]
    random.shuffle(mixed)

    assert canonical_state(mixed, now=NOON) is canonical_state(told, now=NOON)


def test_the_window_ends() -> None:
    """A change of long ago is what everybody knows by now."""
    long_ago = {ESIMFLY: known(S.DISABLED, -SKEW - 1, S.ENABLED)}

    assert lifecycle_of(findings(live_status=live("Disabled"), known=long_ago)).state is S.ENABLED
