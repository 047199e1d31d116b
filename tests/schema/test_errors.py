"""What a caller sees of an error, and what stays inside."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from esim_graph.loaders import Loaders
from esim_graph.sandbox.landmarks import KNOWN_TO_ALL, READY_TO_ENABLE
from esim_graph.telemetry import request_id
from support.gateway import Gateway, open_gateway, open_served

ICCID = KNOWN_TO_ALL.iccid
CODES = {
    "BAD_USER_INPUT", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "CONFLICTING_OPERATION",
    "IDEMPOTENCY_KEY_REUSED", "CURSOR_EXPIRED", "QUERY_TOO_EXPENSIVE", "RATE_LIMITED",
    "PERSISTED_QUERY_NOT_FOUND", "OPERATION_TIMEOUT", "UPSTREAM_NOT_CONFIGURED", "UPSTREAM_UNAVAILABLE",
    "UPSTREAM_TIMEOUT", "UPSTREAM_RATE_LIMITED", "UPSTREAM_AUTH_FAILED", "UPSTREAM_FORBIDDEN",
    "UPSTREAM_PROCESSING", "UPSTREAM_BAD_RESPONSE", "INTERNAL",
}  # fmt: skip


@pytest.fixture
def served_request() -> Iterator[str]:
    """A request id, as the server sets it."""
    token = request_id.set("0123456789abcdef")
    yield "0123456789abcdef"
    request_id.reset(token)


def fails(*_: object, **__: object) -> Any:
    raise RuntimeError("secret: s3cr3t")


async def fails_later(*_: object, **__: object) -> Any:
    raise RuntimeError("secret: s3cr3t")


@pytest.mark.parametrize("broken", [fails, fails_later])
@pytest.mark.parametrize(
    ("loader", "query", "path"),
    [
        ("profile", f'{{ esim(iccid: "{ICCID}") {{ iccid profile {{ status }} }} }}', ["esim", "profile"]),
        ("live_status", f'{{ liveStatus(iccid: "{ICCID}") {{ status }} }}', ["liveStatus"]),
        ("profiles", "{ profiles { nodes { id } } }", ["profiles"]),
    ],
)
async def test_an_unforeseen_exception_is_masked(
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    served_request: str,
    broken: Any,
    loader: str,
    query: str,
    path: list[str],
) -> None:
    monkeypatch.setattr(Loaders, loader, broken)

    with structlog.testing.capture_logs() as logs:
        answer = await gateway.ask(query)

    (error,) = answer["errors"]
    assert error["message"] == "Something unforeseen went wrong here."
    assert error["extensions"] == {"code": "INTERNAL", "retryable": False, "requestId": served_request}
    assert error["path"] == path
    assert "s3cr3t" not in json.dumps(answer)
    (line,) = [line for line in logs if line["event"] == "unforeseen_error"]
    assert isinstance(line["exc_info"], RuntimeError)


async def test_an_unforeseen_exception_of_a_stream_is_masked(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, served_request: str
) -> None:
    monkeypatch.setattr(type(gateway.runtime.rooms.upstreams.digi), "operation", fails_later)

    answers = [
        answer async for answer in gateway.watch('subscription { operationProgress(vendorId: "x") { sequence } }')
    ]

    (error,) = answers[0]["errors"]
    assert (error["extensions"]["code"], error["extensions"]["requestId"]) == ("INTERNAL", served_request)
    assert "s3cr3t" not in json.dumps(answers)


async def test_a_foreseen_error_carries_code_retryable_upstream_and_request(
    gateway: Gateway, served_request: str
) -> None:
    gateway.sandbox.faults.status(500, "esimgo")

    error = await gateway.error(f'{{ bundleHistory(iccid: "{ICCID}") {{ name }} }}')

    assert error["extensions"] == {
        "code": "UPSTREAM_UNAVAILABLE",
        "retryable": True,
        "upstream": "esimgo",
        "requestId": served_request,
    }
    assert error["path"] == ["bundleHistory"]
    assert error["locations"] == [{"line": 1, "column": 3}]


@pytest.mark.parametrize(
    "document",
    ["{", "{ nope }", '{ esim(iccid: "x") { id } }', "query($x: Int!) { profiles(first: $x) { nodes { id } } }"],
)
async def test_a_refused_document_carries_code_and_request(
    gateway: Gateway, served_request: str, document: str
) -> None:
    answer = await gateway.ask(document)

    assert answer["errors"][0]["extensions"] == {
        "code": "BAD_USER_INPUT",
        "retryable": False,
        "requestId": served_request,
    }
    assert answer["errors"][0]["locations"]


@pytest.mark.parametrize(
    ("header", "seconds"), [("1", 1), ("0.1", 1), ("29.001", 30), ("0", 0), ("-5", 0), ("999999999", 86_400)]
)
async def test_a_wait_is_told_in_whole_seconds_rounded_up(gateway: Gateway, header: str, seconds: int) -> None:
    gateway.sandbox.faults.status(429, "esimgo", retry_after=header)

    error = await gateway.error(f'{{ bundleHistory(iccid: "{ICCID}") {{ name }} }}')

    assert error["extensions"]["retryAfterSeconds"] == seconds


async def test_a_wait_that_nobody_knows_is_left_out(gateway: Gateway) -> None:
    gateway.sandbox.faults.status(429, "digi")

    error = await gateway.error(f'{{ profile(iccid: "{ICCID}") {{ id }} }}')

    assert "retryAfterSeconds" not in error["extensions"]


async def test_our_own_limit_says_when_there_is_room_again() -> None:
    async with open_gateway(esimgo={"rate_limit": 1}, operation_timeout=1, bundle_history={"ttl": 0}) as gateway:
        query = f'{{ bundleHistory(iccid: "{ICCID}") {{ name }} }}'
        await gateway.data(query)

        error = await gateway.error(query)

        assert error["extensions"]["code"] == "UPSTREAM_RATE_LIMITED"
        assert 58 <= error["extensions"]["retryAfterSeconds"] <= 61
        assert gateway.sandbox.calls.count("esimgo") == 1


@pytest.mark.parametrize("vendor", ["digi", "esimfly", "esimgo"])
@pytest.mark.parametrize("status", [400, 401, 403, 409, 418, 429, 500, 503])
async def test_a_vendors_own_text_is_never_shown(gateway: Gateway, vendor: str, status: int) -> None:
    gateway.sandbox.faults.status(
        status, vendor, body='{"message": "VENDOR-TEXT", "error": "VENDOR-TEXT", "error_message": "VENDOR-TEXT"}'
    )

    with structlog.testing.capture_logs() as logs:
        answer = await gateway.ask(f"""{{ esim(iccid: "{ICCID}") {{
            profile {{ id }} liveStatus {{ status }} bundleHistory {{ name }}
        }} }}""")

    assert len(answer["errors"]) == 1
    assert answer["errors"][0]["extensions"]["code"] in CODES
    assert "VENDOR-TEXT" not in json.dumps(answer)
    assert "VENDOR-TEXT" not in repr(logs)


async def test_a_vendors_text_is_not_in_a_user_error(gateway: Gateway) -> None:
    gateway.sandbox.faults.status(400, "digi", "enable", body='{"error_message": "VENDOR-TEXT"}')

    answer = await gateway.ask(f"""mutation {{ profileEnable(input: {{
        deviceId: "{READY_TO_ENABLE.device_id}", iccid: "{READY_TO_ENABLE.iccid}"
    }}) {{ userErrors {{ message }} }} }}""")

    assert "VENDOR-TEXT" not in json.dumps(answer)
    assert answer["data"]["profileEnable"]["userErrors"]


@pytest.mark.parametrize("vendor", ["digi", "esimfly", "esimgo"])
async def test_credentials_are_in_no_answer_and_no_log(gateway: Gateway, vendor: str) -> None:
    secrets = [
        secret.get_secret_value()
        for secret in (
            gateway.runtime.settings.digi.api_key_secret,
            gateway.runtime.settings.esimfly.secret_key,
            gateway.runtime.settings.esimgo.api_key,
        )
        if secret is not None
    ]
    gateway.sandbox.faults.script("reset_before", vendor)

    with structlog.testing.capture_logs() as logs:
        answer = await gateway.ask(f"""{{ esim(iccid: "{ICCID}") {{
            profile {{ id }} liveStatus {{ status }} bundleHistory {{ name }}
        }} }}""")

    assert len(secrets) == 3
    assert not any(secret in json.dumps(answer) + repr(logs) for secret in secrets)


async def test_over_http_each_request_has_its_own_id() -> None:
    async with open_served() as served:
        ids = set()
        for _ in range(2):
            async with served.http.post(served.graphql, json={"query": "{ nope }"}) as response:
                ids.add((await response.json())["errors"][0]["extensions"]["requestId"])

        assert len(ids) == 2
        assert "-" not in ids
