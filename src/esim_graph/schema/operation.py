"""``Operation`` in the graph."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from esim_graph.domain import operation as domain
from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.loaders import Loaders
from esim_graph.schema.context import Info
from esim_graph.schema.node import Node
from esim_graph.schema.transaction import Transaction

if TYPE_CHECKING:
    from esim_graph.schema.esim import Esim


@strawberry.type(description="One step of an operation.")
class OperationStep:
    """Times are null where nobody saw them; they are never guessed."""

    ended_at: datetime | None = strawberry.field(description="When it ended, where that was seen.")
    name: domain.OperationStatus = strawberry.field(description="Which step.")
    started_at: datetime | None = strawberry.field(description="When it began, where that was seen.")
    state: domain.StepState = strawberry.field(description="How far it is.")


@strawberry.type(description="When an operation will have ended, as others of its kind did that were followed here.")
class EstimatedCompletion:
    """Learned, so it gets better with time."""

    p50: datetime = strawberry.field(description="Half of them had ended by then.")
    p90: datetime = strawberry.field(description="Nine of ten had ended by then.")
    sample_size: int = strawberry.field(
        description="How many it is read from: the latest that took longer than this one has so far."
    )


@strawberry.type(
    description="A download and an enable in one: Digi takes the steps and waits for the device to report each result."
)
class Operation(Node):
    """Plain fields; see the domain value of the same name."""

    carrier: str | None = strawberry.field(
        description="The carrier that was asked for; the profile found may report another name."
    )
    cause: domain.OperationCause | None = strawberry.field(description="What made it start.")
    cause_id: str | None = strawberry.field(description="The automation or template that made it start.")
    cause_raw: str | None = strawberry.field(description="Digi's own word for the cause.")
    created_at: datetime | None = strawberry.field(description="When Digi accepted it.")
    created_by: str | None = strawberry.field(description="Who started it.")
    customer_id: str | None = strawberry.field(description="The Digi account it belongs to.")
    device_id: str | None = strawberry.field(description="Digi's id of the device it is for.")
    eid: Eid | None = strawberry.field(description="The eUICC it is for.")
    iccid: Iccid | None = strawberry.field(description="The profile it is about; null until Digi has chosen one.")
    is_terminal: bool = strawberry.field(description="Whether nothing more will happen.")
    job_id: str | None = strawberry.field(description="Digi's job that carries it out.")
    kind: domain.OperationKind | None = strawberry.field(description="What it sets out to do.")
    kind_raw: str | None = strawberry.field(description="Digi's own word for the kind.")
    message: str | None = strawberry.field(description="What Digi, the SM-DP+ or the EIS says about it.")
    message_code: str | None = strawberry.field(description="A short code for the message.")
    source: str | None = strawberry.field(description="The API or service that asked for it.")
    status: domain.OperationStatus | None = strawberry.field(description="The step it is in, or how it ended.")
    status_raw: str | None = strawberry.field(description="Digi's own word for the status.")
    updated_at: datetime | None = strawberry.field(description="When it last changed at Digi.")
    vendor_id: str = strawberry.field(description="Digi's own identifier of the operation.")
    value: strawberry.Private[domain.Operation]
    seen: strawberry.Private[domain.Sightings]

    @strawberry.field(description="The transaction that downloads the profile, once there is one.")
    async def download_transaction(self, info: Info) -> Transaction | None:
        """One call for all of an operation's page."""
        return await _transaction(info, self.value.download_tx)

    @strawberry.field(description="The transaction that enables the profile, once there is one.")
    async def enable_transaction(self, info: Info) -> Transaction | None:
        """One call for all of an operation's page."""
        return await _transaction(info, self.value.enable_tx)

    @strawberry.field(description="The eSIM it is about; costs no call, and is null without an ICCID.")
    def esim(self) -> Annotated["Esim", strawberry.lazy("esim_graph.schema.esim")] | None:
        """The one way back."""
        from esim_graph.schema.esim import Esim

        return None if self.iccid is None else Esim(iccid=self.iccid)

    @strawberry.field(
        description=(
            "When it will have ended, learned from operations of its kind, and of its carrier where there are enough; "
            "both instants are now when it is overdue. Null when it has ended, and while nothing is learned yet."
        )
    )
    async def estimated_completion(self, info: Info) -> EstimatedCompletion | None:
        """No call to Digi; one read for all of a page."""
        found = await info.context.loaders.estimate(self.value)
        if found is None:
            return None
        return EstimatedCompletion(p50=found.p50, p90=found.p90, sample_size=found.sample_size)

    @strawberry.field(
        description=(
            "How much is behind it, 0 to 100, counted in steps; it never falls, and is 100 only on success. "
            "Null when Digi's status is an unknown word."
        )
    )
    def progress(self) -> int | None:
        """A pure function of the state and of what was seen before."""
        return domain.progress_of(self.value, self.seen)

    @strawberry.field(description="Its steps in order.")
    def steps(self) -> list[OperationStep]:
        """A pure function of the state and of what was seen before."""
        return [
            OperationStep(ended_at=step.ended_at, name=step.name, started_at=step.started_at, state=step.state)
            for step in domain.steps_of(self.value, self.seen)
        ]

    def node_key(self) -> str:
        """Digi's identifier."""
        return self.vendor_id

    @classmethod
    def present(cls, loaders: Loaders, operation: domain.Operation) -> "Operation":
        """Present an operation that was read, with what is known here of its steps."""
        return cls.from_domain(operation, loaders.sightings(operation.vendor_id))

    @classmethod
    def from_domain(cls, operation: domain.Operation, seen: domain.Sightings) -> "Operation":
        """Present an operation, with the times at which its steps were seen."""
        return cls(
            carrier=operation.carrier,
            cause=operation.cause,
            cause_id=operation.cause_id,
            cause_raw=operation.cause_raw,
            created_at=operation.created_at,
            created_by=operation.created_by,
            customer_id=operation.customer_id,
            device_id=operation.device_id,
            eid=operation.eid,
            iccid=operation.iccid,
            is_terminal=operation.is_terminal,
            job_id=operation.job_id,
            kind=operation.kind,
            kind_raw=operation.kind_raw,
            message=operation.message,
            message_code=operation.message_code,
            source=operation.source,
            status=operation.status,
            status_raw=operation.status_raw,
            updated_at=operation.updated_at,
            vendor_id=operation.vendor_id,
            value=operation,
            seen=seen,
        )


async def _transaction(info: Info, vendor_id: str | None) -> Transaction | None:
    if vendor_id is None:
        return None
    found = await info.context.loaders.transaction(vendor_id)
    return None if found is None else Transaction.from_domain(found)
