"""Asking for many at once: whatever is wanted while one question is under way goes into the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Gathering(Generic[K, V]):
    """One question at a time, for all who wait for its turn. An answer is never older than the question."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], *, name: str) -> None:
        self._ask = ask
        self._name = name
        self._wanted: dict[K, asyncio.Future[V | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """What there is of *key*; None if there is nothing.

        Raises:
            Exception: what asking raised, for all who waited for it.
        """
        if key not in self._wanted:
            self._wanted[key] = asyncio.get_running_loop().create_future()
        wanted = self._wanted[key]
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_on(), name=self._name)
        return await asyncio.shield(wanted)

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask_on(self) -> None:
        wanted: dict[K, asyncio.Future[V | None]] = {}
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, {}
                try:
                    found = await self._ask(list(wanted))
                except Exception as error:
                    for future in wanted.values():
                        future.set_exception(error)
                        future.exception()  # whoever waited may have left
                else:
                    for key, future in wanted.items():
                        future.set_result(found.get(key))
        finally:
            for future in (*wanted.values(), *self._wanted.values()):
                future.cancel()
            self._wanted = {}
            self._asking = None
