"""Following what takes minutes: the present state first, then every change, then the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from esim_graph.engine import Answer
from esim_graph.sandbox.landmarks import (
    ACTIONS_FAIL,
    FAILS_AFTER_DOWNLOAD,
    KNOWN_TO_ALL,
    READY_TO_ACTIVATE,
    READY_TO_ENABLE,
    UNKNOWN_FIRST,
    Landmark,
)
from schema.vendors import time_passing_with_each_look, unthrottle
from support.gateway import Gateway, open_gateway

SECONDS = 10.0  # of real time, for what goes through sockets and the database
STEPS = ["STARTING", "DOWNLOAD", "DOWNLOAD_VERIFY", "ENABLE", "ENABLE_VERIFY", "SUCCESSFUL"]
OPERATION = """subscription($id: String!) { operationProgress(vendorId: $id) { sequence cursor operation {
    status statusRaw isTerminal progress iccid message messageCode steps { name state startedAt endedAt }
} } }"""
TRANSACTION = """subscription($id: String!) { transactionProgress(vendorId: $id) { sequence cursor transaction {
    status isTerminal verification lastCheckedAt iccid messageCode
} } }"""


async def start_operation(gateway: Gateway, place: Landmark, kind: str = "ACTIVATE", **given: str) -> str:
    data = await gateway.data(
        "mutation($input: OperationStartInput!) { operationStart(input: $input) { operation { vendorId } } }",
        {"input": {"kind": kind, "deviceId": str(place.device_id)} | (given or {"carrier": str(place.carrier)})},
    )
    return str(data["operationStart"]["operation"]["vendorId"])


async def start_enable(gateway: Gateway, place: Landmark) -> str:
    data = await gateway.data(
        "mutation($input: ProfileEnableInput!) { profileEnable(input: $input) { transaction { vendorId } } }",
        {"input": {"deviceId": place.device_id, "iccid": place.iccid}},
    )
    return str(data["profileEnable"]["transaction"]["vendorId"])


def follow(gateway: Gateway, query: str, vendor_id: str) -> "aclosing[Any]":
    """Subscribe; leaving the block is the caller's going away."""
    return aclosing(gateway.watch(query, {"id": vendor_id}))


def event_of(answer: Answer) -> dict[str, Any]:
    assert "errors" not in answer, answer
    ((_, event),) = answer["data"].items()
    found: dict[str, Any] = event
    return found


async def next_event(answers: AsyncIterator[Answer]) -> dict[str, Any]:
    async with asyncio.timeout(SECONDS):
        return event_of(await anext(answers))


async def next_event_with(answers: AsyncIterator[Answer], status: str) -> dict[str, Any]:
    """The next event in which a transaction has this status; its message may have changed before."""
    while (event := await next_event(answers))["transaction"]["status"] != status:
        pass
    return event


def put(gateway: Gateway, vendor_id: str, status: str, code: str | None = None) -> None:
    """Put an operation or a transaction into a state at once."""
    world = gateway.sandbox.world
    if vendor_id in world.operations:
        gateway.sandbox.multistep.change(world.operations[vendor_id], status, code, None)
    else:
        gateway.sandbox.actions.change(world.transactions[vendor_id], status, code, None)


def _transactions(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["transaction"] for event in events]


async def test_an_activation_is_seen_step_by_step(gateway: Gateway) -> None:
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)
    events = []

    async with follow(gateway, OPERATION, vendor_id) as answers:
        events.append(await next_event(answers))
        for status in STEPS[1:]:
            put(gateway, vendor_id, status.lower())
            events.append(await next_event(answers))
        rest = [answer async for answer in answers]

    operations = [event["operation"] for event in events]
    assert [operation["status"] for operation in operations] == STEPS
    assert [operation["progress"] for operation in operations] == [0, 20, 40, 60, 80, 100]
    assert [operation["isTerminal"] for operation in operations] == [False] * 5 + [True]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert operations[-1]["iccid"] == READY_TO_ACTIVATE.iccid
    assert rest == []


async def test_an_activation_at_its_own_pace_loses_no_step(gateway: Gateway) -> None:
    """The vendor goes through its steps by itself; the poller keeps up."""
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)

    async with time_passing_with_each_look(gateway.sandbox):
        events = [event_of(answer) async for answer in gateway.watch(OPERATION, {"id": vendor_id})]

    assert [event["operation"]["status"] for event in events] == STEPS
    progress = [event["operation"]["progress"] for event in events]
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0, 100)


