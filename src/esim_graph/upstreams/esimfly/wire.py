"""eSIMfly's spelling of a live status, and the three shapes of its errors.

Source: eSIMfly business API, "eSIM Status" (page 002); errors: upstreams.md §2.3.
"""

import orjson

from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.live_status import DataUsage, LastNetwork, LiveDevice, LiveStatus, PlanStatus
from esim_graph.errors import (
    UpstreamAuthFailed,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamForbidden,
    UpstreamUnavailable,
)
from esim_graph.upstreams import reading
from esim_graph.upstreams.messages import Answer, Request, build_path
from esim_graph.upstreams.reading import Json, Members
from esim_graph.upstreams.refusals import is_passing, is_success, rate_limited, refusal, unreadable

_PATH = build_path("api", "v1", "business", "esims", "status")
_NOT_FOUND = 404
_UNKNOWN_ESIM = "ESIM_NOT_FOUND"
_NO_IDENTIFIER = "MISSING_IDENTIFIER"
_USED_ID = "DUPLICATE_REQUEST"
_OUR_FAULT = frozenset({_NO_IDENTIFIER, "INVALID_REQUEST_ID", _USED_ID})
_BAD_CREDENTIALS = frozenset({"HMAC_REQUIRED", "INVALID_API_KEY", "INVALID_SIGNATURE", "INVALID_USER"})
_MOST_GIGABYTES = 1e9


def post_status(identifier: Iccid | int) -> Request:
    """Ask for a live status; a number is eSIMfly's own ``esimId``.

    A POST that reads: asking twice is harmless, though each time the network is asked.
    """
    named = {"esimId": identifier} if isinstance(identifier, int) else {"iccid": identifier}
    return _post("live_status", orjson.dumps(named))


def post_nothing() -> Request:
    """Ask for no eSIM at all. The signature is checked first, so the refusal proves it good."""
    return _post("check", b"{}")


def _post(endpoint: str, body: bytes) -> Request:
    return Request(method="POST", endpoint=endpoint, path=_PATH, body=body, idempotent=True)


def is_worth_retrying(answer: Answer) -> bool:
    """Whether another attempt may succeed: not where the network behind eSIMfly gave no answer.

    ``DUPLICATE_REQUEST`` says that our request id was seen before; the next attempt has a new one.
    """
    if is_success(answer):
        return False
    code = _code(_error_body(answer))
    return code == _USED_ID or (is_passing(answer) and code != "PROVIDER_ERROR")


def read_live_status(answer: Answer, asked: Iccid | int) -> LiveStatus | None:
    """The live status; None if eSIMfly knows no such eSIM.

    Raises:
        UpstreamForbidden: the eSIM belongs to another account.
        UpstreamUnavailable: the network behind eSIMfly gave no answer.
        UpstreamBadResponse: the answer is no status.
    """
    if not is_success(answer):
        refused = _error_body(answer)
        # A 404 without a JSON body comes from something else than eSIMfly: a wrong base URL.
        if _code(refused) == _UNKNOWN_ESIM or (answer.status == _NOT_FOUND and refused):
            return None
        raise _refusal(answer, refused)
    body = reading.members(reading.parse_json(answer, "esimfly"))
    if body is None:
        raise unreadable("esimfly", "is no object")
    if body.get("success") is False:
        if _code(body) == _UNKNOWN_ESIM:
            return None
        raise _refusal(answer, body)
    data = reading.members(body.get("data"))
    if data is None:
        raise unreadable("esimfly", "has no data")
    status = _live_status(data, asked)
    if isinstance(asked, str) and status.iccid != asked:
        raise unreadable("esimfly", "is about another eSIM")
    return status


def read_check(answer: Answer) -> float | None:
    """Nothing but that the signature is good; the value is the vendor's clock offset."""
    body = _error_body(answer)
    if not is_success(answer) and _code(body) != _NO_IDENTIFIER:
        raise _refusal(answer, body)
    return answer.clock_offset


