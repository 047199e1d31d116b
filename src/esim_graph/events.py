"""How events reach those who watch: a topic per subject, a bounded mailbox per watcher.

All event delivery passes here. A watcher that cannot keep up misses states in between and
never the last one: what counts about an operation is where it is and how it ended.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_MAILBOX = 64  # an operation has seven states, a transaction four


@dataclass(frozen=True, slots=True)
class Event(Generic[T]):
    """One state of a subject. ``sequence`` starts at 1 and grows with every event of the subject."""

    sequence: int
    value: T


class Topic(Generic[T]):
    """The events of one subject, from its present state to its end."""

    def __init__(self, *, sequence: int = 0) -> None:
        self.sequence = sequence  #: of the latest event
        self._latest: Event[T] | None = None
        self._ended = False
        self._error: Exception | None = None
        self._mailboxes: set[_Mailbox[T]] = set()

    def publish(self, value: T, *, final: bool = False) -> None:
        """Give everybody the new state; after a *final* one the topic is closed."""
        self.sequence += 1
        self._latest = Event(self.sequence, value)
        self._ended = final
        for mailbox in self._mailboxes:
            mailbox.put(self._latest)

    def fail(self, error: Exception) -> None:
        """Close the topic: whoever watches gets what is in the mailbox, and then *error*."""
        self._ended, self._error = True, error
        for mailbox in self._mailboxes:
            mailbox.wake()

    async def watch(self) -> AsyncGenerator[Event[T], None]:
        """Yield the present state as soon as there is one, then each new one until the end.

        Raises:
            Exception: what ``fail`` was given.
        """
        mailbox: _Mailbox[T] = _Mailbox()
        if self._latest is not None:
            mailbox.put(self._latest)
        self._mailboxes.add(mailbox)
        try:
            while True:
                while (event := mailbox.take()) is not None:
                    yield event
                if self._ended:
                    break
                await mailbox.filled()
        finally:
            self._mailboxes.discard(mailbox)
        if self._error is not None:
            raise self._error


class _Mailbox(Generic[T]):
    """What one watcher has yet to read; when it is full, the oldest state makes room."""

    def __init__(self) -> None:
        self._events: deque[Event[T]] = deque(maxlen=_MAILBOX)
        self._bell = asyncio.Event()

    def put(self, event: Event[T]) -> None:
        self._events.append(event)
        self._bell.set()

    def take(self) -> Event[T] | None:
        return self._events.popleft() if self._events else None

    def wake(self) -> None:
        self._bell.set()

    async def filled(self) -> None:
        self._bell.clear()
        await self._bell.wait()
