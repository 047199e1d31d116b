"""A thousand people watch one operation; Digi notices one."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import pairwise

from esim_graph.sandbox import Call, Options, Sandbox
from scenarios.caller import Socket, open_socket
from scenarios.sightings import Sightings
from scenarios.waves import STILL
from schema.vendors import unthrottle
from server.client import move_operation, start_operation
from support.gateway import open_served

SOCKETS, EACH = 10, 100
STEPS = ("download", "download_verify", "enable", "enable_verify", "successful")
INTERVAL = 0.2
QUIET_LOOKS = 10  # while nothing happens and all watch
_EARLY = 0.02  # seconds that a look may seem early, by the clocks of two tasks
_SECONDS = 60.0


def looks_at(sandbox: Sandbox, operation: str) -> list[Call]:
    """The calls that asked Digi how an operation is doing."""
    lists = sandbox.calls.of("digi", "operations")
    return sorted(lists + sandbox.calls.of("digi", "operation", operation), key=lambda call: call.received)


class Crowd:
    """Many who watch one operation."""

    def __init__(self, operation: str, size: int) -> None:
        self.size = size
        self.sightings: list[Sightings] = []
        self._operation = operation
        self._had: Counter[int] = Counter()
        self._all: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)

    async def follow(self, socket: Socket) -> None:
        """Be one of them, to the end."""
        sightings = Sightings("operation", self._operation)
        self.sightings.append(sightings)
        async for sequence in sightings.follow(socket):
            self._had[sequence] += 1
            if self._had[sequence] == self.size:
                self._all[sequence].set()

    async def all_have(self, sequence: int) -> None:
        """Wait until everybody has seen the event."""
        await self._all[sequence].wait()


async def test_a_thousand_watchers_cost_the_looks_of_one(show: Callable[[str], None]) -> None:
    poll = {"min_interval": INTERVAL, "max_interval": INTERVAL}
    async with open_served(Options(devices=60, speed=STILL), poll=poll) as served, AsyncExitStack() as sockets:
        unthrottle(served.sandbox)
        operation = await start_operation(served)
        crowd = Crowd(operation, SOCKETS * EACH)
        opened = [await sockets.enter_async_context(open_socket(served.graphql)) for _ in range(SOCKETS)]

        async with asyncio.timeout(_SECONDS), asyncio.TaskGroup() as tasks:
            for socket in opened:
                for _ in range(EACH):
                    tasks.create_task(crowd.follow(socket))
            await crowd.all_have(1)
            served.sandbox.calls.clear()
            await served.sandbox.calls.wait_for(QUIET_LOOKS, "digi", within=_SECONDS)
            for sequence, step in enumerate(STEPS, start=2):
                move_operation(served, operation, step)
                await crowd.all_have(sequence)

        looks = [call.received.timestamp() for call in looks_at(served.sandbox, operation)]
        assert {tuple(sightings.sequences) for sightings in crowd.sightings} == {tuple(range(1, len(STEPS) + 2))}
        assert all(sightings.completed for sightings in crowd.sightings)
        assert min(later - earlier for earlier, later in pairwise(looks)) >= INTERVAL - _EARLY
        show(f"{crowd.size} watchers, {len(looks)} looks at the sandbox in {looks[-1] - looks[0]:.1f} s")
