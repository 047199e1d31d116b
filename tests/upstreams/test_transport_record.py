"""What the transport says about its calls: one line, one count, no secret."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from esim_graph.errors import (
    UpstreamBadResponse,
    UpstreamError,
)
from esim_graph.telemetry import Metrics
from esim_graph.upstreams.messages import Answer
from esim_graph.upstreams.transport import Transport
from upstreams.scripted import Act, ScriptedVendor, reply
from upstreams.transports import (
    CUT,
    OK,
    READ,
    body_of,
    failure,
    no_tls_here,
    outcomes,
    soon,
    transport_to,
)


@pytest.mark.parametrize("first", [Act.HANG_UP, CUT, Act.HOLD, reply(b'{"error_message":"S3CRET"}', 400)], ids=str)
async def test_a_failure_is_one_log_line_without_secrets(
    vendor: ScriptedVendor, transport: Transport, first: Any
) -> None:
    vendor.says(first)

    with capture_logs() as lines:
        refused = await failure(transport.send(READ, body_of, deadline=soon(0.1)))

    assert [(line["event"], line["endpoint"], line["code"]) for line in lines] == [
        ("upstream_call_failed", "inventory", refused.code)
    ]
    assert "S3CRET" not in f"{lines} {refused!r} {refused.__cause__!r}"


async def test_a_success_is_no_more_than_a_debug_line(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(OK)

    with capture_logs() as lines:
        await transport.send(READ, body_of, deadline=soon())

    assert {line["log_level"] for line in lines} <= {"debug"}


@pytest.mark.parametrize(
    ("replies", "counted"),
    [
        ([OK], {"ok": 1}),
        ([reply(status=403)], {"UPSTREAM_FORBIDDEN": 1}),
        ([reply(status=502), OK], {"UPSTREAM_UNAVAILABLE": 1, "ok": 1}),
        ([Act.HANG_UP, OK], {"UPSTREAM_UNAVAILABLE": 1, "ok": 1}),
        ([Act.HANG_UP], {"UPSTREAM_UNAVAILABLE": 2}),
    ],
    ids=["ok", "refused", "retried answer", "retried loss", "lost twice"],
)
async def test_every_request_sent_is_counted_once(
    vendor: ScriptedVendor, replies: list[Any], counted: dict[str, int]
) -> None:
    metrics = Metrics()
    vendor.says(*replies)

    async with transport_to(vendor.url, metrics=metrics) as transport:
        with suppress(UpstreamError):
            await transport.send(READ, body_of, deadline=soon())

    assert outcomes(metrics) == counted
    seconds = metrics.registry.get_sample_value(
        "esim_graph_upstream_seconds_count", {"upstream": "digi", "endpoint": "inventory"}
    )
    assert seconds == sum(counted.values())


async def test_what_is_read_wrongly_is_counted_as_such(vendor: ScriptedVendor) -> None:
    metrics = Metrics()
    vendor.says(OK)

    def cannot_read(_: Answer) -> None:
        raise UpstreamBadResponse("It is nothing.", upstream="digi")

    async with transport_to(vendor.url, metrics=metrics) as transport:
        await failure(transport.send(READ, cannot_read, deadline=soon()))

    assert outcomes(metrics) == {"UPSTREAM_BAD_RESPONSE": 1}


async def test_tls_certificates_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever aiohttp makes of ``ssl=True``: it verifies, and host names too."""
    contexts: list[ssl.SSLContext] = []
    connect: Callable[..., Any] = asyncio.get_running_loop().create_connection

    async def remember(*args: Any, **kwargs: Any) -> Any:
        contexts.append(kwargs["ssl"])
        return await connect(*args, **kwargs)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", remember)

    async with no_tls_here() as url, transport_to(url) as transport:
        await failure(transport.send(READ, body_of, deadline=soon()))

    assert {(context.verify_mode, context.check_hostname) for context in contexts} == {(ssl.CERT_REQUIRED, True)}
