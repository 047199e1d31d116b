"""eSIM Go's documented answers, read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from esim_graph.domain.bundle import BundleEvent, BundleEventKind, BundleState
from esim_graph.errors import (
    UpstreamAuthFailed,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamForbidden,
    UpstreamProcessing,
    UpstreamRateLimited,
    UpstreamUnavailable,
)
from esim_graph.upstreams.esimgo import wire
from upstreams.samples import answer, sample, sample_json

EXAMPLE = sample_json("esimgo/history.json")


def events(body: Any) -> list[BundleEvent]:
    return wire.read_history(answer(body)).items


def test_the_documented_example_is_read_whole() -> None:
    applied, revoked = events(sample("esimgo/history.json"))

    assert applied == BundleEvent(
        name="Bundle Applied",
        kind=BundleEventKind.BUNDLE_APPLIED,
        bundle_name="A_BUNDLE_20GB_30D_EU_U",
        bundle_state=None,
        bundle_state_raw=None,
        occurred_at=datetime(2023, 4, 7, 0, 50, 31, 618_780, tzinfo=UTC),
        occurred_at_raw="2023-04-07T00:50:31.618780311Z",
        alert_type=None,
    )
    assert revoked.kind is BundleEventKind.BUNDLE_REVOKED


def test_events_of_one_instant_keep_the_vendors_order() -> None:
    assert [event.name for event in events(EXAMPLE[::-1])] == ["Bundle Revoked", "Bundle Applied"]


@pytest.mark.parametrize("body", [{"actions": EXAMPLE}, {"history": EXAMPLE}], ids=["actions", "history"])
def test_an_object_around_the_events_is_the_same(body: Any) -> None:
    assert events(body) == events(EXAMPLE)


def test_a_single_event_as_the_schema_has_it_is_a_history_of_one() -> None:
    assert events(EXAMPLE[0]) == events(EXAMPLE[:1])


@pytest.mark.parametrize("body", [[], b"null", {"actions": []}, {"actions": None}])
def test_no_events_are_an_empty_history(body: Any) -> None:
    assert events(body) == []


def test_the_older_spelling_of_a_bundle_is_the_same() -> None:
    (event,) = events([{"name": "Bundle Applied", "bundle": "A_BUNDLE", "date": "2023-04-07T00:50:31Z"}])

    assert event.bundle_name == "A_BUNDLE"


def test_what_happened_to_the_esim_itself_has_no_bundle() -> None:
    (event,) = events([{"name": "eSIM First Use", "bundleName": "", "date": "2023-04-07T00:50:31Z"}])

    assert event.bundle_name is None


def test_a_state_and_an_alert_are_read_where_they_are() -> None:
    row = EXAMPLE[0] | {"name": "eSIM Utilisation Alert", "bundleState": "active", "alertType": "50% Used"}

    (event,) = events([row])

    assert (event.bundle_state, event.bundle_state_raw) == (BundleState.ACTIVE, "active")
    assert event.alert_type == "50% Used"


def test_an_event_of_an_unknown_name_is_kept_by_that_name() -> None:
    (event,) = events([{"name": "Bundle Refund", "date": "2023-04-07T00:50:31Z"}])

    assert (event.name, event.kind) == ("Bundle Refund", BundleEventKind.UNKNOWN)


def test_a_row_without_a_name_is_skipped_and_counted() -> None:
    rows = wire.read_history(answer([EXAMPLE[0], {"date": "2023-04-07T00:50:31Z"}, "Bundle Applied"]))

    assert (len(rows.items), rows.skipped) == (1, 2)


def test_a_date_that_is_none_keeps_what_was_written() -> None:
    (event,) = events([EXAMPLE[0] | {"date": "last Friday"}])

    assert (event.occurred_at, event.occurred_at_raw) == (None, "last Friday")


@pytest.mark.parametrize("body", [b"<html>", {}, {"message": "ok"}, 3, {"actions": {}}])
def test_a_success_of_an_impossible_shape_is_a_bad_response(body: Any) -> None:
    with pytest.raises(UpstreamBadResponse):
        wire.read_history(answer(body))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, UpstreamForbidden),
        (403, UpstreamForbidden),
        (429, UpstreamRateLimited),
        (500, UpstreamUnavailable),
        (503, UpstreamProcessing),
    ],
)
def test_each_documented_status_has_one_meaning(status: int, error: type[UpstreamError]) -> None:
    with pytest.raises(error):
        wire.read_history(answer(sample("esimgo/error.json"), status))


@pytest.mark.parametrize(("header", "seconds"), [("600", 600.0), ("soon", 30.0), ("", 30.0)])
def test_processing_says_when_to_come_back(header: str, seconds: float) -> None:
    with pytest.raises(UpstreamProcessing) as error:
        wire.read_history(answer(sample("esimgo/error.json"), 503, {"Retry-After": header}))

    assert error.value.retry_after == seconds


def test_a_403_without_an_iccid_is_the_key() -> None:
    with pytest.raises(UpstreamAuthFailed):
        wire.read_check(answer(sample("esimgo/error.json"), 403))
