"""Identifiers: their canonical form, what is none, and that a secret prints stars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.domain.identifiers import (
    parse_activation_code,
    parse_device_id,
    parse_eid,
    parse_esim_id,
    parse_iccid,
    parse_idempotency_key,
    parse_vendor_id,
    read_iccid,
)
from esim_graph.errors import BadUserInput

DIGITS = st.text("0123456789", min_size=18, max_size=20)


@given(DIGITS)
def test_eighteen_to_twenty_digits_are_an_iccid_whatever_their_check_digit(digits: str) -> None:
    assert parse_iccid(digits) == digits


@given(st.text("0123456789", min_size=19, max_size=19), st.sampled_from("Ff"))
def test_an_f_in_the_twentieth_place_is_padding(digits: str, padding: str) -> None:
    assert parse_iccid(digits + padding) == digits


@given(DIGITS, st.lists(st.tuples(st.integers(0, 20), st.sampled_from(" -\t\u00a0"))))
def test_blanks_and_hyphens_are_dropped(digits: str, blanks: list[tuple[int, str]]) -> None:
    written = digits
    for place, blank in blanks:
        written = written[:place] + blank + written[place:]

    assert parse_iccid(written) == digits


@given(st.text(max_size=25))
def test_an_iccid_is_digits_or_nothing(text: str) -> None:
    found = read_iccid(text)

    assert found is None or (found.isascii() and found.isdigit() and 18 <= len(found) <= 20)


@given(st.text(max_size=25))
def test_reading_an_iccid_again_changes_nothing(text: str) -> None:
    found = read_iccid(text)

    assert found is None or read_iccid(found) == found


@pytest.mark.parametrize(
    "text", ["", "1" * 17, "1" * 21, "1" * 17 + "F", "1" * 18 + "F", "1" * 20 + "F", "1" * 19 + "A"]
)
def test_other_lengths_are_no_iccid(text: str) -> None:
    with pytest.raises(BadUserInput, match="my must be an ICCID") as caught:
        parse_iccid(text, argument="my")

    assert caught.value.argument == "my"


@pytest.mark.parametrize(
    "eid",
    [
        "89049032123451234512345678901235",
        "89034011560010000000000000000121",
        "89086030202200000022000014352016",
        "35203000100100000000000021371840",
        "00000000000000000000000000000000",
    ],
)
def test_thirty_two_digits_are_an_eid(eid: str) -> None:
    assert parse_eid(f" {eid[:16]}-{eid[16:]} ") == eid


@pytest.mark.parametrize("text", ["", "8" * 31, "8" * 33, "8" * 31 + "F", "٨" * 32])
def test_anything_else_is_no_eid(text: str) -> None:
    with pytest.raises(BadUserInput, match="eid must be an EID"):
        parse_eid(text)


@pytest.mark.parametrize(
    "text", ["1", "bddbf0ca-ed78-42ce-9d39-f1b8e9b2d06a", "00000000-00000000-00409DFF-FF123456", "a.b_c:d", "x" * 128]
)
def test_what_digi_gives_out_is_an_identifier(text: str) -> None:
    assert parse_vendor_id(text, argument="vendorId") == text


@given(st.text(max_size=200))
def test_an_identifier_never_leaves_its_place(text: str) -> None:
    """Neither a path segment nor a quoted text of a query, nor one of the two segments that are places."""
    try:
        found = parse_vendor_id(text, argument="vendorId")
    except BadUserInput as error:
        assert "vendorId" in str(error)  # noqa: PT017 - either way is right, and neither is another
    else:
        assert found == text
        assert not set(text) & set("/?#%'\"\\ \n\r\t\x00")
        assert text not in ("", ".", "..")


@pytest.mark.parametrize("number", [1, 2**63 - 1])
def test_a_positive_64_bit_number_is_an_esim_id(number: int) -> None:
    assert parse_esim_id(number) == number


@pytest.mark.parametrize("number", [0, -1, 2**63])
def test_other_numbers_are_no_esim_id(number: int) -> None:
    with pytest.raises(BadUserInput, match="esimId"):
        parse_esim_id(number)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=512))
def test_an_activation_code_is_kept_and_never_printed(text: str) -> None:
    code = parse_activation_code(f" {text} ")

    assert code.reveal() == text
    assert repr(code) == str(code) == f"{code}" == "ActivationCode(***)"


@pytest.mark.parametrize("text", ["", " ", "a b", "x" * 513, "é", "a\x00b", "LPA:1$host$to\nken"])
def test_a_refused_activation_code_is_not_repeated(text: str) -> None:
    with pytest.raises(BadUserInput) as caught:
        parse_activation_code(text)

    assert not text.strip() or text not in caught.value.message


def test_a_device_has_one_spelling() -> None:
    assert parse_device_id("00000000-00000000-00409dff-ff123456") == "00000000-00000000-00409DFF-FF123456"
    assert parse_device_id("no-device") == "no-device"


@pytest.mark.parametrize("text", ["k", "k" * 255, "visit 17", "é"])
def test_a_key_is_whatever_can_be_printed(text: str) -> None:
    assert parse_idempotency_key(text) == text


@pytest.mark.parametrize("text", ["", "k" * 256, "a\nb", "\x00", "\x7f"])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(BadUserInput) as caught:
        parse_idempotency_key(text)

    assert caught.value.argument == "idempotencyKey"
