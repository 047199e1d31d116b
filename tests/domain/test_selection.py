"""A filter judged on a value of ours, as Digi judges its own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.domain.operation import OperationStatus
from esim_graph.domain.selection import AllOf, AnyOf, Condition, Filter, Literal, Not, Operator, matches

NOW = datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)


@dataclass(frozen=True)
class Thing:
    carrier: str | None = "O'Neill Mobile"
    status: OperationStatus | None = OperationStatus.ENABLE
    number: int | None = 5
    created_at: datetime | None = NOW - timedelta(hours=2)


THING, NOTHING = Thing(), Thing(None, None, None, None)


def holds(where: Filter, thing: Thing = THING) -> bool:
    return matches(where, thing, now=NOW)


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("carrier", Operator.EQ, "o'neill mobile", True),
        ("carrier", Operator.EQ, "o'neill", False),
        ("carrier", Operator.NE, "O'NEILL MOBILE", False),
        ("carrier", Operator.NE, "another", True),
        ("carrier", Operator.CONTAINS, "NEILL M", True),
        ("carrier", Operator.STARTS_WITH, "o'", True),
        ("carrier", Operator.STARTS_WITH, "neill", False),
        ("carrier", Operator.ENDS_WITH, "MOBILE", True),
        ("status", Operator.EQ, OperationStatus.ENABLE, True),
        ("status", Operator.NE, OperationStatus.ENABLE, False),
        ("status", Operator.EQ, OperationStatus.UNKNOWN, False),
        ("number", Operator.GT, 4, True),
        ("number", Operator.LTE, 4, False),
        ("created_at", Operator.LT, NOW, True),
        ("created_at", Operator.GTE, timedelta(hours=-3), True),
        ("created_at", Operator.GTE, timedelta(hours=-1), False),
        ("created_at", Operator.EQ, datetime(2026, 6, 26, 12, 34, 40), True),
    ],
)
def test_a_value_is_compared(field: str, operator: Operator, value: Literal, expected: bool) -> None:
    assert holds(Condition(field, operator, value)) is expected


@pytest.mark.parametrize("operator", list(Operator))
def test_an_absent_value_differs_and_is_nothing_else(operator: Operator) -> None:
    assert holds(Condition("carrier", operator, "x"), NOTHING) is (operator is Operator.NE)


@pytest.mark.parametrize(
    ("operator", "word", "expected"),
    [
        (Operator.EQ, OperationStatus.UNKNOWN, True),
        (Operator.NE, OperationStatus.UNKNOWN, False),
        (Operator.EQ, OperationStatus.ENABLE, False),
        (Operator.NE, OperationStatus.ENABLE, True),
    ],
)
def test_an_absent_word_is_an_unknown_one(operator: Operator, word: OperationStatus, expected: bool) -> None:
    assert holds(Condition("status", operator, word), NOTHING) is expected


def test_no_parts_are_always_or_never() -> None:
    assert holds(AllOf(()))
    assert not holds(AnyOf(()))
    assert not holds(Not(AllOf(())))


CONDITIONS = st.builds(
    Condition,
    st.just("number"),
    st.sampled_from([Operator.EQ, Operator.NE, Operator.LT, Operator.GT]),
    st.integers(3, 7),
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=8,
)


@given(FILTERS, FILTERS)
def test_the_laws_of_logic_hold(one: Filter, other: Filter) -> None:
    assert holds(Not(one)) is not holds(one)
    assert holds(Not(AllOf((one, other)))) is holds(AnyOf((Not(one), Not(other))))
    assert holds(AllOf((one, AnyOf((one, other))))) is holds(one)
