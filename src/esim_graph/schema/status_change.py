"""``StatusChange`` in the graph, and which ones a caller selects."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from esim_graph.domain import status_change as domain
from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.errors import BadUserInput
from esim_graph.schema.context import Info
from esim_graph.schema.filters import given_entries
from esim_graph.schema.node import Node
from esim_graph.schema.operation import Operation
from esim_graph.schema.transaction import Transaction

if TYPE_CHECKING:
    from esim_graph.schema.esim import Esim


@strawberry.type(
    description=(
        "A row of the journal: a change of a profile's state, or an attempt that failed, as one source told it. "
        "Rows never change and are never deleted."
    )
)
class StatusChange(Node):
    """Plain fields; see the domain value of the same name."""

    actor: str | None = strawberry.field(
        description="Who asked for it: here, else at the vendor; null where nobody says."
    )
    at: datetime = strawberry.field(description="When it happened, by the source; where it does not say, `seenAt`.")
    device_id: str | None = strawberry.field(description="Digi's id of the device.")
    eid: Eid | None = strawberry.field(description="The eUICC.")
    from_: ProfileState | None = strawberry.field(
        name="from",
        description="The state before, by the same source; null at its first sighting, and where `late`.",
    )
    iccid: Iccid = strawberry.field(description="The profile.")
    is_error: bool = strawberry.field(
        description="Whether it is an attempt that failed. It changed nothing: `to` is what `from` is, or null."
    )
    late: bool = strawberry.field(
        description="Whether it arrived after something newer of the same source. It changed no state."
    )
    message: str | None = strawberry.field(description="Of a failure: the reason, as the vendor gives it.")
    message_code: str | None = strawberry.field(description="Of a failure: the vendor's short code for the reason.")
    seen_at: datetime = strawberry.field(description="When this gateway learned of it.")
    source: domain.StatusSource = strawberry.field(description="Who says so.")
    to: ProfileState | None = strawberry.field(description="The state that it led to.")
    unexpected: bool = strawberry.field(
        description=(
            "Whether such a change is out of order. Often the states between were not seen; nothing is refused for it."
        )
    )
    value: strawberry.Private[domain.StatusChange]

    @strawberry.field(description="The eSIM; costs no call.")
    def esim(self) -> Annotated["Esim", strawberry.lazy("esim_graph.schema.esim")] | None:
        """The one way back."""
        from esim_graph.schema.esim import Esim

        return Esim(iccid=self.iccid)

    @strawberry.field(description="The operation that tells of it, if one does.")
    async def operation(self, info: Info) -> Operation | None:
        """One call for a page."""
        if self.value.operation_id is None:
            return None
        loaders = info.context.loaders
        found = await loaders.operation(self.value.operation_id)
        return None if found is None else Operation.present(loaders, found)

    @strawberry.field(description="The transaction that led to it, if one did.")
    async def transaction(self, info: Info) -> Transaction | None:
        """One call for a page."""
        if self.value.transaction_id is None:
            return None
        found = await info.context.loaders.transaction(self.value.transaction_id)
        return None if found is None else Transaction.from_domain(found)

    def node_key(self) -> str:
        """Its number."""
        return str(self.value.number)

    @classmethod
    def from_domain(cls, change: domain.StatusChange) -> "StatusChange":
        """Present a status change."""
        return cls(
            actor=change.actor,
            at=change.at,
            device_id=change.device_id,
            eid=change.eid,
            from_=change.from_state,
            iccid=change.iccid,
            is_error=change.is_error,
            late=change.late,
            message=change.message,
            message_code=change.message_code,
            seen_at=change.seen_at,
            source=change.source,
            to=change.to_state,
            unexpected=change.unexpected,
            value=change,
        )


def _optional(description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description)


@strawberry.input(description="Selects status changes; fields that are given all hold. Identifiers are whole.")
class StatusChangeFilter:
    """Plain values: each is backed by an index, and parts of identifiers would not be."""

    device_id: str | None = _optional("On this device, by Digi's id.")
    eid: Eid | None = _optional("On this eUICC.")
    iccid: Iccid | None = _optional("Of this profile.")
    only_errors: bool | None = _optional("Whether attempts that failed are wanted alone.")
    since: datetime | None = _optional("That happened then or later; an instant, or a span back from now.")
    source: domain.StatusSource | None = _optional("That this source told.")
    state: ProfileState | None = _optional("That led to this state; of failures, that left it.")
    until: datetime | None = _optional("That happened earlier; an instant, or a span back from now.")


def read_status_filter(wanted: StatusChangeFilter | None) -> domain.StatusFilter:
    """What a filter means.

    Raises:
        BadUserInput: a null stands where a value belongs, as in the other filters, or a text that no
            device has for an id.
    """
    if wanted is None:
        return domain.StatusFilter()
    given: dict[str, Any] = {}
    for name, where, value in given_entries(wanted, "filter"):
        if type(value) is str and not value.isprintable():  # nor could a database take each
            raise BadUserInput(f"{where} must not contain control characters.", argument=where)
        given[name] = value
    return domain.StatusFilter(**given)
