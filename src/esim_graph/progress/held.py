"""What this process holds: a subject, its claim, and when it is looked at next."""

from dataclasses import dataclass, field
from datetime import datetime

from esim_graph.domain.subject import State
from esim_graph.domain.transaction import Transaction
from esim_graph.progress import verification
from esim_graph.subjects import Known, Name


@dataclass(slots=True, eq=False)
class Held:
    """A subject that this process follows, and when it is looked at next."""

    subject: Known  #: as this process wrote or read it last
    held_until: datetime
    follow_until: datetime
    watched_until: datetime | None
    interval: float
    due: float  #: on the monotonic clock
    busy: bool = False  #: it is being looked at
    checked_at: float = field(default=float("-inf"))  #: when Digi was last made to check it, likewise

    @property
    def name(self) -> Name:
        """Which subject it is."""
        return self.subject.name

    @property
    def state(self) -> State:
        """What is known of it."""
        return self.subject.state

    @property
    def is_complete(self) -> bool:
        """Whether it is a transaction that only waits for the inventory."""
        return isinstance(self.state, Transaction) and verification.awaits_verification(self.state)
