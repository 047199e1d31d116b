"""What operators and tools ask: is it alive, is it ready, what has it counted, what is its schema?"""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from esim_graph.runtime import Runtime
from esim_graph.telemetry import METRICS_CONTENT_TYPE

_DATABASE_SECONDS = 2.0


def probe_routes(runtime: Runtime, sdl: str) -> list[Route]:
    """The routes; none of them calls a vendor."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        if runtime.closing.is_set():
            return JSONResponse({"status": "closing"}, status_code=503)
        if not await runtime.database.answers(within=_DATABASE_SECONDS):
            # Without it no action is taken on; a vendor that is down is no reason to take this process out.
            return JSONResponse({"status": "database unavailable"}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def metrics(_: Request) -> Response:
        return Response(runtime.metrics.exposition(), headers={"content-type": METRICS_CONTENT_TYPE})

    async def schema(_: Request) -> Response:
        return PlainTextResponse(sdl)

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
        Route("/schema.graphql", schema),
    ]
