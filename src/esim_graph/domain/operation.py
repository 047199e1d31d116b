"""An operation: a download and an enable in one, which Digi carries out step by step."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.words import Word


class OperationKind(Word):
    """What an operation sets out to do."""

    ACTIVATE = "activate", "Download the profile and enable it."
    DOWNLOAD = "download", "Download the profile and wait until the device reports it."
    ENABLE = "enable", "Enable a profile and wait until the device reports it."
    UNKNOWN = "unknown", "Another word of Digi's; `kindRaw` has it."


class OperationStatus(Word):
    """The step an operation is in, or how it ended."""

    STARTING = "starting", "Digi is choosing the activation code or profile."
    DOWNLOAD = "download", "The profile is being downloaded."
    DOWNLOAD_VERIFY = "download_verify", "Digi waits for the device to report the new profile."
    ENABLE = "enable", "The profile is being enabled."
    ENABLE_VERIFY = "enable_verify", "Digi waits for the device to report the profile as active."
    FAILED = "failed", "It ended without success; `message` and `messageCode` say why."
    SUCCESSFUL = "successful", "It ended with success: the device reported the result."
    UNKNOWN = "unknown", "Another word of Digi's; `statusRaw` has it."


class OperationCause(Word):
    """What made an operation start."""

    REQUEST = "request", "Somebody asked for it."
    AUTOMATION = "automation", "An automation did; `causeId` names it."
    TEMPLATE = "template", "A configuration template did; `causeId` names it."
    UNKNOWN = "unknown", "Another word of Digi's; `causeRaw` has it."


class StepState(Word):
    """How far one step of an operation is."""

    PENDING = "pending", "Not begun."
    RUNNING = "running", "Going on now."
    DONE = "done", "Finished."
    FAILED = "failed", "The operation failed in this step."
    SKIPPED = "skipped", "Never begun, because the operation failed before it."
    UNKNOWN = "unknown", "What the vendor says does not tell."


_FINAL = frozenset({OperationStatus.FAILED, OperationStatus.SUCCESSFUL})
_STEPS: Mapping[OperationKind, tuple[OperationStatus, ...]] = {
    OperationKind.ACTIVATE: (
        OperationStatus.STARTING,
        OperationStatus.DOWNLOAD,
        OperationStatus.DOWNLOAD_VERIFY,
        OperationStatus.ENABLE,
        OperationStatus.ENABLE_VERIFY,
    ),
    OperationKind.DOWNLOAD: (
        OperationStatus.STARTING,
        OperationStatus.DOWNLOAD,
        OperationStatus.DOWNLOAD_VERIFY,
    ),
    OperationKind.ENABLE: (
        OperationStatus.STARTING,
        OperationStatus.ENABLE,
        OperationStatus.ENABLE_VERIFY,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One multistep operation that Digi accepted.

    Source: Digi, v1/esim_profiles, "eSIM Multistep Operation Data".
    """

    vendor_id: str
    kind: OperationKind | None
    kind_raw: str | None
    status: OperationStatus | None
    status_raw: str | None
    cause: OperationCause | None
    cause_raw: str | None
    cause_id: str | None
    carrier: str | None  #: the SPN that was asked for, not the one the profile reports
    iccid: Iccid | None  #: None until Digi has chosen a profile
    eid: Eid | None
    device_id: str | None
    customer_id: str | None
    created_by: str | None
    source: str | None
    job_id: str | None
    message: str | None
    message_code: str | None
    download_tx: str | None
    enable_tx: str | None
    created_at: datetime | None
    updated_at: datetime | None

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in _FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRequest:
    """What a caller wants started; by *carrier*, by *iccid*, or by what the device has."""

    kind: OperationKind
    device_id: str
    eid: Eid | None = None
    carrier: str | None = None
    iccid: Iccid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an operation; times are None where nobody saw them."""

    name: OperationStatus
    state: StepState
    started_at: datetime | None
    ended_at: datetime | None


#: When each status began, by the vendor's clock; None for one that was there at the first look.
Sightings = Mapping[OperationStatus, datetime | None]


@dataclass(frozen=True, slots=True)
class FollowedOperation:
    """An operation, and when each of its steps was first seen, by Digi's clock."""

    operation: Operation
    seen: Sightings

    @property
    def vendor_id(self) -> str:
        """Digi's identifier."""
        return self.operation.vendor_id

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen."""
        return self.operation.is_terminal

    @property
    def iccid(self) -> Iccid | None:
        """Which profile it is about, once Digi has chosen one."""
        return self.operation.iccid

    @property
    def eid(self) -> Eid | None:
        """Which eUICC it is for."""
        return self.operation.eid

    @property
    def device_id(self) -> str | None:
        """Which device it is for."""
        return self.operation.device_id


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedCompletion:
    """When an operation will have ended, as others of its kind did."""

    p50: datetime  #: half of them had by then
    p90: datetime
    sample_size: int  #: how many the two were read from


def follow_on(operation: Operation, seen: Sightings, *, now: datetime) -> FollowedOperation:
    """The operation with what was *seen* of it before and what it shows now.

    What is found at the first look began before it, and nobody knows when.
    """
    status = operation.status
    if status is None or status in seen:
        return FollowedOperation(operation, seen)
    return FollowedOperation(operation, {**seen, status: (operation.updated_at or now) if seen else None})


def steps_of(operation: Operation, seen: Sightings) -> list[Step]:
    """The steps of an operation in order; those of an unknown kind are the longest list's.

    A snapshot tells its step and no more. Where *seen* has no time for a step, the time is
    None and not a guess; the first step starts when the operation was created.
    """
    names = _STEPS.get(operation.kind or OperationKind.UNKNOWN, _STEPS[OperationKind.ACTIVATE])
    at = _position(operation, names, seen)
    begins = dict(seen) | {names[0]: operation.created_at}
    steps = []
    for place, name in enumerate(names):
        following = names[place + 1] if place + 1 < len(names) else None
        state = _state(operation, place, at)
        ended = None
        if state is StepState.DONE and following is not None:
            ended = begins.get(following)
        elif operation.is_terminal and (state is StepState.FAILED or following is None):
            ended = operation.updated_at if state is not StepState.SKIPPED else None
        begun = state not in (StepState.PENDING, StepState.SKIPPED, StepState.UNKNOWN)
        steps.append(Step(name=name, state=state, started_at=begins.get(name) if begun else None, ended_at=ended))
    return steps


def progress_of(operation: Operation, seen: Sightings) -> int | None:
    """How much of an operation is behind it, 0 to 100; None when the status is an unknown word.

    Counted in steps, so it says where an operation is and not how long it will take. 100
    means success; a failed one stays where it failed. It never falls, also where Digi's status does.
    """
    if operation.status is OperationStatus.SUCCESSFUL:
        return 100
    names = _STEPS.get(operation.kind or OperationKind.UNKNOWN, _STEPS[OperationKind.ACTIVATE])
    at = _position(operation, names, seen)
    reached = [place for place, name in enumerate(names) if name in seen]
    furthest = max(reached if at is None else [*reached, at], default=None)
    return None if furthest is None else furthest * 100 // len(names)


def _position(operation: Operation, names: tuple[OperationStatus, ...], seen: Sightings) -> int | None:
    if operation.status is OperationStatus.SUCCESSFUL:
        return len(names)
    if operation.status in names:
        return names.index(operation.status)
    reached = [place for place, name in enumerate(names) if name in seen]
    if operation.status is OperationStatus.FAILED:
        # A failed snapshot does not name the step. The transactions tell how far it came at least.
        if operation.enable_tx and OperationStatus.ENABLE in names:
            reached.append(names.index(OperationStatus.ENABLE))
        elif operation.download_tx and OperationStatus.DOWNLOAD in names:
            reached.append(names.index(OperationStatus.DOWNLOAD))
        return max(reached, default=0)
    return max(reached, default=None)


def _state(operation: Operation, place: int, at: int | None) -> StepState:
    if at is None:
        return StepState.UNKNOWN
    if place < at:
        return StepState.DONE
    if place > at:
        return StepState.SKIPPED if operation.status is OperationStatus.FAILED else StepState.PENDING
    return StepState.FAILED if operation.status is OperationStatus.FAILED else StepState.RUNNING
