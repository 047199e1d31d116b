"""One vendor down, slow or not configured: its branch is null, the others' data arrives."""

import socket
from typing import Any

import pytest

from esim_graph.engine import Answer
from esim_graph.sandbox.landmarks import (
    DIGI_ONLY,
    ESIMFLY_ONLY,
    FOREIGN,
    KNOWN_TO_ALL,
    PROCESSING,
    PROVIDER_ERROR,
    READY_TO_DOWNLOAD,
    READY_TO_ENABLE,
)
from support.gateway import Gateway, open_gateway

BRANCH_OF = {"digi": "profile", "esimfly": "liveStatus", "esimgo": "bundleHistory"}
THREE_BRANCHES = f"""{{ esim(iccid: "{KNOWN_TO_ALL.iccid}") {{
    profile {{ status }} liveStatus {{ status }} bundleHistory {{ name }}
}} }}"""
NO_CREDENTIALS: dict[str, dict[str, Any]] = {
    "digi": {"api_key_id": None, "api_key_secret": None},
    "esimfly": {"access_code": None, "secret_key": None},
    "esimgo": {"api_key": None},
}
ENABLE = f"""mutation {{ profileEnable(input: {{
    deviceId: "{READY_TO_ENABLE.device_id}", iccid: "{READY_TO_ENABLE.iccid}"
}}) {{ transaction {{ vendorId }} userErrors {{ message }} }} }}"""
VENDORS = pytest.mark.parametrize("vendor", ["digi", "esimfly", "esimgo"])


def closed_port() -> int:
    """Return a port of this machine where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def assert_only_branch_failed(answer: Answer, vendor: str, code: str, *, retryable: bool) -> dict[str, Any]:
    """Assert that *vendor*'s branch alone is missing, and return its error."""
    esim = answer["data"]["esim"]
    assert {name for name, value in esim.items() if value is None} == {BRANCH_OF[vendor]}
    (error,) = answer["errors"]
    assert error["path"] == ["esim", BRANCH_OF[vendor]]
    extensions: dict[str, Any] = error["extensions"]
    assert (extensions["code"], extensions["upstream"], extensions["retryable"]) == (code, vendor, retryable)
    return extensions


@VENDORS
async def test_a_vendor_that_refuses_connections_nulls_its_own_branch(vendor: str) -> None:
    settings: dict[str, Any] = {vendor: {"base_url": f"http://127.0.0.1:{closed_port()}"}}
    async with open_gateway(**settings) as gateway:
        answer = await gateway.ask(THREE_BRANCHES)

        assert_only_branch_failed(answer, vendor, "UPSTREAM_UNAVAILABLE", retryable=True)


@VENDORS
async def test_a_vendor_that_fails_nulls_its_own_branch(gateway: Gateway, vendor: str) -> None:
    gateway.sandbox.faults.status(500, vendor)

    answer = await gateway.ask(THREE_BRANCHES)

    assert_only_branch_failed(answer, vendor, "UPSTREAM_UNAVAILABLE", retryable=True)


@pytest.mark.parametrize("vendor", ["digi", "esimfly"])
async def test_a_vendor_in_maintenance_says_when_to_come_back(gateway: Gateway, vendor: str) -> None:
    gateway.sandbox.faults.status(503, vendor, retry_after="7.2")

    answer = await gateway.ask(THREE_BRANCHES)

    extensions = assert_only_branch_failed(answer, vendor, "UPSTREAM_UNAVAILABLE", retryable=True)
    assert extensions["retryAfterSeconds"] == 8


@VENDORS
@pytest.mark.parametrize("kind", ["html", "wrong_shape", "invalid_json", "cut_body"])
async def test_a_vendor_that_talks_nonsense_nulls_its_own_branch(gateway: Gateway, vendor: str, kind: Any) -> None:
    gateway.sandbox.faults.script(kind, vendor)

    answer = await gateway.ask(THREE_BRANCHES)

    assert_only_branch_failed(answer, vendor, "UPSTREAM_BAD_RESPONSE", retryable=True)


@VENDORS
async def test_a_vendor_slower_than_the_operation_may_be_nulls_its_own_branch(vendor: str) -> None:
    async with open_gateway(operation_timeout=1.5) as gateway:
        gateway.sandbox.faults.script("hold", vendor)

        answer = await gateway.ask(THREE_BRANCHES)

        assert_only_branch_failed(answer, vendor, "UPSTREAM_TIMEOUT", retryable=True)


