"""``/control``: script faults, flip switches, change what vendors know, move time, read calls back.

=======================================  ==========================================================
``GET /control``                         this index as JSON
``GET POST DELETE /control/faults``      list; add one (fields of :class:`~.faults.Fault`); clear all
``DELETE /control/faults/{id}``          remove one
``POST /control/faults/release``         let held calls go on
``GET DELETE /control/calls``            calls received (``?vendor=&endpoint=&mentions=&last=``), counts and
                                         most in flight at once; forget them
``GET PATCH /control/switches``          every switch; change some: ``{"digi": {"single_get": "wrapped"}}``
``GET /control/landmarks``               the fixed eSIMs and their stories
``GET /control/time``                    wall clock, simulated seconds, speed
``POST /control/advance``                skip simulated time: ``{"seconds": 600}``
``GET PATCH DELETE /control/profiles/{iccid}``  read, overwrite fields of, or remove a profile row
``GET /control/transactions``            what was accepted, oldest first (``?device_id=&iccid=&action=&status=
                                         &since=``), each with the operation that it is a step of
``GET /control/operations``              likewise (``?device_id=&iccid=&operation=&status=&since=``)
``GET PATCH /control/transactions/{tx}``   read, or put into a state: ``{"status", "message", "message_code"}``
``GET PATCH /control/operations/{id}``     likewise; going forward runs the steps in between at once
``GET PATCH /control/live/{iccid}``      read, or overwrite the network's value (fields of :class:`~.live.Live`)
``GET PATCH /control/history/{iccid}``   read; ``{"append": {"name", "bundle", "state", "alert"}}`` adds an
                                         event of now, ``{"processing_seconds": 30}`` makes it answer 503
=======================================  ==========================================================

POST does what PATCH does. A body that is wrong is 400 and one line; an unknown thing is 404.
"""

from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from esim_graph.sandbox import landmarks
from esim_graph.sandbox.calls import CALLS_KEPT, Calls
from esim_graph.sandbox.clock import iso_ms
from esim_graph.sandbox.control_world import WorldControl
from esim_graph.sandbox.faults import Fault, Faults
from esim_graph.sandbox.http import Handler, RefusalError, body_of, json_response, unknown
from esim_graph.sandbox.operations import Multistep
from esim_graph.sandbox.switches import Switches
from esim_graph.sandbox.transactions import Actions
from esim_graph.sandbox.world import World

VENDORS = ("digi", "esimfly", "esimgo")


class Advance(BaseModel):
    """The body of ``POST /control/advance``."""

    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[float, Field(ge=0)]


class CallsQuery(BaseModel):
    """The parameters of ``GET /control/calls``; ``last=0`` asks for the numbers alone."""

    model_config = ConfigDict(extra="forbid")

    vendor: str | None = None
    endpoint: str | None = None
    mentions: str | None = None
    last: Annotated[int, Field(ge=0)] = CALLS_KEPT


class Control:
    """The control API, a thin skin over the handles tests use in process."""

    def __init__(self, world: World, actions: Actions, multistep: Multistep, faults: Faults, calls: Calls) -> None:
        self._world = world
        self._faults = faults
        self._calls = calls
        self._world_control = WorldControl(world, actions, multistep)

    def install(self, app: web.Application) -> None:
        """Add every route."""
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "", self.index),
            ("GET", "/faults", self.read_faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("POST", "/faults/release", self.release),
            ("DELETE", "/faults/{id}", self.remove_fault),
            ("GET", "/calls", self.read_calls),
            ("DELETE", "/calls", self.clear_calls),
            ("GET", "/switches", self.read_switches),
            ("PATCH", "/switches", self.change_switches),
            ("GET", "/landmarks", self.read_landmarks),
            ("GET", "/time", self.read_time),
            ("POST", "/advance", self.advance),
            *self._world_control.routes(),
        ]
        for method, path, handler in routes:
            app.router.add_route(method, f"/control{path}", _guarded(handler))
            if method == "PATCH":
                app.router.add_route("POST", f"/control{path}", _guarded(handler))

    async def index(self, request: web.Request) -> web.Response:
        """Answer this module's table of routes, one line each."""
        lines = (__doc__ or "").splitlines()
        return json_response({"about": lines[0], "routes": [line for line in lines if line.startswith(("``", "  "))]})

    async def read_faults(self, request: web.Request) -> web.Response:
        """List the scripted faults; ``struck`` says how often each was met."""
        return json_response({"faults": [fault.model_dump(mode="json") for fault in self._faults.all()]})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Script a fault and answer it with its id."""
        fault = self._faults.add(Fault.model_validate(await body_of(request)))
        return json_response(fault.model_dump(mode="json"), status=201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Remove all faults and release what they hold."""
        self._faults.clear()
        return web.Response(status=204)

    async def remove_fault(self, request: web.Request) -> web.Response:
        """Remove one fault."""
        identifier = request.match_info["id"]
        if not identifier.isdigit() or not self._faults.remove(int(identifier)):
            raise unknown("fault", identifier)
        return web.Response(status=204)

    async def release(self, request: web.Request) -> web.Response:
        """Let held calls go on."""
        self._faults.release()
        return web.Response(status=204)

    async def read_calls(self, request: web.Request) -> web.Response:
        """List the calls kept, the newest ``last`` of those asked for; count all that were received."""
        asked = CallsQuery.model_validate(dict(request.query))
        calls = self._calls
        found = calls.of(asked.vendor, asked.endpoint, asked.mentions)
        return json_response(
            {
                "count": calls.count(asked.vendor, asked.endpoint) if asked.mentions is None else len(found),
                "counts": {vendor: calls.count(vendor) for vendor in VENDORS},
                "by_endpoint": calls.counts(),
                "most_in_flight": {vendor: calls.most_in_flight(vendor) for vendor in VENDORS},
                "calls": [call.to_json() for call in found[max(0, len(found) - asked.last) :]],
            }
        )

    async def clear_calls(self, request: web.Request) -> web.Response:
        """Forget the calls received."""
        self._calls.clear()
        return web.Response(status=204)

    async def read_switches(self, request: web.Request) -> web.Response:
        """Answer every switch."""
        return json_response(self._world.switches.model_dump(mode="json"))

    async def change_switches(self, request: web.Request) -> web.Response:
        """Change the switches named; nothing changes when one of them is wrong."""
        present = self._world.switches.model_dump()
        for vendor, changes in (await body_of(request)).items():
            before = present.get(vendor, {})
            present[vendor] = before | changes if isinstance(changes, dict) else changes
        wanted = Switches.model_validate(present)
        for vendor in VENDORS:
            for name, value in getattr(wanted, vendor):
                setattr(getattr(self._world.switches, vendor), name, value)
        return await self.read_switches(request)

    async def read_landmarks(self, request: web.Request) -> web.Response:
        """Answer the fixed eSIMs; their activation codes open the sandbox only."""
        return json_response({"landmarks": landmarks.LANDMARKS})

    async def read_time(self, request: web.Request) -> web.Response:
        """Answer both times."""
        time = self._world.time
        return json_response({"now": iso_ms(time.now()), "elapsed": time.elapsed(), "speed": time.speed})

    async def advance(self, request: web.Request) -> web.Response:
        """Skip simulated time; what falls due happens at once."""
        self._world.advance(Advance.model_validate(await body_of(request)).seconds)
        return await self.read_time(request)


def _guarded(handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except RefusalError as refusal:
            return refusal.response
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"])
            return json_response({"error": f"{where}: {problem['msg']}"}, status=400)

    return guarded
