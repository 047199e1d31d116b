"""What a resolver sees of the house: three doors, bound to the caller's tenant."""

from dataclasses import dataclass

import strawberry

from esim_graph.actions import Actions
from esim_graph.loaders import Loaders
from esim_graph.progress import Progress
from esim_graph.runtime import Rooms
from esim_graph.schema.event_cursors import EventCursors
from esim_graph.schema.ids import NodeIds


@dataclass(frozen=True, slots=True)
class Context:
    """One operation's, or one event's: what loaders remember ends with it."""

    loaders: Loaders  #: to read
    actions: Actions  #: to write
    progress: Progress  #: to watch
    ids: NodeIds
    event_cursors: EventCursors

    def close(self) -> None:
        """Stop what is still being loaded."""
        self.loaders.close()


Info = strawberry.Info[Context, None]


def new_context(rooms: Rooms, resume: str | None = None) -> Context:
    """A context that remembers nothing yet; its vendor calls have their time from now on.

    *resume* is what a transport says of the last event that its caller got.
    """
    deadline = rooms.call_deadline()
    return Context(
        loaders=Loaders(rooms, deadline),
        actions=Actions(rooms, deadline),
        progress=rooms.progress,
        ids=NodeIds(rooms.tenant),
        event_cursors=EventCursors(rooms.seal, rooms.tenant, resume),
    )
