"""Actions that callers ask for, each once, and what must have become of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from esim_graph.sandbox import Sandbox

_TRANSACTION = """mutation ($input: %sInput!) { %s(input: $input) {
    transaction { vendorId } userErrors { code message } replayed
} }"""
_OPERATION = """mutation ($input: OperationStartInput!) { operationStart(input: $input) {
    operation { vendorId } userErrors { code message } replayed
} }"""
MUTATIONS = {
    **{
        name: _TRANSACTION % (name[0].upper() + name[1:], name)
        for name in ("profileDownload", "profileEnable", "profileDisable", "profileDelete")
    },
    "operationStart": _OPERATION,
}
_ACKNOWLEDGED = ["CARRIER_AMBIGUOUS", "CARRIER_SPN_MISMATCH", "ALREADY_ACTIVE", "WILL_DISABLE_OTHER_PROFILE"]


@dataclass(slots=True)
class Deed:
    """One action on a device that is nobody else's, under a key of its own."""

    mutation: str
    action: str  #: Digi's word: the action, or the operation's kind.
    device_id: str
    iccid: str
    key: str
    vendor_id: str | None = None  #: What the gateway acknowledged.
    refusals: list[Any] = field(default_factory=list)
    lost: int = 0  #: Answers that never came.
    asked: bool = False  #: A caller is waiting for the answer.

    @property
    def noun(self) -> str:
        """What it starts."""
        return "operation" if self.mutation == "operationStart" else "transaction"

    @property
    def endpoint(self) -> str:
        """The sandbox's name of what starts it."""
        return "start_operation" if self.noun == "operation" else self.action

    @property
    def variables(self) -> dict[str, Any]:
        """The mutation's."""
        wanted: dict[str, Any] = {"deviceId": self.device_id, "iccid": self.iccid, "idempotencyKey": self.key}
        if self.noun == "operation":
            wanted |= {"kind": self.action.upper(), "acknowledge": _ACKNOWLEDGED}
        return {"input": wanted}

    def __str__(self) -> str:
        return f"{self.mutation} {self.action} of {self.iccid} on {self.device_id} ({self.key})"


def draw_deeds(sandbox: Sandbox, rng: random.Random, count: int, *, name: str, taken: set[str]) -> list[Deed]:
    """Draw *count* deeds on devices that are not *taken* yet, of every kind by turns."""
    world = sandbox.world
    devices = [device for device in world.devices.values() if device.device_id not in taken]
    codes = [code.iccid for code in world.codes.values() if code.registered and code.iccid not in taken]
    rng.shuffle(devices)
    rng.shuffle(codes)
    kinds = _kinds()
    deeds: list[Deed] = []
    for device in devices:
        mutation, action, wanted = next(kinds)
        while wanted is not None and not any(row.status == wanted for row in world.profiles_on(device.eid)):
            mutation, action, wanted = next(kinds)
        row = next((row for row in world.profiles_on(device.eid) if row.status == wanted), None)
        iccid = codes.pop() if row is None else row.iccid
        deeds.append(Deed(mutation, action, device.device_id, iccid, key=f"{name}-{len(deeds)}"))
        taken |= {device.device_id, iccid}
        if len(deeds) == count:
            return deeds
    raise AssertionError("the fleet is too small")


def _kinds() -> Iterator[tuple[str, str, str | None]]:
    """Each kind with the status of the profile that it takes; None takes an activation code."""
    while True:
        yield "profileEnable", "enable", "inactive"
        yield "profileDownload", "download", None
        yield "profileDisable", "disable", "active"
        yield "operationStart", "activate", None
        yield "profileDelete", "delete", "inactive"
        yield "operationStart", "enable", "inactive"
        yield "profileDelete", "delete", "active"  # fails: a profile that is on cannot be deleted


def carried_out(sandbox: Sandbox, deed: Deed, *, since: int) -> list[str]:
    """What the sandbox has begun for *deed*, without what an operation began by itself.

    *since* is the number of transactions, or of operations, that were there before.
    """
    world = sandbox.world
    if deed.noun == "operation":
        return [
            row.id
            for row in world.operations.values()
            if row.number > since
            and (row.operation, row.device_id, row.requested_iccid) == (deed.action, deed.device_id, deed.iccid)
        ]
    steps = world.steps()
    return [
        row.transaction
        for row in world.transactions.values()
        if row.number > since
        and row.transaction not in steps
        and (row.action, row.device_id, row.iccid) == (deed.action, deed.device_id, deed.iccid)
    ]