async def test_the_steps_that_were_seen_have_their_times(gateway: Gateway) -> None:
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)
    async with follow(gateway, OPERATION, vendor_id) as answers:
        await next_event(answers)
        for status in STEPS[1:]:
            put(gateway, vendor_id, status.lower())
            last = await next_event(answers)

    steps = last["operation"]["steps"]
    assert [step["name"] for step in steps] == STEPS[:-1]
    assert {step["state"] for step in steps} == {"DONE"}
    assert all(step["startedAt"] and step["endedAt"] for step in steps)
    assert [step["endedAt"] for step in steps[:-1]] == [step["startedAt"] for step in steps[1:]]


async def test_what_was_seen_helps_whoever_asks_later(gateway: Gateway) -> None:
    """An operation read by a query has the times of its steps where somebody followed it."""
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)
    query = "query($id: String!) { operation(vendorId: $id) { steps { name startedAt } } }"
    async with follow(gateway, OPERATION, vendor_id) as answers:
        await next_event(answers)
        put(gateway, vendor_id, "download")
        await next_event(answers)

    data = await gateway.data(query, {"id": vendor_id})

    started = {step["name"]: step["startedAt"] for step in data["operation"]["steps"]}
    assert started["STARTING"]
    assert started["DOWNLOAD"]
    assert started["ENABLE"] is None


@pytest.mark.parametrize(
    ("place", "reached", "code"),
    [
        (ACTIONS_FAIL, ["STARTING", "FAILED"], "DEVICE_NOT_RESPONDING"),
        (
            FAILS_AFTER_DOWNLOAD,
            ["STARTING", "DOWNLOAD", "DOWNLOAD_VERIFY", "ENABLE", "FAILED"],
            "ENABLE_REFUSED",
        ),
    ],
    ids=["at once", "after the download"],
)
async def test_an_operation_that_fails_says_in_which_step(
    gateway: Gateway, place: Landmark, reached: list[str], code: str
) -> None:
    vendor_id = await start_operation(gateway, place)

    async with time_passing_with_each_look(gateway.sandbox):
        events = [event_of(answer)["operation"] async for answer in gateway.watch(OPERATION, {"id": vendor_id})]

    assert [event["status"] for event in events] == reached
    assert events[-1]["messageCode"] == code
    assert events[-1]["isTerminal"] is True
    assert events[-1]["progress"] == events[-2]["progress"] < 100
    states = [step["state"] for step in events[-1]["steps"]]
    at = len(reached) - 2
    assert states == ["DONE"] * at + ["FAILED"] + ["SKIPPED"] * (4 - at)


async def test_a_transaction_is_followed_until_the_device_has_reported_its_result(gateway: Gateway) -> None:
    """Complete is not the end: the inventory lags behind."""
    vendor_id = await start_enable(gateway, READY_TO_ENABLE)

    async with follow(gateway, TRANSACTION, vendor_id) as answers:
        events = [await next_event(answers)]
        gateway.sandbox.world.advance(601)
        events.append(await next_event_with(answers, "COMPLETE"))
        gateway.sandbox.world.advance(46)
        events.append(await next_event(answers))
        rest = [answer async for answer in answers]

    told = [(one["status"], one["verification"], one["isTerminal"]) for one in _transactions(events)]
    assert told == [
        ("IN_PROGRESS", "PENDING", False),
        ("COMPLETE", "PENDING", False),
        ("COMPLETE", "VERIFIED", True),
    ]
    assert events[1]["transaction"]["lastCheckedAt"]
    assert rest == []


async def test_a_result_that_the_device_never_reports_is_unverified_and_no_failure() -> None:
    async with open_gateway(poll={"deadline": 1}) as gateway:
        unthrottle(gateway.sandbox)
        gateway.sandbox.switches.digi.report_lag = 10_000
        vendor_id = await start_enable(gateway, READY_TO_ENABLE)
        put(gateway, vendor_id, "complete")

        async with asyncio.timeout(SECONDS):
            events = [event_of(answer) async for answer in gateway.watch(TRANSACTION, {"id": vendor_id})]

    told = [(one["status"], one["verification"], one["isTerminal"]) for one in _transactions(events)][-2:]
    assert told == [("COMPLETE", "PENDING", False), ("COMPLETE", "UNVERIFIED", True)]


