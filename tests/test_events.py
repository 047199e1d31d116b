"""Feeds: what there was first, then what comes, nothing twice and nothing left out, within bounds."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esim_graph.errors import DatabaseUnavailable, UpstreamTimeout
from esim_graph.events import Entry, Feed, Watcher
from support.clock import settle

RING = 8


class Log:
    """A log in memory, as a table would be read."""

    def __init__(self) -> None:
        self.entries: list[Entry[str]] = []
        self.reads = 0
        self.broken = False

    def add(self, key: str, value: str, *, final: bool = False) -> None:
        sequence = 1 + sum(entry.key == key for entry in self.entries)
        self.entries.append(Entry(len(self.entries) + 1, key, sequence, value, final))

    async def after(self, number: int, limit: int) -> Sequence[Entry[str]]:
        self.reads += 1
        await self._answer()
        return self.entries[number : number + limit]

    async def newest(self) -> int:
        await self._answer()
        return len(self.entries)

    async def of(self, key: str, behind: int | None, limit: int) -> Sequence[Entry[str]]:
        await self._answer()
        found = [entry for entry in self.entries if entry.key == key]
        return found[-1:] if behind is None else found[behind : behind + limit]

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise DatabaseUnavailable("It is down.")


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def feed(log: Log) -> AsyncIterator[Feed[str]]:
    opened = Feed(log.after, log.newest, ring=RING, tick=0.005)
    yield opened
    await opened.close()


def watch(
    feed: Feed[str],
    log: Log,
    key: str | None = "a",
    after: int | None = None,
    *,
    coalesce: bool = True,
    watcher: Watcher | None = None,
) -> AsyncIterator[Entry[str]]:
    async def history(behind: int | None, limit: int) -> Sequence[Entry[str]]:
        return await (log.after(behind or 0, limit) if key is None else log.of(key, behind, limit))

    return feed.watch(key, after, history, coalesce=coalesce, watcher=watcher)


async def take(watching: AsyncIterator[Entry[str]], count: int | None = None) -> list[str]:
    """The values of so many entries, or of all to the end."""
    found: list[str] = []
    async with asyncio.timeout(5):
        while count is None or len(found) < count:
            try:
                found.append((await anext(watching)).value)
            except StopAsyncIteration:
                break
    return found


async def test_the_present_state_comes_first_and_then_each_new_one(feed: Feed[str], log: Log) -> None:
    """To the final one, behind which the watch ends."""
    log.add("a", "starting")
    log.add("a", "download")
    watching = watch(feed, log)
    assert await take(watching, 1) == ["download"]

    log.add("b", "another's")
    log.add("a", "enable")
    log.add("a", "successful", final=True)
    feed.wake()

    assert await take(watching) == ["enable", "successful"]


async def test_what_another_process_writes_is_noticed(feed: Feed[str], log: Log) -> None:
    """Without being woken."""
    log.add("a", "starting")
    watching = watch(feed, log)
    await take(watching, 1)

    log.add("a", "successful", final=True)

    assert await take(watching) == ["successful"]


async def test_who_comes_again_is_told_what_it_missed(feed: Feed[str], log: Log) -> None:
    """Behind its own position, and then what comes."""
    for value in ("one", "two", "three"):
        log.add("a", value)
    watching = watch(feed, log, after=1)
    assert await take(watching, 2) == ["two", "three"]

    log.add("a", "four", final=True)

    assert await take(watching) == ["four"]


async def test_a_thousand_watchers_are_one_reader(feed: Feed[str], log: Log) -> None:
    """They share what was read."""
    log.add("a", "starting")
    watchers = [watch(feed, log) for _ in range(1_000)]
    await asyncio.gather(*(take(watching, 1) for watching in watchers))
    log.reads = 0

    log.add("a", "successful", final=True)
    feed.wake()

    assert await asyncio.gather(*(take(watching) for watching in watchers)) == [["successful"]] * 1_000
    assert log.reads < 50


async def test_one_who_is_slow_jumps_to_the_newest(feed: Feed[str], log: Log) -> None:
    """And holds up nobody; nothing is kept for it."""
    log.add("a", "0")
    slow, quick = watch(feed, log), watch(feed, log)
    await asyncio.gather(take(slow, 1), take(quick, 1))

    seen = []
    for number in range(1, 50):
        log.add("a", str(number), final=number == 49)
        feed.wake()
        seen += await take(quick, 1)

    assert seen == [str(number) for number in range(1, 50)]
    assert await take(slow) == ["49"]


async def test_one_who_is_a_little_slow_misses_nothing(feed: Feed[str], log: Log) -> None:
    """As much as the ring holds."""
    log.add("a", "0")
    slow, quick = watch(feed, log), watch(feed, log)
    await asyncio.gather(take(slow, 1), take(quick, 1))

    for number in range(1, RING + 1):
        log.add("a", str(number), final=number == RING)
    feed.wake()
    await take(quick)

    assert await take(slow) == [str(number) for number in range(1, RING + 1)]


async def test_where_nothing_may_be_skipped_the_log_is_read_again(feed: Feed[str], log: Log) -> None:
    """However slow one is; the whole log is watched by number."""
    slow, quick = watch(feed, log, None, 0, coalesce=False), watch(feed, log, None, 0, coalesce=False)
    log.add("a", "0")
    await asyncio.gather(take(slow, 1), take(quick, 1))

    for number in range(1, 50):
        log.add("ab"[number % 2], str(number))
        feed.wake()
        await take(quick, 1)

    assert await take(slow, 49) == [str(number) for number in range(1, 50)]


async def test_an_error_comes_behind_what_was_delivered(feed: Feed[str], log: Log) -> None:
    """And ends one watch alone."""
    log.add("a", "starting")
    watcher = Watcher()
    ended, goes_on = watch(feed, log, watcher=watcher), watch(feed, log)
    await asyncio.gather(take(ended, 1), take(goes_on, 1))
    log.add("a", "download")
    feed.wake()
    await take(goes_on, 1)

    watcher.fail(UpstreamTimeout("It took too long.", upstream="digi"))

    assert await take(ended, 1) == ["download"]
    with pytest.raises(UpstreamTimeout):
        await take(ended, 1)
    log.add("a", "successful", final=True)
    assert await take(goes_on) == ["successful"]


async def test_an_error_of_a_key_ends_all_who_watch_it(feed: Feed[str], log: Log) -> None:
    """And nobody else."""
    log.add("a", "starting")
    log.add("b", "starting")
    one, two, other = watch(feed, log), watch(feed, log), watch(feed, log, "b")
    await asyncio.gather(*(take(watching, 1) for watching in (one, two, other)))

    feed.fail("a", UpstreamTimeout("It took too long.", upstream="digi"))

    for watching in (one, two):
        with pytest.raises(UpstreamTimeout):
            await take(watching, 1)
    assert feed.watched() == ["b"]
    async with aclosing(other):  # type: ignore[type-var]
        pass


async def test_a_log_that_cannot_be_read_for_a_while_is_outlived(feed: Feed[str], log: Log) -> None:
    """By those who watch already; who comes then is told."""
    log.add("a", "starting")
    watching = watch(feed, log)
    await take(watching, 1)
    log.broken = True
    log.add("a", "successful", final=True)
    feed.wake()
    await settle()
    with pytest.raises(DatabaseUnavailable):
        await take(watch(feed, log, "b"), 1)

    log.broken = False

    assert await take(watching) == ["successful"]


async def test_the_reader_ends_with_the_last_watcher(feed: Feed[str], log: Log) -> None:
    """And another one begins with the next."""
    log.add("a", "starting")
    async with aclosing(watch(feed, log)) as watching:  # type: ignore[type-var]
        await take(watching, 1)
        assert feed.is_watched("a")
    log.add("a", "download")
    await settle()
    assert not feed.is_watched("a")
    assert not any(task.get_name() == "event reader" for task in asyncio.all_tasks())

    watching = watch(feed, log, after=1)
    log.add("a", "successful", final=True)

    assert await take(watching) == ["download", "successful"]


async def test_an_old_reader_that_fails_takes_nobody_along_who_has_a_new_one(log: Log) -> None:
    """It may end when its own watchers have left, and another reads."""
    asked = 0

    async def newest() -> int:
        nonlocal asked
        asked += 1
        if asked > 1:
            return len(log.entries)
        try:
            await asyncio.Event().wait()
        finally:
            raise DatabaseUnavailable("It is down.")

    feed = Feed(log.after, newest, ring=RING, tick=0.005)
    first = asyncio.ensure_future(take(watch(feed, log), 1))
    await settle()
    log.add("a", "starting")
    first.cancel()
    second = asyncio.ensure_future(take(watch(feed, log)))
    await settle()
    log.add("a", "successful", final=True)

    assert await second == ["starting", "successful"]
    await feed.close()


@settings(deadline=None, max_examples=60)
@given(
    writes=st.lists(st.sampled_from(["a", "b", "pause"]), max_size=60),
    comes_at=st.integers(0, 60),
    after=st.integers(0, 10),
)
def test_whenever_one_comes_there_is_no_gap_and_no_double(writes: list[str], comes_at: int, after: int) -> None:
    """Between what was there and what came; whatever runs in between."""

    async def scenario() -> None:
        log = Log()
        feed = Feed(log.after, log.newest, ring=1_000, tick=0.001)
        reading: asyncio.Task[list[str]] | None = None
        for place, key in enumerate([*writes, "end"]):
            if reading is None and (place >= comes_at or key == "end"):
                reading = asyncio.create_task(take(watch(feed, log, "a", after)))
            if key == "pause":
                await asyncio.sleep(0)
            elif key == "end":
                for number in range(after + 1):
                    log.add("a", f"last {number}", final=number == after)
            else:
                log.add(key, str(place))
                feed.wake()
        assert reading is not None
        assert await reading == [entry.value for entry in log.entries if entry.key == "a"][after:]
        await feed.close()

    asyncio.run(scenario())
