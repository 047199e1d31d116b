"""Digi's verbs that read, against the sandbox."""

from collections.abc import Callable
from typing import Any, Literal

import pytest

from esim_graph.clock import Deadline
from esim_graph.config import DigiSettings, Settings
from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.operation import OperationKind, OperationRequest
from esim_graph.domain.profile import ProfileStatus
from esim_graph.domain.selection import AllOf, AnyOf, Condition, Filter, Not, Operator, Order, Selection
from esim_graph.domain.transaction import ActionRequest, TransactionAction
from esim_graph.errors import (
    CursorExpired,
    UpstreamAuthFailed,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamForbidden,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from esim_graph.sandbox import Sandbox, landmarks
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import Upstreams, open_upstreams
from esim_graph.upstreams.digi import DigiClient
from upstreams.transports import CLOCK

KNOWN = landmarks.KNOWN_TO_ALL
ICCID = Iccid(KNOWN.iccid)
ABSENT = Iccid("8900000000000000000")
READY = landmarks.READY_TO_ENABLE
ALL = Selection()
Soon = Callable[[], Deadline]


@pytest.fixture
def digi(upstreams: Upstreams) -> DigiClient:
    return upstreams.digi


# Credentials


async def test_the_summary_proves_the_credentials(digi: DigiClient, deadline: Deadline) -> None:
    offset = await digi.summary(deadline=deadline)

    assert offset is not None
    assert abs(offset) < 5.0


async def open_with(settings: Settings, deadline: Deadline, **credentials: Any) -> None:
    vendor = DigiSettings(base_url=settings.digi.base_url, **credentials)
    changed = settings.model_copy(update={"digi": vendor})
    async with open_upstreams(changed, metrics=Metrics(), clock=CLOCK) as upstreams:
        await upstreams.digi.summary(deadline=deadline)


async def test_user_name_and_password_will_do(sandbox: Sandbox, settings: Settings, deadline: Deadline) -> None:
    given = sandbox.credentials

    await open_with(settings, deadline, username=given.digi_username, password=given.digi_password)


async def test_an_api_key_goes_before_a_password(sandbox: Sandbox, settings: Settings, deadline: Deadline) -> None:
    """With single sign-on a password is refused."""
    given = sandbox.credentials
    sandbox.switches.digi.sso = True

    await open_with(
        settings,
        deadline,
        username=given.digi_username,
        password=given.digi_password,
        api_key_id=given.digi_api_key_id,
        api_key_secret=given.digi_api_key_secret,
    )


@pytest.mark.parametrize("body", ["json", "html"])
async def test_an_expired_key_is_refused(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline, body: Literal["json", "html"]
) -> None:
    sandbox.switches.digi.expired_keys = True
    sandbox.switches.digi.unauthorized_body = body

    with pytest.raises(UpstreamAuthFailed):
        await digi.summary(deadline=deadline)


async def test_an_account_without_the_feature_is_forbidden(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline
) -> None:
    sandbox.switches.digi.subscribed = False

    with pytest.raises(UpstreamForbidden):
        await digi.profile(ICCID, deadline=deadline)


# Profiles


@pytest.mark.parametrize("shape", ["bare", "wrapped"])
async def test_a_profile_is_found_by_its_iccid(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline, shape: Literal["bare", "wrapped"]
) -> None:
    sandbox.switches.digi.single_get = shape

    profile = await digi.profile(ICCID, deadline=deadline)

    assert profile is not None
    assert (profile.iccid, profile.eid, profile.device_id) == (KNOWN.iccid, KNOWN.eid, KNOWN.device_id)


async def test_an_unknown_profile_is_none(digi: DigiClient, deadline: Deadline) -> None:
    assert await digi.profile(ABSENT, deadline=deadline) is None


async def test_fifty_profiles_are_one_call(sandbox: Sandbox, digi: DigiClient, soon: Soon) -> None:
    page = await digi.profile_page(ALL, size=50, cursor=None, deadline=soon())
    iccids = [profile.iccid for profile in page.items]
    sandbox.calls.clear()

    found = await digi.profiles_by_iccid([*iccids, ABSENT], deadline=soon())

    assert list(found) == iccids
    assert sandbox.calls.count("digi") == 1


async def test_two_hundred_profiles_are_two_calls(sandbox: Sandbox, digi: DigiClient, soon: Soon) -> None:
    page = await digi.profile_page(ALL, size=200, cursor=None, deadline=soon())
    iccids = [profile.iccid for profile in page.items]
    sandbox.calls.clear()

    found = await digi.profiles_by_iccid(iccids, deadline=soon())

    assert set(found) == set(iccids)
    assert sandbox.calls.count("digi") == 2


async def test_the_same_iccid_twice_is_asked_once(sandbox: Sandbox, digi: DigiClient, deadline: Deadline) -> None:
    await digi.profiles_by_iccid([ICCID, ICCID], deadline=deadline)

    assert sandbox.calls.count("digi", "profile") == 1


async def test_no_iccids_are_no_call(sandbox: Sandbox, digi: DigiClient, deadline: Deadline) -> None:
    assert await digi.profiles_by_iccid([], deadline=deadline) == {}
    assert len(sandbox.calls) == 0


async def test_one_failed_chunk_fails_with_its_own_error(sandbox: Sandbox, digi: DigiClient, soon: Soon) -> None:
    iccids = [Iccid(f"{number:019d}") for number in range(300)]
    sandbox.faults.status(403, "digi", "inventory", only=iccids[0])

    with pytest.raises(UpstreamForbidden):
        await digi.profiles_by_iccid(iccids, deadline=soon())


async def test_pages_follow_each_other_to_the_end(digi: DigiClient, soon: Soon) -> None:
    iccids: list[str] = []
    cursor = None
    while True:
        page = await digi.profile_page(ALL, size=100, cursor=cursor, deadline=soon())
        iccids += [profile.iccid for profile in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    bulk = await digi.profiles_bulk(ALL, fields=["iccid"], size=None, deadline=soon())
    assert sorted(iccids) == sorted(profile.iccid for profile in bulk.profiles)


async def test_a_full_last_page_may_promise_an_empty_one(sandbox: Sandbox, digi: DigiClient, soon: Soon) -> None:
    sandbox.switches.digi.cursor_after_full_last_page = True
    one = Selection(where=Condition("iccid", Operator.EQ, KNOWN.iccid))

    first = await digi.profile_page(one, size=1, cursor=None, deadline=soon())
    second = await digi.profile_page(one, size=1, cursor=first.next_cursor, deadline=soon())

    assert (len(first.items), second.items, second.next_cursor) == (1, (), None)


async def test_an_unknown_cursor_has_expired(digi: DigiClient, deadline: Deadline) -> None:
    with pytest.raises(CursorExpired):
        await digi.profile_page(ALL, size=10, cursor="d7eec0d4-557a-11e9-ab8e-d20bcc91db8a", deadline=deadline)


async def test_a_page_larger_than_digi_allows_is_refused(digi: DigiClient, deadline: Deadline) -> None:
    with pytest.raises(UpstreamRefused):
        await digi.profile_page(ALL, size=1_001, cursor=None, deadline=deadline)


async def test_a_filter_that_nothing_meets_is_no_call(sandbox: Sandbox, digi: DigiClient, deadline: Deadline) -> None:
    page = await digi.profile_page(Selection(where=AnyOf(())), size=10, cursor=None, deadline=deadline)

    assert (page.items, page.next_cursor) == ((), None)
    assert len(sandbox.calls) == 0


async def test_a_filter_that_everything_meets_is_no_query(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline
) -> None:
    await digi.profile_page(Selection(where=AllOf(())), size=10, cursor=None, deadline=deadline)

    assert "query" not in sandbox.calls.of("digi")[0].query


HOSTILE = "O'Neil' or carrier<>'"


@pytest.mark.parametrize(
    "where",
    [
        Condition("carrier", Operator.EQ, "Play"),
        Condition("carrier", Operator.EQ, HOSTILE),
        Condition("number", Operator.GTE, 1),
        Condition("status", Operator.EQ, ProfileStatus.UNKNOWN),
        Not(Condition("status", Operator.NE, ProfileStatus.UNKNOWN)),
        AllOf((Condition("iccid", Operator.STARTS_WITH, "89"), Not(Condition("type", Operator.CONTAINS, "est")))),
        AnyOf((Condition("eid", Operator.ENDS_WITH, "35"), Condition("customer_id", Operator.EQ, "1001"))),
    ],
)
async def test_digi_understands_what_we_write(digi: DigiClient, deadline: Deadline, where: Filter) -> None:
    await digi.profile_page(Selection(where=where), size=10, cursor=None, deadline=deadline)


async def test_a_hostile_text_selects_nothing(digi: DigiClient, deadline: Deadline) -> None:
    where = Condition("carrier", Operator.EQ, HOSTILE)

    page = await digi.profile_page(Selection(where=where), size=10, cursor=None, deadline=deadline)

    assert page.items == ()


async def test_an_order_is_kept(digi: DigiClient, deadline: Deadline) -> None:
    selection = Selection(order=Order("iccid", descending=True))

    page = await digi.profile_page(selection, size=100, cursor=None, deadline=deadline)

    iccids = [profile.iccid for profile in page.items]
    assert iccids == sorted(iccids, reverse=True)


async def test_a_cut_bulk_list_says_so(digi: DigiClient, deadline: Deadline) -> None:
    bulk = await digi.profiles_bulk(ALL, fields=["status"], size=5, deadline=deadline)

    assert (len(bulk.profiles), bulk.truncated) == (5, True)
    assert {profile.carrier for profile in bulk.profiles} == {None}


# Faults


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("html", UpstreamBadResponse),
        ("wrong_shape", UpstreamBadResponse),
        ("invalid_json", UpstreamBadResponse),
        ("cut_body", UpstreamBadResponse),
        ("empty", UpstreamBadResponse),
        ("reset_before", UpstreamUnavailable),
    ],
)
async def test_a_vendor_out_of_its_mind_is_an_error(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline, kind: Any, error: type[UpstreamError]
) -> None:
    sandbox.faults.script(kind, "digi")

    with pytest.raises(error):
        await digi.profile_page(ALL, size=10, cursor=None, deadline=deadline)


