"""The journal as callers see it: what vendors' answers and actions leave in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from esim_graph.sandbox import Options
from esim_graph.sandbox.landmarks import ACTIONS_FAIL, KNOWN_TO_ALL, READY_TO_ACTIVATE, READY_TO_ENABLE
from esim_graph.schema.ids import NodeIds
from schema.vendors import time_passing_with_each_look, unthrottle
from support.gateway import Gateway, open_gateway

CHANGES = """query ($filter: StatusChangeFilter, $first: Int, $after: String) {
  statusChanges(filter: $filter, first: $first, after: $after) {
    nodes {
      id iccid eid deviceId from to at seenAt source actor isError unexpected late message messageCode
      transaction { vendorId action } operation { vendorId } esim { iccid }
    }
    edges { cursor }
    pageInfo { hasNextPage endCursor startCursor hasPreviousPage }
  }
}"""
OF_ONE = """query ($iccid: ICCID!, $first: Int, $after: String) {
  esim(iccid: $iccid) { statusChanges(first: $first, after: $after) {
    nodes { from to source } pageInfo { hasNextPage endCursor }
  } }
}"""
WATCH = """subscription ($iccid: ICCID, $after: String) {
  statusChanged(iccid: $iccid, after: $after) { sequence cursor change { iccid from to isError source } }
}"""
START = (
    "mutation ($i: OperationStartInput!) { operationStart(input: $i) { operation { vendorId } userErrors { code } } }"
)
FOLLOW = "subscription ($id: String!) { operationProgress(vendorId: $id) { operation { status } } }"
PROFILE = "query ($iccid: ICCID!) { profile(iccid: $iccid) { status } }"
ICCID = KNOWN_TO_ALL.iccid


async def changes(gateway: Gateway, wanted: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A page of the journal, when all that was seen is in it."""
    await gateway.runtime.rooms.journal.settled()
    page: dict[str, Any] = (await gateway.data(CHANGES, {"filter": wanted, **more}))["statusChanges"]
    return page


async def test_a_profile_that_is_looked_at_is_in_the_journal(gateway: Gateway) -> None:
    """Once by each vendor that tells of it, however often it is looked at."""
    query = f'{{ esim(iccid: "{ICCID}") {{ profile {{ status }} liveStatus {{ profile }} bundleHistory {{ name }} }} }}'
    await gateway.data(query)
    await gateway.data(query)

    rows = (await changes(gateway))["nodes"]

    assert {(row["iccid"], row["source"], row["from"], row["to"]) for row in rows} == {
        (ICCID, "DIGI", None, "ENABLED"),
        (ICCID, "ESIMFLY", None, "ENABLED"),
    }
    assert len(rows) == 2


async def test_a_page_of_profiles_is_in_the_journal(gateway: Gateway) -> None:
    """Every row of it is a first sighting."""
    listed = (await gateway.data("{ profiles(first: 1000) { nodes { iccid } } }"))["profiles"]["nodes"]

    page = await changes(gateway, first=1000)

    assert {row["iccid"] for row in page["nodes"]} == {profile["iccid"] for profile in listed}


async def test_an_activation_is_in_the_journal_step_by_step() -> None:
    """Each change once, with its operation and transaction, though both tell of it."""
    async with open_gateway(Options(devices=60, speed=600)) as gateway:
        unthrottle(gateway.sandbox)
        wanted = {"kind": "ACTIVATE", "deviceId": READY_TO_ACTIVATE.device_id, "carrier": READY_TO_ACTIVATE.carrier}
        async with time_passing_with_each_look(gateway.sandbox):
            started = (await gateway.data(START, {"i": wanted}))["operationStart"]["operation"]["vendorId"]
            async for _ in gateway.watch(FOLLOW, {"id": started}):
                pass
        await gateway.data("{ transactions(first: 1000) { nodes { vendorId } } }")
        rows = (await changes(gateway, {"iccid": READY_TO_ACTIVATE.iccid}))["nodes"]

    told = [row for row in reversed(rows) if row["operation"] is not None]
    assert [row["to"] for row in told] == ["DOWNLOADED", "INSTALLED", "ENABLED"]
    assert [None if row["transaction"] is None else row["transaction"]["action"] for row in told] == [
        "DOWNLOAD",
        None,
        "ENABLE",
    ]
    assert {row["operation"]["vendorId"] for row in told} == {started}
    assert not any(row["isError"] or row["unexpected"] for row in rows)
    assert {row["deviceId"] for row in told} == {READY_TO_ACTIVATE.device_id}


