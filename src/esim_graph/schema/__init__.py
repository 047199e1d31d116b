"""The graph: strawberry declares it here, the engine runs it."""

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

# First: an enum that strawberry meets before it is published becomes another enum of the same name.
from esim_graph.schema import enums as _enums  # noqa: F401
from esim_graph.schema.esim import Esim
from esim_graph.schema.mutation import Mutation
from esim_graph.schema.operation import Operation
from esim_graph.schema.profile import Profile
from esim_graph.schema.query import Query
from esim_graph.schema.scalars import scalar_map
from esim_graph.schema.status_change import StatusChange
from esim_graph.schema.subscription import Subscription
from esim_graph.schema.transaction import Transaction


def build_schema() -> GraphQLSchema:
    """The schema that is executed.

    Not sorted: sorting makes plain enums of strawberry's, which then cannot write their own
    members (docs/libraries.md, 3).
    """
    return _declare(sort=False)._schema


def print_sdl() -> str:
    """The schema as text, sorted, as it is committed."""
    return _declare(sort=True).as_str() + "\n"


def _declare(*, sort: bool) -> strawberry.Schema:
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Esim, Operation, Profile, StatusChange, Transaction],
        config=StrawberryConfig(sort_schema=sort, scalar_map=scalar_map()),
    )
