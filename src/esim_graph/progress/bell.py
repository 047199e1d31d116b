"""Waiting for a moment or for somebody who rings, whichever is first."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from esim_graph.clock import Clock


async def wait_for(bell: asyncio.Event, seconds: float | None, clock: Clock, *, name: str) -> None:
    """Wait for the bell, or so many seconds; None is for ever. *name* is what the tasks are called."""
    if seconds is not None and seconds <= 0:
        await asyncio.sleep(0)
        return
    waits: list[Coroutine[Any, Any, Any]] = [bell.wait()]
    if seconds is not None:
        waits.append(_sleep_until(clock.monotonic() + seconds, clock))
    tasks = [asyncio.create_task(wait, name=name) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _sleep_until(instant: float, clock: Clock) -> None:
    """Counted from when the wait was asked for, and not from when its task begins."""
    await clock.sleep(instant - clock.monotonic())