async def test_an_action_that_fails_is_in_the_journal_with_its_reason() -> None:
    """It changes no state."""
    async with open_gateway(Options(devices=60, speed=600)) as gateway:
        unthrottle(gateway.sandbox)
        wanted = {"kind": "ENABLE", "deviceId": ACTIONS_FAIL.device_id, "iccid": ACTIONS_FAIL.iccid}
        await gateway.data(PROFILE, {"iccid": ACTIONS_FAIL.iccid})
        await gateway.runtime.rooms.journal.settled()
        async with time_passing_with_each_look(gateway.sandbox):
            started = (await gateway.data(START, {"i": wanted}))["operationStart"]["operation"]["vendorId"]
            async for _ in gateway.watch(FOLLOW, {"id": started}):
                pass
        rows = (await changes(gateway, {"onlyErrors": True}))["nodes"]

    assert len(rows) == 1
    assert rows[0]["isError"]
    assert rows[0]["from"] == rows[0]["to"]
    assert rows[0]["message"]
    assert rows[0]["messageCode"]


async def test_pages_go_on_from_their_cursor(gateway: Gateway) -> None:
    """With another page size too, and promise only what is there."""
    await gateway.data("{ profiles(first: 7) { nodes { iccid } } }")
    whole = await changes(gateway)

    first = await changes(gateway, first=3)
    second = await changes(gateway, first=4, after=first["pageInfo"]["endCursor"])

    assert [row["id"] for row in first["nodes"] + second["nodes"]] == [row["id"] for row in whole["nodes"]]
    assert first["pageInfo"]["hasNextPage"]
    assert not second["pageInfo"]["hasNextPage"]
    assert second["pageInfo"]["hasPreviousPage"]
    assert first["edges"][-1]["cursor"] == first["pageInfo"]["endCursor"]


async def test_a_cursor_is_good_for_its_own_filter_only(gateway: Gateway) -> None:
    """Also between the log and one profile's."""
    await gateway.data("{ profiles(first: 2) { nodes { iccid } } }")
    cursor = (await changes(gateway, first=1))["pageInfo"]["endCursor"]

    for wanted, after in (({"source": "DIGI"}, cursor), (None, "rubbish")):
        error = await gateway.error(CHANGES, {"filter": wanted, "after": after})
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert (await gateway.error(OF_ONE, {"iccid": ICCID, "after": cursor}))["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "variables",
    [{"first": 0}, {"first": 1001}, {"filter": {"iccid": None}}, {"filter": {"since": None}}, {"filter": {"eid": "1"}}],
)
async def test_what_cannot_be_meant_is_refused(gateway: Gateway, variables: dict[str, Any]) -> None:
    """A filter that vanished would select everything."""
    assert (await gateway.error(CHANGES, variables))["extensions"]["code"] == "BAD_USER_INPUT"


