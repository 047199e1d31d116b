"""The life of one action: accepted, in progress for minutes, checked, then reported by the device.

Source: vendors page 001 ("eSIM Profile Transaction Data"); upstreams §1.7, §7.1.6, §7.1.7.
"""

import math

from esim_graph.sandbox.records import ActivationCode, Device, Fate, Outcome, Transaction
from esim_graph.sandbox.world import World

SHORTEST = 180.0  #: simulated seconds; "generally … 3-10 minutes" (vendors page 001).
LONGEST = 600.0
UNKNOWN_LASTS = 300.0  #: simulated seconds until an ``unknown`` outcome turns out complete (I, §7.1.6).

COMPLETE = Outcome("complete", None, "The eSIM reported success to the profile server")
UNKNOWN = Outcome("unknown", "EIS_NO_ANSWER", "The eSIM registry (EIS) does not know how the action ended")
NOT_RESPONDING = Outcome(
    "failed", "DEVICE_NOT_RESPONDING", "The device did not contact the eSIM registry (EIS) in time"
)
ENABLE_REFUSED = Outcome("failed", "ENABLE_REFUSED", "The eSIM refused to enable the profile")
CODE_REFUSED = Outcome("failed", "MATCHING_ID_REFUSED", "The profile server refused the activation code: 8.2.6, 3.8")
NO_PROFILE = Outcome("failed", "PROFILE_NOT_FOUND", "The eSIM has no profile with this ICCID")
STILL_ENABLED = Outcome("failed", "PROFILE_NOT_DISABLED", "An enabled profile cannot be deleted")
ALREADY_ENABLED = Outcome("failed", "PROFILE_NOT_DISABLED", "The profile is enabled already")


class Actions:
    """Starts actions and answers how they are doing."""

    def __init__(self, world: World) -> None:
        self._world = world

    def start(self, action: str, device: Device, iccid: str | None, code: ActivationCode | None) -> Transaction:
        """Accept an action; it ends 3 to 10 simulated minutes from now."""
        transaction = self.open(action, device, iccid, code)
        ends = transaction.started + self._world.rng.uniform(SHORTEST, LONGEST)
        self._world.later(ends, lambda moment: self._ended(transaction, device, moment))
        return transaction

    def open(
        self,
        action: str,
        device: Device,
        iccid: str | None,
        code: ActivationCode | None,
        *,
        managed: bool = False,
        moment: float | None = None,
    ) -> Transaction:
        """Write a transaction down as in progress; *managed* ones are ended by their operation."""
        world = self._world
        started = world.time.elapsed() if moment is None else moment
        created = world.time.wall_at(started)
        transaction = Transaction(
            number=1 + len(world.transactions),
            transaction=world.new_id(),
            action=action,
            device_id=device.device_id,
            eid=device.eid,
            iccid=iccid,
            status="in_progress",
            created=created,
            updated=created,
            message="Waiting for the eSIM to contact the profile server",
            started=started,
            code=code,
            managed=managed,
        )
        world.transactions[transaction.transaction] = transaction
        return transaction

    def check(self, transaction: Transaction) -> None:
        """Look at the profile server now, as ``GET progress/{tx}`` does; reading a list does not."""
        self._record(transaction, self._world.time.elapsed())

    def finish(self, transaction: Transaction, outcome: Outcome, moment: float) -> None:
        """Write *outcome* into the row, without waiting for the device's report."""
        transaction.status = outcome.status
        transaction.message = outcome.message
        transaction.message_code = outcome.message_code
        transaction.updated = self._world.wall_at(moment, after=transaction.updated)
        if outcome.status == "complete" and transaction.code is not None:
            transaction.iccid = transaction.code.iccid
            self._world.codes.pop(transaction.code.iccid, None)

    def change(self, transaction: Transaction, status: str, message_code: str | None, message: str | None) -> None:
        """Put a transaction into any state at once and hold it there; ``complete`` is reported later."""
        moment = self._world.time.elapsed()
        transaction.managed = True
        self.finish(transaction, Outcome(status, message_code, message or f"Set to {status} by /control"), moment)
        if status == COMPLETE.status:
            self._report_later(transaction, moment)

    def _ended(self, transaction: Transaction, device: Device, moment: float) -> None:
        outcome = self._judge(transaction, device)
        if outcome is COMPLETE and device.fate is Fate.UNKNOWN_FIRST:
            transaction.outcome = UNKNOWN
            self._world.later(moment + UNKNOWN_LASTS, lambda due: self._known(transaction, due))
        else:
            transaction.outcome = outcome
        self._plan_system_check(transaction, moment)

    def _known(self, transaction: Transaction, moment: float) -> None:
        transaction.outcome = COMPLETE
        self._plan_system_check(transaction, moment)

    def _judge(self, transaction: Transaction, device: Device) -> Outcome:
        if device.fate is Fate.ACTIONS_FAIL:
            return NOT_RESPONDING
        if transaction.action == "download":
            still_there = transaction.code is not None and transaction.code.iccid in self._world.codes
            return COMPLETE if still_there else CODE_REFUSED
        profile = self._world.profiles.get(transaction.iccid or "")
        if profile is None or profile.eid != device.eid:
            return NO_PROFILE
        switches = self._world.switches.digi
        active = profile.status == "active"
        if transaction.action == "delete" and active and switches.delete_active == "fails":
            return STILL_ENABLED
        if transaction.action == "enable":
            if device.fate is Fate.ENABLE_FAILS:
                return ENABLE_REFUSED
            if active and switches.enable_active == "fails":
                return ALREADY_ENABLED
        return COMPLETE

    def _plan_system_check(self, transaction: Transaction, moment: float) -> None:
        interval = self._world.switches.digi.system_check_interval
        if interval:
            checks = math.floor((moment - transaction.started) / interval) + 1
            due = transaction.started + checks * interval
            self._world.later(due, lambda at: self._record(transaction, at))

    def _record(self, transaction: Transaction, moment: float) -> None:
        outcome = transaction.outcome
        if transaction.managed or outcome is None or outcome.status == transaction.status:
            return
        self.finish(transaction, outcome, moment)
        if outcome is COMPLETE:
            self._report_later(transaction, moment)

    def _report_later(self, transaction: Transaction, moment: float) -> None:
        world = self._world
        device = world.devices[transaction.device_id]

        def report(_: float) -> None:
            if transaction.iccid is not None:
                world.device_reports(transaction.action, device, transaction.iccid, transaction.code)

        world.later(moment + world.switches.digi.report_lag, report)
