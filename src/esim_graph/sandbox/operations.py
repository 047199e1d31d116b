"""The life of a multistep operation: its steps, the transactions inside, the verified end.

Source: vendors page 001 ("eSIM Multistep Operation Data"); upstreams §1.7, §7.1.8. That the steps
follow each other without polling is stated there ("the system processes"); how long each lasts
is inferred from the "3-10 minutes" of the page.
"""

from dataclasses import dataclass

from esim_graph.sandbox.agenda import Event
from esim_graph.sandbox.records import ActivationCode, Device, Fate, Operation, Outcome, Transaction
from esim_graph.sandbox.transactions import CODE_REFUSED, COMPLETE, ENABLE_REFUSED, NOT_RESPONDING, Actions
from esim_graph.sandbox.world import World

SHORTEST_STEP = 40.0  #: simulated seconds, so that at speed 60 a poller can still see every step.
LONGEST_START = 60.0
SHORTEST = 180.0
LONGEST = 600.0

STARTING, FAILED, SUCCESSFUL = "starting", "failed", "successful"
_DOWNLOADING = ("download", "download_verify")
_ENABLING = ("enable", "enable_verify")
_MESSAGES = {
    "starting": "Looking for an activation code or a profile",
    "download": "Downloading the profile",
    "download_verify": "Waiting for the device to report the downloaded profile",
    "enable": "Enabling the profile",
    "enable_verify": "Waiting for the device to report the enabled profile",
    "successful": "The operation was successful",
}
NOTHING_FITS = Outcome(
    FAILED, "NO_MATCHING_PROFILE", "No activation code or profile matches the requested carrier or ICCID"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller asks for; ``carrier`` or ``iccid`` says which profile."""

    operation: str
    carrier: str | None
    iccid: str | None
    created_by: str


class Multistep:
    """Starts multistep operations and runs them through their steps."""

    def __init__(self, world: World, actions: Actions) -> None:
        self._world = world
        self._actions = actions

    def start(self, request: Request, device: Device) -> Operation:
        """Accept an operation; the profile is chosen when its first step ends."""
        world = self._world
        now = world.time.now()
        number = 1 + len(world.operations)
        operation = Operation(
            number=number,
            id=world.new_id(),
            operation=request.operation,
            device_id=device.device_id,
            eid=device.eid,
            carrier=request.carrier,
            iccid=request.iccid,
            status=STARTING,
            cause="request",
            cause_id=None,
            created_by=request.created_by,
            source="/ws/v1/esim_profiles/operations",
            job_id=700_000 + number,
            created=now,
            updated=now,
            message=_MESSAGES[STARTING],
            requested_iccid=request.iccid,
            started=world.time.elapsed(),
        )
        world.operations[operation.id] = operation
        ends = operation.started + world.rng.uniform(SHORTEST_STEP, LONGEST_START)
        self._plan(operation, ends, lambda moment: self._choose(operation, moment))
        return operation

    def change(self, operation: Operation, status: str, message_code: str | None, message: str | None) -> None:
        """Put an operation into any state at once and hold it there.

        Going forward to a documented step does what the steps before it do: transactions appear and
        complete, and the device reports.
        """
        moment = self._world.time.elapsed()
        operation.timeline += 1
        if not operation.steps and status not in (STARTING, FAILED):
            self._pick(operation)
        ahead = (*operation.steps, SUCCESSFUL)
        reached = ahead.index(operation.status) if operation.status in ahead else -1
        if status in ahead and ahead.index(status) > reached:
            for step in ahead[reached + 1 : ahead.index(status) + 1]:
                self._leave(operation, moment)
                self._enter(operation, step, moment)
        operation.status = status
        operation.updated = self._world.wall_at(moment, after=operation.updated)
        operation.message = message or _MESSAGES.get(status, f"Set to {status} by /control")
        operation.message_code = message_code

    def _plan(self, operation: Operation, moment: float, event: Event) -> None:
        operation.timeline += 1
        planned = operation.timeline

        def unless_changed(due: float) -> None:
            if operation.timeline == planned:
                event(due)

        self._world.later(moment, unless_changed)

    def _choose(self, operation: Operation, moment: float) -> None:
        if self._world.devices[operation.device_id].fate is Fate.ACTIONS_FAIL:
            self._fail(operation, NOT_RESPONDING, moment)
        elif not self._pick(operation):
            self._fail(operation, NOTHING_FITS, moment)
        else:
            self._run(operation, self._lengths(operation, moment), moment)

    def _pick(self, operation: Operation) -> bool:
        """Choose the profile and with it the steps; False when nothing fits the request."""
        present = self._present(operation)
        code = self._code(operation)
        if operation.operation != "enable" and present is None and code is not None:
            code.reserved = True
            operation.iccid = code.iccid
            operation.steps = _DOWNLOADING + (_ENABLING if operation.operation == "activate" else ())
        elif operation.operation != "download" and present is not None:
            operation.iccid = present
            operation.steps = _ENABLING
        return bool(operation.steps)

    def _present(self, operation: Operation) -> str | None:
        """Return the ICCID of a fitting profile on the device, an inactive one first.

        The *reported* SPN is compared, so a supplier's name that differs finds nothing (page 001, Warning).
        """
        rows = self._world.profiles_on(operation.eid)
        if operation.requested_iccid is not None:
            return next((row.iccid for row in rows if row.iccid == operation.requested_iccid), None)
        carrier = (operation.carrier or "").casefold()
        fitting = [row for row in rows if row.carrier.casefold() == carrier]
        return min(fitting, key=lambda row: row.status == "active").iccid if fitting else None

    def _code(self, operation: Operation) -> ActivationCode | None:
        codes = self._world.codes
        if operation.requested_iccid is not None:
            code = codes.get(operation.requested_iccid)
            return code if code is not None and code.registered and not code.reserved else None
        carrier = (operation.carrier or "").casefold()
        free = (code for code in codes.values() if code.registered and not code.reserved)
        return next((code for code in free if code.carrier.casefold() == carrier), None)

    def _lengths(self, operation: Operation, moment: float) -> list[float]:
        """Draw the seconds of the coming steps: each at least 40, all with the first one 3 to 10 minutes."""
        rng = self._world.rng
        gone = moment - operation.started
        count = len(operation.steps)
        total = rng.uniform(max(SHORTEST - gone, SHORTEST_STEP * count), LONGEST - LONGEST_START)
        shares = [rng.random() + 0.2 for _ in range(count)]
        spare = (total - SHORTEST_STEP * count) / sum(shares)
        return [SHORTEST_STEP + share * spare for share in shares]

    def _run(self, operation: Operation, lengths: list[float], moment: float) -> None:
        step, left = operation.steps[-len(lengths)], lengths[1:]
        self._enter(operation, step, moment)

        def over(due: float) -> None:
            refusal = self._refusal(operation)
            if refusal is not None:
                self._fail(operation, refusal, due)
                return
            self._leave(operation, due)
            if left:
                self._run(operation, left, due)
            else:
                self._enter(operation, SUCCESSFUL, due)

        self._plan(operation, moment + lengths[0], over)

    def _refusal(self, operation: Operation) -> Outcome | None:
        """Return why the present step cannot end well, or None."""
        if operation.status == "download":
            inside = self._inside(operation.download_tx)
            if inside is None or inside.code is None or inside.code.iccid not in self._world.codes:
                return CODE_REFUSED
        fate = self._world.devices[operation.device_id].fate
        return ENABLE_REFUSED if operation.status == "enable" and fate is Fate.ENABLE_FAILS else None

    def _enter(self, operation: Operation, status: str, moment: float) -> None:
        operation.status = status
        operation.updated = self._world.wall_at(moment, after=operation.updated)
        operation.message = _MESSAGES[status]
        if status in ("download", "enable"):
            device = self._world.devices[operation.device_id]
            code = self._world.codes.get(operation.iccid or "") if status == "download" else None
            inside = self._actions.open(status, device, operation.iccid, code, managed=True, moment=moment)
            setattr(operation, f"{status}_tx", inside.transaction)

    def _leave(self, operation: Operation, moment: float) -> None:
        """End the present step: its transaction completes, or the device reports what it verified."""
        action, _, verifying = operation.status.partition("_")
        inside = self._inside(operation.download_tx if action == "download" else operation.enable_tx)
        if action not in ("download", "enable") or inside is None:
            return
        if not verifying:
            self._actions.finish(inside, COMPLETE, moment)
        elif operation.iccid is not None:
            device = self._world.devices[operation.device_id]
            self._world.device_reports(action, device, operation.iccid, inside.code)

    def _fail(self, operation: Operation, outcome: Outcome, moment: float) -> None:
        inside = self._inside(operation.enable_tx or operation.download_tx)
        if inside is not None and inside.status == "in_progress":
            self._actions.finish(inside, outcome, moment)
        if operation.iccid in self._world.codes:
            self._world.codes[operation.iccid].reserved = False
        operation.timeline += 1
        operation.status = FAILED
        operation.updated = self._world.wall_at(moment, after=operation.updated)
        operation.message_code = outcome.message_code
        operation.message = outcome.message

    def _inside(self, transaction: str | None) -> Transaction | None:
        return self._world.transactions.get(transaction or "")
