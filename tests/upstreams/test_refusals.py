"""What a status that is no success means, for all vendors."""

import pytest

from esim_graph.errors import (
    UpstreamAuthFailed,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamForbidden,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from esim_graph.upstreams.refusals import is_passing, is_success, refusal, retry_after
from upstreams.samples import answer


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (204, UpstreamBadResponse),
        (207, UpstreamBadResponse),
        (301, UpstreamBadResponse),
        (304, UpstreamBadResponse),
        (400, UpstreamRefused),
        (401, UpstreamAuthFailed),
        (403, UpstreamForbidden),
        (404, UpstreamBadResponse),
        (418, UpstreamBadResponse),
        (429, UpstreamRateLimited),
        (500, UpstreamUnavailable),
        (502, UpstreamUnavailable),
        (503, UpstreamUnavailable),
        (504, UpstreamUnavailable),
        (599, UpstreamUnavailable),
    ],
)
def test_each_status_has_one_meaning(status: int, error: type[UpstreamError]) -> None:
    assert type(refusal(answer(b"", status), "digi")) is error


def test_a_message_names_the_vendor_and_repeats_nothing_of_it() -> None:
    refused = refusal(answer({"error_message": "SELECT secret"}, 400), "esimgo")

    assert "eSIM Go" in refused.message
    assert "secret" not in refused.message


@pytest.mark.parametrize("status", [200, 201, 202])
def test_these_are_successes(status: int) -> None:
    assert is_success(answer(b"", status))


@pytest.mark.parametrize(("status", "passing"), [(500, True), (502, True), (504, True), (503, False), (429, False)])
def test_only_some_failures_may_pass_in_a_moment(status: int, passing: bool) -> None:
    assert is_passing(answer(b"", status)) is passing


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "-5"}, 0.0),
        ({"Retry-After": "Fri, 26 Jun 2026 14:35:40 GMT"}, 60.0),
        ({"Retry-After": "Fri, 26 Jun 2026 14:00:00 GMT"}, 0.0),
        ({"Retry-After": "1e300"}, 86_400.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"X-RateLimit-Reset": "2026-06-26T14:35:10.000Z"}, 30.0),
        ({"X-RateLimit-Reset": "1782484510"}, 30.0),
        ({"X-RateLimit-Reset": "30"}, 30.0),
        ({"X-RateLimit-Reset": "tomorrow"}, None),
        ({"Retry-After": "5", "X-RateLimit-Reset": "30"}, 5.0),
        ({}, None),
    ],
)
def test_the_wait_is_read_however_it_is_written(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(answer(b"", 429, headers)) == seconds
