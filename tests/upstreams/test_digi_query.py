"""Filters become Digi's query language, and nothing a caller writes becomes more than a value."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esim_graph.domain.operation import OperationStatus
from esim_graph.domain.profile import ProfileStatus
from esim_graph.domain.selection import AllOf, AnyOf, Condition, Filter, Not, Operator, Order
from esim_graph.domain.transaction import TransactionStatus
from esim_graph.errors import BadUserInput
from esim_graph.upstreams.digi import query
from esim_graph.upstreams.digi.query import Constant
from esim_graph.upstreams.messages import encode

EQ, NE, GT, LT, GTE, LTE = (
    Operator.EQ,
    Operator.NE,
    Operator.GT,
    Operator.LT,
    Operator.GTE,
    Operator.LTE,
)
CARRIER = Condition("carrier", EQ, "Play")


def profiles(where: Filter | None) -> str | Constant:
    return query.compile_filter(where, query.PROFILE)


def transactions(where: Filter | None) -> str | Constant:
    return query.compile_filter(where, query.TRANSACTION)


# One condition


@pytest.mark.parametrize(
    ("operator", "written"),
    [
        (EQ, "carrier='Play'"),
        (NE, "carrier<>'Play'"),
        (LT, "carrier<'Play'"),
        (LTE, "carrier<='Play'"),
        (GT, "carrier>'Play'"),
        (GTE, "carrier>='Play'"),
        (Operator.CONTAINS, "carrier contains 'Play'"),
        (Operator.STARTS_WITH, "carrier startsWith 'Play'"),
        (Operator.ENDS_WITH, "carrier endsWith 'Play'"),
    ],
)
def test_every_operator_has_digis_spelling(operator: Operator, written: str) -> None:
    assert profiles(Condition("carrier", operator, "Play")) == written


def test_a_quote_is_doubled_as_in_the_documented_example() -> None:
    assert profiles(Condition("carrier", EQ, "Daffy Duck's Digital")) == "carrier='Daffy Duck''s Digital'"


def test_a_number_is_not_quoted() -> None:
    assert profiles(Condition("number", GT, 3)) == "id>3"


def test_an_instant_is_quoted_absolute_and_in_utc() -> None:
    at = datetime(2019, 2, 4, 17, 2, tzinfo=timezone(timedelta(hours=2)))

    assert transactions(Condition("created_at", GTE, at)) == "created>='2019-02-04T15:02:00.000Z'"


@pytest.mark.parametrize(
    ("operator", "milliseconds"), [(EQ, "123"), (GT, "123"), (LTE, "123"), (GTE, "124"), (LT, "124")]
)
def test_a_finer_instant_goes_to_the_side_that_selects_the_same_rows(operator: Operator, milliseconds: str) -> None:
    """Rows have whole milliseconds: ``>= .1234`` starts at .124, ``> .1234`` as well, behind .123."""
    at = datetime(2026, 1, 1, microsecond=123_400, tzinfo=UTC)

    assert f"2026-01-01T00:00:00.{milliseconds}Z" in str(transactions(Condition("updated_at", operator, at)))


@pytest.mark.parametrize(
    ("distance", "written"),
    [
        (timedelta(hours=-1), "-1h"),
        (timedelta(minutes=-90), "-90m"),
        (timedelta(days=-1), "-1d"),
        (timedelta(days=-14), "-2w"),
        (timedelta(days=30), "+30d"),
        (timedelta(seconds=-61), "-61s"),
        (timedelta(0), "-0m"),
    ],
)
def test_a_relative_time_is_written_in_its_largest_exact_unit(distance: timedelta, written: str) -> None:
    assert transactions(Condition("updated_at", GT, distance)) == f"updated>{written}"


def test_a_word_is_written_as_digi_spells_it() -> None:
    assert transactions(Condition("status", EQ, TransactionStatus.IN_PROGRESS)) == "status='in_progress'"


def test_unknown_is_every_word_that_is_not_known() -> None:
    where = Condition("status", EQ, ProfileStatus.UNKNOWN)

    assert profiles(where) == "not (status='active' or status='inactive')"


def test_not_unknown_is_one_of_the_known_words() -> None:
    where = Condition("status", NE, ProfileStatus.UNKNOWN)

    assert profiles(where) == "status='active' or status='inactive'"


def test_where_digi_has_the_word_unknown_it_is_among_the_unknown() -> None:
    where = Condition("status", EQ, TransactionStatus.UNKNOWN)

    assert transactions(where) == "not (status='in_progress' or status='complete' or status='failed')"


@pytest.mark.parametrize(
    "where",
    [
        Condition("status", Operator.CONTAINS, ProfileStatus.ACTIVE),
        Condition("number", Operator.CONTAINS, 3),
        Condition("secret", EQ, "x"),
        Condition("number", EQ, True),
        Condition("carrier", EQ, "two\nlines"),
        Condition("carrier", EQ, "half of a character \ud800"),
    ],
    ids=["word contains", "number contains", "no such field", "boolean", "control character", "surrogate"],
)
def test_what_cannot_be_compared_is_the_callers_mistake(where: Filter) -> None:
    with pytest.raises(BadUserInput) as refused:
        profiles(where)

    assert refused.value.argument == "filter"


def test_a_relative_time_of_split_seconds_is_refused() -> None:
    with pytest.raises(BadUserInput):
        transactions(Condition("created_at", GT, timedelta(milliseconds=-1500)))


PAGE_001 = {
    "profile": "carrier customer_id device_id eid iccid id normalized_carrier status type",
    "transaction": "action created customer_id device_id eid iccid message_code message status transaction updated",
    "operation": "carrier cause_id cause created_by created customer_id device_id download_tx eid enable_tx iccid id"
    " job_id message_code message operation source status updated",
}


@pytest.mark.parametrize("noun", PAGE_001)
def test_every_documented_field_can_be_asked_for(noun: str) -> None:
    """The lists are those of Digi's page."""
    fields = {"profile": query.PROFILE, "transaction": query.TRANSACTION, "operation": query.OPERATION}[noun]

    assert sorted(fields.values()) == sorted(PAGE_001[noun].split())


