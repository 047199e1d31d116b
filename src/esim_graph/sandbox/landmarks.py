"""The fixed places of the simulated fleet: the same for every seed, safe to name in examples.

Everything else in the fleet changes with ``--seed``; these do not, and :mod:`.fleet` builds them
first. ICCIDs are those the vendors print in their own pages (upstreams §4.4).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """One documented eSIM. ``iccid`` is the one to ask for; ``device_id`` and ``eid`` where it lives."""

    name: str
    story: str
    iccid: str
    device_id: str | None = None
    eid: str | None = None
    carrier: str | None = None
    activation_code: str | None = None


KNOWN_TO_ALL = Landmark(
    name="known_to_all",
    story="Known to all three vendors: an active Digi profile, the live status printed in vendors page 002, "
    "and a bundle history that starts with the two equal instants of vendors page 003.",
    iccid="8948010010036785060",
    device_id="00000000-00000000-00409DFF-FF123456",
    eid="89049032123451234512345678901235",
    carrier="Play",
)
"""The first eSIM to ask for: profile, live status and bundle history all answer."""

READY_TO_ENABLE = Landmark(
    name="ready_to_enable",
    story="Downloaded and inactive beside an active profile of the same eSIM (ask Digi for the eid); "
    "enabling it turns the other one off.",
    iccid="8943108170002570328",
    device_id="00000000-00000000-00409DFF-FF000001",
    eid="89034011560010000000000000000121",
    carrier="Telekom.de",
)
"""A downloaded, inactive profile: ENABLE completes and flips its neighbour to inactive."""

READY_TO_ACTIVATE = Landmark(
    name="ready_to_activate",
    story="A device with a bootstrap profile; activating carrier 'Vodafone UK' on it downloads and enables "
    "this ICCID and ends successful.",
    iccid="8944538532008160222",
    device_id="00000000-00000000-00409DFF-FF000002",
    eid="89086030202200000022000014352016",
    carrier="Vodafone UK",
)
"""A device whose ACTIVATE operation by carrier passes every step and ends successful."""

READY_TO_DOWNLOAD = Landmark(
    name="ready_to_download",
    story="Not on any device yet. Download it to this device by activation code; Digi does not know the "
    "code, so the ICCID alone is not enough.",
    iccid="89883070000007537119",
    device_id="00000000-00000000-00409DFF-FF000003",
    eid="35203000100100000000000021371840",
    carrier="Orange F",
    activation_code="LPA:1$rsp-eu.simlessly.com$SANDBOX-READY-TO-DOWNLOAD",
)
"""An unregistered activation code and a device to download it to."""

DIGI_ONLY = Landmark(
    name="digi_only",
    story="An active Digi profile; eSIMfly answers 404 and eSIM Go 403.",
    iccid="8985211116317800004",
    device_id="00000000-00000000-00409DFF-FF000004",
    eid="89049032000000000000000000000454",
    carrier="CSL Mobile",
)
"""Known to Digi alone."""

ESIMFLY_ONLY = Landmark(
    name="esimfly_only",
    story="Live status answers; Digi has no such profile and eSIM Go answers 403. Twenty digits.",
    iccid="89852000263318806140",
)
"""Known to eSIMfly alone."""

ESIMGO_ONLY = Landmark(
    name="esimgo_only",
    story="The example of vendors page 003: only eSIM Go knows it. Fails Luhn, as documented.",
    iccid="8944123456789012000",
)
"""Known to eSIM Go alone."""

SPN_MISMATCH = Landmark(
    name="spn_mismatch",
    story="Supplied by 'Fred's Fast Wireless Service', reports SPN 'Mobile'. Activating Fred's carrier on this "
    "device does not find the profile and takes another one (vendors page 001, Warning).",
    iccid="8901234567890123456",
    device_id="00000000-00000000-00409DFF-FF000005",
    eid="89049032000000000000000000000551",
    carrier="Fred's Fast Wireless Service",
)
"""The documented trap of carrier names: an activation by supplier name picks another profile."""

ACTIONS_FAIL = Landmark(
    name="actions_fail",
    story="Every action and operation on this device ends failed, with a message and a message_code.",
    iccid="8932042000010078801",
    device_id="00000000-00000000-00409DFF-FF000006",
    eid="89049032000000000000000000000648",
    carrier="Proximus",
)
"""A device whose actions fail. Its ICCID fails Luhn, as documented."""

FAILS_AFTER_DOWNLOAD = Landmark(
    name="fails_after_download",
    story="Activating carrier 'EE' on this device downloads a profile and then fails to enable it. The ICCID is "
    "its present profile, of another carrier; its data plan is unlimited.",
    iccid="8981100000012345678",
    device_id="00000000-00000000-00409DFF-FF000007",
    eid="89049032000000000000000000000745",
    carrier="EE",
)
"""A device whose operations fail after the download. """

UNKNOWN_FIRST = Landmark(
    name="unknown_first",
    story="Actions on this device end unknown, and become complete five simulated minutes later.",
    iccid="89860468152080349618",
    device_id="00000000-00000000-00409DFF-FF000008",
    eid="89049032000000000000000000000842",
    carrier="Swisscom",
)
"""A device whose transactions pass through ``unknown``. Never connected: its live network is empty."""

FOREIGN = Landmark(
    name="foreign",
    story="Belongs to somebody else: absent at Digi, 403 at eSIMfly and eSIM Go. Fails Luhn, as documented.",
    iccid="8910300001234567890",
)
"""An eSIM of another account."""

PROVIDER_ERROR = Landmark(
    name="provider_error",
    story="Known to eSIMfly, but the network behind it never answers: always 502 PROVIDER_ERROR.",
    iccid="8944100000000000018",
)
"""An eSIM whose live status is always 502."""

PROCESSING = Landmark(
    name="processing",
    story="Known to eSIM Go, whose bundle is still processing for the first ten simulated minutes: 503 with "
    "Retry-After, then a history.",
    iccid="8944100000000000026",
)
"""An eSIM whose history answers 503 for a while."""

LANDMARKS: tuple[Landmark, ...] = (
    KNOWN_TO_ALL,
    READY_TO_ENABLE,
    READY_TO_ACTIVATE,
    READY_TO_DOWNLOAD,
    DIGI_ONLY,
    ESIMFLY_ONLY,
    ESIMGO_ONLY,
    SPN_MISMATCH,
    ACTIONS_FAIL,
    FAILS_AFTER_DOWNLOAD,
    UNKNOWN_FIRST,
    FOREIGN,
    PROVIDER_ERROR,
    PROCESSING,
)
