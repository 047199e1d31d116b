"""The seeded fleet: the landmarks, then thousands of devices, profiles, codes and their past.

The same seed and size give the same fleet; the landmarks are the same for every seed.
"""

import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from esim_graph.sandbox import landmarks
from esim_graph.sandbox.carriers import CARRIERS, Carrier, normalized
from esim_graph.sandbox.identifiers import build_device_id, build_eid, build_iccid
from esim_graph.sandbox.landmarks import Landmark
from esim_graph.sandbox.records import ActivationCode, Device, Fate, Operation, Profile, Transaction

USUAL_SIZE = 2000  #: devices.
OUTSIDERS = 60  #: eSIMs known to one of eSIMfly and eSIM Go, and not to Digi.

_BY_NAME = {carrier.name: carrier for carrier in CARRIERS}
_FATES = {
    landmarks.ACTIONS_FAIL.name: Fate.ACTIONS_FAIL,
    landmarks.FAILS_AFTER_DOWNLOAD.name: Fate.ENABLE_FAILS,
    landmarks.UNKNOWN_FIRST.name: Fate.UNKNOWN_FIRST,
}
_FAILURES = (
    ("SMDP_UNREACHABLE", "The profile server (SM-DP+) could not be reached, gave up after 3 attempts"),
    ("DEVICE_NOT_RESPONDING", "The device did not contact the eSIM registry (EIS) in time"),
    ("MATCHING_ID_REFUSED", "The profile server refused the activation code: 8.2.6, 3.8"),
)


@dataclass(slots=True)
class Fleet:
    """What exists when a sandbox opens. Dictionaries are keyed by the record's own identifier."""

    devices: dict[str, Device] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    codes: dict[str, ActivationCode] = field(default_factory=dict)
    transactions: dict[str, Transaction] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    esimfly: list[str] = field(default_factory=list)  #: ICCIDs eSIMfly knows, oldest first.
    esimgo: list[str] = field(default_factory=list)  #: ICCIDs eSIM Go knows, oldest first.
    foreign: set[str] = field(default_factory=set)  #: ICCIDs of another account.

    def put_profile(self, device: Device, iccid: str, spn: str, status: str, kind: str, number: int) -> Profile:
        """Put a reported profile with a known *number* within the eSIM."""
        profile = Profile(
            carrier=spn,
            normalized_carrier=normalized(spn),
            device_id=device.device_id,
            eid=device.eid,
            iccid=iccid,
            id=number,
            status=status,
            type=kind,
        )
        self.profiles[iccid] = profile
        return profile


def build_fleet(*, seed: int, devices: int, now: datetime) -> Fleet:
    """Build the fleet of one sandbox: *devices* devices beside the landmarks, a past of 30 days.

    Codes and past grow with the fleet up to its usual size: 20 codes a carrier, 600 single actions
    and 400 operations at 2,000 devices and above; a test's small fleet has a tenth of that.
    """
    fleet = Fleet()
    rng = random.Random(seed)  # noqa: S311  # a reproducible fleet, nothing to keep secret
    _add_landmarks(fleet)
    _add_devices(fleet, rng, devices)
    share = min(1.0, max(0.1, devices / USUAL_SIZE))
    _add_codes(fleet, rng, each=round(20 * share))
    _add_outsiders(fleet, rng)
    _add_past(fleet, rng, now, transactions=round(600 * share), operations=round(400 * share))
    return fleet


def _add_landmarks(fleet: Fleet) -> None:
    for landmark in landmarks.LANDMARKS:
        if landmark.device_id is not None and landmark.eid is not None:
            _add_landmark_device(fleet, landmark, Device(landmark.device_id, landmark.eid))
    both = [
        landmark.iccid
        for landmark in landmarks.LANDMARKS
        if landmark.device_id is not None and landmark is not landmarks.DIGI_ONLY
    ]
    fleet.esimfly = [*both, landmarks.ESIMFLY_ONLY.iccid, landmarks.PROVIDER_ERROR.iccid]
    fleet.esimgo = [*both, landmarks.ESIMGO_ONLY.iccid, landmarks.PROCESSING.iccid]
    fleet.foreign = {landmarks.FOREIGN.iccid}


