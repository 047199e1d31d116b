"""The simulated world the three vendors share: one fleet, one time, one agenda of coming events."""

import random
import uuid
from datetime import datetime

from esim_graph.sandbox.agenda import Agenda, Event
from esim_graph.sandbox.carriers import normalized
from esim_graph.sandbox.clock import SandboxTime
from esim_graph.sandbox.fleet import build_fleet
from esim_graph.sandbox.history import HistoryBook
from esim_graph.sandbox.live import LiveBook
from esim_graph.sandbox.records import ActivationCode, Device, Profile
from esim_graph.sandbox.switches import Switches


class World:
    """Devices, profiles, codes, transactions and operations, and what the networks know.

    Every dictionary is keyed by the record's own identifier and may be changed by a test at any
    time; the next answer shows it. Nothing runs in the background: call :meth:`settle` to let
    everything that is due by now happen (every request to a vendor does).
    """

    def __init__(self, *, time: SandboxTime, switches: Switches, seed: int, devices: int) -> None:
        now = time.now()
        fleet = build_fleet(seed=seed, devices=devices, now=now)
        self.time = time
        self.switches = switches
        self.devices = fleet.devices
        self.profiles = fleet.profiles
        self.codes = fleet.codes
        self.transactions = fleet.transactions
        self.operations = fleet.operations
        self.live = LiveBook(seed=seed, known=fleet.esimfly, foreign=fleet.foreign, now=now)
        self.history = HistoryBook(seed=seed, known=fleet.esimgo, foreign=fleet.foreign, now=now)
        self.rng = random.Random(f"world {seed}")  # noqa: S311  # reproducible, not secret
        self._agenda = Agenda()

    def settle(self) -> None:
        """Let everything happen that is due by now."""
        self._agenda.run_until(self.time.elapsed())

    def advance(self, seconds: float) -> None:
        """Skip *seconds* of simulated time and let what falls due happen."""
        self.time.advance(seconds)
        self.settle()

    def later(self, moment: float, event: Event) -> None:
        """Plan *event* for a simulated *moment*."""
        self._agenda.at(moment, event)

    def wall_at(self, moment: float, *, after: datetime) -> datetime:
        """Return the wall-clock time of *moment*, never before *after* (skipped time is not on the wall)."""
        return max(after, self.time.wall_at(moment))

    def new_id(self) -> str:
        """Return a fresh identifier from the seeded generator."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def profiles_on(self, eid: str) -> list[Profile]:
        """Return the profiles reported on one eSIM, in the order of their numbers."""
        return sorted((row for row in self.profiles.values() if row.eid == eid), key=lambda row: row.id)

    def steps(self) -> dict[str, str]:
        """Return the transactions that no caller asked for, each with the operation that it is a step of."""
        return {
            transaction: operation.id
            for operation in self.operations.values()
            for transaction in (operation.download_tx, operation.enable_tx)
            if transaction is not None
        }

    def change_profile(self, iccid: str, **changes: str | int) -> Profile:
        """Overwrite fields of a reported profile at once, with any word, documented or not."""
        profile = self.profiles[iccid]
        for name, value in changes.items():
            setattr(profile, name, value)
        return profile

    def device_reports(self, action: str, device: Device, iccid: str, code: ActivationCode | None) -> None:
        """Show in the profile rows what the device has done (upstreams §7.1.7).

        A download adds an inactive row (new profiles install disabled, §4.3); enabling turns the
        eSIM's other profile off; deleting frees the activation code (vendors page 000, AVAILABLE).
        """
        if action == "download":
            if code is not None:
                self._installed(device, code)
                self.live.profile_reported(iccid, "Disabled")
            return
        profile = self.profiles.get(iccid)
        if profile is None or profile.eid != device.eid:
            return
        if action == "delete":
            self._deleted(profile)
        else:
            self._switched(profile, on=action == "enable")

    def _installed(self, device: Device, code: ActivationCode) -> None:
        numbers = [row.id for row in self.profiles_on(device.eid)]
        self.codes.pop(code.iccid, None)
        self.profiles[code.iccid] = Profile(
            carrier=code.spn,
            normalized_carrier=normalized(code.spn),
            device_id=device.device_id,
            eid=device.eid,
            iccid=code.iccid,
            id=1 + max(numbers, default=0),
            status="inactive",
        )

    def _deleted(self, profile: Profile) -> None:
        del self.profiles[profile.iccid]
        secret = f"LPA:1$rsp-eu.simlessly.com$SANDBOX-{profile.iccid}"
        self.codes[profile.iccid] = ActivationCode(profile.iccid, profile.carrier, profile.carrier, secret)
        self.live.profile_reported(profile.iccid, "Not Installed")

    def _switched(self, profile: Profile, *, on: bool) -> None:
        for row in self.profiles_on(profile.eid):
            if row.iccid == profile.iccid:
                row.status = "active" if on else "inactive"
                self.live.profile_reported(row.iccid, "Enabled" if on else "Disabled")
            elif on and row.status == "active":
                row.status = "inactive"
                self.live.profile_reported(row.iccid, "Disabled")
