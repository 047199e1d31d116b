"""Every answer the vendors' pages leave open, as a switch with the default we believe in.

Labels are those of upstreams.md: (I) inferred, (U) unknown, (O) observed by third parties. A fact
is never a switch, except where an account's own settings change it (throttle tier, SSO).

Switches are flipped in process (``sandbox.switches.digi.single_get = "wrapped"``), by
``PATCH /control/switches`` or by ``ESIM_GRAPH_SANDBOX_SWITCHES__DIGI__SINGLE_GET=wrapped``.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class _Switches(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class DigiSwitches(_Switches):
    """What is open about Digi Remote Manager. Source: upstreams §1, §7.1, §9."""

    single_get: Literal["bare", "wrapped"] = "bare"
    """One profile or operation by id: the bare object, or a list envelope of one (U, §1.2)."""
    action_answer: Literal["transaction", "row", "list"] = "transaction"
    """An accepted action: ``{"transaction": id}``, the whole row, or a list envelope of it (U, §7.1.6)."""
    operation_answer: Literal["row", "id", "list"] = "row"
    """A started operation: the whole row, ``{"id": id}``, or a list envelope of the row (U)."""
    accepted_status: Literal[200, 201, 202] = 200
    """HTTP status of an accepted POST (U; all three are success codes, §1.2)."""
    identifiers: Literal["uuid", "integer"] = "uuid"
    """Transaction and operation ids: UUID strings, or JSON numbers (U)."""
    customer_id: Literal["integer", "string"] = "integer"
    """``customer_id``: a JSON number or a string (I, §7.1 example row)."""
    empty_values: Literal["null", "absent"] = "null"
    """A field without a value: ``null``, or left out (U)."""
    list_size: bool = True
    """Whether a list envelope has ``size`` (O, §1.2)."""
    summary: Literal["map", "list"] = "map"
    """Shape of ``GET /ws/v1/esim_profiles`` (U)."""
    unauthorized_body: Literal["json", "html"] = "json"
    """Body of a 401 (U, §7.1.1)."""
    sso: bool = False
    """An account with single sign-on: Basic is refused, API keys work (F, §1.1)."""
    expired_keys: bool = False
    """API keys older than a year are refused (F, §1.1)."""
    subscribed: bool = True
    """An account without the eSIM feature gets an error (F, §1.2); that it is a 403 is (U)."""
    throttled_body: Literal["json", "empty"] = "json"
    """Body of a 429 (U, §1.6)."""
    throttle_window_calls: Count = 40
    """Calls in any 10 s: a sixth of the account's calls a minute, 40 for Premier (F, §1.6). 0 = no limit."""
    throttle_in_flight: Count = 4
    """Calls at once, 4 for Premier (F, §1.6). 0 = no limit."""
    throttled_calls_count: bool = False
    """Whether a call answered 429 fills the window too (U)."""
    size_over_maximum: Literal["refuse", "clamp"] = "refuse"
    """``size`` above 1,000: 400, or treated as 1,000 (U, §1.4)."""
    cursor_binding: Literal["strict", "loose"] = "strict"
    """A cursor with other parameters: 400, or the parameters it was made with win (I, §1.4)."""
    cursor_after_full_last_page: bool = False
    """Whether a full last page carries a cursor to an empty page (I, §1.4)."""
    truncated_value: str = "true"
    """Value of the ``Truncated`` header (U, §1.4)."""
    size_truncates_bulk: bool = True
    """Whether rows left out by ``size`` alone set ``Truncated`` (U)."""
    orderby_field_first: bool = False
    """Whether ``created desc`` is understood beside ``desc created`` (O, §1.4)."""
    null_differs: bool = True
    """Whether ``field <> 'x'`` is true of a field without a value (U)."""
    unknown_device_status: Literal[400, 404] = 400
    """An action on a device the account does not have (U)."""
    eid_required: bool = False
    """Whether an action without ``eid`` is refused (U; vendors page 001 does not say)."""
    malformed_code: Literal["refuse", "fail"] = "refuse"
    """An activation code that is none: 400 at once, or a transaction that fails (U)."""
    delete_active: Literal["fails", "completes"] = "fails"
    """Deleting the active profile (I, §4.2: eUICC rules want it disabled first)."""
    enable_active: Literal["completes", "fails"] = "completes"
    """Enabling the profile that is active already (U)."""
    report_lag: Seconds = 45.0
    """Simulated seconds from ``complete`` to the device's report, when rows change (I, §7.1.7)."""
    system_check_interval: Seconds = 150.0
    """Simulated seconds between the system's own "intermittent" checks (U; page 001). 0 = never."""


