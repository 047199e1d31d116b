"""The door to read: batches, what one operation remembers, and who suffers when something goes wrong."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from esim_graph import loaders as loaders_module
from esim_graph.clock import Deadline
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.profile import ProfileStatus
from esim_graph.domain.selection import Condition, Operator, Selection
from esim_graph.errors import BadUserInput, UpstreamError, UpstreamForbidden, UpstreamTimeout
from esim_graph.loaders import Loaders
from esim_graph.sandbox import Options
from esim_graph.sandbox.landmarks import DIGI_ONLY, ESIMGO_ONLY, KNOWN_TO_ALL, READY_TO_ENABLE
from support.clock import settle
from support.gateway import Gateway, open_gateway

ICCID = Iccid(KNOWN_TO_ALL.iccid)
OTHER = Iccid(READY_TO_ENABLE.iccid)
ENABLE = "mutation ($input: ProfileEnableInput!) { profileEnable(input: $input) { transaction { vendorId } } }"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_gateway(profiles={"ttl": 0}, live_status={"ttl": 0}, bundle_history={"ttl": 0}) as opened:
        yield opened


def new_loaders(gateway: Gateway) -> Loaders:
    return Loaders(gateway.runtime.rooms, gateway.runtime.rooms.call_deadline())


async def test_loads_of_one_tick_are_one_call(gateway: Gateway) -> None:
    loaders = new_loaders(gateway)

    profiles = await asyncio.gather(*(loaders.profile(iccid) for iccid in (ICCID, OTHER, ICCID)))

    assert [profile and profile.iccid for profile in profiles] == [ICCID, OTHER, ICCID]
    assert gateway.sandbox.calls.count() == 1


async def test_a_loader_remembers_for_its_own_operation_only(gateway: Gateway) -> None:
    loaders = new_loaders(gateway)
    for _ in range(3):
        await loaders.profile(ICCID)
    within_one = gateway.sandbox.calls.count()

    await new_loaders(gateway).profile(ICCID)

    assert within_one == 1
    assert gateway.sandbox.calls.count() == 2


async def test_a_cancelled_waiter_does_not_cancel_the_others(gateway: Gateway) -> None:
    """graphql-core cancels the siblings of a failed field, and they share an answer."""
    loaders = new_loaders(gateway)
    gateway.sandbox.faults.script("hold", "esimfly")
    impatient = asyncio.ensure_future(loaders.live_status(ICCID, None))
    patient = asyncio.ensure_future(loaders.live_status(ICCID, None))
    await gateway.sandbox.calls.wait_for(1, "esimfly")

    impatient.cancel()
    gateway.sandbox.faults.clear()
    found = await patient

    assert found is not None
    assert found[0].iccid == ICCID
    assert gateway.sandbox.calls.count("esimfly") == 1


async def test_one_key_of_a_batch_fails_alone(gateway: Gateway) -> None:
    loaders = new_loaders(gateway)
    gateway.sandbox.faults.status(500, "esimgo", only=OTHER)

    good, bad, foreign = await asyncio.gather(
        *(loaders.bundle_history(iccid) for iccid in (ICCID, OTHER, Iccid(DIGI_ONLY.iccid))), return_exceptions=True
    )

    assert isinstance(good, list)
    assert isinstance(bad, UpstreamError)
    assert isinstance(foreign, UpstreamForbidden)


async def test_a_failed_call_for_many_fails_them_all_and_is_not_repeated(gateway: Gateway) -> None:
    loaders = new_loaders(gateway)
    gateway.sandbox.faults.status(403, "digi")

    errors = await asyncio.gather(*(loaders.profile(iccid) for iccid in (ICCID, OTHER)), return_exceptions=True)
    again = await asyncio.gather(loaders.profile(ICCID), return_exceptions=True)

    assert all(isinstance(error, UpstreamForbidden) for error in (*errors, *again))
    assert gateway.sandbox.calls.count("digi") == 1


async def test_active_profiles_of_a_page_are_known_afterwards(gateway: Gateway) -> None:
    loaders = new_loaders(gateway)
    active = Selection(Condition("status", Operator.EQ, ProfileStatus.ACTIVE))
    listing = await loaders.profiles(active, 5, None)

    profiles = [await loaders.profile(profile.iccid) for profile in listing.slice.items]

    assert profiles == list(listing.slice.items)
    assert gateway.sandbox.calls.count() == 1


async def test_an_inactive_row_of_a_page_is_not_taken_for_the_profile(gateway: Gateway) -> None:
    """An old report of another eUICC may stand beside the active one, on this page or on none."""
    loaders = new_loaders(gateway)
    inactive = Selection(Condition("status", Operator.EQ, ProfileStatus.INACTIVE))
    listing = await loaders.profiles(inactive, 1, None)

    await loaders.profile(listing.slice.items[0].iccid)

    assert gateway.sandbox.calls.count() == 2


async def test_one_busy_esim_does_not_cost_the_others_a_call_each(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fills the page that all share; the others share another one."""
    monkeypatch.setattr(loaders_module, "_ROWS_A_CALL", 3)
    for _ in range(4):
        await gateway.data(ENABLE, {"input": {"deviceId": READY_TO_ENABLE.device_id, "iccid": OTHER}})
    gateway.sandbox.calls.clear()
    loaders = new_loaders(gateway)
    quiet = [Iccid(profile.iccid) for profile in list(gateway.sandbox.world.profiles.values())[-8:]]

    pages = await asyncio.gather(*(loaders.transactions_of(iccid, 1, None) for iccid in [OTHER, *quiet]))

    assert pages[0].slice.has_next_page
    assert gateway.sandbox.calls.count("digi", "transactions") < len(quiet)