# Conditions put together


def test_parts_are_joined_in_brackets() -> None:
    where = AllOf((AnyOf((CARRIER, Condition("carrier", EQ, "EE"))), Not(Condition("type", EQ, "test"))))

    assert profiles(where) == "(carrier='Play' or carrier='EE') and not (type='test')"


def test_no_filter_asks_for_everything() -> None:
    assert profiles(None) is Constant.ALWAYS


@pytest.mark.parametrize(
    ("where", "folded"),
    [
        (AllOf(()), Constant.ALWAYS),
        (AnyOf(()), Constant.NEVER),
        (Not(AllOf(())), Constant.NEVER),
        (Not(AnyOf(())), Constant.ALWAYS),
        (AllOf((CARRIER, AnyOf(()))), Constant.NEVER),
        (AnyOf((CARRIER, AllOf(()))), Constant.ALWAYS),
        (AllOf((CARRIER, AllOf(()))), "carrier='Play'"),
        (AnyOf((CARRIER, AnyOf(()))), "carrier='Play'"),
    ],
)
def test_what_needs_no_vendor_is_folded_away(where: Filter, folded: str | Constant) -> None:
    assert profiles(where) == folded


def test_a_filter_of_eleven_levels_is_refused() -> None:
    where: Filter = CARRIER
    for _ in range(10):
        where = Not(where)
    assert isinstance(profiles(where), str)

    with pytest.raises(BadUserInput, match="10 levels"):
        profiles(Not(where))


def test_a_filter_too_long_for_a_request_line_names_the_limit() -> None:
    with pytest.raises(BadUserInput, match="6000"):
        profiles(Condition("carrier", EQ, "é" * 1_000))


def test_an_order_has_its_direction_first() -> None:
    assert query.compile_order(Order("created_at", descending=True), query.OPERATION) == "desc created"
    assert query.compile_order(Order("number", descending=False), query.PROFILE) == "asc id"


# Many keys


def test_keys_become_one_query() -> None:
    assert list(query.any_of("iccid", ["1", "2"])) == ["iccid='1' or iccid='2'"]


def test_no_keys_are_no_query() -> None:
    assert list(query.any_of("iccid", [])) == []


