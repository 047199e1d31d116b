"""``ActivationPlan`` in the graph."""

import strawberry

from esim_graph.domain import activation_plan as domain
from esim_graph.schema.profile import Profile


@strawberry.type(description="One thing to beware of before an operation is started.")
class PlanWarning:
    """Plain fields; see the domain value of the same name."""

    code: domain.PlanWarningCode = strawberry.field(description="What kind of warning it is.")
    message: str = strawberry.field(description="One sentence that can be shown.")


@strawberry.type(description="What an operation would do, by what the device reports now. Nothing is sent to it.")
class ActivationPlan:
    """Plain fields; see the domain value of the same name."""

    profile: Profile | None = strawberry.field(
        description=(
            "The profile on the device that would be taken; null where an activation code would be used, where "
            "several profiles fit, or none does."
        )
    )
    warnings: list[PlanWarning] = strawberry.field(description="What to beware of; often nothing.")

    @classmethod
    def from_domain(cls, plan: domain.ActivationPlan) -> "ActivationPlan":
        """Present a plan."""
        return cls(
            profile=None if plan.profile is None else Profile.from_domain(plan.profile),
            warnings=[PlanWarning(code=warning.code, message=warning.message) for warning in plan.warnings],
        )
