"""Runs operations: all execution passes here, from every transport.

The engine knows graphql-core and no word about eSIMs. It is given a schema, a way to make a
context, and a way to present errors.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any, Protocol, cast

from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
)
from graphql.error import located_error
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
)
from graphql.language import SelectionSetNode

from esim_graph.engine.documents import Documents, Prepared, Refused, check_variables
from esim_graph.errors import OperationTimeout
from esim_graph.telemetry import Metrics

Answer = dict[str, Any]  #: a GraphQL response: ``data`` where something ran, ``errors`` where something failed

__all__ = ["Answer", "Engine", "Prepared", "Refused", "Request", "Streamed"]


@dataclass(frozen=True, slots=True)
class Streamed:
    """One answer of a stream, and where it stands in it: what its event calls its ``cursor``, if it has one."""

    answer: Answer
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller sends, whatever the transport."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None


class OperationContext(Protocol):
    """What resolvers are given; the engine makes one per operation and per event, and closes it."""

    def close(self) -> None:
        """Stop what was begun and nobody waits for any more."""
        ...


class Engine:
    """Prepares, executes and subscribes."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        new_context: Callable[[str | None], OperationContext],
        present: Callable[[GraphQLError], Mapping[str, Any]],
        timeout: float,
        metrics: Metrics,
    ) -> None:
        """*new_context* is given what a transport says of where a stream was lost, which only it understands."""
        self._schema = schema
        self._documents = Documents(schema)
        self._new_context = new_context
        self._present = present
        self._timeout = timeout
        self._metrics = metrics
        self._mutations: set[asyncio.Task[Answer]] = set()

    def prepare(self, request: Request) -> Prepared:
        """Parse and validate; nothing runs yet.

        Raises:
            Refused: see ``refusal`` for the answer to give.
        """
        try:
            check_variables(request.variables)
            return self._documents.prepare(request.query, request.operation_name)
        except Refused:
            self._metrics.operations.labels("unknown", "refused").inc()
            raise

    def refusal(self, refused: Refused) -> Answer:
        """The answer to a document that is not executed: it has no ``data``."""
        return {"errors": [self._present(error) for error in refused.errors]}

    async def execute(self, prepared: Prepared, variables: Mapping[str, Any] | None) -> Answer:
        """Run a query or mutation to its end, or to the end of its time.

        A mutation runs on when its caller leaves: cut off in the middle, nobody would know what it did.
        """
        if prepared.type != "mutation":
            return await self._execute(prepared, variables)
        task = asyncio.create_task(self._execute(prepared, variables), name="mutation")
        self._mutations.add(task)
        task.add_done_callback(self._mutations.discard)
        return await asyncio.shield(task)

    async def settled(self) -> None:
        """Wait until no mutation runs; their time is bounded."""
        if self._mutations:
            await asyncio.wait(self._mutations)

    async def _execute(self, prepared: Prepared, variables: Mapping[str, Any] | None) -> Answer:
        with closing(self._new_context(None)) as context:
            executor = self._executor(prepared, variables, context)
            if not isinstance(executor, Executor):
                return self._refuse_variables(executor)
            began = time.perf_counter()
            try:
                async with asyncio.timeout(self._timeout):
                    result = execute_root_selection_set(executor)
                    result = result if isinstance(result, ExecutionResult) else await result
            except TimeoutError:
                error = _timed_out(prepared, self._timeout)
                result = ExecutionResult(None, [GraphQLError(error.message, original_error=error)])
        self._metrics.operation_seconds.labels(prepared.type).observe(time.perf_counter() - began)
        self._count(prepared, result)
        return self._answer(result)

    async def subscribe(
        self, prepared: Prepared, variables: Mapping[str, Any] | None, resume: str | None = None
    ) -> AsyncGenerator[Streamed, None]:
        """Yield an answer per event, each executed with a context that remembers nothing.

        *resume* is the cursor of the last answer that the caller got before its connection was lost.
        """
        with closing(self._new_context(resume)) as context:
            executor = self._executor(prepared, variables, context)
            if not isinstance(executor, Executor):
                yield Streamed(self._refuse_variables(executor))
                return
            created = create_source_event_stream(executor)
            stream = await created if isinstance(created, Awaitable) else created
            if isinstance(stream, ExecutionResult):
                self._count(prepared, stream)
                yield Streamed(self._answer(stream))
                return
            events = cast("AsyncGenerator[object, None]", stream)
            async with aclosing(events), aclosing(self._answers(prepared, variables, events)) as answers:
                async for answer in answers:
                    yield answer

    async def _answers(
        self, prepared: Prepared, variables: Mapping[str, Any] | None, events: AsyncGenerator[object, None]
    ) -> AsyncGenerator[Streamed, None]:
        while True:
            try:
                event = await anext(events)
            except StopAsyncIteration:
                self._metrics.operations.labels(prepared.type, "ok").inc()
                return
            except Exception as error:
                result = ExecutionResult(None, [_at_root(error, prepared)])
                self._count(prepared, result)
                yield Streamed(self._answer(result))
                return
            answer = self._answer(await self._execute_event(prepared, variables, event))
            yield Streamed(answer, getattr(event, "cursor", None))

    async def _execute_event(
        self, prepared: Prepared, variables: Mapping[str, Any] | None, event: object
    ) -> ExecutionResult:
        with closing(self._new_context(None)) as context:
            executor = self._executor(prepared, variables, context, event)
            if not isinstance(executor, Executor):  # cannot be: the same variables were accepted before
                return ExecutionResult(None, executor)
            try:
                async with asyncio.timeout(self._timeout):
                    result = execute_subscription_event(executor)
                    return result if isinstance(result, ExecutionResult) else await result
            except TimeoutError:
                return ExecutionResult(None, [_at_root(_timed_out(prepared, self._timeout), prepared)])

    def _executor(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any] | None,
        context: OperationContext,
        root_value: object = None,
    ) -> Executor[Any] | list[GraphQLError]:
        return Executor.build(
            self._schema,
            prepared.document,
            root_value=root_value,
            context_value=context,
            raw_variable_values=dict(variables or {}),
            operation_name=prepared.operation_name,
        )

    def _answer(self, result: ExecutionResult) -> Answer:
        answer: Answer = {"data": result.data}
        if result.errors:
            answer["errors"] = [self._present(error) for error in result.errors]
        return answer

    def _refuse_variables(self, errors: list[GraphQLError]) -> Answer:
        self._metrics.operations.labels("unknown", "refused").inc()
        return self.refusal(Refused(errors))

    def _count(self, prepared: Prepared, result: ExecutionResult) -> None:
        outcome = "ok" if not result.errors else "failed" if result.data is None else "partial"
        self._metrics.operations.labels(prepared.type, outcome).inc()


def _timed_out(prepared: Prepared, seconds: float) -> OperationTimeout:
    """The error of an operation that has used up its time; one that acts must not be tried again blindly."""
    error = OperationTimeout(f"The {prepared.type} was not finished within {seconds:g} s.")
    if prepared.type == "mutation":
        error.message = f"{error.message.rstrip('.')}, so it is not known what it has done."
        error.retryable = False
    return error


def _at_root(error: Exception, prepared: Prepared) -> GraphQLError:
    """The error of a subscription's source stream, at its only root field."""
    field = _first_field(prepared, prepared.operation.selection_set)
    name = field.alias or field.name
    return located_error(error, [field], [name.value])


def _first_field(prepared: Prepared, selections: SelectionSetNode) -> FieldNode:
    """The first field, in whatever fragments it is wrapped."""
    selection = selections.selections[0]
    if isinstance(selection, FieldNode):
        return selection
    if isinstance(selection, InlineFragmentNode):
        return _first_field(prepared, selection.selection_set)
    spread = cast("FragmentSpreadNode", selection)
    fragment = next(
        definition
        for definition in prepared.document.definitions
        if isinstance(definition, FragmentDefinitionNode) and definition.name.value == spread.name.value
    )
    return _first_field(prepared, fragment.selection_set)
