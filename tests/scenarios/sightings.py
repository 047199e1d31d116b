"""What one client has seen of one transaction or operation, and how it goes on where it stopped."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from scenarios.caller import Socket

WATCH = {
    "transaction": """subscription ($id: String!, $after: String) {
        transactionProgress(vendorId: $id, after: $after) {
            sequence cursor transaction { status verification isTerminal }
        }
    }""",
    "operation": """subscription ($id: String!, $after: String) {
        operationProgress(vendorId: $id, after: $after) {
            sequence cursor operation { status progress messageCode message isTerminal }
        }
    }""",
}


@dataclass(slots=True)
class Sightings:
    """The events of one subject, as one client got them over all its connections."""

    noun: str
    vendor_id: str
    events: list[tuple[int, Any]] = field(default_factory=list)  #: Sequence and state.
    cursor: str | None = None
    completed: bool = False
    errors: list[Any] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str | None]:
        """What to subscribe with now."""
        return {"id": self.vendor_id, "after": self.cursor}

    @property
    def sequences(self) -> list[int]:
        """The numbers seen, in the order of their coming."""
        return [sequence for sequence, _ in self.events]

    def note(self, payload: Any) -> None:
        """Add what came."""
        self.errors.extend(payload.get("errors", ()))
        event = (payload.get("data") or {}).get(f"{self.noun}Progress")
        if event is not None:
            self.events.append((event["sequence"], event[self.noun]))
            self.cursor = event["cursor"]

    async def follow(self, socket: Socket) -> AsyncGenerator[int, None]:
        """Go on where it stopped, to the end; yield each sequence once it is noted.

        Raises:
            Lost: the socket went; follow on another one.
        """
        async with aclosing(socket.watch(WATCH[self.noun], self.variables)) as payloads:
            async for payload in payloads:
                self.note(payload)
                yield self.events[-1][0] if self.events else 0
        self.completed = True

    def gaps(self) -> list[str]:
        """What is wrong with it: a number left out or seen twice, an error, no final state at the end."""
        wrong = []
        sequences = self.sequences
        if not sequences or sequences != list(range(sequences[0], sequences[0] + len(sequences))):
            wrong.append(f"{self.noun} {self.vendor_id}: sequences {sequences}")
        if self.errors:
            wrong.append(f"{self.noun} {self.vendor_id}: errors {self.errors}")
        if not self.completed:
            wrong.append(f"{self.noun} {self.vendor_id}: no end after {self.events[-1:]}")
        elif not (self.events and self.events[-1][1]["isTerminal"]):
            wrong.append(f"{self.noun} {self.vendor_id}: ended with {self.events[-1:]}")
        return wrong