async def test_each_filter_is_understood(gateway: Gateway) -> None:
    """As the caller writes it."""
    await gateway.data(PROFILE, {"iccid": ICCID})
    await gateway.data(PROFILE, {"iccid": READY_TO_ENABLE.iccid})
    one = {"iccid": ICCID, "eid": KNOWN_TO_ALL.eid, "deviceId": KNOWN_TO_ALL.device_id, "state": "ENABLED"}

    for name, value in one.items():
        assert [row["iccid"] for row in (await changes(gateway, {name: value}))["nodes"]] == [ICCID], name
    assert len((await changes(gateway, {"source": "DIGI", "since": "-1h", "until": "+1h"}))["nodes"]) == 2
    for wanted in ({"source": "ESIMFLY"}, {"onlyErrors": True}, {"until": "-1h"}, {"since": "+1h"}):
        assert (await changes(gateway, wanted))["nodes"] == []


async def test_the_changes_of_several_esims_are_read_together(gateway: Gateway) -> None:
    """Each its own, newest first, and no vendor is asked."""
    for iccid in (ICCID, READY_TO_ENABLE.iccid):
        await gateway.data(PROFILE, {"iccid": iccid})
    await gateway.runtime.rooms.journal.settled()
    calls = len(list(gateway.sandbox.calls))

    esims = (
        await gateway.data(
            f'{{ esimsByIccid(iccids: ["{ICCID}", "{READY_TO_ENABLE.iccid}", "89000000000000000000"]) '
            "{ statusChanges { nodes { iccid to } } } }"
        )
    )["esimsByIccid"]

    assert [[row["to"] for row in esim["statusChanges"]["nodes"]] for esim in esims] == [["ENABLED"], ["DISABLED"], []]
    assert len(list(gateway.sandbox.calls)) == calls


async def test_a_row_has_an_identity(gateway: Gateway) -> None:
    """``node`` finds it again, and nothing for a number that was never given out."""
    await gateway.data(PROFILE, {"iccid": ICCID})
    (row,) = (await changes(gateway))["nodes"]

    found = await gateway.data(f'{{ node(id: "{row["id"]}") {{ id ... on StatusChange {{ iccid to }} }} }}')

    assert found["node"] == {"id": row["id"], "iccid": ICCID, "to": "ENABLED"}
    absent = NodeIds("default").write("StatusChange", "999")
    assert (await gateway.data(f'{{ node(id: "{absent}") {{ id }} }}'))["node"] is None
    odd = NodeIds("default").write("StatusChange", "-1")
    assert (await gateway.error(f'{{ node(id: "{odd}") {{ id }} }}'))["extensions"]["code"] == "BAD_USER_INPUT"


async def next_change(events: AsyncIterator[Any]) -> Any:
    async with asyncio.timeout(10):
        return await anext(events)


async def test_a_watcher_gets_the_newest_change_and_then_each_new_one(gateway: Gateway) -> None:
    """And goes on behind a cursor where it was."""
    await gateway.data(PROFILE, {"iccid": ICCID})
    await gateway.runtime.rooms.journal.settled()

    async with aclosing(gateway.watch(WATCH)) as events:
        first = (await next_change(events))["data"]["statusChanged"]
        assert (first["sequence"], first["change"]["iccid"]) == (1, ICCID)
        await gateway.data(PROFILE, {"iccid": READY_TO_ENABLE.iccid})
        second = (await next_change(events))["data"]["statusChanged"]
        assert (second["sequence"], second["change"]["to"]) == (2, "DISABLED")

    async with aclosing(gateway.watch(WATCH, {"after": first["cursor"]})) as events:
        assert (await next_change(events))["data"]["statusChanged"] == second


async def test_a_watchers_cursor_is_good_for_its_own_stream_only(gateway: Gateway) -> None:
    """A forged one for none."""
    await gateway.data(PROFILE, {"iccid": ICCID})
    await gateway.runtime.rooms.journal.settled()
    async with aclosing(gateway.watch(WATCH, {"iccid": ICCID})) as events:
        cursor = (await next_change(events))["data"]["statusChanged"]["cursor"]

    for after in (cursor, "rubbish"):
        async with aclosing(gateway.watch(WATCH, {"after": after})) as events:
            (error,) = (await next_change(events))["errors"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