@VENDORS
async def test_a_vendor_without_credentials_nulls_its_own_branch_and_is_not_called(vendor: str) -> None:
    settings: dict[str, Any] = {vendor: NO_CREDENTIALS[vendor]}
    async with open_gateway(**settings) as gateway:
        answer = await gateway.ask(THREE_BRANCHES)

        assert_only_branch_failed(answer, vendor, "UPSTREAM_NOT_CONFIGURED", retryable=False)
        assert gateway.sandbox.calls.count(vendor) == 0


@pytest.mark.parametrize(
    ("vendor", "wrong", "code"),
    [
        ("digi", {"api_key_secret": "wrong"}, "UPSTREAM_AUTH_FAILED"),
        ("esimfly", {"secret_key": "wrong"}, "UPSTREAM_AUTH_FAILED"),
        ("esimgo", {"api_key": "wrong"}, "UPSTREAM_FORBIDDEN"),  # eSIM Go answers 403 for a bad key too
    ],
)
async def test_wrong_credentials_null_their_own_branch(vendor: str, wrong: dict[str, str], code: str) -> None:
    settings: dict[str, Any] = {vendor: wrong}
    async with open_gateway(**settings) as gateway:
        answer = await gateway.ask(THREE_BRANCHES)

        assert_only_branch_failed(answer, vendor, code, retryable=False)


@VENDORS
async def test_a_vendor_that_throttles_is_retryable(gateway: Gateway, vendor: str) -> None:
    gateway.sandbox.faults.status(429, vendor)

    answer = await gateway.ask(THREE_BRANCHES)

    assert_only_branch_failed(answer, vendor, "UPSTREAM_RATE_LIMITED", retryable=True)


async def test_all_three_down_is_still_an_answer(gateway: Gateway) -> None:
    gateway.sandbox.faults.status(500)

    answer = await gateway.ask(THREE_BRANCHES)

    assert answer["data"] == {"esim": {"profile": None, "liveStatus": None, "bundleHistory": None}}
    assert {error["extensions"]["upstream"] for error in answer["errors"]} == set(BRANCH_OF)


@pytest.mark.parametrize("field", ["profiles", "transactions", "operations"])
async def test_a_list_that_cannot_be_read_leaves_its_siblings(gateway: Gateway, field: str) -> None:
    gateway.sandbox.faults.status(500, "digi")

    answer = await gateway.ask(
        f'{{ {field} {{ nodes {{ id }} }} liveStatus(iccid: "{KNOWN_TO_ALL.iccid}") {{ status }} }}'
    )

    assert answer["data"] == {field: None, "liveStatus": {"status": "ACTIVE"}}


async def test_one_bad_esim_of_many_fails_alone(gateway: Gateway) -> None:
    gateway.sandbox.faults.status(500, "esimfly", only=READY_TO_ENABLE.iccid)

    answer = await gateway.ask(f"""{{ esimsByIccid(iccids: ["{KNOWN_TO_ALL.iccid}", "{READY_TO_ENABLE.iccid}"]) {{
        liveStatus {{ iccid }}
    }} }}""")

    assert answer["data"]["esimsByIccid"] == [{"liveStatus": {"iccid": KNOWN_TO_ALL.iccid}}, {"liveStatus": None}]
    assert [error["path"] for error in answer["errors"]] == [["esimsByIccid", 1, "liveStatus"]]


async def test_esim_go_processing_is_no_outage(gateway: Gateway) -> None:
    answer = await gateway.ask(f'{{ esim(iccid: "{PROCESSING.iccid}") {{ bundleHistory {{ name }} }} }}')

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "UPSTREAM_PROCESSING"
    assert error["extensions"]["retryable"] is True
    assert 0 < error["extensions"]["retryAfterSeconds"] <= 600


