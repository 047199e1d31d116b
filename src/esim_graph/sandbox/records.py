"""What the simulated vendors store: devices, profiles, activation codes, transactions, operations.

Field names are Digi's own (vendors page 001), because these records *are* Digi's rows.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Fate(StrEnum):
    """How actions on a device turn out; drawn once when the fleet is made."""

    WORKS = "works"
    ACTIONS_FAIL = "actions_fail"  #: every action ends ``failed``.
    ENABLE_FAILS = "enable_fails"  #: downloads work, enabling ends ``failed``.
    UNKNOWN_FIRST = "unknown_first"  #: actions end ``unknown``, and ``complete`` later.


@dataclass(slots=True)
class Device:
    """One device with one eSIM."""

    device_id: str
    eid: str
    fate: Fate = Fate.WORKS


@dataclass(slots=True)
class Profile:
    """One profile a device has reported. ``id`` is a number within the eSIM, not a global one."""

    carrier: str
    normalized_carrier: str
    device_id: str
    eid: str
    iccid: str
    id: int
    status: str
    type: str = "operational"


@dataclass(slots=True)
class ActivationCode:
    """A profile ready to be downloaded.

    ``carrier`` is the supplier's name; ``spn`` is what the profile reports once installed. Vendors
    page 001 warns that the two differ. ``registered`` codes are known to Digi by ICCID; others
    only by the secret.
    """

    iccid: str
    carrier: str
    spn: str
    secret: str = field(repr=False)
    registered: bool = True
    reserved: bool = False  #: chosen by an operation that is still running.


@dataclass(slots=True)
class Outcome:
    """How an action really ended, before anybody checked."""

    status: str
    message_code: str | None
    message: str


@dataclass(slots=True)
class Transaction:
    """One action on one device.

    ``outcome`` is the truth at the profile server, shown once somebody checks. ``managed`` ones are
    steps of a multistep operation, or held by ``/control``: nothing checks those.
    """

    number: int
    transaction: str
    action: str
    device_id: str
    eid: str
    iccid: str | None
    status: str
    created: datetime
    updated: datetime
    message: str | None = None
    message_code: str | None = None
    started: float = 0.0
    code: ActivationCode | None = None
    outcome: Outcome | None = None
    managed: bool = False


@dataclass(slots=True)
class Operation:
    """One multistep operation. ``timeline`` grows whenever its future is planned anew."""

    number: int
    id: str
    operation: str
    device_id: str
    eid: str
    carrier: str | None
    iccid: str | None
    status: str
    cause: str
    cause_id: str | None
    created_by: str
    source: str
    job_id: int | None
    created: datetime
    updated: datetime
    message: str | None = None
    message_code: str | None = None
    download_tx: str | None = None
    enable_tx: str | None = None
    started: float = 0.0
    timeline: int = 0
    steps: tuple[str, ...] = ()
    requested_iccid: str | None = None
