"""The root fields that watch: first the present state, then each change, then the end.

An event that is an error (``CursorExpired``) is that event's answer and no more: the stream goes on
behind it.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import strawberry

from esim_graph.domain.identifiers import Iccid, parse_vendor_id
from esim_graph.errors import CursorExpired
from esim_graph.schema.arguments import VendorId, given
from esim_graph.schema.context import Info
from esim_graph.schema.filters import OperationFilter, read_filter
from esim_graph.schema.operation import Operation
from esim_graph.schema.status_change import StatusChange
from esim_graph.schema.transaction import Transaction

_CURSOR = "Opaque: where this event stands among its subject's. Give it as `after` to go on behind it."
_SEQUENCE = "The event's number; it grows with each event of the subject."
_EXPIRED = "Where those are no longer there, one event is the error `CURSOR_EXPIRED`, and the present state follows."

After = Annotated[
    str | None,
    strawberry.argument(
        description=(
            "The `cursor` of the last event that was received from this field: what came behind it is sent first. "
            + _EXPIRED
            + " Over SSE the header `Last-Event-ID` says the same and wins."
        )
    ),
]
Where = Annotated[
    OperationFilter | None,
    strawberry.argument(description="Which operations; all when left out. Judged on an operation's newest state."),
]


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


@strawberry.type(description="A status change, as the journal has it.")
class StatusChangeEvent:
    """What a subscriber gets."""

    change: StatusChange = strawberry.field(description="The change.")
    cursor: str = strawberry.field(description=_CURSOR)
    sequence: int = strawberry.field(description="The change's number in the journal; it grows, with gaps.")


@strawberry.type(
    description=(
        "Follows what takes minutes. The first event is the present state; after the final state the stream "
        "completes. An unknown identifier is `NOT_FOUND`. A stream that was lost is resumed by `after`."
    )
)
class Subscription:
    """One door: ``progress``."""

    @strawberry.subscription(description="Follow an operation, step by step, to its end.")
    async def operation_progress(
        self, info: Info, vendor_id: VendorId, after: After = strawberry.UNSET
    ) -> AsyncIterator[OperationEvent | None]:
        """One poller, however many watch."""
        vendor_id = parse_vendor_id(vendor_id, argument="vendorId")
        subject, cursors = f"operation {vendor_id}", info.context.event_cursors
        behind = cursors.read(subject, given(after))
        async with aclosing(info.context.progress.operation(vendor_id, behind)) as events:
            async for event in events:
                if isinstance(event, CursorExpired):
                    yield event  # type: ignore[misc]
                    continue
                yield OperationEvent(
                    cursor=cursors.write(subject, event.sequence),
                    operation=Operation.from_domain(event.value.operation, event.value.seen),
                    sequence=event.sequence,
                )

    @strawberry.subscription(
        description=(
            "Follow all operations that `filter` selects, also those that others start: first the present state of "
            "each that has not ended, then what becomes of it, at most once a second for each and always with its "
            "end. `sequence` counts the events of all operations. It goes on until it is left."
        )
    )
    async def operations_progress(
        self, info: Info, filter: Where = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> AsyncIterator[OperationEvent | None]:
        """One log for all."""
        subject, cursors = "operations", info.context.event_cursors
        behind = cursors.read(subject, given(after))
        async with aclosing(info.context.progress.operations(read_filter(given(filter)), behind)) as events:
            async for event in events:
                if isinstance(event, CursorExpired):
                    yield event  # type: ignore[misc]
                    continue
                yield OperationEvent(
                    cursor=cursors.write(subject, event.sequence),
                    operation=Operation.from_domain(event.value.operation, event.value.seen),
                    sequence=event.sequence,
                )

    @strawberry.subscription(
        description=(
            "Follow the journal: first the newest change there is, then each that is written, in the order of writing. "
            "More than 10,000 changes behind `after` is `CURSOR_EXPIRED`. It goes on until it is left. No vendor is "
            "asked for it."
        )
    )
    async def status_changed(
        self,
        info: Info,
        iccid: Annotated[
            Iccid | None, strawberry.argument(description="Of this profile; of all when left out.")
        ] = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> AsyncIterator[StatusChangeEvent | None]:
        """One reader of the journal, however many watch."""
        profile, cursors = given(iccid), info.context.event_cursors
        subject = "status changes" if profile is None else f"status changes {profile}"
        behind = cursors.read(subject, given(after))
        async with aclosing(info.context.loaders.watch_status_changes(profile, behind)) as changes:
            async for change in changes:
                if isinstance(change, CursorExpired):
                    yield change  # type: ignore[misc]
                    continue
                yield StatusChangeEvent(
                    change=StatusChange.from_domain(change),
                    cursor=cursors.write(subject, change.number),
                    sequence=change.number,
                )

    @strawberry.subscription(
        description=(
            "Follow a transaction to its end: it failed, or is complete and its result verified or not. "
            "While it is watched, looks make Digi check with the servers."
        )
    )
    async def transaction_progress(
        self, info: Info, vendor_id: VendorId, after: After = strawberry.UNSET
    ) -> AsyncIterator[TransactionEvent | None]:
        """One poller, however many watch."""
        vendor_id = parse_vendor_id(vendor_id, argument="vendorId")
        subject, cursors = f"transaction {vendor_id}", info.context.event_cursors
        behind = cursors.read(subject, given(after))
        async with aclosing(info.context.progress.transaction(vendor_id, behind)) as events:
            async for event in events:
                if isinstance(event, CursorExpired):
                    yield event  # type: ignore[misc]
                    continue
                yield TransactionEvent(
                    cursor=cursors.write(subject, event.sequence),
                    sequence=event.sequence,
                    transaction=Transaction.from_domain(event.value),
                )
