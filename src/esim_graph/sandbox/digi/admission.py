"""Who may call Digi, and how fast: credentials, then the account's throttles.

Source: upstreams §1.1 (Basic or an API key), §1.6 (sliding window, calls at once), §7.1.1, §7.1.5.
"""

import base64
import binascii
import hmac

from aiohttp import web

from esim_graph.sandbox.credentials import Credentials
from esim_graph.sandbox.digi.answers import error
from esim_graph.sandbox.http import html_response
from esim_graph.sandbox.throttle import SlidingWindow
from esim_graph.sandbox.world import World

WINDOW_SECONDS = 10.0  #: "enforced with a sliding 10 s window" (§1.6).


class Admission:
    """Digi's front door. The throttle belongs to the account, so all its keys share it."""

    def __init__(self, world: World, credentials: Credentials) -> None:
        self._world = world
        self._switches = world.switches.digi
        self._credentials = credentials
        self._window = SlidingWindow(WINDOW_SECONDS)

    def refusal(self, request: web.Request, in_flight: int) -> web.Response | None:
        """Return why *request* may not pass, or None; *in_flight* counts it too."""
        if self.caller(request) is None:
            if self._switches.unauthorized_body == "html":
                return html_response("401 Unauthorized", status=401)
            return error(401, "Unauthorized")
        if not self._switches.subscribed:
            return error(403, "Your account is not subscribed to this feature")
        return self._throttled(in_flight)

    def caller(self, request: web.Request) -> str | None:
        """Return the name of the user or key behind *request*, or None."""
        key_id = request.headers.get("X-API-KEY-ID")
        if key_id is not None:
            secret = request.headers.get("X-API-KEY-SECRET", "")
            valid = not self._switches.expired_keys and self._same(secret, self._credentials.digi_keys.get(key_id))
            return key_id if valid else None
        if self._switches.sso:
            return None
        username, password = _basic(request.headers.get("Authorization", ""))
        valid = username == self._credentials.digi_username
        return username if valid and self._same(password, self._credentials.digi_password) else None

    @staticmethod
    def _same(given: str, wanted: str | None) -> bool:
        return wanted is not None and hmac.compare_digest(given.encode(), wanted.encode())

    def _throttled(self, in_flight: int) -> web.Response | None:
        moment = self._world.time.elapsed()
        calls, at_once = self._switches.throttle_window_calls, self._switches.throttle_in_flight
        full = bool(calls and self._window.used(moment) >= calls) or bool(at_once and in_flight > at_once)
        if not full or self._switches.throttled_calls_count:
            self._window.count(moment)
        if not full:
            return None
        if self._switches.throttled_body == "empty":
            return web.Response(status=429)
        return error(429, "Requests are being submitted faster than your account allows")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, password
