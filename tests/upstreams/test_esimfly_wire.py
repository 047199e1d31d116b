"""eSIMfly's documented answers, read."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.live_status import DataUsage, LastNetwork, LiveDevice, LiveStatus, PlanStatus
from esim_graph.errors import (
    UpstreamAuthFailed,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamForbidden,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from esim_graph.upstreams.esimfly import wire
from upstreams.samples import answer, sample, sample_json

ICCID = Iccid("8948010010036785060")


def status_with(**changed: Any) -> LiveStatus:
    """The documented status with some members of ``data`` changed."""
    body = sample_json("esimfly/status.json")
    body["data"].update(changed)
    found = wire.read_live_status(answer(body), ICCID)
    assert found is not None
    return found


def test_the_documented_status_is_read_whole() -> None:
    found = wire.read_live_status(answer(sample("esimfly/status.json")), ICCID)

    assert found == LiveStatus(
        iccid=ICCID,
        status=PlanStatus.ACTIVE,
        status_raw="ACTIVE",
        esim_status="Active",
        smdp_status="AFFECTED",
        profile="Enabled",
        unlimited=False,
        last_network=LastNetwork(
            operator="Optus",
            mcc="505",
            mnc="2",
            country="Australia",
            country_code="AU",
            connection_type="4G - LTE",
        ),
        device=LiveDevice(model="GTF7P", imei="350000000000000"),
        activated_at=datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC),
        last_used_at=datetime(2026, 6, 26, 14, 35, 21, tzinfo=UTC),
        expires_at=datetime(2026, 7, 26, 14, 34, 40, tzinfo=UTC),
        data_usage=DataUsage(used_gb=0.0, total_gb=1.0, unlimited=False),
    )


def test_the_request_is_the_documented_one() -> None:
    assert json.loads(wire.post_status(ICCID).body or b"") == sample_json("esimfly/request.json")


def test_an_esim_id_is_asked_for_as_a_number() -> None:
    assert wire.post_status(42).body == b'{"esimId":42}'


NULLS = {"operator": None, "mcc": None, "mnc": None, "country": None, "country_iso2": None, "connection_type": None}


@pytest.mark.parametrize("network", [None, NULLS, {}])
def test_before_the_first_connection_there_is_no_network(network: Any) -> None:
    """The page says both "null fields" and "they are null"."""
    assert status_with(last_network=network).last_network is None


@pytest.mark.parametrize("device", [None, {"model": None, "imei": None}])
def test_before_the_installation_there_is_no_device(device: Any) -> None:
    assert status_with(device=device).device is None


def test_an_unlimited_plan_has_no_total() -> None:
    usage = status_with(data_usage={"used_gb": 1.25, "total_gb": None, "unlimited": True}).data_usage

    assert usage == DataUsage(used_gb=1.25, total_gb=None, unlimited=True)


def test_a_profile_that_is_null_is_none() -> None:
    assert status_with(profile=None).profile is None


def test_a_word_that_is_not_known_is_kept() -> None:
    found = status_with(status="USED_EXPIRED")

    assert (found.status, found.status_raw) == (PlanStatus.UNKNOWN, "USED_EXPIRED")


def test_a_member_of_the_wrong_type_costs_only_itself() -> None:
    found = status_with(expiry_date=12, unlimited="no", data_usage=[], device={"model": "GTF7P", "imei": 1.5})

    assert found.expires_at is None
    assert found.unlimited is None
    assert found.data_usage is None
    assert found.device == LiveDevice(model="GTF7P", imei=None)
    assert found.status is PlanStatus.ACTIVE


def test_an_answer_that_leaves_out_the_iccid_is_about_the_one_asked_for() -> None:
    assert status_with(iccid=None).iccid == ICCID


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (404, "error_esim_not_found"),
        (200, "error_esim_not_found"),
        (404, "error_usage_not_found"),
    ],
)
def test_an_unknown_esim_is_none(status: int, name: str) -> None:
    assert wire.read_live_status(answer(sample(f"esimfly/{name}.json"), status), ICCID) is None


def test_a_404_of_something_else_is_a_bad_response() -> None:
    """A base URL that points elsewhere must not make every eSIM look absent."""
    with pytest.raises(UpstreamBadResponse):
        wire.read_live_status(answer(b"<html>Not found</html>", 404), ICCID)


@pytest.mark.parametrize("as_success", [False, True], ids=["by status", "success false in a 200"])
@pytest.mark.parametrize(
    ("status", "name", "error"),
    [
        (400, "error_missing_identifier", UpstreamBadResponse),
        (403, "error_forbidden", UpstreamForbidden),
        (502, "error_provider", UpstreamUnavailable),
        (401, "error_hmac_required", UpstreamAuthFailed),
        (401, "error_invalid_api_key", UpstreamAuthFailed),
        (401, "error_invalid_signature", UpstreamAuthFailed),
        (401, "error_invalid_timestamp", UpstreamAuthFailed),
        (403, "error_invalid_user", UpstreamAuthFailed),
        (400, "error_invalid_request_id", UpstreamBadResponse),
        (400, "error_duplicate_request", UpstreamBadResponse),
    ],
)
def test_a_documented_code_decides(status: int, name: str, error: type[UpstreamError], as_success: bool) -> None:
    refused = answer(sample(f"esimfly/{name}.json"), 200 if as_success else status)

    with pytest.raises(error):
        wire.read_live_status(refused, ICCID)


@pytest.mark.parametrize(
    ("status", "name", "error"),
    [
        (401, "error_no_authentication", UpstreamAuthFailed),
        (400, "error_usage_bad_request", UpstreamRefused),
        (500, "error_list_failed", UpstreamUnavailable),
    ],
)
def test_without_a_code_the_http_status_decides(status: int, name: str, error: type[UpstreamError]) -> None:
    with pytest.raises(error):
        wire.read_live_status(answer(sample(f"esimfly/{name}.json"), status), ICCID)


def test_too_many_calls_say_how_long_to_wait() -> None:
    body = {"success": False, "code": "RATE_LIMIT_EXCEEDED"}
    refused = answer(body, 429, {"X-RateLimit-Reset": "2026-06-26T14:35:10.000Z"})

    with pytest.raises(UpstreamRateLimited) as error:
        wire.read_live_status(refused, ICCID)

    assert error.value.retry_after == 30.0


@pytest.mark.parametrize("body", [b"<html>", [], {}, {"success": True, "data": None}, {"success": False}])
def test_a_success_of_an_impossible_shape_is_a_bad_response(body: Any) -> None:
    with pytest.raises(UpstreamBadResponse):
        wire.read_live_status(answer(body), ICCID)


def test_a_failed_network_is_not_worth_a_second_attempt() -> None:
    assert not wire.is_worth_retrying(answer(sample("esimfly/error_provider.json"), 502))


def test_a_gateway_in_between_is_worth_a_second_attempt() -> None:
    assert wire.is_worth_retrying(answer(b"<html>Bad Gateway</html>", 502))


def test_a_used_request_id_is_worth_a_second_attempt_with_another() -> None:
    assert wire.is_worth_retrying(answer(sample("esimfly/error_duplicate_request.json"), 400))


def test_a_missing_identifier_proves_the_signature() -> None:
    body = sample("esimfly/error_missing_identifier.json")

    assert wire.read_check(answer(body, 400, {"Date": "Fri, 26 Jun 2026 14:34:42 GMT"})) == 2.0


def test_a_check_with_a_bad_signature_fails() -> None:
    with pytest.raises(UpstreamAuthFailed):
        wire.read_check(answer(sample("esimfly/error_invalid_signature.json"), 401))


def test_a_status_of_another_esim_is_a_bad_response() -> None:
    with pytest.raises(UpstreamBadResponse):
        status_with(iccid="8948010010036785078")


@pytest.mark.parametrize("volume", [1e300, -1, 1e12])
def test_a_volume_that_cannot_be_is_none(volume: float) -> None:
    """It would overflow on its way to bytes, and the whole status with it."""
    usage = status_with(data_usage={"used_gb": volume, "total_gb": volume, "unlimited": False}).data_usage

    assert usage == DataUsage(used_gb=None, total_gb=None, unlimited=False)
