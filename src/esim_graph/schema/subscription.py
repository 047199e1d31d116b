"""The root fields that watch: first the present state, then each change, then the end."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import strawberry

from esim_graph.domain.identifiers import parse_vendor_id
from esim_graph.schema.arguments import VendorId
from esim_graph.schema.context import Info
from esim_graph.schema.operation import Operation
from esim_graph.schema.transaction import Transaction

_CURSOR = "Opaque: where this event stands among its subject's."
_SEQUENCE = "The event's number; it grows with each event of the subject."


@strawberry.type(description="A state of a transaction.")
class TransactionEvent:
    """What a subscriber gets."""

    cursor: str = strawberry.field(description=_CURSOR)
    sequence: int = strawberry.field(description=_SEQUENCE)
    transaction: Transaction = strawberry.field(description="The transaction as it is now.")


@strawberry.type(description="A state of an operation.")
class OperationEvent:
    """What a subscriber gets."""

    cursor: str = strawberry.field(description=_CURSOR)
    operation: Operation = strawberry.field(description="The operation as it is now.")
    sequence: int = strawberry.field(description=_SEQUENCE)


@strawberry.type(
    description=(
        "Follows what takes minutes. The first event is the present state; after the final state the stream "
        "completes. An unknown identifier is `NOT_FOUND`."
    )
)
class Subscription:
    """One door: ``progress``."""

    @strawberry.subscription(description="Follow an operation, step by step, to its end.")
    async def operation_progress(self, info: Info, vendor_id: VendorId) -> AsyncIterator[OperationEvent | None]:
        """One poller, however many watch."""
        subject = parse_vendor_id(vendor_id, argument="vendorId")
        async with aclosing(info.context.progress.operation(subject)) as events:
            async for event in events:
                followed = event.value
                yield OperationEvent(
                    cursor=info.context.event_cursor(f"operation {subject} {event.sequence}"),
                    operation=Operation.from_domain(followed.operation, followed.seen),
                    sequence=event.sequence,
                )

    @strawberry.subscription(
        description="Follow a transaction to its end; each look makes Digi check with the servers."
    )
    async def transaction_progress(self, info: Info, vendor_id: VendorId) -> AsyncIterator[TransactionEvent | None]:
        """One poller, however many watch."""
        subject = parse_vendor_id(vendor_id, argument="vendorId")
        async with aclosing(info.context.progress.transaction(subject)) as events:
            async for event in events:
                yield TransactionEvent(
                    cursor=info.context.event_cursor(f"transaction {subject} {event.sequence}"),
                    sequence=event.sequence,
                    transaction=Transaction.from_domain(event.value),
                )