async def test_what_an_operation_leaves_behind_is_stopped(gateway: Gateway) -> None:
    """A call that nobody waits for any more is given up when its loaders are closed."""
    gateway.sandbox.faults.script("hold", "esimfly")
    loaders = new_loaders(gateway)
    waiting = asyncio.ensure_future(loaders.live_status(ICCID, None))
    await gateway.sandbox.calls.wait_for(1, "esimfly")
    waiting.cancel()

    loaders.close()
    await settle()

    assert not [task for task in asyncio.all_tasks() if task.get_name() == "fetch live_status"]


async def test_what_was_asked_before_a_page_stays_what_it_was(gateway: Gateway) -> None:
    """One operation shows one state of a thing, even where a page has read it again."""
    loaders = new_loaders(gateway)
    before = await loaders.profile(ICCID)
    gateway.sandbox.world.change_profile(ICCID, carrier="changed")

    await loaders.profiles(Selection(), 50, None)

    assert await loaders.profile(ICCID) is before


async def test_more_esims_than_fit_one_question_are_asked_for_in_several() -> None:
    async with open_gateway(Options(devices=120)) as gateway:
        iccids = [Iccid(iccid) for iccid in list(gateway.sandbox.world.profiles)[:150]]
        loaders = new_loaders(gateway)

        listings = await asyncio.gather(*(loaders.operations_of(iccid, 3, None) for iccid in iccids))

        assert gateway.sandbox.calls.count("digi", "operations") == 2
        for iccid, listing in zip(iccids, listings, strict=True):
            assert {operation.iccid for operation in listing.slice.items} <= {iccid}
        assert any(listing.slice.items for listing in listings)


async def test_a_shared_page_that_is_cut_short_is_completed_by_calls_of_its_own(gateway: Gateway) -> None:
    """A thousand rows do not hold the first pages of all: who got too few asks again, alone."""
    sandbox = gateway.sandbox
    device = sandbox.world.devices[str(READY_TO_ENABLE.device_id)]
    old, busy, new = Iccid("8944100000000001001"), Iccid("8944100000000001002"), Iccid("8944100000000001003")
    opened = {
        iccid: [sandbox.actions.open("enable", device, iccid, None).transaction for _ in range(count)]
        for iccid, count in ((old, 20), (busy, 1000), (new, 30))
    }
    loaders = new_loaders(gateway)

    listings = await asyncio.gather(*(loaders.transactions_of(iccid, 25, None) for iccid in opened))

    for iccid, listing in zip(opened, listings, strict=True):
        assert sorted(one.vendor_id for one in listing.slice.items) == sorted(opened[iccid][-25:])
        assert listing.slice.has_next_page is (len(opened[iccid]) > 25)
    assert sandbox.calls.count("digi", "transactions") == 2


@pytest.mark.parametrize("first", [0, -1, 1001])
async def test_a_page_size_is_judged_before_any_batch(gateway: Gateway, first: int) -> None:
    loaders = new_loaders(gateway)

    with pytest.raises(BadUserInput) as caught:
        await loaders.transactions_of(ICCID, first, None)

    assert caught.value.argument == "first"
    assert gateway.sandbox.calls.count() == 0


async def test_a_reader_waits_no_longer_than_its_deadline(gateway: Gateway) -> None:
    gateway.sandbox.faults.script("hold", "esimfly")
    loaders = Loaders(gateway.runtime.rooms, Deadline.after(0.05, gateway.runtime.rooms.clock))

    with pytest.raises(UpstreamTimeout) as caught:
        await loaders.live_status(ICCID, None)

    assert caught.value.upstream == "esimfly"


async def test_a_call_that_nobody_waits_for_is_given_up(gateway: Gateway) -> None:
    gateway.sandbox.faults.script("hold", "esimfly")
    loaders = Loaders(gateway.runtime.rooms, Deadline.after(0.05, gateway.runtime.rooms.clock))
    with pytest.raises(UpstreamTimeout):
        await loaders.live_status(ICCID, None)

    gateway.sandbox.faults.clear()
    found = await new_loaders(gateway).live_status(ICCID, None)

    assert found is not None
    assert gateway.sandbox.calls.count("esimfly") == 2


async def test_a_thing_that_is_absent_is_none(gateway: Gateway) -> None:
    loaders = new_loaders(gateway)

    assert await loaders.profile(Iccid(ESIMGO_ONLY.iccid)) is None
    assert await loaders.live_status(Iccid(ESIMGO_ONLY.iccid), None) is None
    assert await loaders.transaction("gone") is None
    assert await loaders.operation("gone") is None
