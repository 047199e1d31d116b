"""How long to wait: ever longer, shorter near the likely end, and as long as Digi asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim_graph.config import PollSettings
from esim_graph.errors import UpstreamRateLimited
from esim_graph.progress import pace

SETTINGS = PollSettings(min_interval=2, max_interval=30, deadline=1200)


def test_it_grows_to_the_longest_interval() -> None:
    interval, waits = SETTINGS.min_interval, []
    for _ in range(15):
        waits.append(pace.wait(interval, SETTINGS, elapsed=0, typical=None))
        interval = pace.grown(interval, SETTINGS)

    assert waits[:3] == [2, pytest.approx(2.6), pytest.approx(3.38)]
    assert waits[-1] == SETTINGS.max_interval


@pytest.mark.parametrize(
    ("elapsed", "waits"),
    [
        (0, 30),  # the end is far
        (185, 15),  # not beyond the first likely moment
        (199, 2),
        (200, 7.5),  # half of its kind have ended by now
        (300, 7.5),
        (301, 30),  # it is late, and nobody knows how late
    ],
)
def test_looks_come_closer_where_the_end_is_likely(elapsed: float, waits: float) -> None:
    assert pace.wait(30, SETTINGS, elapsed=elapsed, typical=(200, 300)) == waits


@given(
    interval=st.floats(2, 30),
    elapsed=st.floats(-100, 10_000),
    typical=st.none() | st.tuples(st.floats(0, 5_000), st.floats(0, 5_000)).map(lambda pair: (min(pair), max(pair))),
)
def test_it_never_leaves_the_bounds(interval: float, elapsed: float, typical: tuple[float, float] | None) -> None:
    wait = pace.wait(interval, SETTINGS, elapsed=elapsed, typical=typical)

    assert SETTINGS.min_interval <= wait <= interval


def test_the_longest_rest_that_was_asked_for_counts() -> None:
    rest = pace.Rest()
    for seconds, now in ((30.0, 100.0), (5.0, 110.0), (None, 120.0)):
        rest.note(UpstreamRateLimited("Slower.", upstream="digi", retry_after=seconds), now)

    assert rest.until == 130.0
