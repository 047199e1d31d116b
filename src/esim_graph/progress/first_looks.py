"""The first look at what nobody follows yet: one for all who come to watch it at once."""

import asyncio
from dataclasses import dataclass

from esim_graph.progress.recording import Recorder
from esim_graph.subjects import Known, Name, key_of


@dataclass(slots=True, eq=False)
class _Look:
    task: asyncio.Task[Known]
    waiting: int = 0


class FirstLooks:
    """Shares a look; it ends when nobody waits for it any more."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._looks: dict[Name, _Look] = {}

    async def take(self, name: Name, before: Known | None) -> Known:
        """Ask Digi for a subject, and take it up; *before* is what was known of it.

        Raises:
            NotFound: neither Digi nor we know it.
            UpstreamError, DatabaseUnavailable: it cannot be told.
        """
        look = self._looks.get(name)
        if look is None:
            task = asyncio.create_task(self._recorder.first_look(name, before), name=f"first look at {key_of(name)}")
            look = self._looks[name] = _Look(task)
            task.add_done_callback(lambda _: self._forget(name, look))
        look.waiting += 1
        try:
            return await asyncio.shield(look.task)
        finally:
            look.waiting -= 1
            if not look.waiting:
                self._forget(name, look)
                look.task.cancel()

    async def close(self) -> None:
        """Stop looking."""
        tasks = [look.task for look in self._looks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, name: Name, look: _Look) -> None:
        if self._looks.get(name) is look:
            del self._looks[name]
        if look.task.done() and not look.task.cancelled():
            look.task.exception()  # whoever waited may have left
