"""Execution: one context per operation and per event, an end in time, and errors as they are presented."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from graphql import GraphQLError

from engine.schema import House, ask, engine_over
from esim_graph.engine import Engine, Request
from esim_graph.errors import OperationTimeout
from esim_graph.telemetry import Metrics


async def _watch(engine: Engine, query: str, variables: dict[str, Any] | None = None) -> list[Any]:
    prepared = engine.prepare(Request(query=query))
    return [streamed.answer async for streamed in engine.subscribe(prepared, variables)]


async def test_a_branch_that_fails_nulls_itself_only() -> None:
    """The others answer."""
    answer = await ask(engine_over(House()), "{ word breaks }")

    assert answer["data"] == {"word": "word", "breaks": None}
    assert [error["path"] for error in answer["errors"]] == [["breaks"]]


async def test_every_operation_has_a_context_of_its_own() -> None:
    """What a loader remembers ends with it, though the document is the same."""
    engine = engine_over(House())

    first, second = [await ask(engine, "{ context }") for _ in range(2)]

    assert first["data"]["context"] != second["data"]["context"]


async def test_every_event_has_a_context_of_its_own() -> None:
    """Two events never share a loader."""
    house = House()
    engine = engine_over(house)

    answers = await _watch(engine, "subscription { tick(count: 3) }")

    assert [answer["data"]["tick"] for answer in answers] == [0, 1, 2]
    assert house.contexts >= 4  # the subscription's own, and one for each event


async def test_an_operation_that_outlives_its_time_is_ended() -> None:
    """``OPERATION_TIMEOUT``; what ran for it is cancelled, not left running."""
    house = House()
    engine = engine_over(house, timeout=0.02)

    answer = await ask(engine, "{ word waits }")

    assert answer["data"] is None
    assert answer["errors"][0]["cause"] == OperationTimeout.__name__
    async with asyncio.timeout(5):
        await house.cancelled.wait()


async def test_a_cancelled_operation_cancels_its_resolvers() -> None:
    """Whoever runs it may leave."""
    house = House()
    running = asyncio.create_task(ask(engine_over(house), "{ waits }"))
    await house.waiting.wait()

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert house.cancelled.is_set()


async def test_the_time_of_an_operation_does_not_end_a_subscription() -> None:
    """It ends an event that is not ready in time; the next one comes."""
    house = House()
    engine = engine_over(house, timeout=0.02)

    answers = await _watch(engine, "subscription { slow { waits } }")

    assert [answer["data"] for answer in answers] == [None, None]
    assert {answer["errors"][0]["cause"] for answer in answers} == {OperationTimeout.__name__}
    assert answers[0]["errors"][0]["path"] == ["slow"]


async def test_a_waiting_subscription_outlives_the_time_of_an_operation() -> None:
    """Silence is no failure."""
    house = House()
    engine = engine_over(house, timeout=0.001)
    watching = asyncio.create_task(_watch(engine, "subscription { waits }"))
    await house.waiting.wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(watching), 0.03)
    watching.cancel()


async def test_a_subscription_that_fails_ends_with_an_error_at_its_field() -> None:
    """What came before it was delivered."""
    answers = await _watch(engine_over(House()), "subscription { mine: fails }")

    assert answers[0] == {"data": {"mine": 1}}
    assert answers[1]["data"] is None
    assert answers[1]["errors"][0]["path"] == ["mine"]
    assert len(answers) == 2


async def test_a_wrong_variable_of_a_subscription_is_an_answer_without_data() -> None:
    """Nothing ran."""
    answers = await _watch(engine_over(House()), "subscription ($n: Int!) { tick(count: $n) }", {"n": "x"})

    assert len(answers) == 1
    assert "data" not in answers[0]


async def test_leaving_a_subscription_closes_its_source() -> None:
    """The generator's ``finally`` runs then, and not when the memory is swept."""
    house = House()
    engine = engine_over(house)

    prepared = engine.prepare(Request(query="subscription { tick(count: 100) }"))
    async with aclosing(engine.subscribe(prepared, None)) as answers:
        await anext(answers)

    assert house.closed.is_set()