def test_many_keys_are_split_by_length_and_none_is_lost() -> None:
    keys = [f"{number:019d}" for number in range(500)]

    queries = list(query.any_of("iccid", keys))

    assert all(len(encode(one)) <= query.MAX_ENCODED for one in queries)
    assert re.findall(r"\d{19}", " ".join(queries)) == keys
    assert len(queries) == 4


# Properties

HOSTILE = st.text(
    alphabet=st.one_of(st.sampled_from("'\"\\()<>=% or&#;-"), st.characters(exclude_categories=["Cc", "Cs"])),
    max_size=40,
)


def tokens(text: str) -> list[tuple[str, str]]:
    """Split a query without looking into quotes: ("text", value), ("bracket", …) or ("bare", …).

    Written for this test alone, from the rule "a quote inside is doubled".
    """
    found = []
    place = 0
    while place < len(text):
        if text[place] == "'":
            value = ""
            place += 1
            while True:
                end = text.index("'", place)
                value += text[place:end]
                place = end + 1
                if text[place : place + 1] != "'":
                    break
                value += "'"
                place += 1
            found.append(("text", value))
        elif text[place] in "()":
            found.append(("bracket", text[place]))
            place += 1
        elif bare := re.match(r"[^'() ]+", text[place:]):
            found.append(("bare", bare[0]))
            place += len(bare[0])
        else:
            place += 1
    return found


@settings(deadline=None)
@given(HOSTILE)
def test_a_hostile_text_never_leaves_its_quotes(text: str) -> None:
    written = profiles(AnyOf((Condition("carrier", EQ, text), Condition("type", Operator.CONTAINS, text))))

    assert isinstance(written, str)
    assert tokens(written) == [
        ("bare", "carrier="),
        ("text", text),
        ("bare", "or"),
        ("bare", "type"),
        ("bare", "contains"),
        ("text", text),
    ]


@settings(deadline=None)
@given(st.lists(HOSTILE, min_size=1, max_size=5))
def test_hostile_keys_never_leave_their_quotes(keys: list[str]) -> None:
    written = " or ".join(query.any_of("transaction", keys))

    assert [value for kind, value in tokens(written) if kind == "text"] == keys
    assert {value for kind, value in tokens(written) if kind == "bare"} <= {"transaction=", "or"}


STATUSES = ("active", "inactive", "brand_new")
LEAVES = st.sampled_from(
    [
        Condition("status", EQ, ProfileStatus.ACTIVE),
        Condition("status", NE, ProfileStatus.INACTIVE),
        Condition("status", EQ, ProfileStatus.UNKNOWN),
        Condition("status", NE, ProfileStatus.UNKNOWN),
    ]
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda some: AllOf(tuple(some))),
        st.lists(parts, max_size=3).map(lambda some: AnyOf(tuple(some))),
        parts.map(Not),
    ),
    max_leaves=8,
).filter(lambda where: depth(where) <= query.MAX_LEVELS)


def depth(where: Filter) -> int:
    match where:
        case Condition():
            return 0
        case Not(part):
            return 1 + depth(part)
        case AllOf(parts) | AnyOf(parts):
            return 1 + max((depth(part) for part in parts), default=0)


def meant(where: Filter, status: str) -> bool:
    """What the filter says of a row, by the meaning of its parts."""
    match where:
        case Condition(_, operator, value):
            return (ProfileStatus.read(status) is value) is (operator is EQ)
        case Not(part):
            return not meant(part, status)
        case AllOf(parts):
            return all(meant(part, status) for part in parts)
        case AnyOf(parts):
            return any(meant(part, status) for part in parts)


def said(written: str | Constant, status: str) -> bool:
    """What the query says of the same row, by Python's reading of it."""
    if isinstance(written, Constant):
        return written.value
    python = written.replace("<>", "!=").replace("='", "=='").replace("!==", "!=")
    return bool(eval(python, {"status": status}))


@settings(deadline=None)
@given(FILTERS, st.sampled_from(STATUSES))
def test_a_query_selects_what_its_filter_means(where: Filter, status: str) -> None:
    assert said(profiles(where), status) is meant(where, status)


def test_every_operation_status_but_unknown_is_in_the_known_list() -> None:
    written = query.compile_filter(Condition("status", NE, OperationStatus.UNKNOWN), query.OPERATION)

    assert str(written).count(" or ") == len(OperationStatus) - 2
