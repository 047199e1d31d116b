"""A transaction: one action on one profile, which the device carries out in its own time."""

from dataclasses import dataclass, field
from datetime import datetime

from esim_graph.domain.identifiers import ActivationCode, Eid, Iccid
from esim_graph.domain.words import Word


class TransactionAction(Word):
    """What a transaction does to a profile."""

    DOWNLOAD = "download", "Bring the profile onto the eUICC; it is not enabled by that."
    ENABLE = "enable", "Make the profile the one the device uses; another one is disabled by that."
    DISABLE = "disable", "Stop using the profile; it stays on the eUICC."
    DELETE = "delete", "Remove the profile from the eUICC for good."
    UNKNOWN = "unknown", "Another word of Digi's; `actionRaw` has it."


class TransactionStatus(Word):
    """How far a transaction is."""

    IN_PROGRESS = "in_progress", "The device has not finished yet; that takes 3 to 10 minutes."
    COMPLETE = "complete", "Digi says that the action is done."
    FAILED = "failed", "The action failed; `message` and `messageCode` say why."
    UNKNOWN = "unknown", "Digi does not know, or used another word (`statusRaw`); it may still complete."


_FINAL = frozenset({TransactionStatus.COMPLETE, TransactionStatus.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One action that Digi accepted.

    Source: Digi, v1/esim_profiles, "eSIM Profile Transaction Data".
    """

    vendor_id: str  #: Digi's ``transaction``
    action: TransactionAction | None
    action_raw: str | None
    status: TransactionStatus | None
    status_raw: str | None
    iccid: Iccid | None
    eid: Eid | None
    device_id: str | None
    customer_id: str | None
    message: str | None
    message_code: str | None
    created_at: datetime | None
    updated_at: datetime | None
    #: When we last had Digi check it; None if never. Being checked is no change.
    last_checked_at: datetime | None = field(default=None, compare=False)

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen. ``unknown`` is not the end: it can still complete."""
        return self.status in _FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """What a caller wants done to a profile; download takes exactly one of ICCID and code.

    Source: Digi, v1/esim_profiles, "eSIM Action Data".
    """

    action: TransactionAction
    device_id: str
    eid: Eid | None = None
    iccid: Iccid | None = None
    activation_code: ActivationCode | None = None
