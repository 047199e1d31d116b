"""The ASGI application: routes and middleware as two visible lists."""

from collections.abc import Sequence
from functools import partial

from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from esim_graph.engine import Engine
from esim_graph.runtime import Runtime
from esim_graph.schema import build_schema, print_sdl
from esim_graph.schema.context import new_context
from esim_graph.schema.errors import present
from esim_graph.server.graphiql import Example, GraphiQL
from esim_graph.server.http import GraphQLOverHttp
from esim_graph.server.middleware import RequestScope
from esim_graph.server.probes import probe_routes
from esim_graph.server.socket import GraphQLOverWebSocket


def build_engine(runtime: Runtime, schema: GraphQLSchema | None = None) -> Engine:
    """Build what runs operations over an open runtime; *schema* saves building it again."""
    return Engine(
        schema or build_schema(),
        new_context=partial(new_context, runtime.rooms),
        present=present,
        timeout=runtime.settings.operation_timeout,
        metrics=runtime.metrics,
    )


def create_app(runtime: Runtime, *, examples: Sequence[Example] = ()) -> Starlette:
    """Build the application over an open runtime; *examples* open as tabs in GraphiQL."""
    engine, closing, metrics = build_engine(runtime), runtime.closing, runtime.metrics
    graphiql = GraphiQL(examples)
    sockets = GraphQLOverWebSocket(engine, closing=closing, metrics=metrics)
    app = Starlette(
        routes=[
            Route("/graphql", GraphQLOverHttp(engine, graphiql, closing=closing, metrics=metrics)),
            WebSocketRoute("/graphql", sockets),
            graphiql.route(),
            *probe_routes(runtime, print_sdl()),
        ],
        middleware=[Middleware(RequestScope)],
    )
    app.state.sockets_closed = sockets.closed
    app.state.settled = engine.settled
    return app
