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


class Verification(Word):
    """Whether the device itself has confirmed what Digi calls complete."""

    PENDING = "pending", "Not yet: it is not complete, or the device has not reported the result so far."
    VERIFIED = "verified", "The device reported a profile as the action leaves it."
    UNVERIFIED = "unverified", "The device did not report it in time. That is no failure: it can be done all the same."


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
    #: Ours, not Digi's. It says nothing of a failed one.
    verification: Verification = Verification.PENDING
    #: When we last had Digi check it; None if never. Being checked is no change.
    last_checked_at: datetime | None = field(default=None, compare=False)
    #: When it was first seen complete by who followed it; None if it is not, or nobody did.
    completed_at: datetime | None = field(default=None, compare=False)

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen. Complete is not the end until it is verified, ``unknown`` never is."""
        if self.status is TransactionStatus.COMPLETE:
            return self.verification is not Verification.PENDING
        return self.status is TransactionStatus.FAILED


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
