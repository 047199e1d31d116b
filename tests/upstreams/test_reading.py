"""A member of the wrong type is as good as none; nothing is guessed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from esim_graph.errors import UpstreamBadResponse
from esim_graph.upstreams import reading
from upstreams.samples import answer

NO_TEXT: list[Any] = [None, True, 1.5, [], {}]


@pytest.mark.parametrize(("value", "read"), [("a", "a"), ("", ""), (12, "12"), *[(value, None) for value in NO_TEXT]])
def test_text_may_come_as_an_integer(value: Any, read: str | None) -> None:
    assert reading.text(value) == read


@pytest.mark.parametrize("read", [reading.text, reading.identifier, reading.message])
def test_a_nul_is_left_out_of_a_text(read: Callable[[Any], str | None]) -> None:
    """PostgreSQL cannot keep one."""
    assert read("a\0b\0") == "ab"
    assert not read("\0")


@pytest.mark.parametrize(
    ("value", "read"), [(3, 3), ("3", 3), ("three", None), ("9" * 5_000, None), (True, None), (3.0, None)]
)
def test_an_integer_may_come_as_text(value: Any, read: int | None) -> None:
    assert reading.integer(value) == read


@pytest.mark.parametrize(("value", "read"), [(0, 0.0), (1.5, 1.5), ("1.5", None), (True, None), (None, None)])
def test_a_number_is_a_number(value: Any, read: float | None) -> None:
    assert reading.number(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("8988211000000530082", "8988211000000530082"),
        (8988211000000530082, "8988211000000530082"),
        ("8988211000000530082F", "8988211000000530082"),
        ("8988 2110 0000 0530 082", "8988211000000530082"),
        (89852000263318806140.0, None),
        ("", None),
        ("n/a", None),
        (None, None),
    ],
)
def test_an_iccid_is_canonical_or_none(value: Any, read: str | None) -> None:
    """A 20-digit number does not fit 64 bits: JSON makes a float of it, and its last digits are gone."""
    assert reading.iccid(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("89049032123451234512345678901235", "89049032123451234512345678901235"),
        ("8904-9032 123451234512345678901235", "89049032123451234512345678901235"),
        ("8904903212345123451234567890123", None),
        (8.904903212345124e31, None),
        (None, None),
    ],
)
def test_an_eid_is_canonical_or_none(value: Any, read: str | None) -> None:
    assert reading.eid(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2026-06-26T14:34:40.123Z", datetime(2026, 6, 26, 14, 34, 40, 123_000, tzinfo=UTC)),
        ("2026-06-26T14:34:40Z", datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)),
        ("2023-04-07T00:50:31.618780311Z", datetime(2023, 4, 7, 0, 50, 31, 618_780, tzinfo=UTC)),
        ("2026-06-26T16:34:40.123+02:00", datetime(2026, 6, 26, 14, 34, 40, 123_000, tzinfo=UTC)),
        ("2026-99-26T14:34:40.123Z", None),
        ("yesterday", None),
        (1782484510, None),
        (None, None),
    ],
)
def test_an_instant_is_in_utc_or_none(value: Any, read: datetime | None) -> None:
    assert reading.instant(value) == read


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("It cost 5$", "It cost 5$"),
        ("Bad code LPA:1$rsp.example.com$K2-SECRET", "Bad code ***"),
        ("1$rsp.example.com$K2-SECRET$1.3.6$1 was refused", "*** was refused"),
        ("Bad code LPA:1\0$rsp.example.com$K2-SECRET", "Bad code ***"),
        (None, None),
    ],
)
def test_a_message_never_repeats_an_activation_code(said: str | None, kept: str | None) -> None:
    assert reading.message(said) == kept


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"a":', b'{"a":"\xff"}', b"[" * 100_000, b"NaN"],
    ids=["empty", "html", "cut", "no utf-8", "too deep", "nan"],
)
def test_what_is_no_json_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(UpstreamBadResponse):
        reading.parse_json(answer(body), "digi")


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (rb'["cut \ud83d", 1]', ["cut \ufffd", 1]),
        (rb'["\ude00\ud83d"]', ["\ufffd\ufffd"]),
        (rb'["\ud83d\ude00 and \uD83D"]', ["\U0001f600 and \ufffd"]),
        (rb'["\\ud83d", "\ud83d"]', ["\\ud83d", "\ufffd"]),
    ],
)
def test_half_a_character_costs_no_row(body: bytes, read: list[Any]) -> None:
    """It is no JSON to a strict reader, and would take the whole list with it."""
    assert reading.parse_json(answer(body), "digi") == read
