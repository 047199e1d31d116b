"""What tests of the graph do to the simulated vendors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from esim_graph.sandbox import Sandbox

A_LOOK = 20.0  # simulated seconds: half of the shortest step of an operation, so that none is missed


def unthrottle(sandbox: Sandbox) -> None:
    """Let the vendors take any number of calls; tests of limits set their own."""
    sandbox.switches.digi.throttle_window_calls = 0
    sandbox.switches.digi.throttle_in_flight = 0
    sandbox.switches.esimfly.per_minute = 0
    sandbox.switches.esimfly.per_hour = 0


def calls_by_endpoint(sandbox: Sandbox) -> dict[str, int]:
    """Return how many calls each endpoint got: ``{"digi profile": 1}``; those with none are left out."""
    counts: dict[str, int] = {}
    for call in sandbox.calls:
        name = f"{call.vendor} {call.endpoint}"
        counts[name] = counts.get(name, 0) + 1
    return counts


def some_iccids(sandbox: Sandbox, count: int) -> list[str]:
    """Return *count* ICCIDs of profiles that Digi reports, the last ones of the fleet."""
    iccids = list(sandbox.world.profiles)[-count:]
    assert len(iccids) == count
    return iccids


@asynccontextmanager
async def time_passing_with_each_look(sandbox: Sandbox) -> AsyncIterator[None]:
    """Let simulated time pass whenever somebody looks at an operation, so that a busy machine loses no step."""

    async def pace() -> None:
        looks = sandbox.calls.count("digi", "operation")
        while True:
            await sandbox.calls.wait_for(looks + 1, "digi", "operation", within=60)
            looks = sandbox.calls.count("digi", "operation")
            sandbox.world.advance(A_LOOK)

    pacing = asyncio.create_task(pace())
    try:
        yield
    finally:
        pacing.cancel()
        await asyncio.wait([pacing])
