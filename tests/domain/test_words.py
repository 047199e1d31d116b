"""Vocabularies: whole words only, and everything else is UNKNOWN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.domain.bundle import BundleEventKind, BundleState
from esim_graph.domain.live_status import DataUsage, PlanStatus
from esim_graph.domain.operation import OperationCause, OperationKind, OperationStatus, StepState
from esim_graph.domain.profile import ProfileStatus
from esim_graph.domain.transaction import TransactionAction, TransactionStatus, Verification
from esim_graph.domain.words import Word

VENDOR_WORDS: list[type[Word]] = [
    BundleEventKind, BundleState, OperationCause, OperationKind, OperationStatus, PlanStatus, ProfileStatus,
    TransactionAction, TransactionStatus,
]  # fmt: skip


@pytest.mark.parametrize("words", VENDOR_WORDS)
def test_every_word_is_read_in_any_case(words: type[Word]) -> None:
    for word in words:
        assert words.read(word.value) is words.read(f" {word.value.upper()} ") is word


@pytest.mark.parametrize("words", [*VENDOR_WORDS, StepState, Verification])
def test_every_word_has_a_meaning(words: type[Word]) -> None:
    assert all(word.meaning.strip().endswith(".") for word in words)


@pytest.mark.parametrize("words", VENDOR_WORDS)
def test_nothing_said_is_none_and_not_unknown(words: type[Word]) -> None:
    assert words.read(None) is None
    assert words.read("") is words["UNKNOWN"]


@pytest.mark.parametrize("raw", ["Not Active", "not_active", "inactive.", "activee", "act ive", "ACTIVE/INACTIVE"])
def test_a_part_of_a_word_is_not_the_word(raw: str) -> None:
    """``inactive`` contains ``active``."""
    assert ProfileStatus.read(raw) is ProfileStatus.UNKNOWN


@given(st.text())
def test_no_text_breaks_the_reader(raw: str) -> None:
    assert OperationStatus.read(raw) in list(OperationStatus)


@pytest.mark.parametrize(
    ("used", "total", "unlimited", "percent"),
    [
        (1.0, 4.0, False, 25.0),
        (5.0, 4.0, False, 100.0),
        (0.0, 4.0, None, 0.0),
        (1.0, 0.0, False, None),
        (1.0, None, False, None),
        (None, 4.0, False, None),
        (1.0, 4.0, True, None),
    ],
)
def test_a_percentage_needs_an_allowance_and_stays_within_a_hundred(
    used: float | None, total: float | None, unlimited: bool | None, percent: float | None
) -> None:
    assert DataUsage(used_gb=used, total_gb=total, unlimited=unlimited).used_percent == percent


@given(st.integers(0, 2**43))
def test_whole_bytes_survive_the_way_through_gb(count: int) -> None:
    usage = DataUsage(used_gb=count / 2**30, total_gb=None, unlimited=True)

    assert usage.used_bytes == count
    assert usage.total_bytes is None
