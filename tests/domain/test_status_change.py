"""What a report means: a change, news of an old one, nothing new; and never a refusal."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.domain.canonical import ConflictKind
from esim_graph.domain.lifecycle import ON_DEVICE, TRANSITIONS, ProfileState, is_in_order, rank
from esim_graph.domain.status_change import Change, KnownState, Report, StatusSource, is_unchanged, judge
from support.status_reports import NOON, at, event, failure, reading

S = ProfileState
STATES = [state for state in ProfileState if state is not S.UNKNOWN]


def after(*reports: Report) -> KnownState | None:
    """What is known when these have come in, in this order."""
    known: KnownState | None = None
    for report in reports:
        known = judge(known, report).known
    return known


def last_change(*reports: Report) -> Change | None:
    """What the last of these adds."""
    return judge(after(*reports[:-1]), reports[-1]).change


def state_after(*reports: Report) -> ProfileState | None:
    known = after(*reports)
    return None if known is None else known.state


def test_the_table_has_each_change_once_and_a_reason_for_it() -> None:
    """A full sentence."""
    pairs = [(one.before, one.after) for one in TRANSITIONS]

    assert len(set(pairs)) == len(pairs)
    assert all(one.reason.endswith(".") for one in TRANSITIONS)
    assert {state for pair in pairs for state in pair} == set(STATES)


def test_the_page_about_the_journal_prints_the_table() -> None:
    """And the states and conflicts, with what they mean."""
    page = (Path(__file__).parents[2] / "docs" / "journal.md").read_text(encoding="utf-8")
    rows = [
        f"| `{one.before.name}` | `{one.after.name}` | {one.reason} | {'stated' if one.stated else 'inferred'} |"
        for one in TRANSITIONS
    ]
    words = [f"| `{word.name}` | {word.meaning} |" for word in (*ProfileState, *ConflictKind)]

    assert not [row for row in rows + words if row not in page]


def test_a_state_that_stays_and_a_first_sighting_are_in_order() -> None:
    """Neither says that anything was odd."""
    assert all(is_in_order(state, state) and is_in_order(None, state) for state in STATES)


@pytest.mark.parametrize(("before", "after"), [(S.ENABLED, S.DELETED), (S.AVAILABLE, S.ENABLED)])
def test_what_the_table_does_not_have_is_recorded_and_flagged(before: ProfileState, after: ProfileState) -> None:
    """Logs can miss what lay between."""
    change = last_change(event("1", before, 0), event("2", after, 1))

    assert change == Change(before, after, unexpected=True)


def test_a_first_sighting_has_no_state_before() -> None:
    """And is none of the changes that are judged."""
    assert last_change(reading(S.ENABLED, 0)) == Change(None, S.ENABLED)


def test_a_failed_event_changes_no_state() -> None:
    """It says in which state the profile stays."""
    verdict = judge(after(event("1", S.INSTALLED, 0)), failure("2", 1))

    assert verdict.change == Change(S.INSTALLED, S.INSTALLED)
    assert verdict.known == after(event("1", S.INSTALLED, 0))


def test_a_failure_of_an_unknown_profile_leaves_it_unknown() -> None:
    """There is no state to stay in."""
    assert judge(None, failure("1", 0)) == judge(None, failure("1", 0))
    assert judge(None, failure("1", 0)).change == Change(None, None)
    assert judge(None, failure("1", 0)).known is None


def test_what_happened_before_the_known_state_is_late() -> None:
    """It is kept, changes nothing, and is not judged."""
    verdict = judge(after(event("2", S.ENABLED, 10)), event("1", S.AVAILABLE, 5))

    assert verdict.change == Change(None, S.AVAILABLE, late=True)
    assert verdict.known == after(event("2", S.ENABLED, 10))


def test_two_sources_that_disagree_do_not_flip_flop() -> None:
    """Each is compared with itself."""
    digi = after(reading(S.ENABLED, 0))
    esimfly = after(reading(S.DISABLED, 1, source=StatusSource.ESIMFLY))

    assert judge(digi, reading(S.ENABLED, 2)).change is None
    assert judge(esimfly, reading(S.DISABLED, 3, source=StatusSource.ESIMFLY)).change is None


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (None, S.DISABLED),
        (S.AVAILABLE, S.INSTALLED),
        (S.DOWNLOADED, S.INSTALLED),
        (S.INSTALLED, S.INSTALLED),
        (S.ENABLED, S.DISABLED),
        (S.DISABLED, S.DISABLED),
        (S.DELETED, S.INSTALLED),
    ],
)
def test_digis_inactive_means_on_the_euicc_and_not_enabled(before: ProfileState | None, shown: ProfileState) -> None:
    """INSTALLED until it was enabled once, DISABLED after that."""
    known = [] if before is None else [event("1", before, 0)]

    assert state_after(*known, reading(S.DISABLED, 600)) is shown


@pytest.mark.parametrize("before", [None, *STATES])
def test_an_absence_is_a_deletion_only_of_what_was_on_the_device(before: ProfileState | None) -> None:
    """Digi reports nothing of a profile that waits to be downloaded."""
    known = [] if before is None else [event("1", before, 0)]

    change = last_change(*known, reading(S.DELETED, 600))

    assert (change is not None) == (before in ON_DEVICE)


def test_readings_that_lag_behind_a_complete_transaction_are_no_change() -> None:
    """For as long as the report allows; then they count."""
    enabled = (event("1", S.INSTALLED, 0), event("2", S.ENABLED, 100, lag=600))

    assert last_change(*enabled, reading(S.DISABLED, 400)) is None
    assert state_after(*enabled, reading(S.DISABLED, 400)) is S.ENABLED
    assert last_change(*enabled, reading(S.DISABLED, 800)) == Change(S.ENABLED, S.DISABLED)


def test_a_reading_that_confirms_ends_the_lag() -> None:
    """What comes after it is a change again."""
    confirmed = (event("1", S.INSTALLED, 0), event("2", S.ENABLED, 100, lag=600), reading(S.ENABLED, 200))

    assert last_change(*confirmed, reading(S.DISABLED, 300)) == Change(S.ENABLED, S.DISABLED)


def test_the_silence_before_a_first_download_is_late_news_too() -> None:
    """There was no row, and there is none yet."""
    downloaded = event("1", S.DOWNLOADED, 0, lag=600)

    assert last_change(downloaded, reading(S.DELETED, 100)) is None
    assert last_change(downloaded, reading(S.DISABLED, 200)) == Change(S.DOWNLOADED, S.INSTALLED)


@pytest.mark.parametrize(
    ("done", "shown"),
    [(S.ENABLED, S.DISABLED), (S.DISABLED, S.ENABLED), (S.DELETED, S.DISABLED), (S.DELETED, S.ENABLED)],
)
def test_what_nobody_saw_before_the_first_change_is_late_news_too(done: ProfileState, shown: ProfileState) -> None:
    """The first that is heard of a profile is an action on it; its rows still show what was there before."""
    first = event("1", done, 0, lag=600)

    assert last_change(first, reading(shown, 100)) is None
    assert state_after(first, reading(shown, 100), reading(done, 200)) is done
    assert last_change(first, reading(shown, 700)) is not None


def test_of_two_changes_in_a_row_readings_may_show_the_state_before_the_first() -> None:
    """Neither has reached the inventory."""
    both = (event("1", S.DISABLED, 0), event("2", S.ENABLED, 100, lag=600), event("3", S.DISABLED, 200, lag=600))

    assert last_change(*both, reading(S.ENABLED, 300)) is None
    assert after(*both, reading(S.DISABLED, 300)) is not None


def test_a_transaction_of_long_ago_has_no_lag() -> None:
    """The inventory has caught up since."""
    old = event("1", S.ENABLED, 0, lag=600, seen_at=at(86_400))

    assert last_change(old, reading(S.DISABLED, 86_500)) == Change(S.ENABLED, S.DISABLED)


def test_a_reading_made_before_the_last_news_says_nothing() -> None:
    """Its answer was on the way while something else became known."""
    assert last_change(event("1", S.ENABLED, 100), reading(S.DISABLED, 130)) is None


def test_an_inactive_row_of_a_list_under_another_euicc_is_an_old_one() -> None:
    """One that looked at everything, counts."""
    enabled = reading(S.ENABLED, 0, eid="1" * 32)

    assert last_change(enabled, reading(S.DISABLED, 1, eid="2" * 32, whole=False)) is None
    assert last_change(enabled, reading(S.DISABLED, 1, eid="2" * 32)) == Change(S.ENABLED, S.DISABLED)


readings = st.builds(
    reading,
    st.sampled_from([S.ENABLED, S.DISABLED, S.DELETED]),
    st.integers(0, 2_000),
    source=st.sampled_from([StatusSource.DIGI, StatusSource.ESIMFLY]),
)
events = st.builds(
    event,
    st.uuids().map(str),
    st.sampled_from(STATES),
    st.integers(0, 2_000),
    lag=st.one_of(st.none(), st.just(600.0)),
)
failures = st.builds(failure, st.uuids().map(str), st.integers(0, 2_000))


@given(st.lists(events | failures, max_size=12).flatmap(lambda all_: st.tuples(st.just(all_), st.permutations(all_))))
def test_events_in_any_order_come_to_the_state_of_the_newest(case: tuple[list[Report], list[Report]]) -> None:
    """And each of them is a row, whatever came before it: nothing is refused."""
    told, arrived = case
    told_states = [report for report in told if report.state is not None]
    newest = max(told_states, key=lambda report: (report.happened_at, rank(report.state or S.UNKNOWN)), default=None)

    known: KnownState | None = None
    for report in arrived:
        verdict = judge(known, report)
        assert verdict.change is not None
        known = verdict.known

    assert (None if known is None else known.state) is (None if newest is None else newest.state)


@given(st.lists(events | readings, max_size=8), st.lists(failures, max_size=4), st.randoms())
def test_failures_never_change_a_state(told: list[Report], failed: list[Report], random: object) -> None:
    """Wherever they stand among the others."""
    mixed: list[Report] = list(told)
    for one in failed:
        mixed.insert(random.randint(0, len(mixed)), one)  # type: ignore[attr-defined]

    assert after(*mixed) == after(*told)


@given(st.lists(events | readings | failures, max_size=12), readings)
def test_what_is_called_unchanged_changes_nothing(told: list[Report], report: Report) -> None:
    """The quick test of a look agrees with the judgement."""
    known = _of_source(told, report.source)

    if is_unchanged(known, report):
        verdict = judge(known, report)
        assert verdict.change is None
        assert verdict.known == known


@given(st.lists(events | readings, max_size=12), readings)
def test_a_reading_that_is_repeated_is_no_second_change(told: list[Report], report: Report) -> None:
    """However often somebody looks."""
    known = judge(_of_source(told, report.source), report).known

    again = judge(known, report)

    assert again.change is None


@given(st.lists(events | readings | failures, max_size=12))
def test_what_is_known_is_never_of_the_future(told: list[Report]) -> None:
    """Its times are those of reports, and only what a report allowed is unconfirmed."""
    known = after(*told)

    if known is not None:
        assert NOON <= known.at <= known.seen_at + timedelta(seconds=2_060)
        assert (known.unconfirmed_until is None) == (not known.outdated)


def _of_source(reports: Iterable[Report], source: StatusSource) -> KnownState | None:
    return after(*(report for report in reports if report.source is source))
