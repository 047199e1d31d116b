"""What else a device reports when one of its profiles was enabled: another was disabled by it.

Only the inventory tells that. It is read behind the end that was told, once for all that end
at about the same time, and nobody waits for it.
"""

import asyncio

from esim_graph.clock import Clock, Deadline
from esim_graph.domain import reports
from esim_graph.errors import UpstreamError
from esim_graph.journal import Journal
from esim_graph.memory import Memory
from esim_graph.progress.pace import Rest
from esim_graph.telemetry import logger
from esim_graph.upstreams.digi import DigiClient

_SECONDS = 0.25  # in which ends count as one
_MOST = 1_000  # devices that wait; whoever reads the others' profiles next sees it too


class Neighbours:
    """Reads the profiles of devices whose profile was enabled, into the journal."""

    def __init__(
        self, digi: DigiClient, memory: Memory, journal: Journal, *, rest: Rest, clock: Clock, call_seconds: float
    ) -> None:
        self._digi = digi
        self._memory = memory
        self._journal = journal
        self._rest = rest
        self._clock = clock
        self._call_seconds = call_seconds
        self._wanted: set[str] = set()
        self._seeing: asyncio.Task[None] | None = None

    def see(self, device_id: str) -> None:
        """Read a device's profiles soon."""
        if len(self._wanted) < _MOST:
            self._wanted.add(device_id)
        if self._seeing is None:
            self._seeing = asyncio.create_task(self._see_on(), name="neighbours")

    async def close(self) -> None:
        """Stop reading."""
        if self._seeing is not None:
            self._seeing.cancel()
            await asyncio.gather(self._seeing, return_exceptions=True)

    async def _see_on(self) -> None:
        try:
            while self._wanted:
                await self._clock.sleep(_SECONDS)
                await self._rest.over(self._clock)
                wanted, self._wanted = sorted(self._wanted), set()
                try:
                    await self._see(wanted)
                except UpstreamError as error:
                    self._rest.note(error, self._clock.monotonic())
                except Exception:
                    logger().exception("neighbours_not_seen")
        finally:
            self._seeing = None

    async def _see(self, device_ids: list[str]) -> None:
        asked_at = self._clock.now()
        deadline = Deadline.after(self._call_seconds, self._clock)
        profiles = await self._digi.profiles_on_all(device_ids, deadline=deadline)
        seen = (reports.of_profile(profile, asked_at) for profile in profiles)
        self._journal.observe([report for report in seen if report is not None])
        for profile in profiles:
            await self._memory.forget(profile.iccid)
