"""When things will have ended, by what others took."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from esim_graph.progress.estimates import estimate, quantile, typical
from esim_graph.sandbox import Sandbox
from progress.replicas import door, following, move, open_replica, start_operation
from progress.rest import PollClock
from support.gateway import Gateway

BEGAN = datetime(2026, 6, 26, 14, 34, 40, tzinfo=UTC)
SAMPLES = [100.0, 200.0, 300.0, 400.0, 500.0]


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def test_without_samples_there_is_no_estimate() -> None:
    assert estimate([], began_at=BEGAN, now=BEGAN) is None
    assert typical([]) is None


def test_half_and_nine_of_ten_are_told() -> None:
    found = estimate(SAMPLES, began_at=BEGAN, now=BEGAN)

    assert found is not None
    assert (found.p50, found.p90, found.sample_size) == (after(300), after(460), 5)
    assert typical(SAMPLES) == (300, 460)


def test_only_those_that_took_longer_count_any_more() -> None:
    found = estimate(SAMPLES, began_at=BEGAN, now=after(300))

    assert found is not None
    assert (found.p50, found.p90, found.sample_size) == (after(450), after(490), 2)


def test_what_is_overdue_may_end_at_any_moment() -> None:
    found = estimate(SAMPLES, began_at=BEGAN, now=after(900))

    assert found is not None
    assert (found.p50, found.p90) == (after(900), after(900))


@given(samples=st.lists(st.floats(0, 10_000), min_size=1).map(sorted), elapsed=st.floats(0, 20_000))
def test_an_estimate_is_never_in_the_past(samples: Sequence[float], elapsed: float) -> None:
    now = after(elapsed)

    found = estimate(samples, began_at=BEGAN, now=now)

    assert found is not None
    assert now <= found.p50 <= found.p90
    assert 1 <= found.sample_size <= len(samples)


@given(samples=st.lists(st.floats(0, 10_000), min_size=1).map(sorted), share=st.floats(0, 1))
def test_a_quantile_is_between_the_smallest_and_the_largest(samples: Sequence[float], share: float) -> None:
    assert samples[0] <= quantile(samples, share) <= samples[-1]


ESTIMATE = """query ($id: String!) { operation(vendorId: $id) {
    createdAt estimatedCompletion { p50 p90 sampleSize }
} }"""


async def test_it_is_learned_from_what_was_followed_to_a_good_end(
    gateway: Gateway, sandbox: Sandbox, clock: PollClock, database_url: str
) -> None:
    """Also by other replicas; what has ended has none, and so has the first of its kind."""
    first = await start_operation(gateway)
    assert (await gateway.data(ESTIMATE, {"id": first}))["operation"]["estimatedCompletion"] is None
    sandbox.world.advance(240)
    move(sandbox, first, "successful")
    await clock.look_again()
    assert (await following(door(gateway).operation(first, None)))[1] == "SUCCESSFUL"
    assert (await gateway.data(ESTIMATE, {"id": first}))["operation"]["estimatedCompletion"] is None

    async with open_replica(sandbox, database_url) as another:
        second = next(row.id for row in sandbox.world.operations.values() if row.operation == "activate")
        row = sandbox.world.operations[second]
        sandbox.multistep.change(row, "starting", None, None)
        row.created = sandbox.world.operations[first].created
        told = (await another.data(ESTIMATE, {"id": second}))["operation"]["estimatedCompletion"]

    assert told["sampleSize"] == 1
    assert told["p50"] == told["p90"]
