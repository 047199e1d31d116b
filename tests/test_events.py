"""Topics: the present state first, each change in order, the last one always, and an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from esim_graph.errors import UpstreamTimeout
from esim_graph.events import Event, Topic
from support.clock import settle


async def _all(topic: Topic[str]) -> list[tuple[int, str]]:
    return [(event.sequence, event.value) async for event in topic.watch()]


def _next(watcher: AsyncIterator[Event[str]]) -> asyncio.Task[Event[str]]:
    async def read() -> Event[str]:
        return await anext(watcher)

    return asyncio.create_task(read())


async def test_events_arrive_in_order_and_numbered() -> None:
    """From 1, without a gap."""
    topic: Topic[str] = Topic()
    watching = asyncio.create_task(_all(topic))
    await settle()

    for word in ("starting", "download", "enable"):
        topic.publish(word)
    topic.publish("successful", final=True)

    assert await watching == [(1, "starting"), (2, "download"), (3, "enable"), (4, "successful")]


async def test_who_comes_later_begins_with_the_present_state() -> None:
    """And not with history."""
    topic: Topic[str] = Topic()
    topic.publish("starting")
    topic.publish("download")
    watching = asyncio.create_task(_all(topic))
    await settle()

    topic.publish("successful", final=True)

    assert await watching == [(2, "download"), (3, "successful")]


async def test_who_comes_after_the_end_gets_the_last_state_and_the_end() -> None:
    """It does not wait for ever."""
    topic: Topic[str] = Topic()
    topic.publish("successful", final=True)

    assert await _all(topic) == [(1, "successful")]


async def test_a_topic_can_go_on_from_a_number() -> None:
    """A poller that starts again goes on counting."""
    topic: Topic[str] = Topic(sequence=7)
    topic.publish("enable", final=True)

    assert await _all(topic) == [(8, "enable")]


async def test_a_slow_watcher_misses_states_in_between_and_never_the_last() -> None:
    """Its mailbox is bounded; what counts is where it is and how it ended."""
    topic: Topic[str] = Topic()
    async with aclosing(topic.watch()) as watcher:
        topic.publish("0")
        assert (await anext(watcher)).value == "0"

        for number in range(1, 1_000):
            topic.publish(str(number))
        topic.publish("last", final=True)
        seen = [event async for event in watcher]

    assert len(seen) == 64
    assert seen[-1] == Event(1_001, "last")
    assert [event.sequence for event in seen] == sorted(event.sequence for event in seen)


async def test_a_slow_watcher_does_not_hold_up_the_others() -> None:
    """Each has a mailbox of its own."""
    topic: Topic[str] = Topic()
    async with aclosing(topic.watch()) as slow:
        topic.publish("first")
        await anext(slow)
        quick = asyncio.create_task(_all(topic))
        await settle()

        topic.publish("last", final=True)

        assert (await quick)[-1] == (2, "last")


async def test_a_failure_comes_after_what_was_delivered() -> None:
    """Nothing is lost to it."""
    topic: Topic[str] = Topic()
    seen = []

    async def watch() -> None:
        async for event in topic.watch():
            seen.append(event.value)  # noqa: PERF401 - what was seen before the failure is the point

    topic.publish("starting")
    watching = asyncio.create_task(watch())
    topic.publish("download")
    topic.fail(UpstreamTimeout("It took too long.", upstream="digi"))

    with pytest.raises(UpstreamTimeout):
        await watching
    assert seen == ["download"]


async def test_a_failure_wakes_who_waits() -> None:
    """With nothing in the mailbox."""
    topic: Topic[str] = Topic()
    watching = asyncio.create_task(_all(topic))
    await settle()

    topic.fail(UpstreamTimeout("It took too long.", upstream="digi"))

    with pytest.raises(UpstreamTimeout):
        await watching


async def test_a_failure_reaches_who_comes_later() -> None:
    """After the present state."""
    topic: Topic[str] = Topic()
    topic.publish("starting")
    topic.fail(UpstreamTimeout("It took too long.", upstream="digi"))
    watcher = topic.watch()

    assert (await anext(watcher)).value == "starting"
    with pytest.raises(UpstreamTimeout):
        await anext(watcher)


async def test_an_event_between_two_looks_is_not_missed() -> None:
    """However the reader and the writer take turns."""
    topic: Topic[int] = Topic()
    seen: list[Any] = []

    async def watch() -> None:
        async for event in topic.watch():
            await asyncio.sleep(0)
            seen.append(event.value)

    watching = asyncio.create_task(watch())
    for number in range(50):
        await asyncio.sleep(0)
        topic.publish(number, final=number == 49)
    await watching

    assert seen == sorted(seen)
    assert seen[-1] == 49


async def test_who_leaves_is_forgotten() -> None:
    """A topic holds nothing for watchers that are gone."""
    topic: Topic[str] = Topic()
    topic.publish("starting")
    watcher = topic.watch()
    await anext(watcher)
    waiting = _next(watcher)
    await settle()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    topic.publish("download")
    with pytest.raises(StopAsyncIteration):
        await anext(watcher)