async def test_a_failed_transaction_has_nothing_to_verify(gateway: Gateway) -> None:
    vendor_id = await start_enable(gateway, READY_TO_ENABLE)
    put(gateway, vendor_id, "failed", "NO_SIGNAL")

    async with asyncio.timeout(SECONDS):
        events = [event_of(answer) async for answer in gateway.watch(TRANSACTION, {"id": vendor_id})]

    last = events[-1]["transaction"]
    assert (last["status"], last["verification"], last["isTerminal"]) == ("FAILED", None, True)


async def test_transactions_of_long_ago_are_unverified(gateway: Gateway) -> None:
    """Nobody here followed them, and nobody will."""
    data = await gateway.data("{ transactions(first: 1000) { nodes { status verification isTerminal updatedAt } } }")

    complete = [row for row in data["transactions"]["nodes"] if row["status"] == "COMPLETE"]
    assert complete
    assert {(row["verification"], row["isTerminal"]) for row in complete} == {("UNVERIFIED", True)}


async def test_a_look_of_a_follower_is_told_to_whoever_asks(gateway: Gateway) -> None:
    vendor_id = await start_enable(gateway, READY_TO_ENABLE)
    query = """query($id: String!) {
        transaction(vendorId: $id) { lastCheckedAt } transactions(first: 1000) { nodes { vendorId lastCheckedAt } }
    }"""
    async with follow(gateway, TRANSACTION, vendor_id) as answers, asyncio.timeout(SECONDS):
        await next_event(answers)
        # Noted with the next renewal of the leases, which nothing rings for.
        while (data := await gateway.data(query, {"id": vendor_id}))["transaction"]["lastCheckedAt"] is None:  # noqa: ASYNC110
            await asyncio.sleep(0)

    checked = [node["vendorId"] for node in data["transactions"]["nodes"] if node["lastCheckedAt"]]
    assert checked == [vendor_id]


async def test_unknown_is_not_the_end_of_a_transaction(gateway: Gateway) -> None:
    vendor_id = await start_enable(gateway, UNKNOWN_FIRST)

    async with follow(gateway, TRANSACTION, vendor_id) as answers:
        statuses = [(await next_event(answers))["transaction"]]
        for seconds, status in ((601, "UNKNOWN"), (301, "COMPLETE")):  # the device has reported by then
            gateway.sandbox.world.advance(seconds)
            statuses.append((await next_event_with(answers, status))["transaction"])

    assert [(one["status"], one["isTerminal"]) for one in statuses] == [
        ("IN_PROGRESS", False),
        ("UNKNOWN", False),
        ("COMPLETE", True),
    ]


async def test_a_word_nobody_knows_is_not_the_end_of_an_operation(gateway: Gateway) -> None:
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)

    async with follow(gateway, OPERATION, vendor_id) as answers:
        await next_event(answers)
        put(gateway, vendor_id, "paused")
        paused = (await next_event(answers))["operation"]
        put(gateway, vendor_id, "successful")
        last = (await next_event(answers))["operation"]

    assert (paused["status"], paused["statusRaw"], paused["isTerminal"]) == ("UNKNOWN", "paused", False)
    assert (last["status"], last["progress"]) == ("SUCCESSFUL", 100)


@pytest.mark.parametrize("query", [OPERATION, TRANSACTION])
async def test_an_unknown_subject_is_not_found_and_then_the_end(gateway: Gateway, query: str) -> None:
    answers = [answer async for answer in gateway.watch(query, {"id": "no-such-thing"})]

    (answer,) = answers
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert answer["errors"][0]["path"] in (["operationProgress"], ["transactionProgress"])


async def test_a_finished_operation_is_one_event(gateway: Gateway) -> None:
    vendor_id = next(row.id for row in gateway.sandbox.world.operations.values() if row.status == "successful")

    events = [event_of(answer) async for answer in gateway.watch(OPERATION, {"id": vendor_id})]

    assert [event["operation"]["progress"] for event in events] == [100]
    assert gateway.sandbox.calls.count("digi") == 1


async def test_a_stream_ends_at_the_deadline_with_a_timeout() -> None:
    """The subject stays unfinished, and whoever comes again follows on."""
    async with open_gateway(poll={"deadline": 0.5}) as gateway:
        unthrottle(gateway.sandbox)
        vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)

        async with asyncio.timeout(SECONDS):
            first, last = [answer async for answer in gateway.watch(OPERATION, {"id": vendor_id})]
        async with follow(gateway, OPERATION, vendor_id) as answers:
            again = await next_event(answers)

    assert event_of(first)["operation"]["isTerminal"] is False
    assert last["errors"][0]["extensions"]["code"] == "UPSTREAM_TIMEOUT"
    assert last["errors"][0]["extensions"]["retryable"] is True
    assert again["sequence"] == event_of(first)["sequence"]