async def test_a_page_without_a_usable_row_is_no_empty_page(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline
) -> None:
    """A fleet that Digi tells in another way than expected would look gone."""
    sandbox.faults.script("wrong_types", "digi")

    with pytest.raises(UpstreamBadResponse):
        await digi.profile_page(ALL, size=10, cursor=None, deadline=deadline)


@pytest.mark.parametrize("body", ["json", "empty"])
async def test_too_many_calls_are_said_to_be_so(
    sandbox: Sandbox, digi: DigiClient, soon: Soon, body: Literal["json", "empty"]
) -> None:
    sandbox.switches.digi.throttled_body = body
    sandbox.switches.digi.throttle_window_calls = 1
    await digi.summary(deadline=soon())

    with pytest.raises(UpstreamRateLimited):
        await digi.summary(deadline=soon())


async def test_our_own_limits_keep_digi_from_refusing(sandbox: Sandbox, settings: Settings, soon: Soon) -> None:
    """Four at once, as Digi counts them; a fifth at once would be a 429."""
    many = [Iccid(f"{number:019d}") for number in range(20 * 130)]
    sandbox.faults.latency(0.01, "digi")

    async with open_upstreams(settings, metrics=Metrics(), clock=CLOCK) as upstreams:
        await upstreams.digi.profiles_by_iccid(many, deadline=soon())

    assert sandbox.calls.most_in_flight("digi") == 4


