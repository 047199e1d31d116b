"""The cache: one call in flight per key, shared to its end, and nothing remembered that should not be."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from esim_graph.cache import Cache, Remembered
from esim_graph.clock import Deadline
from esim_graph.domain.freshness import ServedFrom
from esim_graph.errors import UpstreamUnavailable
from esim_graph.telemetry import Metrics
from support.clock import ManualClock, settle

KEY = "8948010010036785060"
OTHER = "8943108170002570328"


class Vendor:
    """Answers with how often it was asked; holds its answers while told to."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.cancelled = 0
        self.error: Exception | None = None
        self.absent: set[str] = set()
        self._open = asyncio.Event()
        self._open.set()

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    async def __call__(self, keys: list[str]) -> Mapping[str, Any]:
        self.calls.append(keys)
        number = len(self.calls)
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return {key: f"{key} #{number}" for key in keys if key not in self.absent}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def cache(clock: ManualClock, metrics: Metrics) -> Cache:
    return Cache(clock=clock, metrics=metrics, max_entries=3)


@pytest.fixture
async def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def read(cache: Cache, clock: ManualClock, vendor: Vendor):
    """Read one key, with everything else as usual; the value, or None if it is absent."""

    async def read_one(key: str = KEY, *, tenant: str = "acme", kind: str = "profile", **more: Any) -> Any:
        asked: dict[str, Any] = {"ttl": 60.0, "deadline": Deadline.after(30, clock)} | more
        found: dict[str, Remembered[Any]] = await cache.read(tenant, kind, [key], vendor, **asked)
        return found[key].value if key in found else None

    return read_one


async def test_readers_at_one_moment_share_one_call(read, vendor: Vendor) -> None:
    """Twenty of them cost one call."""
    vendor.hold()
    readers = [asyncio.create_task(read()) for _ in range(20)]
    await settle()

    vendor.release()

    assert set(await asyncio.gather(*readers)) == {f"{KEY} #1"}
    assert vendor.calls == [[KEY]]


async def test_an_answer_is_remembered_for_its_time(read, vendor: Vendor, clock: ManualClock) -> None:
    """Fresh until the time to live has passed, and not a moment longer."""
    await read()
    await clock.advance(59.9)
    assert await read() == f"{KEY} #1"

    await clock.advance(0.1)

    assert await read() == f"{KEY} #2"


async def test_a_caller_may_want_it_younger(read, vendor: Vendor, clock: ManualClock) -> None:
    """``max_age`` below the time to live asks anew; above it, it changes nothing."""
    await read()
    await clock.advance(10)

    assert await read(max_age=11) == f"{KEY} #1"
    assert await read(max_age=10) == f"{KEY} #2"
    await clock.advance(61)
    assert await read(max_age=1_000) == f"{KEY} #3"


async def test_a_caller_that_wants_it_now_gets_it_now(read, vendor: Vendor) -> None:
    """``max_age`` 0 is never answered from memory."""
    await read()

    assert await read(max_age=0) == f"{KEY} #2"


async def test_an_age_and_its_source_are_told(cache: Cache, vendor: Vendor, clock: ManualClock) -> None:
    """Nobody guesses an age from a time to live."""

    async def read() -> Remembered[Any]:
        found: dict[str, Remembered[Any]] = await cache.read(
            "acme", "profile", [KEY], vendor, ttl=60, deadline=Deadline.after(30, clock)
        )
        return found[KEY]

    asked = clock.now()
    first = await read()
    await clock.advance(7)
    second = await read()

    assert (first.age, first.served_from, first.observed_at) == (0, ServedFrom.UPSTREAM, asked)
    assert (second.age, second.served_from, second.observed_at) == (7, ServedFrom.CACHE, asked)


async def test_where_answers_come_from_is_counted(read, metrics: Metrics) -> None:
    """By kind."""
    await read()
    await read()

    for source in ServedFrom.UPSTREAM, ServedFrom.CACHE:
        labels = {"kind": "profile", "served_from": source.value}
        assert metrics.registry.get_sample_value("esim_graph_remembered_reads_total", labels) == 1


