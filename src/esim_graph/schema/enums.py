"""Publishes the domain's vocabularies as GraphQL enums; each member's meaning is its description."""

from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from esim_graph.domain.activation_plan import PlanWarningCode
from esim_graph.domain.bundle import BundleEventKind, BundleState
from esim_graph.domain.canonical import Axis, ConflictKind, Severity
from esim_graph.domain.freshness import ServedFrom
from esim_graph.domain.lifecycle import ProfileState
from esim_graph.domain.live_status import PlanStatus
from esim_graph.domain.operation import OperationCause, OperationKind, OperationStatus, StepState
from esim_graph.domain.profile import ProfileStatus
from esim_graph.domain.status_change import StatusSource
from esim_graph.domain.transaction import TransactionAction, TransactionStatus, Verification
from esim_graph.domain.words import Word

W = TypeVar("W", bound=Word)


def publish(words: type[W], description: str, *, name: str | None = None) -> type[W]:
    """Make a vocabulary an enum of the graph."""
    published = strawberry.enum(words, name=name, description=description)
    definition: StrawberryEnumDefinition = published.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = words[value.name].meaning
    return published


publish(Axis, "What an observation is about.", name="LifecycleAxis")
publish(BundleEventKind, "What happened to a bundle or an eSIM.")
publish(BundleState, "Where a bundle assignment is in its life.")
publish(ConflictKind, "What does not go together.", name="LifecycleConflictKind")
publish(OperationCause, "What made an operation start.")
publish(OperationKind, "What an operation sets out to do.")
publish(OperationStatus, "The step an operation is in, or how it ended.")
publish(PlanWarningCode, "What may go otherwise than it was meant when an operation is started.")
publish(PlanStatus, "Where the plan on an eSIM is in its life; the profile on the device is another matter.")
publish(ProfileState, "Where a profile is in its life.")
publish(ProfileStatus, "Whether a profile is enabled on its eUICC.")
publish(ServedFrom, "Where an answer came from.")
publish(Severity, "How much a conflict matters.")
publish(StatusSource, "Who tells of a profile's state.")
publish(StepState, "How far one step of an operation is.", name="OperationStepState")
publish(TransactionAction, "What a transaction does to a profile.")
publish(TransactionStatus, "How far a transaction is.")
publish(Verification, "Whether the device has confirmed what Digi calls complete.")
