"""How often the transport sends: a read at most twice, what changes something exactly once."""

import asyncio
from typing import Any

import pytest

from esim_graph.clock import Deadline
from esim_graph.errors import (
    UpstreamBadResponse,
    UpstreamError,
    UpstreamForbidden,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from esim_graph.upstreams.limits import Limits
from esim_graph.upstreams.messages import Request
from esim_graph.upstreams.transport import Transport
from support.clock import ManualClock
from upstreams.scripted import Act, ScriptedVendor, reply
from upstreams.transports import (
    ACTION,
    CUT,
    OK,
    READ,
    READ_BY_POST,
    body_of,
    failure,
    no_tls_here,
    soon,
    transport_to,
    unused_port,
)

# The one retry


@pytest.mark.parametrize(
    "first",
    [Act.HANG_UP, CUT, reply(status=500), reply(status=502), reply(status=504)],
    ids=["hung up", "cut", "500", "502", "504"],
)
@pytest.mark.parametrize("request_", [READ, READ_BY_POST], ids=["GET", "POST that reads"])
async def test_a_read_is_tried_once_more(
    vendor: ScriptedVendor, transport: Transport, request_: Request, first: Any
) -> None:
    vendor.says(first, OK)

    assert await transport.send(request_, body_of, deadline=soon()) == b'{"fine":true}'
    assert len(vendor.requests) == 2


async def test_each_attempt_is_signed_anew(vendor: ScriptedVendor, transport: Transport) -> None:
    """A request id that was used once must never arrive again, not even by aiohttp's own repetition."""
    vendor.says(OK, Act.HANG_UP, OK)
    await transport.send(READ, body_of, deadline=soon())  # the next one goes over a kept connection

    await transport.send(READ, body_of, deadline=soon())

    assert [got.headers["x-attempt"] for got in vendor.requests] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("first", "error"),
    [
        (reply(status=503), UpstreamUnavailable),
        (reply(status=429), UpstreamRateLimited),
        (reply(status=403), UpstreamForbidden),
    ],
    ids=["503", "429", "403"],
)
async def test_what_needs_rest_or_will_not_change_is_not_retried(
    vendor: ScriptedVendor, transport: Transport, first: bytes, error: type[UpstreamError]
) -> None:
    vendor.says(first, OK)

    assert isinstance(await failure(transport.send(READ, body_of, deadline=soon())), error)
    assert len(vendor.requests) == 1


async def test_two_attempts_are_all(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(Act.HANG_UP)

    assert isinstance(await failure(transport.send(READ, body_of, deadline=soon())), UpstreamUnavailable)
    assert len(vendor.requests) == 2


async def test_a_retry_does_not_begin_behind_the_deadline(vendor: ScriptedVendor) -> None:
    vendor.says(reply(status=502), OK)

    async with transport_to(vendor.url, jitter=lambda: 1.0) as transport:
        refused = await failure(transport.send(READ, body_of, deadline=soon(0.2)))

    assert isinstance(refused, UpstreamUnavailable)
    assert len(vendor.requests) == 1


async def test_a_client_may_have_its_own_idea_of_what_passes(vendor: ScriptedVendor) -> None:
    vendor.says(reply(status=502), OK)

    async with transport_to(vendor.url, worth_retrying=lambda _: False) as transport:
        await failure(transport.send(READ, body_of, deadline=soon()))

    assert len(vendor.requests) == 1


# Actions


@pytest.mark.parametrize(
    ("first", "error"),
    [
        (Act.HANG_UP, UpstreamUnavailable),
        (CUT, UpstreamBadResponse),
        (reply(status=500), UpstreamUnavailable),
        (reply(status=502), UpstreamTimeout),  # of a proxy: the vendor behind it may still be at it
        (reply(status=504), UpstreamTimeout),
        (reply(status=503, retry_after="1"), UpstreamUnavailable),
        (reply(status=302), UpstreamBadResponse),
        (reply(status=207), UpstreamBadResponse),
    ],
    ids=["hung up", "cut", "500", "502", "504", "503", "302", "207"],
)
async def test_an_action_is_sent_once_and_its_outcome_is_then_unknown(
    vendor: ScriptedVendor, transport: Transport, first: Any, error: type[UpstreamError]
) -> None:
    vendor.says(first, OK)

    lost = await failure(transport.send(ACTION, body_of, deadline=soon()))

    assert type(lost) is error
    assert not lost.retryable
    assert "not known whether the action was carried out" in lost.message
    assert len(vendor.requests) == 1


async def test_an_action_without_an_answer_in_time_has_an_unknown_outcome(
    vendor: ScriptedVendor, transport: Transport
) -> None:
    vendor.says(Act.HOLD)

    lost = await failure(transport.send(ACTION, body_of, deadline=soon(0.05)))

    assert isinstance(lost, UpstreamTimeout)
    assert not lost.retryable
    assert len(vendor.requests) == 1


async def test_a_refused_action_was_not_carried_out(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(reply(status=400))

    refused = await failure(transport.send(ACTION, body_of, deadline=soon()))

    assert isinstance(refused, UpstreamRefused)
    assert "not known" not in refused.message


async def test_too_many_actions_may_be_tried_again(vendor: ScriptedVendor, transport: Transport) -> None:
    vendor.says(reply(status=429))

    assert (await failure(transport.send(ACTION, body_of, deadline=soon()))).retryable


async def test_an_action_that_found_no_connection_may_be_tried_again() -> None:
    async with transport_to(f"http://127.0.0.1:{unused_port()}") as transport:
        refused = await failure(transport.send(ACTION, body_of, deadline=soon()))

    assert isinstance(refused, UpstreamUnavailable)
    assert refused.retryable


async def test_an_action_whose_tls_fails_may_be_tried_again() -> None:
    async with no_tls_here() as url, transport_to(url) as transport:
        refused = await failure(transport.send(ACTION, body_of, deadline=soon()))

    assert isinstance(refused, UpstreamUnavailable)
    assert refused.retryable


@pytest.mark.parametrize(("request_", "sent"), [(ACTION, 0), (READ, 1)], ids=["an action", "a read"])
async def test_an_action_whose_time_went_by_in_the_queue_is_not_sent(
    vendor: ScriptedVendor, request_: Request, sent: int
) -> None:
    """Its answer would hardly come in time, and nobody would know what it did. A read can still be tried."""
    clock = ManualClock()
    limits = Limits("digi", rates=(), concurrency=1, clock=clock)
    deadline = Deadline.after(10.0, clock)
    vendor.says(OK)
    await limits.enter(deadline)
    async with transport_to(vendor.url, limits=limits, clock=clock) as transport:
        sending = asyncio.ensure_future(transport.send(request_, body_of, deadline=deadline))
        await clock.advance(6.0)

        limits.leave()
        (outcome,) = await asyncio.gather(sending, return_exceptions=True)

    assert len(vendor.requests) == sent
    if isinstance(outcome, UpstreamError):
        assert isinstance(outcome, UpstreamTimeout)
        assert outcome.retryable
        assert "not sent" in outcome.message
