"""eSIM Go's endpoints: the bundle history, the list used to check a key, the refresh that disconnects.

Source: vendors page 003 (history); upstreams §3.1 (errors), §3.2 (list, refresh), §3.3 (shapes), §7.3.
"""

import hmac
import math

from aiohttp import web

from esim_graph.sandbox.credentials import Credentials
from esim_graph.sandbox.entrance import Route
from esim_graph.sandbox.history import BundleEvent
from esim_graph.sandbox.http import RefusalError, json_response
from esim_graph.sandbox.throttle import SlidingWindow
from esim_graph.sandbox.world import World

BASE = "/v2.4"
PAGE_SIZES = (10, 25, 50, 100)
FORBIDDEN = "access denied"
INACCESSIBLE = {403: FORBIDDEN, 400: "ICCID not found and/or no permission"}  #: v2.4, and v2.1 and v2.3 (§3.1).


class EsimgoFace:
    """The eSIM Go API under ``/esimgo``. Every error is ``{"message"}``, and none is a 401 or a 404."""

    name = "esimgo"

    def __init__(self, world: World, credentials: Credentials) -> None:
        self._world = world
        self._switches = world.switches.esimgo
        self._api_key = credentials.esimgo_api_key
        self._window = SlidingWindow(60.0)

    def routes(self) -> list[Route]:
        """Return every endpoint."""
        return [
            Route("GET", f"/esimgo{BASE}/esims", "list", self.esims),
            Route("GET", f"/esimgo{BASE}/esims/{{iccid}}/history", "history", self.history),
            Route("GET", f"/esimgo{BASE}/esims/{{iccid}}/refresh", "refresh", self.refresh),
        ]

    async def admit(self, request: web.Request, body: bytes, in_flight: int) -> web.Response | None:
        """Return why a call may not pass, or None: a bad key is a 403 (§3.1)."""
        given = request.headers.get("X-API-Key", "")
        if not hmac.compare_digest(given.encode(), self._api_key.encode()):
            return self.error(403, FORBIDDEN)
        moment, limit = self._world.time.elapsed(), self._switches.per_minute
        if limit and self._window.used(moment) >= limit:
            return self.error(429, "too many requests")
        self._window.count(moment)
        return None

    def decorate(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add nothing: no header is documented for every answer."""

    def error(self, status: int, message: str) -> web.Response:
        """Answer ``{"message"}`` (F for the form, U for the texts)."""
        return json_response({"message": message}, status=status)

    async def history(self, request: web.Request) -> web.Response:
        """Answer the history of one eSIM, or 503 while its bundle is processing."""
        iccid = self._accessible(request)
        remaining = self._world.history.processing_until(iccid) - self._world.time.elapsed()
        if remaining > 0:
            busy = self.error(503, "Processing - please come back later or use the Retry-After (seconds) header")
            if self._switches.retry_after_header:
                busy.headers["Retry-After"] = str(math.ceil(self._world.time.real_seconds(remaining)))
            return busy
        rows = [self._row(event) for event in self._world.history.events(iccid)]
        container = self._switches.history_container
        if container in ("actions", "history"):
            return json_response({container: rows})
        return json_response(rows[0] if container == "object" and len(rows) == 1 else rows)

    async def refresh(self, request: web.Request) -> web.Response:
        """Disconnect the customer: a GET with a side effect, counted in ``world.history.refreshes``."""
        iccid = self._accessible(request)
        self._world.history.refresh(iccid, self._world.time.now())
        return json_response({"status": "Successfully refreshed SIM"})

    async def esims(self, request: web.Request) -> web.Response:
        """Answer a page of eSIMs, without totals (§3.2); ``perPage`` outside the four sizes is 400 (§7.3.5)."""
        page, per_page = request.query.get("page", "1"), request.query.get("perPage", "10")
        whole = (page + per_page).isascii() and page.isdigit() and per_page.isdigit()
        if not whole or int(per_page) not in PAGE_SIZES or int(page) < 1:
            raise RefusalError(self.error(400, "page or perPage is not accepted"))
        known = self._world.history.known
        if request.query.get("direction") == "desc":
            known = known[::-1]
        if request.query.get("filterBy") == "iccid":
            known = [iccid for iccid in known if request.query.get("filter", "") in iccid]
        first = (int(page) - 1) * int(per_page)
        return json_response({"esims": [self._item(iccid) for iccid in known[first : first + int(per_page)]]})

    def _accessible(self, request: web.Request) -> str:
        """Return the ICCID of the path; unknown and foreign ones get the same answer, never a 404."""
        iccid = request.match_info["iccid"]
        if not self._world.history.knows(iccid):
            status = self._switches.foreign_status
            raise RefusalError(self.error(status, INACCESSIBLE[status]))
        return iccid

    def _row(self, event: BundleEvent) -> dict[str, object]:
        """Write one event; which keys it has is three switches (§3.3)."""
        row: dict[str, object] = {"name": event.name}
        spelling = self._switches.bundle_spelling
        if spelling != "none":
            if event.bundle is not None:
                row[spelling] = event.bundle
            elif self._switches.esim_level_bundle != "absent":
                row[spelling] = None if self._switches.esim_level_bundle == "null" else ""
        row["date"] = event.date
        if self._switches.history_extras:
            extras = {"bundleState": event.state, "alertType": event.alert}
            row |= {name: value for name, value in extras.items() if value is not None}
        return row

    def _item(self, iccid: str) -> dict[str, object]:
        last = self._world.history.events(iccid)[-1]
        return {
            "iccid": iccid,
            "customerRef": "",
            "lastAction": last.name,
            "actionDate": last.date,
            "physical": False,
            "assignedDate": self._world.history.events(iccid)[0].date,
        }
