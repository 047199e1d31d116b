"""Whoever watches gets the newest change there is, and then each that is written: none left out, none twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.status_change import StatusChange
from esim_graph.errors import CursorExpired
from journal.conftest import Opened, open_journal
from support.clock import settle
from support.database import fresh_database_url
from support.journal_rows import fill, iccid_of
from support.status_reports import ICCID, OTHER, event

S = ProfileState
STATES = (S.INSTALLED, S.ENABLED, S.DISABLED)


async def add(opened: Opened, begin: int, end: int, **more: Any) -> None:
    """Record so many changes, one by one."""
    for number in range(begin, end):
        await opened.record(event(f"{more} {number}", STATES[number % 3], number, **more))


async def take(watcher: AsyncIterator[StatusChange | CursorExpired], count: int) -> list[int]:
    """The numbers of the next events; 0 stands for one that is an error."""
    async with asyncio.timeout(10):
        events = [await anext(watcher) for _ in range(count)]
    return [one.number if isinstance(one, StatusChange) else 0 for one in events]


async def test_the_first_event_is_the_newest_change_there_is(opened: Opened) -> None:
    """Of the profile that is watched, or of all."""
    await add(opened, 0, 3)
    await add(opened, 0, 2, iccid=OTHER)

    async with aclosing(opened.journal.watch(ICCID, None)) as one, aclosing(opened.journal.watch(None, None)) as every:
        assert await take(one, 1) == [3]
        assert await take(every, 1) == [5]


async def test_without_any_change_it_waits_for_one(opened: Opened) -> None:
    """An empty journal is no error."""
    async with aclosing(opened.journal.watch(ICCID, None)) as watcher:
        waiting = asyncio.create_task(take(watcher, 1))
        await settle()
        await add(opened, 0, 1, iccid=OTHER)
        await add(opened, 0, 1)

        assert await waiting == [2]


async def test_after_a_number_all_that_was_written_since_comes_first(opened: Opened) -> None:
    """Then what is written next; another profile's is another stream's."""
    await add(opened, 0, 4)
    await add(opened, 0, 1, iccid=OTHER)

    async with aclosing(opened.journal.watch(ICCID, 2)) as one, aclosing(opened.journal.watch(None, 3)) as every:
        assert await take(one, 2) == [3, 4]
        assert await take(every, 2) == [4, 5]
        await add(opened, 4, 6)
        assert await take(one, 2) == [6, 7]
        assert await take(every, 2) == [6, 7]


async def test_what_another_replica_writes_arrives() -> None:
    """Nobody wakes this one."""
    url = fresh_database_url()
    async with open_journal(url) as one, open_journal(url) as other, aclosing(one.journal.watch(None, 0)) as watcher:
        waiting = asyncio.create_task(take(watcher, 3))
        await add(other, 0, 3)

        assert await waiting == [1, 2, 3]


async def test_a_slow_watcher_misses_nothing(opened: Opened) -> None:
    """However far it falls behind what is kept for it."""
    async with aclosing(opened.journal.watch(None, 0)) as watcher:
        await add(opened, 0, 1)
        assert await take(watcher, 1) == [1]
        for begin in range(1, 400, 100):
            many = [event(str(number), STATES[number % 3], number) for number in range(begin, begin + 100)]
            await opened.record(*many)

        assert await take(watcher, 400) == list(range(2, 402))


@pytest.mark.parametrize("iccid", [None, iccid_of(0)])
async def test_who_is_too_far_behind_is_told_and_goes_on(opened: Opened, iccid: Any) -> None:
    """One event is the error; the present state follows, and the stream lives on."""
    await opened.database.write(lambda connection: fill(connection, 1, 10_050, profiles=1))

    async with aclosing(opened.journal.watch(iccid, 49)) as late, aclosing(opened.journal.watch(iccid, 50)) as in_time:
        assert await take(late, 2) == [0, 10_050]
        assert await take(in_time, 2) == [51, 52]
        await opened.record(event("1", S.DISABLED, 0, iccid=iccid_of(0)))
        assert await take(late, 1) == [10_051]


async def test_a_number_that_was_never_given_out_is_another_journals(opened: Opened) -> None:
    """A database that was restored has lost the newest rows."""
    await add(opened, 0, 2)

    async with aclosing(opened.journal.watch(None, 7)) as watcher:
        assert await take(watcher, 2) == [0, 2]
