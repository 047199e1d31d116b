"""Digi's routes: which path and method each endpoint of vendors page 001 has."""

from aiohttp import web

from esim_graph.sandbox.credentials import Credentials
from esim_graph.sandbox.digi.admission import Admission
from esim_graph.sandbox.digi.answers import error
from esim_graph.sandbox.digi.posts import ACTIONS, Posts
from esim_graph.sandbox.digi.reads import BASE, Reads
from esim_graph.sandbox.entrance import Route
from esim_graph.sandbox.operations import Multistep
from esim_graph.sandbox.transactions import Actions
from esim_graph.sandbox.world import World


class DigiFace:
    """Digi Remote Manager under ``/digi``."""

    name = "digi"

    def __init__(self, world: World, actions: Actions, multistep: Multistep, credentials: Credentials) -> None:
        self._admission = Admission(world, credentials)
        self._reads = Reads(world, actions)
        self._posts = Posts(world, actions, multistep, self._reads, self._admission)

    def routes(self) -> list[Route]:
        """Return every endpoint; the names are what faults and calls are filed under."""
        reads, posts = self._reads, self._posts
        return [
            Route("GET", f"/digi{BASE}", "summary", reads.summary),
            Route("GET", f"/digi{BASE}/inventory", "inventory", reads.profiles),
            Route("GET", f"/digi{BASE}/inventory/{{iccid}}", "profile", reads.profile),
            Route("GET", f"/digi{BASE}/bulk", "bulk", reads.bulk),
            Route("GET", f"/digi{BASE}/transactions/inventory", "transactions", reads.transactions),
            Route("GET", f"/digi{BASE}/progress/{{tx}}", "progress", reads.progress),
            Route("GET", f"/digi{BASE}/operations/inventory", "operations", reads.operations),
            Route("GET", f"/digi{BASE}/operations/inventory/{{id}}", "operation", reads.operation),
            Route("POST", f"/digi{BASE}/operations/inventory", "start_operation", posts.operation),
            *(Route("POST", f"/digi{BASE}/{action}", action, posts.action(action)) for action in ACTIONS),
        ]

    async def admit(self, request: web.Request, body: bytes, in_flight: int) -> web.Response | None:
        """Return why a call may not pass, or None."""
        return self._admission.refusal(request, in_flight)

    def decorate(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add nothing: Digi's answers carry no headers of their own (§1.6: no Retry-After)."""

    def error(self, status: int, message: str) -> web.Response:
        """Answer an error in Digi's form."""
        return error(status, message)
