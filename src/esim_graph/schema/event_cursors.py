"""Cursors of events: opaque, sealed for one tenant, and good for one subject."""

from esim_graph.errors import BadUserInput
from esim_graph.seal import Seal

_PURPOSE = "event"


class EventCursors:
    """Writes and reads them for one caller."""

    def __init__(self, seal: Seal, tenant: str, resume: str | None) -> None:
        """*resume* is the cursor of the last event that the caller got before its connection was lost, if it says."""
        self._seal = seal
        self._tenant = tenant
        self._resume = resume

    def write(self, subject: str, sequence: int) -> str:
        """The cursor of a subject's event."""
        return self._seal.close(_PURPOSE, self._tenant, f"{subject} {sequence}")

    def read(self, subject: str, after: str | None) -> int | None:
        """The sequence of the event behind which a caller wants to go on; None to begin with the present state.

        What a transport resumes from wins over *after*: a client that lost its connection sends its
        first request again, *after* and all.

        Raises:
            BadUserInput: the cursor is not ours, or another subject's.
        """
        token = self._resume or after
        if token is None:
            return None
        opened = self._seal.open(_PURPOSE, self._tenant, token)
        if opened is None:
            raise BadUserInput("after must be a cursor that this graph gave out with an event.", argument="after")
        of_subject, _, sequence = opened.rpartition(" ")
        if of_subject != subject:
            raise BadUserInput("after is the cursor of another subject's event.", argument="after")
        return int(sequence)