async def test_a_time_to_live_of_zero_remembers_nothing(read) -> None:
    """Each asks anew."""
    assert await read(ttl=0) == f"{KEY} #1"
    assert await read(ttl=0) == f"{KEY} #2"


async def test_even_then_a_call_in_flight_is_shared(read, vendor: Vendor) -> None:
    """Who comes while it is under way gets its answer."""
    vendor.hold()
    readers = [asyncio.create_task(read(ttl=0)) for _ in range(2)]
    await settle()
    vendor.release()

    await asyncio.gather(*readers)

    assert len(vendor.calls) == 1


async def test_a_waiter_that_is_cancelled_leaves_alone(read, vendor: Vendor) -> None:
    """The others get the answer."""
    vendor.hold()
    leaves, stays = asyncio.create_task(read()), asyncio.create_task(read())
    await settle()

    leaves.cancel()
    await settle()
    vendor.release()

    assert await stays == f"{KEY} #1"
    assert leaves.cancelled()
    assert vendor.cancelled == 0


async def test_a_waiter_whose_time_is_up_leaves_alone(read, vendor: Vendor, clock: ManualClock) -> None:
    """Its deadline is its own."""
    vendor.hold()
    stays = asyncio.create_task(read())
    await settle()

    with pytest.raises(TimeoutError):
        await read(deadline=Deadline.after(0, clock))
    vendor.release()

    assert await stays == f"{KEY} #1"


async def test_the_last_waiter_to_leave_ends_the_call(read, vendor: Vendor) -> None:
    """Nobody wants the answer any more."""
    vendor.hold()
    readers = [asyncio.create_task(read()) for _ in range(3)]
    await settle()

    for reader in readers:
        reader.cancel()
        await settle()

    assert vendor.cancelled == 1


async def test_who_comes_then_is_not_cancelled_with_it(read, vendor: Vendor) -> None:
    """A call that is being cancelled is joined by nobody: the newcomer starts its own."""
    vendor.hold()
    leaves = asyncio.create_task(read())
    await settle()

    leaves.cancel()
    comes = asyncio.create_task(read())
    await settle()
    vendor.release()

    assert await comes == f"{KEY} #2"


