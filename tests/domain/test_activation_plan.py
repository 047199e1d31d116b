"""Which profile an operation would take, and what to beware of."""

from typing import Any

import pytest

from esim_graph.domain.activation_plan import check_target, plan_of
from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.operation import OperationKind, OperationRequest
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.errors import BadUserInput

ONE, TWO, THREE, NOWHERE = (Iccid(f"894450000000000000{number}") for number in range(4))
CHIP, OTHER_CHIP = Eid("1" * 32), Eid("2" * 32)
AMBIGUOUS, MISMATCH, ACTIVE, DISABLES = (
    "CARRIER_AMBIGUOUS", "CARRIER_SPN_MISMATCH", "ALREADY_ACTIVE", "WILL_DISABLE_OTHER_PROFILE",
)  # fmt: skip


def profile(iccid: Iccid, carrier: str | None, status: str = "inactive", **more: Any) -> Profile:
    fields: dict[str, Any] = {
        "iccid": iccid, "carrier": carrier, "status": ProfileStatus.read(status), "status_raw": status, "eid": CHIP,
        "type": "operational", "normalized_carrier": None, "number": 1, "customer_id": None, "device_id": "d",
    }  # fmt: skip
    return Profile(**(fields | more))


def request(kind: str, carrier: str | None = None, iccid: Iccid | None = None, eid: Eid | None = None) -> Any:
    return OperationRequest(kind=OperationKind[kind], device_id="d", carrier=carrier, iccid=iccid, eid=eid)


EE, PLAY_ON = profile(ONE, "EE"), profile(TWO, "Play", "active")
BOOTSTRAP = profile(THREE, "Bootstrap", "active", type="bootstrap")
MOBILE = profile(ONE, "Mobile", normalized_carrier="mobile")


@pytest.mark.parametrize(
    ("asked", "there", "taken", "codes"),
    [
        (request("ENABLE", "EE"), [EE], ONE, []),
        (request("ENABLE", " ee "), [EE], ONE, []),
        (request("ENABLE", "EE"), [EE, PLAY_ON], ONE, [DISABLES]),
        (request("ACTIVATE", "EE"), [EE, PLAY_ON], ONE, [DISABLES]),
        (request("ENABLE", "EE"), [EE, profile(TWO, "Play", "active", eid=OTHER_CHIP)], ONE, []),
        (request("ENABLE", "Play"), [EE, PLAY_ON], TWO, [ACTIVE]),
        (request("ACTIVATE", "Play"), [PLAY_ON], TWO, [ACTIVE]),
        (request("ENABLE", "EE"), [EE, profile(TWO, "ee")], None, [AMBIGUOUS]),
        (request("ACTIVATE", "EE"), [EE, profile(TWO, "EE"), PLAY_ON], None, [AMBIGUOUS]),
        (request("ENABLE", "EE", eid=CHIP), [EE, profile(TWO, "EE", eid=OTHER_CHIP)], ONE, []),
        (request("ENABLE", "EE", eid=CHIP), [profile(ONE, "EE", eid=None)], ONE, []),
        (request("DOWNLOAD", "EE"), [EE, profile(TWO, "EE")], None, []),
        (request("ENABLE", "EE"), [PLAY_ON], None, [MISMATCH]),
        (request("ENABLE", "EE"), [], None, [MISMATCH]),
        (request("ACTIVATE", "Vodafone UK"), [BOOTSTRAP], None, [DISABLES]),
        (request("DOWNLOAD", "Vodafone UK"), [BOOTSTRAP], None, []),
        (request("ACTIVATE", "Vodafone UK"), [], None, []),
        (request("ACTIVATE", "Fred's Fast Wireless Service"), [BOOTSTRAP, MOBILE], None, [MISMATCH, DISABLES]),
        (request("DOWNLOAD", "Fred's Fast Wireless Service"), [BOOTSTRAP, MOBILE], None, []),
        (request("ACTIVATE", "T-Mobile"), [MOBILE], None, [MISMATCH]),
        (request("DOWNLOAD", "Mobile US"), [MOBILE], None, [MISMATCH]),
        (request("ACTIVATE", "kpn"), [profile(ONE, "KPN-M", normalized_carrier="kpn")], None, [MISMATCH]),
        (request("ACTIVATE", "EE"), [profile(ONE, None)], None, [MISMATCH]),
        (request("ENABLE", iccid=ONE), [EE], ONE, []),
        (request("ENABLE", "EE", ONE), [EE, profile(TWO, "EE")], ONE, []),
        (request("ENABLE", "Fred's", ONE), [MOBILE], ONE, [MISMATCH]),
        (request("ENABLE", "Play", TWO), [EE, PLAY_ON], TWO, [ACTIVE]),
        (request("ACTIVATE", iccid=ONE), [EE, PLAY_ON], ONE, [DISABLES]),
        (request("DOWNLOAD", iccid=ONE), [EE, PLAY_ON], ONE, []),
        (request("ACTIVATE", iccid=NOWHERE), [PLAY_ON], None, [DISABLES]),
        (request("ENABLE", iccid=NOWHERE), [PLAY_ON], None, []),
    ],
)
def test_what_an_operation_would_do(
    asked: OperationRequest, there: list[Profile], taken: Iccid | None, codes: list[str]
) -> None:
    plan = plan_of(asked, there)

    assert (plan.profile.iccid if plan.profile else None) == taken
    assert [warning.code.name for warning in plan.warnings] == codes
    assert all(warning.message.endswith(".") for warning in plan.warnings)


def test_an_operation_must_say_which_profile_is_meant() -> None:
    with pytest.raises(BadUserInput) as caught:
        check_target(request("ENABLE"))

    assert caught.value.argument == "carrier"
