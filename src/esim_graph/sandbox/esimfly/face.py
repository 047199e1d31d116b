"""eSIMfly's endpoints: the live status, and the list of stored values.

Source: vendors page 002 (status); upstreams §2.5 and §7.2.4 (list). Every volume of the status is in
GB, every volume of the list in MB of 2**20 bytes.
"""

import math
from datetime import datetime

from aiohttp import web

from esim_graph.sandbox.clock import iso_ms
from esim_graph.sandbox.credentials import Credentials
from esim_graph.sandbox.entrance import Route
from esim_graph.sandbox.esimfly import answers
from esim_graph.sandbox.esimfly.admission import Admission
from esim_graph.sandbox.http import json_response, parse_object
from esim_graph.sandbox.live import Live
from esim_graph.sandbox.world import World

BASE = "/api/v1/business"
STATUSES = ("NEW", "ACTIVE", "EXPIRED", "CANCELLED", "DEPLETED", "DELETED")
LARGEST_PAGE, USUAL_PAGE = 100, 20


class EsimflyFace:
    """The eSIMfly business API under ``/esimfly``."""

    name = "esimfly"

    def __init__(self, world: World, credentials: Credentials) -> None:
        self._world = world
        self._switches = world.switches.esimfly
        self._admission = Admission(world, credentials)
        self._live_calls = 0

    def routes(self) -> list[Route]:
        """Return every endpoint."""
        return [
            Route("POST", f"/esimfly{BASE}/esims/status", "status", self.status),
            Route("GET", f"/esimfly{BASE}/esims", "list", self.esims),
        ]

    async def admit(self, request: web.Request, body: bytes, in_flight: int) -> web.Response | None:
        """Return why a call may not pass, or None."""
        return self._admission.refusal(request.headers, body)

    def decorate(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add X-RateLimit-* (§2.4, "on every response")."""
        response.headers.update(self._admission.rate_headers())

    def error(self, status: int, message: str) -> web.Response:
        """Answer an error in the form of the list's failure, which has no code (§2.3)."""
        return json_response({"success": False, "error": message}, status=status)

    async def status(self, request: web.Request) -> web.Response:
        """Ask the network about one eSIM, and store what it says."""
        iccid = self._identified(await request.read())
        book = self._world.live
        if iccid in book.foreign:
            raise answers.forbidden()
        if not book.knows(iccid):
            raise answers.not_found()
        self._live_calls += 1
        every = self._switches.provider_error_every
        if iccid in book.failing or (every and self._live_calls % every == 0):
            raise answers.provider_error()
        content = {
            "success": True,
            "message": "Live eSIM status retrieved",
            "data": self._data(book.refresh(iccid)),
        }
        return json_response(content)

    async def esims(self, request: web.Request) -> web.Response:
        """Answer a page of stored eSIMs; a value is as old as the last live call (§7.2.4)."""
        page = _whole(request.query.get("page"), usual=1)
        limit = min(_whole(request.query.get("limit"), usual=USUAL_PAGE), LARGEST_PAGE)
        wanted, search = request.query.get("status", "all").upper(), request.query.get("search", "")
        found = [self._world.live.stored(iccid) for iccid in self._world.live.known if search in iccid]
        if wanted in STATUSES:
            found = [value for value in found if value.status == wanted]
        first = (page - 1) * limit
        pagination = {"page": page, "limit": limit, "total": len(found)}
        pagination[self._switches.total_pages] = math.ceil(len(found) / limit)
        data = {"esims": [_item(value) for value in found[first : first + limit]], "pagination": pagination}
        return json_response({"success": True, "data": data})

    def _identified(self, body: bytes) -> str:
        """Return the ICCID asked for; ``iccid`` wins over ``esimId`` (§7.2.5).

        An identifier of another JSON type than the page's counts as not provided (I).
        """
        payload = parse_object(body) or {}
        iccid, esim_id = payload.get("iccid"), payload.get("esimId")
        if isinstance(iccid, str) and iccid:
            return iccid
        if isinstance(esim_id, int) and not isinstance(esim_id, bool):
            return self._world.live.iccid_of(esim_id) or ""
        raise answers.missing_identifier()

    def _data(self, value: Live) -> dict[str, object]:
        """Write ``data`` in the page's order."""
        data: dict[str, object] = {
            "iccid": value.iccid,
            "status": value.status,
            "esim_status": value.esim_status,
            "smdp_status": value.smdp_status,
            "profile": value.profile,
            "unlimited": value.unlimited,
            "last_network": self._network(value),
            "device": self._device(value),
            "activation_date": _date(value.activation_date),
            "last_usage_date": _date(value.last_usage_date),
            "expiry_date": _date(value.expiry_date),
            "data_usage": {
                "used_gb": _number(value.used_gb),
                "total_gb": None if value.unlimited else _number(value.total_gb),
                "unlimited": value.unlimited,
            },
        }
        if value.profile is None and self._switches.unknown_profile == "absent":
            del data["profile"]
        return data

    def _network(self, value: Live) -> dict[str, object] | None:
        network = value.last_network
        if network is None and self._switches.never_connected == "null_object":
            return None
        names = ("operator", "mcc", "mnc", "country", "country_iso2", "connection_type")
        return {name: getattr(network, name, None) for name in names}

    def _device(self, value: Live) -> dict[str, object] | None:
        if value.model is None and self._switches.never_connected == "null_object":
            return None
        return {"model": value.model, "imei": value.imei}


def _item(value: Live) -> dict[str, object]:
    """Write one eSIM of the list (§2.5). Installation data is masked, as the documentation's samples are."""
    total = 0 if value.total_gb is None else round(value.total_gb * 1024)
    used = round(value.used_gb * 1024)
    started = value.activation_date is not None
    share = min(100, round(100 * used / total)) if total else 0
    return {
        "id": value.esim_id,
        "iccid": value.iccid,
        "package_name": value.package,
        "countries": [value.last_network.country] if value.last_network else [],
        "status": value.status,
        "data": {
            "total_mb": total,
            "used_mb": used,
            "remaining_mb": max(0, total - used),
            "usage_percentage": share,
            "is_unlimited": value.unlimited,
        },
        "validity": {
            "days": 30,
            "activated_at": _date(value.activation_date),
            "expires_at": _date(value.expiry_date) if started else None,
            "is_expired": value.status == "EXPIRED",
        },
        "manual_installation": {"lpa_format": "LPA:1..."},
        "created_at": iso_ms(value.created),
        "is_pending": False,
        "sim_status": value.status,
        "esim_status": value.esim_status,
        "profile_status": value.profile,
    }


def _date(instant: datetime | None) -> str | None:
    return None if instant is None else iso_ms(instant)


def _number(value: float | None) -> float | int | None:
    """Write whole numbers as JavaScript does, without a fraction: the page shows ``0`` and ``1``."""
    return int(value) if value is not None and value == int(value) else value


def _whole(text: str | None, *, usual: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and int(text) > 0 else usual