# What a device has


async def test_the_profiles_of_a_device_are_one_call(sandbox: Sandbox, digi: DigiClient, deadline: Deadline) -> None:
    found = await digi.profiles_on(str(READY.device_id), eid=None, deadline=deadline)

    assert {profile.iccid for profile in found} >= {READY.iccid}
    assert {profile.device_id for profile in found} == {READY.device_id}
    assert sandbox.calls.count("digi") == 1


async def test_the_profiles_of_one_euicc_may_be_asked_for(digi: DigiClient, deadline: Deadline) -> None:
    there = await digi.profiles_on(str(READY.device_id), eid=Eid(str(READY.eid)), deadline=deadline)
    elsewhere = await digi.profiles_on(str(READY.device_id), eid=Eid(str(KNOWN.eid)), deadline=deadline)

    assert (len(there), len(elsewhere)) == (2, 0)


async def test_the_profiles_of_several_devices_are_one_call(
    sandbox: Sandbox, digi: DigiClient, deadline: Deadline
) -> None:
    devices = [str(READY.device_id), str(KNOWN.device_id)]

    found = await digi.profiles_on_all([*devices, *devices], deadline=deadline)

    assert {profile.device_id for profile in found} == set(devices)
    assert sandbox.calls.count("digi") == 1


async def test_the_newest_of_a_device_come_first(sandbox: Sandbox, digi: DigiClient, deadline: Deadline) -> None:
    device = str(KNOWN.device_id)
    begun = [
        await digi.act(
            ActionRequest(action=TransactionAction.DISABLE, device_id=device, iccid=ICCID), deadline=deadline
        )
        for _ in range(2)
    ]
    started = await digi.start_operation(
        OperationRequest(kind=OperationKind.ENABLE, device_id=device, iccid=ICCID), deadline=deadline
    )

    transactions = await digi.newest_transactions_on(device, deadline=deadline)
    operations = await digi.newest_operations_on(device, deadline=deadline)

    assert {row.vendor_id for row in transactions[:2]} == {row.vendor_id for row in begun}
    assert operations[0].vendor_id == started.vendor_id
    assert {row.device_id for row in transactions} | {row.device_id for row in operations} == {device}
    (call,) = sandbox.calls.of("digi", "transactions")
    assert call.query == {"query": f"device_id='{device}'", "orderby": "desc created", "size": "100"}