class EsimflySwitches(_Switches):
    """What is open about eSIMfly. Source: upstreams §2, §7.2, §9."""

    check_order: Literal["signature_first", "timestamp_first"] = "signature_first"
    """Which of the two is refused first when both are bad (U, §2.2)."""
    bad_signature_burns_id: bool = False
    """Whether a badly signed request uses its RT-RequestID up (U, §2.2)."""
    future_timestamps: Literal["refused", "accepted"] = "refused"
    """A timestamp more than 5 minutes ahead (U, §2.2)."""
    hmac_required_status: Literal[400, 401] = 401
    """HTTP status when some RT-* headers are missing (I, §2.3)."""
    business_account: bool = True
    """Whether the account is a business account; otherwise 403 INVALID_USER (F, §2.3)."""
    failed_auth_counts: bool = True
    """Whether refused credentials use up the rate limit (U, §7.2.2)."""
    windows: Literal["fixed", "sliding"] = "fixed"
    """How the rate-limit windows move (U, §2.4; a reset time suggests fixed ones)."""
    per_minute: Count = 100
    """Calls in 60 s (F "typically", §2.4). 0 = no limit."""
    per_hour: Count = 1000
    """Calls in an hour (F "typically", §2.4). 0 = no limit."""
    per_day: Count = 10_000
    """Calls in a day (F "typically", §2.4). 0 = no limit."""
    rate_reset: Literal["iso", "unix"] = "iso"
    """``X-RateLimit-Reset``: ISO 8601 (current page) or Unix seconds (removed page) (§2.4)."""
    unknown_profile: Literal["null", "absent"] = "null"
    """``profile`` when unknown (§2.6: absent in an earlier version of the page)."""
    never_connected: Literal["null_members", "null_object"] = "null_members"
    """``last_network`` and ``device`` before first use: vendors page 002 says both "null fields" and "null"."""
    provider_error_every: Count = 0
    """Every how many live calls one ends 502 PROVIDER_ERROR (page 002; how often is U). 0 = never."""
    total_pages: Literal["total_pages", "totalPages"] = "total_pages"
    """Spelling in the list's pagination (§2.5: both are documented)."""


class EsimgoSwitches(_Switches):
    """What is open about eSIM Go. Source: upstreams §3, §7.3, §9."""

    history_container: Literal["array", "actions", "history", "object"] = "array"
    """History: the example's array, ``{"actions": []}`` (O), ``{"history": []}`` (I), or the schema's
    bare object when there is one event, an array otherwise (§3.3)."""
    bundle_spelling: Literal["bundleName", "bundle", "none"] = "bundleName"
    """``bundleName`` (current page), ``bundle`` (older v2.4), or neither (v2.1) (§3.3)."""
    history_extras: bool = True
    """Whether events carry ``bundleState`` and ``alertType`` where they have one (§3.3: older pages F,
    a live integration O, absent from vendors page 003)."""
    esim_level_bundle: Literal["absent", "null", "empty"] = "absent"
    """The bundle of an event of the eSIM itself (U, §3.3)."""
    foreign_status: Literal[400, 403] = 403
    """An unknown or foreign ICCID; never 404 (§3.1: 403 in v2.4, 400 in v2.1 and v2.3)."""
    retry_after_header: bool = True
    """Whether a 503 carries ``Retry-After`` ("or use the Retry-After header", vendors page 003)."""
    per_minute: Count = 0
    """Calls in 60 s before a 429 without ``Retry-After`` (U, §3.1). 0 = no limit."""


class Switches(_Switches):
    """The switches of all three vendors."""

    digi: DigiSwitches = Field(default_factory=DigiSwitches)
    esimfly: EsimflySwitches = Field(default_factory=EsimflySwitches)
    esimgo: EsimgoSwitches = Field(default_factory=EsimgoSwitches)
