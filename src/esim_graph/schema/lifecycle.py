"""``Lifecycle`` in the graph: one state for a profile, and what it is made of."""

from collections.abc import Mapping
from datetime import datetime

import strawberry

from esim_graph.domain import canonical as domain
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.status_change import StatusSource


@strawberry.type(description="What one source says of an eSIM, on one axis.")
class LifecycleObservation:
    """Axes are told side by side and never mixed."""

    axis: domain.Axis = strawberry.field(description="What it is about.")
    observed_at: datetime = strawberry.field(
        description="When the source said it; of a bundle, when its newest event happened."
    )
    raw: str | None = strawberry.field(
        description="The source's own word; null where it reports nothing, and what it said before is remembered."
    )
    source: StatusSource = strawberry.field(description="Who says so.")
    state: ProfileState | None = strawberry.field(
        description="The state that it means, on the axis `PROFILE`; null on the others."
    )


@strawberry.type(description="Something about an eSIM that does not go together.")
class LifecycleConflict:
    """For people to look at; nothing here acts on it."""

    kind: domain.ConflictKind = strawberry.field(description="What kind of conflict it is.")
    message: str = strawberry.field(description="One sentence that can be shown.")
    severity: domain.Severity = strawberry.field(description="How much it matters.")


@strawberry.type(description="A source that could not say anything just now.")
class UnavailableSource:
    """Its error is data here: the others' answers still count."""

    code: str = strawberry.field(description="The code of the error that asking it came to.")
    source: StatusSource = strawberry.field(description="Which one.")


@strawberry.type(
    description=(
        "Where a profile is in its life, by all that the vendors and the journal say. Of states that disagree, a "
        "change within the last ten minutes counts; else what the device itself reported to Digi counts before what "
        "the network says."
    )
)
class Lifecycle:
    """A pure function of what was observed; see ``domain.canonical``."""

    conflicts: list[LifecycleConflict] = strawberry.field(description="What does not go together; empty is good.")
    observations: list[LifecycleObservation] = strawberry.field(description="What every source says.")
    state: ProfileState = strawberry.field(description="The one state; `UNKNOWN` where nobody says.")
    unavailable: list[UnavailableSource] = strawberry.field(
        description="Sources that could not say; one that is not configured is not among them."
    )

    @classmethod
    def from_domain(cls, lifecycle: domain.Lifecycle, codes: Mapping[StatusSource, str]) -> "Lifecycle":
        """Present a lifecycle."""
        return cls(
            conflicts=[
                LifecycleConflict(kind=one.kind, message=one.message, severity=one.severity)
                for one in lifecycle.conflicts
            ],
            observations=[
                LifecycleObservation(
                    axis=one.axis, observed_at=one.observed_at, raw=one.raw, source=one.source, state=one.state
                )
                for one in lifecycle.observations
            ],
            state=lifecycle.state,
            unavailable=[UnavailableSource(code=code, source=source) for source, code in codes.items()],
        )