def _add_landmark_device(fleet: Fleet, landmark: Landmark, device: Device) -> None:
    device.fate = _FATES.get(landmark.name, Fate.WORKS)
    fleet.devices[device.device_id] = device
    carrier = _BY_NAME[str(landmark.carrier)]
    spare = build_iccid("898830", int(device.device_id[-6:], 16))
    if landmark is landmarks.READY_TO_ENABLE:
        fleet.put_profile(device, spare, "KPN", "active", "operational", 1)
        fleet.put_profile(device, landmark.iccid, carrier.spn, "inactive", "operational", 2)
    elif landmark in (landmarks.READY_TO_ACTIVATE, landmarks.READY_TO_DOWNLOAD):
        fleet.put_profile(device, spare, "Bootstrap", "active", "bootstrap", 1)
        code = ActivationCode(
            iccid=landmark.iccid,
            carrier=carrier.name,
            spn=carrier.spn,
            secret=landmark.activation_code or _secret(landmark.iccid),
            registered=landmark.activation_code is None,
        )
        fleet.codes[landmark.iccid] = code
    elif landmark is landmarks.FAILS_AFTER_DOWNLOAD:  # its profile is another carrier's than the one to activate
        fleet.put_profile(device, landmark.iccid, "Telia", "active", "operational", 1)
    elif landmark is landmarks.SPN_MISMATCH:
        fleet.put_profile(device, spare, "Bootstrap", "active", "bootstrap", 1)
        fleet.put_profile(device, landmark.iccid, carrier.spn, "inactive", "operational", 2)
    else:
        fleet.put_profile(device, landmark.iccid, carrier.spn, "active", "operational", 1)


def _add_devices(fleet: Fleet, rng: random.Random, count: int) -> None:
    """Add *count* devices: one profile each, every sixth two more, every fiftieth a hard case."""
    for number in range(count):
        fate = Fate.WORKS
        if not (number + 1) % 50:
            fate = rng.choice((Fate.ACTIONS_FAIL, Fate.ENABLE_FAILS, Fate.UNKNOWN_FIRST))
        device = Device(build_device_id(0x200000 + number), build_eid("89033023", rng.getrandbits(60)), fate)
        fleet.devices[device.device_id] = device
        rows = 3 if number % 6 == 0 else 1
        active = rng.randrange(rows + 1)
        for row in range(rows):
            carrier = CARRIERS[int(rng.random() * len(CARRIERS))]
            iccid = _iccid(rng, carrier, number * 4 + row)
            kind = "bootstrap" if row == 1 else "operational"
            fleet.put_profile(device, iccid, carrier.spn, "active" if row == active else "inactive", kind, row + 1)
            _share(fleet, rng, iccid)


def _share(fleet: Fleet, rng: random.Random, iccid: str) -> None:
    """Let eSIMfly and eSIM Go know an eSIM of Digi's: both, one, none, or as somebody else's."""
    known = rng.choices(_KNOWN_TO, weights=(70, 10, 10, 2, 8))[0]
    if "esimfly" in known:
        fleet.esimfly.append(iccid)
    if "esimgo" in known:
        fleet.esimgo.append(iccid)
    if "foreign" in known:
        fleet.foreign.add(iccid)


_KNOWN_TO = (("esimfly", "esimgo"), ("esimfly",), ("esimgo",), ("foreign",), ())


def _iccid(rng: random.Random, carrier: Carrier, number: int) -> str:
    """Return a fresh ICCID: 19 digits mostly, some of 20 and of 18 (upstreams §4.4)."""
    length = rng.choices((18, 19, 20), cum_weights=(3, 87, 100))[0]
    return build_iccid(carrier.issuer, rng.randrange(1_000, 10_000) * 10_000_000 + number, length=length)


def _secret(iccid: str) -> str:
    return f"LPA:1$rsp-eu.simlessly.com$SANDBOX-{iccid}"


