"""Digests tell codes and inputs apart, and tell nothing else."""

import hashlib

from esim_graph.dispatch.digests import Digests
from esim_graph.domain.identifiers import parse_activation_code

SECRET = "LPA:1$rsp.example.com$TOP-SECRET"
CODE = parse_activation_code(SECRET)


def test_a_code_is_the_same_under_the_same_key_only() -> None:
    assert Digests(b"key").of_code(CODE) == Digests(b"key").of_code(parse_activation_code(SECRET))
    assert Digests(b"key").of_code(CODE) != Digests(b"another").of_code(CODE)
    assert Digests(b"key").of_code(None) is None


def test_neither_a_code_nor_its_plain_hash_is_in_its_digest() -> None:
    digest = Digests(b"key").of_code(CODE)

    assert digest is not None
    assert SECRET not in digest
    assert digest != hashlib.sha256(SECRET.encode()).hexdigest()


def test_inputs_differ_by_each_part_and_by_its_place() -> None:
    of_input = Digests(b"key").of_input

    assert of_input("a", None) == of_input("a", None)
    assert len({of_input("a", "b"), of_input("b", "a"), of_input("ab"), of_input("a", "b", None), of_input()}) == 5
