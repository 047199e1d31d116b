"""Values for tests of pure functions: transactions, operations and requests with little in them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.operation import FollowedOperation, Operation, OperationKind, OperationStatus
from esim_graph.domain.transaction import Transaction, TransactionAction, TransactionStatus
from esim_graph.requests import Request, RequestState, Wanted

NOW = datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)
DEVICE = "00000000-00000000-00409DFF-FF000001"
ICCID, OTHER_ICCID = Iccid("8943108170002570328"), Iccid("8948010010036785060")
EID, OTHER_EID = Eid("89034011560010000000000000000121"), Eid("89049032123451234512345678901235")


def ago(**how_long: float) -> datetime:
    """So long before ``NOW``."""
    return NOW - timedelta(**how_long)


def transaction(vendor_id: str = "tx-1", **more: Any) -> Transaction:
    """An enable in progress, begun a minute ago; *more* is as in ``Transaction``."""
    fields: dict[str, Any] = {
        "action": TransactionAction.ENABLE,
        "status": TransactionStatus.IN_PROGRESS,
        "iccid": ICCID,
        "eid": None,
        "device_id": DEVICE,
        "created_at": ago(minutes=1),
        "updated_at": None,
    } | more
    raws = {"action_raw": None, "status_raw": None, "customer_id": None, "message": None, "message_code": None}
    return Transaction(vendor_id=vendor_id, **(raws | fields))


def operation(vendor_id: str = "op-1", **more: Any) -> FollowedOperation:
    """An activation that starts for carrier EE; *more* is as in ``Operation``."""
    fields: dict[str, Any] = dict.fromkeys(Operation.__dataclass_fields__) | {
        "vendor_id": vendor_id,
        "kind": OperationKind.ACTIVATE,
        "status": OperationStatus.STARTING,
        "carrier": "EE",
        "device_id": DEVICE,
        "created_at": ago(minutes=1),
    }
    return FollowedOperation(Operation(**(fields | more)), {})


def wanted(**more: Any) -> Wanted:
    """An enable of ``ICCID``."""
    fields: dict[str, Any] = {"noun": "transaction", "action": "enable", "eid": None, "iccid": ICCID}
    return Wanted(**(fields | more))


def by_code(digest: str | None) -> Wanted:
    """A download by activation code."""
    return wanted(action="download", iccid=None, code_digest=digest)


def wanted_operation(**more: Any) -> Wanted:
    """An activation for carrier EE."""
    fields: dict[str, Any] = {"noun": "operation", "action": "activate", "eid": None, "iccid": None, "carrier": "EE"}
    return Wanted(**(fields | more))


def request(what: Wanted | None = None, *, seen: tuple[str, ...] = (), sent_at: datetime | None = NOW) -> Request:
    """One that was sent now, and not answered."""
    return Request(
        id=1,
        wanted=what or wanted(),
        device_id=DEVICE,
        idempotency_key=None,
        fingerprint="f",
        state=RequestState.UNKNOWN,
        seen=frozenset(seen),
        vendor_id=None,
        refusal=None,
        actor=None,
        created_at=NOW,
        sent_at=sent_at,
        owned_until=NOW,
    )