async def test_waiters_share_the_failure_too(read, vendor: Vendor) -> None:
    """Twenty readers of a dead vendor are one call, not twenty."""
    vendor.hold()
    vendor.error = UpstreamUnavailable("Digi is away.", upstream="digi")
    readers = [asyncio.create_task(read()) for _ in range(20)]
    await settle()
    vendor.release()

    outcomes = await asyncio.gather(*readers, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {UpstreamUnavailable}
    assert len(vendor.calls) == 1


async def test_a_failure_is_not_remembered(read, vendor: Vendor) -> None:
    """The next reader asks anew."""
    vendor.error = UpstreamUnavailable("Digi is away.", upstream="digi")
    with pytest.raises(UpstreamUnavailable):
        await read()
    vendor.error = None

    assert await read() == f"{KEY} #2"


async def test_a_failure_that_nobody_waits_for_is_no_noise(read, vendor: Vendor) -> None:
    """Warnings are errors here: "exception was never retrieved" would be one."""
    vendor.hold()
    vendor.error = UpstreamUnavailable("Digi is away.", upstream="digi")
    reader = asyncio.create_task(read())
    await settle()

    vendor.release()
    reader.cancel()
    await settle()

    assert reader.cancelled()


async def test_absence_is_not_remembered(read, vendor: Vendor) -> None:
    """What is not found ends sooner than a time to live: a profile appears."""
    vendor.absent = {KEY}
    assert await read() is None
    vendor.absent = set()

    assert await read() == f"{KEY} #2"


async def test_a_none_is_not_remembered(cache: Cache, clock: ManualClock) -> None:
    """However the vendor says it."""
    calls = 0

    async def nothing(keys: list[str]) -> Mapping[str, None]:
        nonlocal calls
        calls += 1
        return dict.fromkeys(keys)

    for _ in range(2):
        await cache.read("acme", "profile", [KEY], nothing, ttl=60, deadline=Deadline.after(30, clock))

    assert calls == 2


@pytest.mark.parametrize("other", [{"tenant": "globex"}, {"kind": "live_status"}, {"key": OTHER}])
async def test_tenants_kinds_and_keys_are_strangers(read, vendor: Vendor, other: dict[str, str]) -> None:
    """Nobody is ever answered with what was said to another."""
    await read()

    await read(**other)

    assert len(vendor.calls) == 2


async def test_a_call_in_flight_is_not_shared_with_another_tenant(read, vendor: Vendor) -> None:
    """Not even for a moment."""
    vendor.hold()
    readers = [asyncio.create_task(read(tenant=tenant)) for tenant in ("acme", "globex")]
    await settle()
    vendor.release()

    assert len(set(await asyncio.gather(*readers))) == 2


async def test_only_what_is_missing_is_asked_for(cache: Cache, vendor: Vendor, clock: ManualClock) -> None:
    """Three keys: one remembered, one under way, one new."""

    async def read(*keys: str) -> dict[str, Remembered[Any]]:
        found: dict[str, Remembered[Any]] = await cache.read(
            "acme", "profile", keys, vendor, ttl=60, deadline=Deadline.after(30, clock)
        )
        return found

    await read("remembered")
    vendor.hold()
    under_way = asyncio.create_task(read("under way"))
    await settle()
    both = asyncio.create_task(read("remembered", "under way", "new", "new"))
    await settle()
    vendor.release()
    await under_way

    assert set(await both) == {"remembered", "under way", "new"}
    assert vendor.calls == [["remembered"], ["under way"], ["new"]]


async def test_what_is_dropped_is_asked_for_anew(cache: Cache, read) -> None:
    """An action has made it false."""
    await read()

    await cache.drop("acme", "profile", [KEY])

    assert await read() == f"{KEY} #2"


async def test_dropping_for_one_tenant_leaves_the_others(cache: Cache, read) -> None:
    """And other kinds."""
    await read(tenant="globex")
    await read(kind="live_status")

    await cache.drop("acme", "profile", [KEY])

    assert await read(tenant="globex") == f"{KEY} #1"
    assert await read(kind="live_status") == f"{KEY} #2"


async def test_an_old_answer_that_arrives_after_a_drop_is_kept_out(cache: Cache, read, vendor: Vendor) -> None:
    """It was true when it was asked for; whoever asks after the action gets the new one, and it is remembered."""
    vendor.hold()
    before = asyncio.create_task(read())
    await settle()

    await cache.drop("acme", "profile", [KEY])
    after = asyncio.create_task(read())
    await settle()
    vendor.release()

    assert await before == f"{KEY} #1"
    assert await after == f"{KEY} #2"
    assert await read() == f"{KEY} #2"


async def test_what_is_remembered_is_bounded(read, vendor: Vendor) -> None:
    """The entry that was stored first makes room."""
    for key in ("a", "b", "c", "d"):
        await read(key)

    assert await read("b") == "b #2"
    assert await read("a") == "a #5"


async def test_two_caches_share_nothing(clock: ManualClock, metrics: Metrics, vendor: Vendor) -> None:
    """The library once kept its entries in the class."""
    first, second = (Cache(clock=clock, metrics=metrics) for _ in range(2))
    until = Deadline.after(30, clock)

    for cache in (first, second):
        await cache.read("acme", "profile", [KEY], vendor, ttl=60, deadline=until)

    assert len(vendor.calls) == 2


async def test_closing_ends_the_calls_in_flight(cache: Cache, read, vendor: Vendor) -> None:
    """Nothing outlives the process's end."""
    vendor.hold()
    reader = asyncio.create_task(read())
    await settle()

    await cache.close()

    assert vendor.cancelled == 1
    with pytest.raises(asyncio.CancelledError):
        await reader
