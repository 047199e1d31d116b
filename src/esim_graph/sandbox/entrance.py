"""The way every call to a vendor takes: written down, admitted, perhaps spoiled by a fault, answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from esim_graph.sandbox.calls import Calls
from esim_graph.sandbox.fault_player import FaultPlayer
from esim_graph.sandbox.http import Handler, RefusalError
from esim_graph.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint of a vendor; ``endpoint`` is its name in faults and calls."""

    method: str
    path: str
    endpoint: str
    handler: Handler


class Face(Protocol):
    """One simulated vendor."""

    @property
    def name(self) -> str:
        """The vendor's name and first path part: ``digi``, ``esimfly`` or ``esimgo``."""
        ...

    def routes(self) -> list[Route]:
        """Return every endpoint."""
        ...

    async def admit(self, request: web.Request, body: bytes, in_flight: int) -> web.Response | None:
        """Return why a call may not pass (credentials, throttle), or None."""
        ...

    def decorate(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the headers the vendor puts on every answer."""
        ...

    def error(self, status: int, message: str) -> web.Response:
        """Answer an error in the vendor's form."""
        ...


class Entrance:
    """Leads calls through the recorder, the vendor's door and the faults, to the handler."""

    def __init__(self, world: World, calls: Calls, player: FaultPlayer) -> None:
        self._world = world
        self._calls = calls
        self._player = player

    def install(self, app: web.Application, face: Face) -> None:
        """Add every route of *face*, and a 404 in the vendor's form for the rest of its paths."""
        for route in face.routes():
            app.router.add_route(route.method, route.path, self._led(face, route.endpoint, route.handler))
        app.router.add_route("*", f"/{face.name}/{{tail:.*}}", self._led(face, "nowhere", _nowhere(face)))

    def _led(
        self, face: Face, endpoint: str, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def led(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            with self._calls.arriving(face.name, endpoint, request, body) as call:
                refused = await face.admit(request, body, self._calls.in_flight(face.name))
                if refused is not None:
                    face.decorate(request, refused)
                    call.status = refused.status
                    return refused

                async def answer() -> web.Response:
                    self._world.settle()
                    try:
                        response = await handler(request)
                    except RefusalError as refusal:
                        response = refusal.response
                    face.decorate(request, response)
                    return response

                return await self._player.play(request, face, call, answer)

        return led


def _nowhere(face: Face) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return face.error(404, "Not Found")

    return handler
