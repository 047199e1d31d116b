"""A graph that has nothing to do with eSIMs: the engine must not need any of ours."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo, GraphQLSchema, build_schema

from esim_graph.engine import Answer, Engine, Refused, Request
from esim_graph.telemetry import Metrics

_SDL = """
type Query {
  word: String
  deep: Node
  breaks: String
  breaksHard: String!
  waits: String
  count(first: Int!, in: In): Int
  context: Int
}
type Mutation { add(number: Int!): Int  waits: String }
type Subscription { tick(count: Int!): Int  fails: Int  waits: Int  slow: Node }
type Node { node: Node  word: String  waits: String }
input In { a: In  list: [In!]  n: Int }
"""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A context that tells when it is closed."""

    number: int
    house: "House"

    def close(self) -> None:
        """Count the closed ones."""
        self.house.closed_contexts += 1


class House:
    """What the resolvers do, and what became of them."""

    def __init__(self) -> None:
        self.contexts = 0
        self.resumed: list[str | None] = []
        self.closed_contexts = 0
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.closed = asyncio.Event()
        self.sum: list[int] = []

    def new_context(self, resume: str | None) -> "Numbered":
        """Number the contexts."""
        self.contexts += 1
        self.resumed.append(resume)
        return Numbered(self.contexts, self)

    async def wait(self, *_: object) -> str:
        """Wait for ever, and note the end of it."""
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "never"

    async def ticks(self, _: object, info: GraphQLResolveInfo, count: int) -> AsyncIterator[dict[str, int]]:
        """Count, and note the end of it."""
        try:
            for number in range(count):
                yield {"tick": number}
        finally:
            self.closed.set()

    async def fails(self, *_: object) -> AsyncIterator[dict[str, int]]:
        """One event, and then a failure."""
        yield {"fails": 1}
        raise RuntimeError("token sk_secret")

    async def waits(self, *_: object) -> AsyncIterator[dict[str, int]]:
        """No event at all."""
        try:
            await self.wait()
            yield {"waits": 1}
        finally:
            self.closed.set()

    async def slow(self, *_: object) -> AsyncIterator[dict[str, object]]:
        """Two events whose field waits for ever."""
        yield {"slow": {"word": "first"}}
        yield {"slow": {"word": "second"}}


def _broken(*_: object) -> str:
    raise RuntimeError("token sk_secret")


def present(error: GraphQLError) -> Mapping[str, Any]:
    """As plainly as can be."""
    return {"message": error.message, "path": error.path, "cause": type(error.original_error).__name__}


def build(house: House) -> GraphQLSchema:
    """The schema, with the house behind it."""
    schema = build_schema(_SDL)

    def resolve(type_name: str, **resolvers: Any) -> None:
        for name, resolver in resolvers.items():
            schema.type_map[type_name].fields[name].resolve = resolver  # type: ignore[attr-defined]

    def add(_: object, info: GraphQLResolveInfo, number: int) -> int:
        house.sum.append(number)
        return sum(house.sum)

    resolve(
        "Query",
        word=lambda *_: "word",
        deep=lambda *_: {},
        breaks=_broken,
        breaksHard=_broken,
        waits=house.wait,
        count=lambda _, info, first, **__: first,
        context=lambda _, info: info.context.number,
    )
    resolve("Mutation", add=add, waits=house.wait)
    resolve("Node", node=lambda *_: {}, waits=house.wait)
    fields = schema.subscription_type.fields  # type: ignore[union-attr]
    for name, source in {"tick": house.ticks, "fails": house.fails, "waits": house.waits, "slow": house.slow}.items():
        fields[name].subscribe = source
    return schema


def engine_over(house: House, *, timeout: float = 5.0, metrics: Metrics | None = None) -> Engine:
    """An engine over the house."""
    return Engine(
        build(house),
        new_context=house.new_context,
        present=present,
        timeout=timeout,
        metrics=metrics or Metrics(),
    )


async def ask(engine: Engine, query: str, variables: Mapping[str, Any] | None = None) -> Answer:
    """Run a query or mutation as a transport would."""
    try:
        prepared = engine.prepare(Request(query=query, variables=variables))
    except Refused as refused:
        return engine.refusal(refused)
    return await engine.execute(prepared, variables)
