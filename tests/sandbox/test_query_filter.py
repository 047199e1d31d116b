"""What a query keeps: comparisons by the field's kind."""

from datetime import UTC, datetime, timedelta

import pytest

from esim_graph.sandbox.digi.fields import PROFILES, transactions
from esim_graph.sandbox.digi.query_filter import QueryMeaningError, compile_query
from esim_graph.sandbox.digi.query_language import parse_query
from esim_graph.sandbox.records import Profile, Transaction
from esim_graph.sandbox.switches import DigiSwitches

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PROFILE = Profile(
    carrier="Daffy Duck's",
    normalized_carrier="daffy ducks",
    device_id="00000000-00000000-00409DFF-FF123456",
    eid="89049032123451234512345678901235",
    iccid="8948010010036785060",
    id=2,
    status="active",
)


def keeps(query: str, *, null_differs: bool = True) -> bool:
    return compile_query(parse_query(query), PROFILES, now=NOW, null_differs=null_differs)(PROFILE)


def keeps_transaction(query: str, *, null_differs: bool = True) -> bool:
    transaction = Transaction(
        number=1,
        transaction="t",
        action="enable",
        device_id="d",
        eid="e",
        iccid=None,
        status="in_progress",
        created=NOW - timedelta(minutes=30),
        updated=NOW + timedelta(microseconds=123_456),
    )
    resource = transactions(DigiSwitches())
    return compile_query(parse_query(query), resource, now=NOW, null_differs=null_differs)(transaction)


@pytest.mark.parametrize(
    "query",
    [
        "carrier = 'daffy duck''s'",
        "carrier startsWith 'DAFFY'",
        "carrier contains 'duck'",
        "carrier endsWith '''S'",
        "iccid >= '8948' and iccid < '8949'",
        "iccid = 8948010010036785060",
        "id = 2",
        "id > 1.5",
        "customer_id = '1001'",
        "status <> 'inactive'",
        "not status = 'inactive'",
        "iccid='1' or iccid='2' or iccid='3' or iccid='8948010010036785060'",
        "iccid='1' or iccid='2' or iccid='3' or status='active'",
    ],
)
def test_it_keeps(query):
    assert keeps(query)


@pytest.mark.parametrize(
    "query",
    [
        "carrier = 'daffy'",
        "id = 3",
        "iccid='1' or iccid='2' or iccid='3'",
        "status = 'active' and id = 1",
        "not (status = 'active' or id = 1)",
    ],
)
def test_it_drops(query):
    assert not keeps(query)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("created > -1h", True),
        ("created > -5m", False),
        ("created >= '2026-11-21T11:30:00.000Z'", True),
        ("created < '2026-11-21T11:30:00'", False),
    ],
)
def test_times_are_relative_to_now_or_absolute(query, kept):
    assert keeps_transaction(query) is kept


@pytest.mark.parametrize("differs", [True, False])
def test_an_absent_value_differs_or_not(differs):
    """Switch null_differs."""
    assert keeps_transaction("iccid <> '1'", null_differs=differs) is differs


def test_an_absent_value_equals_nothing():
    assert not keeps_transaction("iccid = ''")


@pytest.mark.parametrize(
    "query",
    [
        "nonsense = 'x'",
        "id = 'two'",
        "id = 'nan'",
        "carrier = -1h",
        "carrier contains -1h",
    ],
)
def test_the_impossible_is_refused(query):
    with pytest.raises(QueryMeaningError):
        keeps(query)


@pytest.mark.parametrize("query", ["created > 'yesterday'", "created > 5", "created > -999999w"])
def test_a_time_must_be_one(query):
    with pytest.raises(QueryMeaningError):
        keeps_transaction(query)


def test_an_instant_equals_itself_as_the_row_shows_it() -> None:
    """Rows show milliseconds; a query by what a row shows must find the row."""
    assert keeps_transaction("updated = '2026-11-21T12:00:00.123Z'")
