"""The limits are exact, fair, and next to free; time stands still but for what a test lets pass."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esim_graph.clock import Deadline
from esim_graph.errors import UpstreamRateLimited, UpstreamTimeout
from esim_graph.upstreams.limits import SLACK, Limits, Rate, digi_rates, esimfly_rates, esimgo_rates
from support.clock import ManualClock, settle


class Calls:
    """Callers of one ``Limits``, and when each was let in."""

    def __init__(self, rates: Sequence[Rate] = (), concurrency: int = 0) -> None:
        self.clock = ManualClock()
        self.limits = Limits("digi", rates=rates, concurrency=concurrency, clock=self.clock)
        self.starts: list[float] = []
        self.order: list[int] = []

    def call(self, number: int = 0, *, within: float = 1_000.0) -> asyncio.Task[None]:
        async def enter() -> None:
            await self.limits.enter(Deadline.after(within, self.clock))
            self.starts.append(self.clock.monotonic())
            self.order.append(number)

        return asyncio.create_task(enter())


async def test_what_the_window_allows_starts_at_once() -> None:
    calls = Calls([Rate(3, 10.0)])

    tasks = [calls.call() for _ in range(5)]
    await settle()

    assert calls.starts == [0.0, 0.0, 0.0]
    await cancel(*tasks)


async def test_the_next_starts_when_the_first_is_out_of_the_window() -> None:
    calls = Calls([Rate(1, 10.0)])
    tasks = [calls.call(), calls.call()]

    await calls.clock.advance(60.0)

    assert calls.starts == [0.0, 10.0 + SLACK]
    await asyncio.gather(*tasks)


async def test_callers_are_served_in_the_order_they_came() -> None:
    calls = Calls([Rate(2, 10.0)], concurrency=100)
    tasks = [calls.call(number) for number in range(7)]

    await calls.clock.advance(60.0)

    assert calls.order == list(range(7))
    await asyncio.gather(*tasks)


async def test_a_newcomer_does_not_overtake() -> None:
    calls = Calls([Rate(1, 10.0)])
    tasks = [calls.call(0), calls.call(1)]
    await calls.clock.advance(10.0 + SLACK / 2)  # the window is about to open for the second

    tasks.append(calls.call(2))
    await calls.clock.advance(30.0)

    assert calls.order == [0, 1, 2]
    await asyncio.gather(*tasks)


async def test_every_window_counts() -> None:
    calls = Calls([Rate(2, 1.0), Rate(3, 10.0)])
    tasks = [calls.call() for _ in range(4)]

    await calls.clock.advance(30.0)

    assert calls.starts == [0.0, 0.0, 1.0 + SLACK, 10.0 + SLACK]
    await asyncio.gather(*tasks)


async def test_a_wait_beyond_the_deadline_is_refused_at_once() -> None:
    calls = Calls([Rate(1, 10.0)])
    await calls.call()

    with pytest.raises(UpstreamRateLimited) as refused:
        await calls.call(within=10.0)

    assert refused.value.retry_after == pytest.approx(10.0 + SLACK)


async def test_those_ahead_are_reckoned_with() -> None:
    """Two calls are ahead in a window of one, so the third would start in 30 s."""
    calls = Calls([Rate(1, 10.0)])
    tasks = [calls.call() for _ in range(3)]
    await settle()

    with pytest.raises(UpstreamRateLimited) as refused:
        await calls.call(within=25.0)

    assert refused.value.retry_after == pytest.approx(3 * (10.0 + SLACK))
    await cancel(*tasks)


async def test_a_refused_call_uses_nothing_up() -> None:
    calls = Calls([Rate(1, 10.0)], concurrency=1)
    await calls.call()
    calls.limits.leave()
    with pytest.raises(UpstreamRateLimited):
        await calls.call(within=1.0)

    waiting = calls.call()
    await calls.clock.advance(10.0 + SLACK)

    await waiting


async def test_no_more_than_allowed_are_under_way() -> None:
    calls = Calls(concurrency=2)

    tasks = [calls.call() for _ in range(5)]
    await settle()

    assert len(calls.starts) == 2
    await cancel(*tasks)


async def test_one_that_leaves_lets_the_next_in() -> None:
    calls = Calls(concurrency=1)
    tasks = [calls.call(0), calls.call(1), calls.call(2)]
    await settle()

    calls.limits.leave()
    await settle()

    assert calls.order == [0, 1]
    await cancel(*tasks)


async def test_waiting_for_others_ends_at_the_deadline() -> None:
    calls = Calls(concurrency=1)
    await calls.call()

    with pytest.raises(UpstreamTimeout, match="not sent"):
        await calls.call(within=0.01)


async def test_one_that_is_cancelled_gives_its_turn_away() -> None:
    calls = Calls([Rate(1, 10.0)], concurrency=1)
    await calls.call(0)
    calls.limits.leave()
    head, behind = calls.call(1), calls.call(2)
    await settle()

    await cancel(head)
    await calls.clock.advance(10.0 + SLACK)

    assert calls.order == [0, 2]
    await behind


async def test_without_limits_nobody_waits() -> None:
    calls = Calls()

    await asyncio.gather(*(calls.call() for _ in range(1_000)))

    assert len(calls.starts) == 1_000


async def test_a_call_that_need_not_wait_does_not_even_yield() -> None:
    limits = Limits("digi", rates=[Rate(5, 1.0)], concurrency=5, clock=ManualClock())
    entering = limits.enter(Deadline.after(1.0, ManualClock()))

    with pytest.raises(StopIteration):
        entering.send(None)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from([0.0, 0.5, 3.0, 11.0])), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from([1.0, 5.0, 30.0])), min_size=1, max_size=3),
    st.data(),
)
def test_no_window_ever_holds_more_than_it_may(
    bursts: list[tuple[int, float]], windows: list[tuple[int, float]], data: st.DataObject
) -> None:
    """Bursts of callers, some cancelled while they wait; every start is then looked at from every window."""
    rates = [Rate(calls, seconds) for calls, seconds in windows]

    async def run() -> Calls:
        calls = Calls(rates, concurrency=4)
        tasks: list[asyncio.Task[None]] = []
        for many, pause in bursts:
            tasks += [call_and_leave(calls) for _ in range(many)]
            await settle()
            if data.draw(st.booleans()):
                tasks[data.draw(st.integers(0, len(tasks) - 1))].cancel()
            await calls.clock.advance(pause)
        await calls.clock.advance(5_000.0)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in done)
        return calls

    calls = asyncio.run(run())

    for rate in rates:
        for first, last in zip(calls.starts, calls.starts[rate.calls :], strict=False):
            assert last - first > rate.seconds


def call_and_leave(calls: Calls) -> asyncio.Task[None]:
    async def enter_and_leave() -> None:
        await calls.limits.enter(Deadline.after(100_000.0, calls.clock))
        calls.starts.append(calls.clock.monotonic())
        calls.limits.leave()

    return asyncio.create_task(enter_and_leave())


def test_digi_counts_a_sixth_in_ten_seconds() -> None:
    assert list(digi_rates(240)) == [Rate(40, 10.0), Rate(240, 60.0)]


def test_a_small_limit_still_lets_one_call_through() -> None:
    assert list(digi_rates(3)) == [Rate(1, 10.0), Rate(3, 60.0)]


def test_esimfly_counts_minutes_hours_and_days() -> None:
    assert list(esimfly_rates(100)) == [Rate(100, 60.0), Rate(1_000, 3_600.0), Rate(10_000, 86_400.0)]


def test_zero_is_no_limit() -> None:
    assert not [*digi_rates(0), *esimfly_rates(0), *esimgo_rates(0)]


async def cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
