"""Digi's POST endpoints: the four actions and the start of a multistep operation.

Source: vendors page 001 ("eSIM Action Data", "eSIM Multistep Operation Data"); upstreams §7.1.6, §7.1.8.
What an answer to a POST looks like is published nowhere (§9): three switches.
"""

import re
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from esim_graph.sandbox.digi.admission import Admission
from esim_graph.sandbox.digi.answers import envelope, refuse
from esim_graph.sandbox.digi.reads import Reads
from esim_graph.sandbox.http import json_response, parse_object
from esim_graph.sandbox.operations import Multistep, Request
from esim_graph.sandbox.records import ActivationCode, Device, Transaction
from esim_graph.sandbox.transactions import Actions
from esim_graph.sandbox.world import World

ACTIONS = ("delete", "disable", "download", "enable")
OPERATIONS = ("activate", "download", "enable")
_DEVICE_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{8}){3}")  # upstreams §1.3, a fact
_CODE = re.compile(r"(LPA:)?1\$[^$]+\$[^$]*(\$[^$]*(\$1)?)?", re.IGNORECASE)  # upstreams §4.4, SGP.22 §4.1
_PREFIX = re.compile(r"(LPA:)?", re.IGNORECASE)


class Posts:
    """Answers every POST of ``/ws/v1/esim_profiles``."""

    def __init__(
        self, world: World, actions: Actions, multistep: Multistep, reads: Reads, admission: Admission
    ) -> None:
        self._world = world
        self._switches = world.switches.digi
        self._actions = actions
        self._multistep = multistep
        self._reads = reads
        self._admission = admission

    def action(self, action: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return the handler of one of :data:`ACTIONS`."""

        async def handler(request: web.Request) -> web.Response:
            payload = await _payload(request)
            device = self._device(payload)
            iccid, code = self._subject(action, payload)
            return self._accepted(self._actions.start(action, device, iccid, code))

        return handler

    async def operation(self, request: web.Request) -> web.Response:
        """Start a multistep operation."""
        payload = await _payload(request)
        kind = _text(payload, "operation") or ""
        if kind.lower() not in OPERATIONS:
            raise refuse(400, f"operation must be one of {', '.join(OPERATIONS)}")
        device = self._device(payload)
        carrier, iccid = _text(payload, "carrier"), _text(payload, "iccid")
        if carrier is None and iccid is None:
            raise refuse(400, "carrier or iccid is required")
        caller = self._admission.caller(request) or ""
        started = self._multistep.start(
            Request(operation=kind.lower(), carrier=carrier, iccid=iccid, created_by=caller), device
        )
        row = self._reads.operation_row(started)
        switches = self._switches
        content: dict[str, object] = row
        if switches.operation_answer == "id":
            content = {"id": row["id"]}
        elif switches.operation_answer == "list":
            content = envelope([row], switches, size=1)
        return json_response(content, status=switches.accepted_status)

    def _accepted(self, transaction: Transaction) -> web.Response:
        row = self._reads.transaction_row(transaction)
        switches = self._switches
        content: dict[str, object] = {"transaction": row["transaction"]}
        if switches.action_answer == "row":
            content = row
        elif switches.action_answer == "list":
            content = envelope([content], switches, size=1)
        return json_response(content, status=switches.accepted_status)

    def _device(self, payload: Mapping[str, object]) -> Device:
        device_id, eid = _text(payload, "device_id"), _text(payload, "eid")
        if device_id is None or not _DEVICE_ID.fullmatch(device_id):
            raise refuse(400, "device_id is required, as 00000000-00000000-00000000-00000000")
        if eid is None and self._switches.eid_required:
            raise refuse(400, "eid is required")
        device = self._world.devices.get(device_id.upper())
        if device is None:
            raise refuse(self._switches.unknown_device_status, "Device not found")
        if eid not in (None, device.eid):
            raise refuse(400, "The device has no eSIM with this eid")
        return device

    def _subject(self, action: str, payload: Mapping[str, object]) -> tuple[str | None, ActivationCode | None]:
        """Return the ICCID, and for a download the code, which is None when nobody knows it."""
        iccid, secret = _text(payload, "iccid"), _text(payload, "activation_code")
        if action != "download":
            if iccid is None:
                raise refuse(400, f"iccid is required for {action}")
            return iccid, None
        if (iccid is None) == (secret is None):
            raise refuse(400, "Either iccid or activation_code is required")
        codes = self._world.codes
        if iccid is not None:
            code = codes.get(iccid)
            return iccid, code if code is not None and code.registered else None
        if self._switches.malformed_code == "refuse" and not _CODE.fullmatch(secret or ""):
            raise refuse(400, "Invalid activation_code")
        bare = _PREFIX.sub("", secret or "", count=1)
        return None, next((code for code in codes.values() if _PREFIX.sub("", code.secret, count=1) == bare), None)


async def _payload(request: web.Request) -> Mapping[str, object]:
    payload = parse_object(await request.read())
    if payload is None:
        raise refuse(400, "The request body must be a JSON object")
    return payload


def _text(payload: Mapping[str, object], name: str) -> str | None:
    """Return a string of the payload; an empty one counts as absent, another type is refused (I)."""
    value = payload.get(name)
    if value is not None and not isinstance(value, str):
        raise refuse(400, f"{name} must be a string")
    return value or None
