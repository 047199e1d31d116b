"""Hostile documents: each is answered, quickly, and none runs out of stack or time."""

import time

import pytest

from engine.schema import House, ask, engine_over
from esim_graph.engine import Engine, Refused, Request

SECONDS = 1.0  # of the processor, which other tests may keep busy
CHAIN = "fragment F{number} on Query {{ {inside} }} "


@pytest.fixture
def engine() -> Engine:
    return engine_over(House())


def _chain(length: int, inside: str) -> str:
    links = "".join(CHAIN.format(number=n, inside=inside.replace("NEXT", f"...F{n + 1}")) for n in range(length))
    return "{ ...F0 } " + links + CHAIN.format(number=length, inside="word")


HOSTILE = {
    "two thousand fields": "{ " + "word " * 1_990 + "}",
    "1,900 repeated fields": "{ " + "word " * 1_900 + "}",
    "a hundred thousand fields": "{ " + "word " * 100_000 + "}",
    "a million fields": "{ " + "a " * 1_000_000 + "}",
    "fields that conflict": "{ " + "".join(f"a: count(first: {n}) " for n in range(220)) + "}",
    "repeated fields with arguments": "{ " + "count(first: 1) " * 280 + "}",
    "a fragment bomb of 120 levels": _chain(120, "NEXT NEXT"),
    "a fragment bomb of 180 levels": _chain(180, "NEXT NEXT"),
    "a fragment bomb with fields": _chain(120, "word NEXT NEXT"),
    "a chain of 240 fragments": _chain(240, "NEXT"),
    "a fragment that spreads itself": "{ ...F } fragment F on Query { word ...F }",
    "a ring of 150 fragments": _chain(150, "NEXT").replace("{ word }", "{ ...F0 }"),
    "a thousand unknown fragments": "{ " + "...F " * 900 + "}",
    "a thousand spreads of one fragment": "{ " + "...F " * 900 + "} fragment F on Query { word }",
    "a hundred thousand nested fields": "{a" * 100_000,
    "900 nested fields": "{a" * 900 + "}" * 900,
    "300 nested inline fragments": "{" + "...{" * 300 + "word" + "}" * 301,
    "900 nested lists": "{ count(first: " + "[" * 900 + "]" * 900 + ") }",
    "150 nested lists": "{ count(first: " + "[" * 150 + "]" * 150 + ") }",
    "150 nested objects": "{ count(first: 1, in: " + "{a: " * 150 + "{}" + "}" * 150 + ") }",
    "600 nested objects": "{ count(first: 1, in: " + "{a: " * 600 + "{}" + "}" * 600 + ") }",
    "a deep default": "query ($i: In = " + "{a: " * 120 + "{}" + "}" * 120 + ") { count(first: 1, in: $i) }",
    "a type of 900 lists": "query ($a: " + "[" * 900 + "Int" + "]" * 900 + ") { word }",
    "300 directives": "{ word " + "@include(if: true) " * 280 + "}",
    "a long string": '{ count(first: "' + "x" * 900_000 + '") }',
    "a long name": "{ " + "x" * 900_000 + " }",
    "a long number": "{ count(first: " + "9" * 900_000 + ") }",
    "nothing but brackets": "{" * 900_000,
    "nothing but commas": "," * 900_000,
    "nothing but comments": "#\n" * 400_000,
    "five hundred operations": "".join(f"query Q{n} {{ word }} " for n in range(390)),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_answered_soon(engine: Engine, name: str) -> None:
    """With data or errors, never an exception."""
    began = time.process_time()

    answer = await ask(engine, HOSTILE[name])

    assert "errors" in answer or answer["data"] is not None
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("{ " + "word " * 2_000 + "}", "tokens"),
        ("{a" * 100_000, "nested too deeply"),
        ("{ deep { " + "node { " * 19 + "word" + " }" * 21, "21 levels deep; at most 20"),
        ("query { ...F } fragment F on Query { deep { " + "node { " * 19 + "word" + " }" * 21, "21 levels"),
        ("{ count(first: 1, in: " + "{list: [" * 26 + "]}" * 26 + ") }", "at most 50 levels"),
        ("{ ...F } fragment F on Query { ...F }", "'F' within itself"),
    ],
    ids=["tokens", "nesting", "depth", "depth in a fragment", "nested values", "cycle"],
)
def test_a_bound_is_named_in_its_error(engine: Engine, query: str, names: str) -> None:
    """The caller learns what the bound is."""
    with pytest.raises(Refused) as refused:
        engine.prepare(Request(query=query))

    assert names in refused.value.errors[0].message


def test_the_bounds_themselves_are_allowed(engine: Engine) -> None:
    """20 levels and 50 nested values."""
    deep = "{ deep { " + "node { " * 18 + "word" + " }" * 20
    nested = "{ count(first: 1, in: " + "{list: [" * 25 + "]}" * 25 + ") }"

    for query in (deep, nested):
        assert engine.prepare(Request(query=query)).type == "query"


def test_a_fragment_counts_where_it_is_spread(engine: Engine) -> None:
    """Depth goes through fragments, inline ones included, and adds none for them."""
    query = "{ deep { ... on Node { ...F } } } fragment F on Node { node { ...G } } fragment G on Node { word }"

    assert engine.prepare(Request(query=query)).type == "query"


def test_variables_may_be_nested_so_deep_and_no_deeper(engine: Engine) -> None:
    """Whoever reads them later must not run out of stack."""
    query = "query ($i: In) { count(first: 1, in: $i) }"
    value: dict[str, object] = {}
    for _ in range(48):
        value = {"a": value}

    assert engine.prepare(Request(query=query, variables={"i": value})).type == "query"
    with pytest.raises(Refused, match="at most 50 levels"):
        engine.prepare(Request(query=query, variables={"i": {"a": {"list": [value]}}}))


async def test_a_document_is_read_once(engine: Engine) -> None:
    """The same text is neither parsed nor validated again."""
    first = engine.prepare(Request(query="{ word }"))

    assert engine.prepare(Request(query="{ word }")).document is first.document


async def test_what_is_remembered_of_documents_is_bounded(engine: Engine) -> None:
    """A caller that makes up texts does not fill the memory; the oldest goes first."""
    first = engine.prepare(Request(query="{ word }"))
    for number in range(500):
        engine.prepare(Request(query=f"{{ a{number}: word }}"))

    assert engine.prepare(Request(query="{ word }")).document is not first.document


async def test_a_refused_document_is_not_remembered_as_valid(engine: Engine) -> None:
    """Nor does it break the one after it: errors come each time."""
    for _ in range(3):
        with pytest.raises(Refused):
            engine.prepare(Request(query="{ nothing }"))


@pytest.mark.parametrize(
    ("query", "name", "asked"),
    [
        ("query A { word } query B { word }", "B", "query"),
        ("mutation M { add(number: 1) } query Q { word }", "M", "mutation"),
    ],
)
def test_a_named_operation_is_found(engine: Engine, query: str, name: str, asked: str) -> None:
    """One document, several operations."""
    assert engine.prepare(Request(query=query, operation_name=name)).type == asked


@pytest.mark.parametrize(
    ("query", "name"),
    [("query A { word } query B { word }", None), ("query A { word }", "B"), ("fragment F on Query { word }", None)],
)
def test_an_operation_that_cannot_be_told_is_refused(engine: Engine, query: str, name: str | None) -> None:
    """The sentence says which member to mend, unless the fragment is unused anyway."""
    with pytest.raises(Refused, match=r"operationName|never used"):
        engine.prepare(Request(query=query, operation_name=name))