async def test_cancelling_a_waiting_subscription_closes_its_source() -> None:
    """Likewise in the middle of a wait."""
    house = House()
    watching = asyncio.create_task(_watch(engine_over(house), "subscription { waits }"))
    await house.waiting.wait()

    watching.cancel()

    with pytest.raises(asyncio.CancelledError):
        await watching
    assert house.closed.is_set()


async def test_mutations_run_one_after_the_other() -> None:
    """In the order written."""
    answer = await ask(engine_over(House()), "mutation { a: add(number: 1) b: add(number: 10) c: add(number: 100) }")

    assert answer["data"] == {"a": 1, "b": 11, "c": 111}


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("{ word }", {"type": "query", "outcome": "ok"}),
        ("{ word breaks }", {"type": "query", "outcome": "partial"}),
        ("{ breaksHard }", {"type": "query", "outcome": "failed"}),
        ("{ nothing }", {"type": "unknown", "outcome": "refused"}),
        ("query ($n: Int!) { count(first: $n) }", {"type": "unknown", "outcome": "refused"}),
        ("mutation { add(number: 1) }", {"type": "mutation", "outcome": "ok"}),
    ],
)
async def test_every_operation_is_counted_by_its_outcome(query: str, labels: dict[str, str]) -> None:
    """Once."""
    metrics = Metrics()

    await ask(engine_over(House(), metrics=metrics), query)

    assert metrics.registry.get_sample_value("esim_graph_operations_total", labels) == 1


async def test_every_context_is_closed() -> None:
    """Also that of an operation whose time is over: what it began and nobody waits for must stop."""
    house = House()
    engine = engine_over(house, timeout=0.02)

    await ask(engine, "{ waits }")
    await _watch(engine, "subscription { tick(count: 2) }")

    assert house.closed_contexts == house.contexts > 2


@pytest.mark.parametrize(("document", "retryable"), [("{ waits }", True), ("mutation { waits }", False)])
async def test_what_acts_is_not_to_be_tried_again_blindly(document: str, retryable: bool) -> None:
    """What a mutation has done by the end of its time is not known."""
    engine = engine_over(House(), timeout=0.02)
    prepared = engine.prepare(Request(query=document))

    errors: list[GraphQLError] = []
    engine._present = lambda error: errors.append(error) or {}  # type: ignore[func-returns-value]

    await engine.execute(prepared, None)

    (cause,) = [error.original_error for error in errors]
    assert isinstance(cause, OperationTimeout)
    assert cause.retryable is retryable
    assert ("not known" in cause.message) is not retryable


@pytest.mark.parametrize(
    "document",
    [
        "subscription { ...F } fragment F on Subscription { it: fails }",
        "subscription { ... on Subscription { it: fails } }",
    ],
)
async def test_an_error_of_a_stream_names_its_field_whatever_it_is_wrapped_in(document: str) -> None:
    """The path is of the answer, not of the document."""
    *_, answer = await _watch(engine_over(House()), document)

    assert answer["errors"][0]["path"] == ["it"]


async def test_a_mutation_runs_on_when_its_caller_leaves() -> None:
    """Cut off in the middle, nobody would know what it did; whoever ends the process waits for it."""
    house = House()
    engine = engine_over(house, timeout=0.2)
    caller = asyncio.ensure_future(ask(engine, "mutation { waits }"))
    await house.waiting.wait()

    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)

    assert not house.cancelled.is_set()
    await engine.settled()
    assert house.cancelled.is_set()  # by the end of its time


async def test_a_stream_is_told_where_it_was_lost_and_its_events_where_they_stand() -> None:
    """Only the context of the source is told: an event's own begins anew."""
    house = House()
    engine = engine_over(house)
    prepared = engine.prepare(Request(query="subscription { tick(count: 2) }"))

    streamed = [one async for one in engine.subscribe(prepared, None, "from here")]

    assert streamed
    assert house.resumed == ["from here"] + [None] * len(streamed)
    assert {one.cursor for one in streamed} == {None}
