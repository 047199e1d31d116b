"""What is recorded is there once, in the order of writing, and never twice."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esim_graph.domain.lifecycle import ProfileState, rank
from esim_graph.domain.status_change import Report, StatusChange, StatusFilter, StatusSource
from journal.conftest import Opened, by, open_journal
from support.database import fresh_database_url
from support.status_reports import ICCID, OTHER, at, event, failure, reading

S = ProfileState


async def test_a_change_is_kept_with_all_that_is_known_of_it(opened: Opened) -> None:
    """Every field comes back."""
    told: dict[str, Any] = {
        "eid": "8" * 32,
        "device_id": "device",
        "actor": "anna",
        "transaction_id": "t",
        "operation_id": "o",
    }
    await opened.record(event("1", S.INSTALLED, 0))
    await opened.record(event("2", S.ENABLED, 10, **told))
    await opened.record(failure("3", 20, message="No.", message_code="E1", **told))

    assert (await opened.changes())[:2] == [
        StatusChange(
            number=3, iccid=ICCID, from_state=S.ENABLED, to_state=S.ENABLED, at=at(20), seen_at=at(80),
            source=StatusSource.DIGI, message="No.", message_code="E1", is_error=True, unexpected=False, late=False,
            **told,
        ),
        StatusChange(
            number=2, iccid=ICCID, from_state=S.INSTALLED, to_state=S.ENABLED, at=at(10), seen_at=at(70),
            source=StatusSource.DIGI, message=None, message_code=None, is_error=False, unexpected=False, late=False,
            **told,
        ),
    ]  # fmt: skip


async def test_the_same_report_again_is_one_row(opened: Opened) -> None:
    """Also within one call, and a day later."""
    report = event("1", S.ENABLED, 0)

    assert await opened.record(report, report) == 1
    assert await opened.record(report) == 0
    assert await opened.record(event("1", S.ENABLED, 0, seen_at=at(86_400))) == 0


async def test_what_two_replicas_see_at_once_is_one_row() -> None:
    """All writes of all processes stand in one queue, and each looks again there."""
    url = fresh_database_url()
    async with open_journal(url) as one, open_journal(url) as other:
        for state, seconds in ((S.ENABLED, 0), (S.DISABLED, 10), (S.ENABLED, 20)):
            await asyncio.gather(one.observe(reading(state, seconds)), other.observe(reading(state, seconds + 1)))
            for replica in (one, other):
                await replica.clock.advance(61)

        written = await one.written()

    assert by(written, "to_state") == [S.ENABLED, S.DISABLED, S.ENABLED]
    assert by(written, "number") == [1, 2, 3]


async def test_a_batch_is_judged_in_the_order_of_time(opened: Opened) -> None:
    """A vendor's list has the newest first."""
    await opened.record(event("3", S.DISABLED, 30), event("2", S.ENABLED, 20), event("1", S.INSTALLED, 10))

    written = await opened.written()
    assert by(written, "from_state") == [None, S.INSTALLED, S.ENABLED]
    assert not any(by(written, "late"))


async def test_a_write_that_fails_leaves_no_row(opened: Opened) -> None:
    """The journal's row stands and falls with the write it belongs to."""

    async def write(connection: Any) -> None:
        await opened.journal.record(connection, [event("1", S.ENABLED, 0)])
        raise LookupError

    with pytest.raises(LookupError):
        await opened.database.write(write)

    assert await opened.changes() == []
    assert await opened.record(event("1", S.ENABLED, 0)) == 1


async def test_tenants_have_journals_of_their_own() -> None:
    """The same report of another tenant is another row, and nobody sees the other's."""
    url = fresh_database_url()
    async with open_journal(url, tenant="a") as one, open_journal(url, tenant="b") as other:
        assert await one.record(event("1", S.ENABLED, 0)) == 1
        assert await other.record(event("1", S.DISABLED, 0)) == 1

        assert by(await one.changes(), "to_state") == [S.ENABLED]
        assert by(await other.changes(), "number") == [1]
        assert (await other.journal.states([ICCID]))[ICCID][StatusSource.DIGI].state is S.DISABLED


async def test_a_thousand_reports_are_one_write(opened: Opened) -> None:
    """A page of a vendor's list."""
    iccids = [f"89{10**16 + number}" for number in range(1_000)]
    reports = [event(iccid, S.ENABLED, 0, iccid=iccid) for iccid in iccids]

    assert await opened.record(*reports) == 1_000
    assert await opened.record(*reports) == 0
    assert by(await opened.written(), "number") == list(range(1, 1_001))


async def test_states_tell_what_each_source_last_said(opened: Opened) -> None:
    """Of those that are asked for, known or not."""
    await opened.record(event("1", S.INSTALLED, 0), event("2", S.ENABLED, 10, lag=600))
    await opened.record(reading(S.DISABLED, 20, source=StatusSource.ESIMFLY))

    states = await opened.journal.states([ICCID, OTHER])

    assert {source: known.state for source, known in states[ICCID].items()} == {
        StatusSource.DIGI: S.ENABLED,
        StatusSource.ESIMFLY: S.DISABLED,
    }
    digi = states[ICCID][StatusSource.DIGI]
    assert (digi.previous, digi.outdated, digi.unconfirmed_until) == (S.INSTALLED, (S.INSTALLED,), at(610))
    assert states[OTHER] == {}


events = st.builds(
    lambda number, state, seconds: event(str(number), state, seconds),
    st.integers(0, 5),
    st.sampled_from([state for state in ProfileState if state is not S.UNKNOWN]),
    st.integers(0, 50),
)
failures = st.builds(lambda number, seconds: failure(str(number), seconds), st.integers(6, 8), st.integers(0, 50))


@given(st.lists(events | failures, max_size=8, unique_by=lambda report: report.identity), st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_order_and_any_repetition_come_to_the_same(told: list[Report], data: st.DataObject) -> None:
    """The same rows, and the state of the newest; arriving again and again adds nothing."""
    arrived = data.draw(st.permutations(told + told))

    async def replay() -> tuple[set[Any], ProfileState | None]:
        async with open_journal(fresh_database_url()) as opened:
            rows = [await opened.record(report) for report in arrived]
            assert sum(rows) == len(told)
            known = (await opened.journal.states([ICCID]))[ICCID].get(StatusSource.DIGI)
            # What a failure left is its state at the time, which the order decides.
            written = await opened.changes(StatusFilter(iccid=ICCID))
            rows_ = {(one.at, one.is_error, None if one.is_error else one.to_state) for one in written}
            return rows_, None if known is None else known.state

    newest = max((one for one in told if one.state is not None), key=_newness, default=None)
    rows, state = asyncio.run(replay())

    assert rows == {(one.happened_at, one.is_error, one.state) for one in told}
    assert state is (None if newest is None else newest.state)


def _newness(report: Report) -> tuple[object, int]:
    return report.happened_at, rank(report.state or S.UNKNOWN)