def _add_codes(fleet: Fleet, rng: random.Random, *, each: int) -> None:
    for carrier in CARRIERS:
        for number in range(each):
            iccid = _iccid(rng, carrier, 9_000_000 + number)
            fleet.codes[iccid] = ActivationCode(iccid, carrier.name, carrier.spn, _secret(iccid))
            fleet.esimfly.append(iccid)
            fleet.esimgo.append(iccid)


def _add_outsiders(fleet: Fleet, rng: random.Random) -> None:
    for number in range(OUTSIDERS):
        iccid = _iccid(rng, rng.choice(CARRIERS), 9_900_000 + number)
        (fleet.esimfly if number % 2 else fleet.esimgo).append(iccid)


def _add_past(fleet: Fleet, rng: random.Random, now: datetime, *, transactions: int, operations: int) -> None:
    """Add finished transactions and operations of the last 30 days, oldest first."""
    profiles = list(fleet.profiles.values())
    moments = [("transaction", rng.random()) for _ in range(transactions)]
    moments += [("operation", rng.random()) for _ in range(operations)]
    for kind, share in sorted(moments, key=lambda moment: moment[1]):
        created = now - timedelta(days=30) + share * timedelta(days=29, hours=22)
        profile = profiles[int(rng.random() * len(profiles))]
        if kind == "transaction":
            action = _ACTIONS[int(rng.random() * len(_ACTIONS))]
            status = rng.choices(("complete", "failed", "unknown"), cum_weights=(88, 98, 100))[0]
            _add_past_transaction(fleet, rng, profile, created, action, status)
        else:
            _add_past_operation(fleet, rng, profile, created)


_ACTIONS = ("download", "enable", "disable", "delete")
_OUTCOMES = {
    "complete": "The eSIM reported success to the profile server",
    "unknown": "The profile server does not know how the action ended",
}


def _add_past_transaction(
    fleet: Fleet, rng: random.Random, profile: Profile, created: datetime, action: str, status: str
) -> Transaction:
    code, message = rng.choice(_FAILURES) if status == "failed" else (None, _OUTCOMES[status])
    transaction = Transaction(
        number=1 + len(fleet.transactions),
        transaction=_uuid(rng),
        action=action,
        device_id=profile.device_id,
        eid=profile.eid,
        iccid=profile.iccid,
        status=status,
        created=created,
        updated=created + timedelta(seconds=rng.uniform(180, 600)),
        message=message,
        message_code=code,
        managed=True,
    )
    fleet.transactions[transaction.transaction] = transaction
    return transaction


def _add_past_operation(fleet: Fleet, rng: random.Random, profile: Profile, created: datetime) -> None:
    """Add one operation and the transactions inside it; a failed one stopped at its last transaction."""
    failed = rng.choices((True, False), weights=(1, 7))[0]
    cause = rng.choices(("request", "automation", "template"), cum_weights=(6, 8, 10))[0]
    kind = rng.choice(("activate", "activate", "download", "enable"))
    actions = ("download", "enable") if kind == "activate" else (kind,)
    if failed:
        actions = actions[:1]
    inside: dict[str, Transaction] = {}
    at = created + timedelta(seconds=50)
    for action in actions:
        inside[action] = _add_past_transaction(fleet, rng, profile, at, action, "failed" if failed else "complete")
        at = inside[action].updated
    last = inside[actions[-1]]
    number = 1 + len(fleet.operations)
    operation = Operation(
        number=number,
        id=_uuid(rng),
        operation=kind,
        device_id=profile.device_id,
        eid=profile.eid,
        carrier=profile.carrier,
        iccid=profile.iccid,
        status="failed" if failed else "successful",
        cause=cause,
        cause_id=None if cause == "request" else f"{cause}-{rng.randrange(1, 9)}",
        created_by="sandbox" if cause == "request" else "system",
        source="/ws/v1/esim_profiles/operations" if cause == "request" else cause,
        job_id=700_000 + number,
        created=created,
        updated=last.updated,
        message=last.message if failed else "The operation was successful",
        message_code=last.message_code,
        download_tx=inside["download"].transaction if "download" in inside else None,
        enable_tx=inside["enable"].transaction if "enable" in inside else None,
    )
    fleet.operations[operation.id] = operation


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
