"""Who may call eSIMfly: the HMAC signature, its clock and replay rules, three rate limits.

Source: vendors page 002 (headers); upstreams §2.1 (signature), §2.2 (replay, time), §2.4 (limits), §7.2.
"""

import hashlib
import hmac
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from aiohttp import web

from esim_graph.sandbox.clock import iso_ms
from esim_graph.sandbox.credentials import Credentials
from esim_graph.sandbox.esimfly import answers
from esim_graph.sandbox.throttle import FixedWindow, SlidingWindow
from esim_graph.sandbox.world import World

OLDEST = timedelta(minutes=5)
REMEMBERED = timedelta(hours=24)
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_SIGNING = ("RT-Signature", "RT-Timestamp", "RT-RequestID")
_WINDOWS = (("per_minute", 60.0), ("per_hour", 3600.0), ("per_day", 86_400.0))


def signature(secret_key: str, timestamp: str, request_id: str, access_code: str, body: bytes) -> str:
    """Return ``UPPER(hex(HMAC_SHA256(secretKey, timestamp + requestId + accessCode + rawBody)))``."""
    signed = (timestamp + request_id + access_code).encode() + body
    return hmac.new(secret_key.encode(), signed, hashlib.sha256).hexdigest().upper()


class Admission:
    """eSIMfly's front door. Its clock is the wall clock; its rate limits run in simulated time."""

    def __init__(self, world: World, credentials: Credentials) -> None:
        self._world = world
        self._switches = world.switches.esimfly
        self._credentials = credentials
        self._used: OrderedDict[str, datetime] = OrderedDict()
        self._fixed = {name: FixedWindow(seconds) for name, seconds in _WINDOWS}
        self._sliding = {name: SlidingWindow(seconds) for name, seconds in _WINDOWS}

    def refusal(self, headers: Mapping[str, str], body: bytes) -> web.Response | None:
        """Return why a call may not pass, or None; *body* is the exact bytes received."""
        if self._exhausted():
            return answers.rate_limited()
        refused = self._unauthenticated(headers, body)
        if refused is None or self._switches.failed_auth_counts:
            moment = self._world.time.elapsed()
            for windows in (self._fixed, self._sliding):
                for window in windows.values():
                    window.count(moment)
        return refused

    def rate_headers(self) -> dict[str, str]:
        """Return X-RateLimit-* of the window with the least left (which one is shown is unknown)."""
        moment, switches = self._world.time.elapsed(), self._switches
        limits = {name: int(getattr(switches, name)) for name, _ in _WINDOWS if getattr(switches, name)}
        if not limits:
            return {}
        windows = self._windows()
        left = {name: limit - windows[name].used(moment) for name, limit in limits.items()}
        tightest = min(left, key=lambda name: left[name])
        wait = self._world.time.real_seconds(windows[tightest].resets_in(moment))
        reset = self._world.time.now() + timedelta(seconds=wait)
        return {
            "X-RateLimit-Limit": str(limits[tightest]),
            "X-RateLimit-Remaining": str(max(0, left[tightest])),
            "X-RateLimit-Reset": str(math.ceil(reset.timestamp())) if switches.rate_reset == "unix" else iso_ms(reset),
        }

    def _windows(self) -> Mapping[str, FixedWindow] | Mapping[str, SlidingWindow]:
        return self._fixed if self._switches.windows == "fixed" else self._sliding

    def _exhausted(self) -> bool:
        moment, windows = self._world.time.elapsed(), self._windows()
        limits = {name: int(getattr(self._switches, name)) for name, _ in _WINDOWS}
        return any(limit and windows[name].used(moment) >= limit for name, limit in limits.items())

    def _unauthenticated(self, headers: Mapping[str, str], body: bytes) -> web.Response | None:
        if "RT-AccessCode" not in headers:
            # Page 002 wants HMAC; no Bearer token is valid here.
            return answers.invalid_api_key() if "Authorization" in headers else answers.authentication_required()
        if not all(headers.get(name) for name in _SIGNING):
            return answers.hmac_required(self._switches.hmac_required_status)
        if headers["RT-AccessCode"] != self._credentials.esimfly_access_code:
            return answers.invalid_api_key()
        if not _UUID4.fullmatch(headers["RT-RequestID"]):
            return answers.invalid_request_id()
        return self._unsigned(headers, body) or self._replayed(headers["RT-RequestID"])

    def _unsigned(self, headers: Mapping[str, str], body: bytes) -> web.Response | None:
        checks: list[Callable[[], web.Response | None]] = [
            lambda: self._signature_refusal(headers, body),
            lambda: self._timestamp_refusal(headers["RT-Timestamp"]),
        ]
        if self._switches.check_order == "timestamp_first":
            checks.reverse()
        return next((refused for check in checks if (refused := check()) is not None), None)

    def _signature_refusal(self, headers: Mapping[str, str], body: bytes) -> web.Response | None:
        request_id, access_code = headers["RT-RequestID"], headers["RT-AccessCode"]
        key = self._credentials.esimfly_secret_key
        wanted = signature(key, headers["RT-Timestamp"], request_id, access_code, body)
        # Upper-case hex only: the same digest in lower case is refused (§7.2.1).
        if hmac.compare_digest(headers["RT-Signature"].encode(), wanted.encode()):
            return None
        if self._switches.bad_signature_burns_id:
            self._remember(request_id)
        return answers.invalid_signature()

    def _timestamp_refusal(self, timestamp: str) -> web.Response | None:
        if not (timestamp.isascii() and timestamp.isdigit()):
            return answers.invalid_timestamp()
        age = self._world.time.now().timestamp() - int(timestamp) / 1000
        limit = OLDEST.total_seconds()
        too_new = age < -limit and self._switches.future_timestamps == "refused"
        return answers.invalid_timestamp() if age > limit or too_new else None

    def _replayed(self, request_id: str) -> web.Response | None:
        self._forget_old()
        if request_id.lower() in self._used:
            return answers.duplicate_request()
        self._remember(request_id)
        return None if self._switches.business_account else answers.invalid_user()

    def _remember(self, request_id: str) -> None:
        self._used[request_id.lower()] = self._world.time.now()

    def _forget_old(self) -> None:
        now = self._world.time.now()
        while self._used and now - next(iter(self._used.values())) >= REMEMBERED:
            self._used.popitem(last=False)
