"""What an operation would do to a device: which profile a carrier's name means there, and what to beware of."""

from collections.abc import Sequence
from dataclasses import dataclass

from esim_graph.domain.operation import OperationKind, OperationRequest
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.words import Word
from esim_graph.errors import BadUserInput

_OPERATIONAL = "operational"


class PlanWarningCode(Word):
    """What may go otherwise than it was meant."""

    CARRIER_AMBIGUOUS = (
        "CARRIER_AMBIGUOUS",
        "Several profiles on the device report this carrier, and Digi chooses; `operationStart` refuses it.",
    )
    CARRIER_SPN_MISMATCH = (
        "CARRIER_SPN_MISMATCH",
        "The profile that may be meant reports another carrier's name, so Digi may choose another profile.",
    )
    ALREADY_ACTIVE = "ALREADY_ACTIVE", "The profile is enabled already."
    WILL_DISABLE_OTHER_PROFILE = (
        "WILL_DISABLE_OTHER_PROFILE",
        "Another profile of the same eUICC is enabled now; it is disabled by this.",
    )


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """One thing to beware of, in a sentence."""

    code: PlanWarningCode
    message: str


@dataclass(frozen=True, slots=True)
class ActivationPlan:
    """Which profile an operation would take; None where it would take an activation code, or where several fit."""

    profile: Profile | None
    warnings: tuple[PlanWarning, ...]

    def warning(self, code: PlanWarningCode) -> PlanWarning | None:
        """The warning with this code, if it is there."""
        return next((warning for warning in self.warnings if warning.code is code), None)


def check_target(request: OperationRequest) -> None:
    """Refuse an operation that does not say which profile is meant.

    Raises:
        BadUserInput: there is neither a carrier nor an ICCID.
    """
    if request.carrier is None and request.iccid is None:
        raise BadUserInput(
            "An operation takes a carrier or an iccid, to tell which profile is meant.", argument="carrier"
        )


def plan_of(request: OperationRequest, profiles: Sequence[Profile]) -> ActivationPlan:
    """Work out what *request* would do to a device that reports *profiles*.

    Digi compares the carrier's name with the SPN that a profile itself reports, and falls back
    on an activation code registered under that name (page 001). How it chooses among several,
    and whether it compares normalized names too, is published nowhere.
    """
    there = [profile for profile in profiles if request.eid is None or profile.eid in (None, request.eid)]
    if request.iccid is not None:
        return _by_iccid(request, there)
    return _by_carrier(request, there)


def _by_iccid(request: OperationRequest, there: Sequence[Profile]) -> ActivationPlan:
    profile = next((one for one in there if one.iccid == request.iccid), None)
    warnings = []
    if profile is not None and request.carrier is not None and _name(profile.carrier) != _name(request.carrier):
        warnings.append(
            PlanWarning(
                PlanWarningCode.CARRIER_SPN_MISMATCH,
                f"The profile {profile.iccid} reports the carrier {_quoted(profile.carrier)}.",
            )
        )
    return ActivationPlan(profile, (*warnings, *_effects(request, there, profile)))


def _by_carrier(request: OperationRequest, there: Sequence[Profile]) -> ActivationPlan:
    named = [one for one in there if _name(one.carrier) == _name(request.carrier)]
    if not named:
        return ActivationPlan(None, (*_mismatch(request, there), *_effects(request, there, None)))
    if request.kind is OperationKind.DOWNLOAD:  # takes an activation code, whatever is on the device
        return ActivationPlan(None, ())
    if len(named) > 1:
        return ActivationPlan(
            None,
            (
                PlanWarning(
                    PlanWarningCode.CARRIER_AMBIGUOUS,
                    f"{len(named)} profiles on the device report this carrier: "
                    f"{', '.join(one.iccid for one in named)}. Name the iccid that is meant.",
                ),
            ),
        )
    return ActivationPlan(named[0], tuple(_effects(request, there, named[0])))


def _mismatch(request: OperationRequest, there: Sequence[Profile]) -> list[PlanWarning]:
    """No profile reports the name. To enable, one must; else an activation code may be what is meant."""
    meant = [one for one in there if _resembles(one, request.carrier)] or [
        one for one in there if one.type == _OPERATIONAL and one.status is ProfileStatus.INACTIVE
    ]
    if request.kind is OperationKind.DOWNLOAD:
        meant = [one for one in there if _resembles(one, request.carrier)]
    if request.kind is not OperationKind.ENABLE and not meant:
        return []
    reported = ", ".join(f"{_quoted(one.carrier)} ({one.iccid})" for one in meant or there) or "none"
    return [
        PlanWarning(
            PlanWarningCode.CARRIER_SPN_MISMATCH,
            f"No profile on the device reports this carrier. There: {reported}. Name the iccid that is meant.",
        )
    ]


def _effects(request: OperationRequest, there: Sequence[Profile], profile: Profile | None) -> list[PlanWarning]:
    """What enabling does to the profiles on the eUICC."""
    if request.kind not in (OperationKind.ACTIVATE, OperationKind.ENABLE):
        return []
    if profile is None and request.kind is OperationKind.ENABLE:
        return []  # nobody knows what Digi would take, if anything
    if profile is not None and profile.status is ProfileStatus.ACTIVE:
        return [PlanWarning(PlanWarningCode.ALREADY_ACTIVE, f"The profile {profile.iccid} is enabled already.")]
    return [
        PlanWarning(
            PlanWarningCode.WILL_DISABLE_OTHER_PROFILE,
            f"The profile {other.iccid} ({_quoted(other.carrier)}) is enabled now and will be disabled.",
        )
        for other in there
        if other.status is ProfileStatus.ACTIVE and (profile is None or other.eid == profile.eid)
    ]


def _resembles(profile: Profile, carrier: str | None) -> bool:
    """Whether a profile's names and the one that was asked for look like one carrier's."""
    asked = _name(carrier)
    names = [name for name in (_name(profile.carrier), _name(profile.normalized_carrier)) if name]
    return any(name == asked or name in asked or asked in name for name in names)


def _name(carrier: str | None) -> str:
    return "" if carrier is None else carrier.strip().casefold()


def _quoted(carrier: str | None) -> str:
    return "without a name" if carrier is None else f"'{carrier}'"