def _live_status(data: Members, asked: Iccid | int) -> LiveStatus:
    status = reading.text(data.get("status"))
    return LiveStatus(
        iccid=reading.iccid(data.get("iccid")) or (None if isinstance(asked, int) else asked),
        status=PlanStatus.read(status),
        status_raw=status,
        esim_status=reading.text(data.get("esim_status")),
        smdp_status=reading.text(data.get("smdp_status")),
        profile=reading.text(data.get("profile")),
        unlimited=reading.flag(data.get("unlimited")),
        last_network=_last_network(data.get("last_network")),
        device=_device(data.get("device")),
        activated_at=reading.instant(data.get("activation_date")),
        last_used_at=reading.instant(data.get("last_usage_date")),
        expires_at=reading.instant(data.get("expiry_date")),
        data_usage=_data_usage(data.get("data_usage")),
    )


def _last_network(value: Json) -> LastNetwork | None:
    """None before the first connection, whether eSIMfly says null or an object full of nulls."""
    network = reading.members(value) or {}
    last = LastNetwork(
        operator=reading.text(network.get("operator")),
        mcc=reading.text(network.get("mcc")),
        mnc=reading.text(network.get("mnc")),
        country=reading.text(network.get("country")),
        country_code=reading.text(network.get("country_iso2")),
        connection_type=reading.text(network.get("connection_type")),
    )
    return None if last == _NO_NETWORK else last


def _device(value: Json) -> LiveDevice | None:
    """None before the installation, likewise."""
    device = reading.members(value) or {}
    model, imei = reading.text(device.get("model")), reading.text(device.get("imei"))
    return None if model is None and imei is None else LiveDevice(model=model, imei=imei)


def _data_usage(value: Json) -> DataUsage | None:
    usage = reading.members(value)
    if usage is None:
        return None
    return DataUsage(
        used_gb=_gigabytes(usage.get("used_gb")),
        total_gb=_gigabytes(usage.get("total_gb")),
        unlimited=reading.flag(usage.get("unlimited")),
    )


def _gigabytes(value: Json) -> float | None:
    """A volume; a number that can be none, below zero or beyond all plans, is as good as none."""
    volume = reading.number(value)
    return volume if volume is not None and 0 <= volume <= _MOST_GIGABYTES else None


_NO_NETWORK = LastNetwork(operator=None, mcc=None, mnc=None, country=None, country_code=None, connection_type=None)


def _error_body(answer: Answer) -> Members:
    """A refusal's object; empty where it is HTML, text or nothing."""
    try:
        return reading.members(reading.parse_json(answer, "esimfly")) or {}
    except UpstreamBadResponse:
        return {}


def _code(body: Members) -> str | None:
    return reading.text(body.get("code"))


def _refusal(answer: Answer, body: Members) -> UpstreamError:
    """What a refusal means: by its code, and by the HTTP status where it has none that we know."""
    code = _code(body)
    if code in _BAD_CREDENTIALS:
        return UpstreamAuthFailed("eSIMfly refuses our credentials.", upstream="esimfly")
    if code == "INVALID_TIMESTAMP":
        return UpstreamAuthFailed(
            "eSIMfly refuses our timestamp: the clock here may be minutes off.", upstream="esimfly"
        )
    if code == "FORBIDDEN":
        return UpstreamForbidden("eSIMfly does not let our credentials see this eSIM.", upstream="esimfly")
    if code == "PROVIDER_ERROR":
        return UpstreamUnavailable("The network behind eSIMfly gave no answer.", upstream="esimfly")
    if code == "RATE_LIMIT_EXCEEDED":
        return rate_limited(answer, "esimfly")
    if code in _OUR_FAULT:
        return UpstreamBadResponse("eSIMfly refuses the form of our request.", upstream="esimfly")
    if is_success(answer):
        return unreadable("esimfly", "says that it failed and not why")
    return refusal(answer, "esimfly")