async def test_the_network_behind_esimfly_without_an_answer_is_unavailable(gateway: Gateway) -> None:
    error = await gateway.error(f'{{ liveStatus(iccid: "{PROVIDER_ERROR.iccid}") {{ status }} }}')

    assert error["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
    assert gateway.sandbox.calls.count("esimfly") == 1


@pytest.mark.parametrize(("status", "iccid"), [(403, DIGI_ONLY.iccid), (400, DIGI_ONLY.iccid), (403, FOREIGN.iccid)])
async def test_what_esim_go_does_not_show_is_forbidden(gateway: Gateway, status: Any, iccid: str) -> None:
    gateway.sandbox.switches.esimgo.foreign_status = status

    answer = await gateway.ask(f'{{ esim(iccid: "{iccid}") {{ iccid bundleHistory {{ name }} }} }}')

    assert answer["data"]["esim"] == {"iccid": iccid, "bundleHistory": None}
    assert answer["errors"][0]["extensions"]["code"] == "UPSTREAM_FORBIDDEN"


async def test_another_accounts_live_status_is_forbidden(gateway: Gateway) -> None:
    error = await gateway.error(f'{{ liveStatus(iccid: "{FOREIGN.iccid}") {{ status }} }}')

    assert error["extensions"]["code"] == "UPSTREAM_FORBIDDEN"


async def test_absent_things_are_null_without_an_error(gateway: Gateway) -> None:
    data = await gateway.data(f"""{{
        profile(iccid: "{ESIMFLY_ONLY.iccid}") {{ status }}
        liveStatus(iccid: "{DIGI_ONLY.iccid}") {{ status }}
        byNumber: liveStatus(esimId: "1") {{ status }}
        transaction(vendorId: "no-such-transaction") {{ status }}
        operation(vendorId: "no-such-operation") {{ status }}
        esim(iccid: "{READY_TO_DOWNLOAD.iccid}") {{ eid profile {{ status }} }}
    }}""")

    assert data == {
        "profile": None,
        "liveStatus": None,
        "byNumber": None,
        "transaction": None,
        "operation": None,
        "esim": {"eid": None, "profile": None},
    }


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ({"kind": "status", "status": 500}, "UPSTREAM_UNAVAILABLE", True),
        ({"kind": "status", "status": 503}, "UPSTREAM_UNAVAILABLE", True),
        ({"kind": "reset_before"}, "UPSTREAM_UNAVAILABLE", True),
        ({"kind": "status", "status": 502}, "UPSTREAM_TIMEOUT", False),
        ({"kind": "status", "status": 504}, "UPSTREAM_TIMEOUT", False),
        ({"kind": "html"}, "UPSTREAM_BAD_RESPONSE", False),
        ({"kind": "hold"}, "UPSTREAM_TIMEOUT", False),
    ],
)
async def test_an_action_is_retryable_only_where_it_did_not_start(
    fault: dict[str, Any], code: str, retryable: bool
) -> None:
    """Where Digi may still be at it, trying again could act twice."""
    async with open_gateway(operation_timeout=4) as gateway:
        gateway.sandbox.faults.script(vendor="digi", endpoint="enable", **fault)

        answer = await gateway.ask(ENABLE)

        (error,) = answer["errors"]
        assert answer["data"] == {"profileEnable": None}
        assert (error["extensions"]["code"], error["extensions"]["retryable"]) == (code, retryable)
        assert gateway.sandbox.calls.count("digi", "enable") == 1


@pytest.mark.parametrize("kind", ["reset_after", "cut_body", "invalid_json"])
async def test_an_action_whose_answer_is_lost_is_found(gateway: Gateway, kind: Any) -> None:
    gateway.sandbox.faults.script(kind, "digi", "enable")

    data = await gateway.data(ENABLE)

    assert data["profileEnable"]["userErrors"] == []
    assert gateway.sandbox.calls.count("digi", "enable") == 1


async def test_an_action_that_never_left_is_retryable() -> None:
    async with open_gateway(digi={"base_url": f"http://127.0.0.1:{closed_port()}"}) as gateway:
        error = await gateway.error(ENABLE)

        assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("UPSTREAM_UNAVAILABLE", True)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (401, "UPSTREAM_AUTH_FAILED", False),
        (403, "UPSTREAM_FORBIDDEN", False),
        (429, "UPSTREAM_RATE_LIMITED", True),
    ],
)
async def test_an_action_that_was_turned_away_is_a_top_level_error(
    gateway: Gateway, status: int, code: str, retryable: bool
) -> None:
    gateway.sandbox.faults.status(status, "digi", "enable")

    error = await gateway.error(ENABLE)

    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == (code, retryable)


async def test_an_operation_that_takes_too_long_ends() -> None:
    """A vendor that answers in time, again and again, must not keep an operation for ever."""
    async with open_gateway(operation_timeout=0.5) as gateway:
        gateway.sandbox.faults.latency(0.2, "digi")

        answer = await gateway.ask("""{ operations(first: 5) { nodes { downloadTransaction { esim {
            transactions(first: 1) { nodes { esim { operations(first: 1) { nodes { id } } } } }
        } } } } }""")

        codes = {error["extensions"]["code"] for error in answer["errors"]}
        assert codes <= {"UPSTREAM_TIMEOUT", "OPERATION_TIMEOUT"}
