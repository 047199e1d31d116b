"""The transport keeps its promises over real HTTP: what is sent, what is answered, and when."""

import asyncio
import gzip
from typing import Any

import pytest

from esim_graph.errors import (
    UpstreamBadResponse,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from esim_graph.upstreams.limits import Limits, Rate
from esim_graph.upstreams.messages import Request
from esim_graph.upstreams.transport import Transport
from upstreams.scripted import Act, ScriptedVendor, Then, reply
from upstreams.transports import (
    ACTION,
    CLOCK,
    OK,
    READ,
    READ_BY_POST,
    body_of,
    failure,
    soon,
    transport_to,
)

# What is sent


async def test_a_request_is_sent_as_it_is(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(OK)

    assert await transport.send(READ_BY_POST, body_of, deadline=soon()) == b'{"fine":true}'
    assert [(got.method, got.target, got.body) for got in vendor.requests] == [("POST", "/status", b'{"a":1}')]


async def test_a_base_url_may_have_a_path(vendor: ScriptedVendor) -> None:
    vendor.says(OK)

    async with transport_to(f"{vendor.url}/a/proxy/") as transport:
        await transport.send(READ, body_of, deadline=soon())

    assert vendor.requests[0].target == "/a/proxy/things?q=S3CRET"


async def test_an_encoded_path_is_not_touched(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(OK)
    request = Request(method="GET", endpoint="x", path="/esims/..%2Fadmin", query="q=a%27b", idempotent=True)

    await transport.send(request, body_of, deadline=soon())

    assert vendor.requests[0].target == "/esims/..%2Fadmin?q=a%27b"


async def test_the_program_says_who_it_is(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(OK)

    await transport.send(READ, body_of, deadline=soon())

    assert vendor.requests[0].headers["user-agent"].startswith("esim-graph/")
    assert vendor.requests[0].headers["accept"] == "application/json"


async def test_cookies_are_not_kept(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(reply(set_cookie="session=1"))

    for _ in range(2):
        await transport.send(READ, body_of, deadline=soon())

    assert "cookie" not in vendor.requests[1].headers


async def test_reads_share_a_connection(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(OK)

    for _ in range(3):
        await transport.send(READ, body_of, deadline=soon())

    assert vendor.connections == 1


async def test_an_action_never_goes_over_a_kept_connection(vendor: ScriptedVendor, transport: Transport) -> None:
    """On one that the vendor has just closed nobody could tell whether it acted."""
    vendor.says(OK)

    for request in (READ, ACTION, ACTION):
        await transport.send(request, body_of, deadline=soon())

    assert [got.connection for got in vendor.requests] == [1, 2, 3]


# What is answered


async def test_a_redirect_is_not_followed(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(reply(status=302, location=f"{vendor.url}/elsewhere"))

    assert isinstance(await failure(transport.send(READ, body_of, deadline=soon())), UpstreamBadResponse)
    assert len(vendor.requests) == 1


async def test_a_body_may_be_as_large_as_allowed(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(reply(b"x" * READ.max_bytes))

    assert len(await transport.send(READ, body_of, deadline=soon())) == READ.max_bytes


@pytest.mark.parametrize(
    "large",
    [
        reply(b"x" * (READ.max_bytes + 1)),
        reply(gzip.compress(b"x" * 64 * READ.max_bytes), content_encoding="gzip"),
        Then(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65536 + b"\r\n", Act.HOLD
        ),
    ],
    ids=["plain", "gzip bomb", "chunked, held open"],
)
async def test_a_larger_body_is_cut_off(vendor: ScriptedVendor, transport: Transport, large: Any) -> None:
    vendor.says(large)
    small = Request(method="GET", endpoint="x", path="/x", idempotent=True, max_bytes=65_535)
    request = small if isinstance(large, Then) else READ

    refused = await failure(transport.send(request, body_of, deadline=soon()))

    assert isinstance(refused, UpstreamBadResponse)
    assert "larger than allowed" in refused.message
    assert len(vendor.requests) == 1


async def test_a_compressed_body_is_read(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(reply(gzip.compress(b'{"a":1}'), content_encoding="gzip"))

    assert await transport.send(READ, body_of, deadline=soon()) == b'{"a":1}'


@pytest.mark.parametrize(
    "garbage",
    [Then(b"SSH-2.0-OpenSSH\r\n\r\n", Act.HOLD), Then(b"HTTP/1.1 200 OK\r\nX" + b"y" * 20_000, Act.HOLD)],
    ids=["another protocol", "an endless header"],
)
async def test_what_is_no_http_is_a_bad_response(vendor: ScriptedVendor, transport: Transport, garbage: Any) -> None:
    vendor.says(garbage)

    assert isinstance(await failure(transport.send(READ, body_of, deadline=soon())), UpstreamBadResponse)


async def test_the_body_that_is_no_gzip_is_a_bad_response(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(reply(b"not gzip", content_encoding="gzip"))

    assert isinstance(await failure(transport.send(READ, body_of, deadline=soon())), UpstreamBadResponse)


# Time


async def test_the_deadline_ends_a_call(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(Act.HOLD)

    late = await failure(transport.send(READ, body_of, deadline=soon(0.05)))

    assert isinstance(late, UpstreamTimeout)
    assert late.retryable
    assert len(vendor.requests) == 1


async def test_a_body_that_does_not_end_is_ended_by_the_deadline(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(Then(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Act.HOLD))

    assert isinstance(await failure(transport.send(READ, body_of, deadline=soon(0.05))), UpstreamTimeout)


async def test_an_attempt_has_its_own_bound(vendor: ScriptedVendor) -> None:
    vendor.says(Act.HOLD)

    async with transport_to(vendor.url, attempt_timeout=0.05) as transport:
        late = await failure(transport.send(READ, body_of, deadline=soon(60.0)))

    assert isinstance(late, UpstreamTimeout)


async def test_behind_the_deadline_nothing_is_sent(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(OK)

    assert isinstance(await failure(transport.send(READ, body_of, deadline=soon(0.0))), UpstreamTimeout)
    assert vendor.connections == 0


async def test_without_room_before_the_deadline_nothing_is_sent(vendor: ScriptedVendor) -> None:
    vendor.says(OK)
    limits = Limits("digi", rates=[Rate(1, 60.0)], concurrency=0, clock=CLOCK)

    async with transport_to(vendor.url, limits=limits) as transport:
        await transport.send(READ, body_of, deadline=soon())
        refused = await failure(transport.send(READ, body_of, deadline=soon()))

    assert isinstance(refused, UpstreamRateLimited)
    assert refused.retry_after is not None
    assert len(vendor.requests) == 1


async def test_the_signature_is_made_behind_the_wait(vendor: ScriptedVendor) -> None:
    """Signed before waiting, it would be stale by the time it is sent."""
    signed: list[float] = []
    vendor.says(OK)
    limits = Limits("digi", rates=[Rate(1, 0.05)], concurrency=0, clock=CLOCK)

    def sign(_: Request) -> dict[str, str]:
        signed.append(CLOCK.monotonic())
        return {}

    async with transport_to(vendor.url, limits=limits, sign=sign) as transport:
        for _ in range(2):
            await transport.send(READ, body_of, deadline=soon())

    assert signed[1] - signed[0] >= 0.05


async def test_a_caller_who_leaves_takes_the_connection_along(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(Act.HOLD)
    sending = asyncio.create_task(transport.send(READ, body_of, deadline=soon(60.0)))
    await vendor.arrived.wait()

    sending.cancel()

    await asyncio.wait_for(vendor.client_gone.wait(), 5.0)
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_call_that_failed_makes_room_for_the_next(vendor: ScriptedVendor) -> None:
    vendor.says(Act.HANG_UP, Act.HANG_UP, OK)
    limits = Limits("digi", rates=(), concurrency=1, clock=CLOCK)

    async with transport_to(vendor.url, limits=limits) as transport:
        await failure(transport.send(READ, body_of, deadline=soon()))

        assert await transport.send(READ, body_of, deadline=soon()) == b'{"fine":true}'
