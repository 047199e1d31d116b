"""``Transaction`` in the graph."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from esim_graph.domain import transaction as domain
from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.schema.node import Node

if TYPE_CHECKING:
    from esim_graph.schema.esim import Esim


@strawberry.type(description="One action on one profile. The device carries it out in its own time, 3 to 10 minutes.")
class Transaction(Node):
    """Plain fields; see the domain value of the same name."""

    action: domain.TransactionAction | None = strawberry.field(description="What it does to the profile.")
    action_raw: str | None = strawberry.field(description="Digi's own word for the action.")
    created_at: datetime | None = strawberry.field(description="When Digi accepted it.")
    customer_id: str | None = strawberry.field(description="The Digi account it belongs to.")
    device_id: str | None = strawberry.field(description="Digi's id of the device it is for.")
    eid: Eid | None = strawberry.field(description="The eUICC it is for.")
    iccid: Iccid | None = strawberry.field(description="The profile it is about; null while Digi does not tell.")
    is_terminal: bool = strawberry.field(
        description=(
            "Whether nothing more will happen: it failed, or is complete and no longer waits for its `verification`. "
            "`UNKNOWN` is not the end."
        )
    )
    last_checked_at: datetime | None = strawberry.field(
        description=(
            "When this gateway last had Digi check it with the servers; `transactionProgress` does that. "
            "Without it a status can be old."
        )
    )
    message: str | None = strawberry.field(description="What Digi, the SM-DP+ or the EIS says about it.")
    message_code: str | None = strawberry.field(description="A short code for the message.")
    status: domain.TransactionStatus | None = strawberry.field(description="How far it is.")
    status_raw: str | None = strawberry.field(description="Digi's own word for the status.")
    updated_at: datetime | None = strawberry.field(description="When it last changed at Digi.")
    vendor_id: str = strawberry.field(description="Digi's own identifier of the transaction.")
    verification: domain.Verification | None = strawberry.field(
        description="Whether the device has reported the result; null when it failed, as there is none."
    )

    @strawberry.field(description="The eSIM it is about; costs no call, and is null without an ICCID.")
    def esim(self) -> Annotated["Esim", strawberry.lazy("esim_graph.schema.esim")] | None:
        """The one way back."""
        from esim_graph.schema.esim import Esim

        return None if self.iccid is None else Esim(iccid=self.iccid)

    def node_key(self) -> str:
        """Digi's identifier."""
        return self.vendor_id

    @classmethod
    def from_domain(cls, transaction: domain.Transaction) -> "Transaction":
        """Present a transaction."""
        return cls(
            action=transaction.action,
            action_raw=transaction.action_raw,
            created_at=transaction.created_at,
            customer_id=transaction.customer_id,
            device_id=transaction.device_id,
            eid=transaction.eid,
            iccid=transaction.iccid,
            is_terminal=transaction.is_terminal,
            last_checked_at=transaction.last_checked_at,
            message=transaction.message,
            message_code=transaction.message_code,
            status=transaction.status,
            status_raw=transaction.status_raw,
            updated_at=transaction.updated_at,
            vendor_id=transaction.vendor_id,
            verification=None if transaction.status is domain.TransactionStatus.FAILED else transaction.verification,
        )
