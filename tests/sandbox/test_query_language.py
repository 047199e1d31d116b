"""The query language: what parses, what it means, how it refuses. Source: upstreams §1.5."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.sandbox.digi.query_language import (
    OPERATORS,
    Ago,
    And,
    Condition,
    Expression,
    Literal,
    Not,
    Or,
    QuerySyntaxError,
    parse_query,
)

FIELDS = st.sampled_from(["iccid", "carrier", "created", "notes", "order", "android"])
LITERALS: st.SearchStrategy[Literal] = st.one_of(
    st.text(max_size=12),
    st.decimals(min_value=-(10**9), max_value=10**9, places=2),
    st.integers(min_value=-1000, max_value=-1).map(lambda count: Ago(timedelta(hours=count))),
    st.booleans(),
)
CONDITIONS = st.builds(Condition, FIELDS, st.sampled_from(OPERATORS), LITERALS)
TREES = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: And(tuple(terms))),
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: Or(tuple(terms))),
    ),
    max_leaves=8,
)


def written(tree: Expression) -> str:
    """Write a tree with a parenthesis around everything."""
    match tree:
        case Condition(field, operator, literal):
            return f"{field} {operator} {written_literal(literal)}"
        case Not(term):
            return f"not ({written(term)})"
        case And(terms):
            return " and ".join(f"({written(term)})" for term in terms)
        case Or(terms):
            return " or ".join(f"({written(term)})" for term in terms)


def written_literal(literal: Literal) -> str:
    if isinstance(literal, bool):
        return str(literal).lower()
    if isinstance(literal, str):
        return "'" + literal.replace("'", "''") + "'"
    return f"{literal.offset // timedelta(hours=1)}h" if isinstance(literal, Ago) else f"{literal:f}"


@given(TREES)
def test_what_is_written_is_what_is_parsed(tree):
    assert parse_query(written(tree)) == tree


@given(st.text())
def test_quoted_text_never_leaves_its_quotes(text):
    doubled = text.replace("'", "''")

    tree = parse_query(f"carrier = '{doubled}'")

    assert tree == Condition("carrier", "=", text)


@given(st.text(alphabet="ab'()=<> notrd0123456789-h.\n", max_size=40))
def test_any_text_parses_or_is_refused_in_the_documented_form(text):
    complaint = None
    try:
        parse_query(text)
    except QuerySyntaxError as refused:
        complaint = str(refused)

    assert complaint is None or (", expected " in complaint and complaint.endswith("^"))


def test_a_refusal_reads_as_the_real_one():
    with pytest.raises(QuerySyntaxError) as refused:
        parse_query("type equals 'EX50'")

    assert str(refused.value) == ("Invalid input 'q', expected 'n/N' (line 1, pos 7):\ntype equals 'EX50'\n      ^")


@pytest.mark.parametrize(
    "text", ["status='a' and carrier='b'", "STATUS = 'a' AND Carrier='b'", "(status='a')and(carrier='b')"]
)
def test_words_are_read_in_any_case_and_spacing(text):
    assert parse_query(text) == And((Condition("status", "=", "a"), Condition("carrier", "=", "b")))


def test_and_binds_tighter_than_or():
    a, b, c = (Condition(name, "=", "x") for name in "abc")

    assert parse_query("a='x' or b='x' and c='x'") == Or((a, And((b, c))))


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("-1h", timedelta(hours=-1)),
        ("-5m", timedelta(minutes=-5)),
        ("+30d", timedelta(days=30)),
        ("-2w", timedelta(weeks=-2)),
        ("-9s", timedelta(seconds=-9)),
    ],
)
def test_relative_times_are_unquoted(text, offset):
    assert parse_query(f"created>{text}") == Condition("created", ">", Ago(offset))


def test_an_unquoted_number_keeps_every_digit():
    assert parse_query("iccid=8948010010036785060") == Condition("iccid", "=", Decimal("8948010010036785060"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "carrier",
        "carrier = ",
        'carrier = "x"',
        "carrier = 'x",
        "carrier != 'x'",
        "carrier = 'x' status = 'y'",
        "(carrier = 'x'",
        "carrier = 30d",
        "created > -99999999999999999w",
        "(" * 5000,
    ],
)
def test_what_is_no_query_is_refused(text):
    with pytest.raises(QuerySyntaxError):
        parse_query(text)
