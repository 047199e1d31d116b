"""The seal: what comes back is what went out, for the same purpose and tenant, or nothing."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.seal import Seal

SEAL = Seal(b"a key")
TEXT = "cursor 50 12 eyJvcGFxdWUiOiJWZW5kb3IifQ=="
TOKEN_LETTERS = string.ascii_letters + string.digits + "-_"


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_what_is_sealed_opens_again(text: str) -> None:
    """Any text, byte by byte."""
    assert SEAL.open("cursor", "acme", SEAL.close("cursor", "acme", text)) == text


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_token_can_stand_in_a_url(text: str) -> None:
    """No letter of it needs escaping."""
    assert set(SEAL.close("cursor", "acme", text)) <= set(TOKEN_LETTERS)


@given(text=st.text(st.characters(codec="utf-8"), max_size=40), data=st.data())
def test_no_altered_token_opens(text: str, data: st.DataObject) -> None:
    """Not by one letter, and not by another spelling of the same bytes."""
    token = SEAL.close("cursor", "acme", text)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from(sorted((set(TOKEN_LETTERS) | set("+/=")) - {token[place]})))

    assert SEAL.open("cursor", "acme", token[:place] + letter + token[place + 1 :]) is None


@given(text=st.text(st.characters(codec="utf-8"), max_size=40), data=st.data())
def test_no_longer_and_no_shorter_token_opens(text: str, data: st.DataObject) -> None:
    """Padding included."""
    token = SEAL.close("cursor", "acme", text)
    more = data.draw(st.text(st.sampled_from(TOKEN_LETTERS + "=+/ \n"), min_size=1, max_size=4))
    cut = data.draw(st.integers(0, len(token) - 1))

    assert SEAL.open("cursor", "acme", token + more) is None
    assert SEAL.open("cursor", "acme", more + token) is None
    assert SEAL.open("cursor", "acme", token[:cut]) is None


@given(st.text() | st.text(TOKEN_LETTERS))
def test_no_text_of_anybodys_opens(text: str) -> None:
    """Whatever it is, it is no error either."""
    assert SEAL.open("cursor", "acme", text) is None


@given(st.binary(max_size=200))
def test_no_bytes_of_anybodys_open(raw: bytes) -> None:
    """Well-formed as they may be."""
    assert SEAL.open("cursor", "acme", base64.urlsafe_b64encode(raw).decode()) is None


@pytest.mark.parametrize(
    ("purpose", "tenant", "key"),
    [("event", "acme", b"a key"), ("cursor", "globex", b"a key"), ("cursor", "acme", b"x")],
)
def test_a_token_is_bound(purpose: str, tenant: str, key: bytes) -> None:
    """To its purpose, its tenant and the key."""
    token = SEAL.close("cursor", "acme", TEXT)

    assert Seal(key).open(purpose, tenant, token) is None


def test_replicas_with_one_key_read_each_others_tokens() -> None:
    """As ``ESIM_GRAPH_SIGNING_KEY`` promises."""
    assert Seal(b"a key").open("cursor", "acme", SEAL.close("cursor", "acme", TEXT)) == TEXT


def test_a_huge_token_is_not_even_read() -> None:
    """Nor is one that is no ASCII."""
    assert SEAL.open("cursor", "acme", "A" * 1_000_000) is None
    assert SEAL.open("cursor", "acme", "É" * 40) is None