async def test_two_subscribers_share_one_poller(gateway: Gateway) -> None:
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)

    async with (
        follow(gateway, OPERATION, vendor_id) as one,
        follow(gateway, OPERATION, vendor_id) as other,
    ):
        seen = [[await next_event(one)], [await next_event(other)]]
        for status in STEPS[1:]:
            put(gateway, vendor_id, status.lower())
            for events, answers in zip(seen, (one, other), strict=True):
                events.append(await next_event(answers))

    assert seen[0] == seen[1]
    assert [event["operation"]["status"] for event in seen[0]] == STEPS
    assert gateway.sandbox.calls.most_in_flight("digi") == 1


async def test_a_stream_outlives_the_vendors_bad_minutes(gateway: Gateway) -> None:
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)
    async with follow(gateway, OPERATION, vendor_id) as answers:
        await next_event(answers)
        gateway.sandbox.faults.status(503, "digi", "operation", times=3)
        gateway.sandbox.faults.script("reset_before", "digi", "operation", times=2)
        gateway.sandbox.faults.script("html", "digi", "operation", times=2)
        put(gateway, vendor_id, "download")

        event = await next_event(answers)

    assert event["operation"]["status"] == "DOWNLOAD"
    assert event["sequence"] == 2
    assert all(fault.struck for fault in gateway.sandbox.faults.all())


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_stream_that_cannot_begin_says_so_at_once(gateway: Gateway, status: int) -> None:
    """Nothing is known here of an operation that somebody else began."""
    gateway.sandbox.faults.status(status, "digi", "operation")

    (answer,) = [
        answer async for answer in gateway.watch(OPERATION, {"id": next(iter(gateway.sandbox.world.operations))})
    ]

    assert answer["errors"][0]["extensions"]["upstream"] == "digi"
    assert answer["errors"][0]["extensions"]["retryable"] is True


async def test_what_is_known_here_is_told_while_the_vendor_is_down(gateway: Gateway) -> None:
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)
    gateway.sandbox.faults.status(503, "digi")

    async with follow(gateway, OPERATION, vendor_id) as answers:
        event = await next_event(answers)

    assert event["operation"]["status"] == "STARTING"


async def test_a_stream_ends_when_the_credentials_do(gateway: Gateway) -> None:
    """What will not pass is not ridden out."""
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)
    async with follow(gateway, OPERATION, vendor_id) as answers:
        await next_event(answers)
        gateway.sandbox.switches.digi.expired_keys = True

        rest = [answer async for answer in answers]

    assert rest[0]["errors"][0]["extensions"]["code"] == "UPSTREAM_AUTH_FAILED"
    assert len(rest) == 1


async def test_events_are_numbered_on_for_a_later_subscriber(gateway: Gateway) -> None:
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)
    async with follow(gateway, OPERATION, vendor_id) as answers:
        before = [(await next_event(answers))["sequence"]]
        put(gateway, vendor_id, "download")
        before.append((await next_event(answers))["sequence"])

    async with follow(gateway, OPERATION, vendor_id) as answers:
        after = await next_event(answers)

    assert before == [1, 2]
    assert after["sequence"] == 2
    assert after["cursor"]


async def test_two_subjects_are_numbered_apart(gateway: Gateway) -> None:
    first = await start_operation(gateway, READY_TO_ACTIVATE)
    second = await start_operation(gateway, KNOWN_TO_ALL, "ENABLE", iccid=KNOWN_TO_ALL.iccid)

    sequences, cursors = [], set()
    for vendor_id in (first, second):
        async with follow(gateway, OPERATION, vendor_id) as answers:
            event = await next_event(answers)
            sequences.append(event["sequence"])
            cursors.add(event["cursor"])

    assert sequences == [1, 1]
    assert len(cursors) == 2


async def test_each_event_reads_its_child_fields_anew() -> None:
    """A socket lives for hours: what one event remembered must not be served with the next."""
    async with open_gateway(live_status={"ttl": 0}, profiles={"ttl": 0}) as gateway:
        world = gateway.sandbox.world
        query = """subscription($id: String!) { operationProgress(vendorId: $id) { operation { esim {
            liveStatus { esimStatus } profile { carrier }
        } } } }"""
        vendor_id = await start_operation(gateway, READY_TO_ENABLE, "ENABLE", iccid=READY_TO_ENABLE.iccid)
        world.live.live(READY_TO_ENABLE.iccid).esim_status = "before"
        async with follow(gateway, query, vendor_id) as answers:
            first = await next_event(answers)
            world.live.live(READY_TO_ENABLE.iccid).esim_status = "after"
            world.change_profile(READY_TO_ENABLE.iccid, carrier="another")
            put(gateway, vendor_id, "enable")
            second = await next_event(answers)

        assert first["operation"]["esim"]["liveStatus"] == {"esimStatus": "before"}
        assert second["operation"]["esim"]["liveStatus"] == {"esimStatus": "after"}
        assert second["operation"]["esim"]["profile"] == {"carrier": "another"}


async def test_the_final_event_shows_the_profile_as_it_is_now(gateway: Gateway) -> None:
    """What was remembered of it a moment before is forgotten first."""
    query = """subscription($id: String!) { operationProgress(vendorId: $id) { operation {
        status esim { profile { status } }
    } } }"""
    vendor_id = await start_operation(gateway, READY_TO_ENABLE, "ENABLE", iccid=READY_TO_ENABLE.iccid)

    async with follow(gateway, query, vendor_id) as answers:
        first = await next_event(answers)
        put(gateway, vendor_id, "successful")
        last = await next_event(answers)

    assert first["operation"]["esim"]["profile"] == {"status": "INACTIVE"}
    assert last["operation"] == {"status": "SUCCESSFUL", "esim": {"profile": {"status": "ACTIVE"}}}


async def test_a_failed_child_does_not_end_the_stream(gateway: Gateway) -> None:
    query = """subscription($id: String!) { operationProgress(vendorId: $id) { operation {
        status esim { liveStatus { status } }
    } } }"""
    vendor_id = await start_operation(gateway, READY_TO_ENABLE, "ENABLE", iccid=READY_TO_ENABLE.iccid)
    gateway.sandbox.faults.status(503, "esimfly")

    async with follow(gateway, query, vendor_id) as answers:
        first = await anext(answers)
        put(gateway, vendor_id, "successful")
        second = await anext(answers)

    for answer, status in ((first, "STARTING"), (second, "SUCCESSFUL")):
        operation = answer["data"]["operationProgress"]["operation"]
        assert operation == {"status": status, "esim": {"liveStatus": None}}
        assert answer["errors"][0]["extensions"]["upstream"] == "esimfly"


async def test_transactions_appear_in_the_events_of_their_operation(gateway: Gateway) -> None:
    query = """subscription($id: String!) { operationProgress(vendorId: $id) { operation {
        downloadTransaction { action status } enableTransaction { action status }
    } } }"""
    vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)

    async with follow(gateway, query, vendor_id) as answers:
        first = (await next_event(answers))["operation"]
        put(gateway, vendor_id, "download")
        second = (await next_event(answers))["operation"]
        put(gateway, vendor_id, "successful")
        last = (await next_event(answers))["operation"]

    assert first == {"downloadTransaction": None, "enableTransaction": None}
    assert second["downloadTransaction"] == {"action": "DOWNLOAD", "status": "IN_PROGRESS"}
    assert last["downloadTransaction"]["status"] == last["enableTransaction"]["status"] == "COMPLETE"


async def test_following_an_unconfigured_vendor_says_so() -> None:
    async with open_gateway(digi={"api_key_id": None, "api_key_secret": None}) as gateway:
        (answer,) = [answer async for answer in gateway.watch(OPERATION, {"id": "x"})]

        assert answer["errors"][0]["extensions"]["code"] == "UPSTREAM_NOT_CONFIGURED"


async def test_an_operation_timeout_does_not_end_a_subscription() -> None:
    seconds = 3
    async with open_gateway(operation_timeout=seconds) as gateway:
        vendor_id = await start_operation(gateway, READY_TO_ACTIVATE)
        async with follow(gateway, OPERATION, vendor_id) as answers:
            await next_event(answers)
            over = asyncio.get_running_loop().time() + seconds
            while asyncio.get_running_loop().time() < over:
                looks = gateway.sandbox.calls.count("digi", "operation")
                await gateway.sandbox.calls.wait_for(looks + 1, "digi", "operation")
            put(gateway, vendor_id, "download")

            event = await next_event(answers)

        assert event["operation"]["status"] == "DOWNLOAD"
