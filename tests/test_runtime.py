"""What lives as long as the process: opened in one place, closed in reverse, nothing left."""

import asyncio
import gc
import os
from pathlib import Path

import pytest

from esim_graph.config import Settings, load_settings
from esim_graph.domain.identifiers import parse_iccid
from esim_graph.runtime import open_runtime
from esim_graph.sandbox import landmarks
from esim_graph.schema.context import new_context
from support.clock import ManualClock
from support.database import fresh_database_url
from support.gateway import open_gateway

PROFILE = f'{{ profile(iccid: "{landmarks.KNOWN_TO_ALL.iccid}") {{ status }} }}'


async def test_it_opens_without_any_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And asks nobody; what it keeps is a file in the working directory."""
    monkeypatch.chdir(tmp_path)

    async with open_runtime(Settings()) as runtime:
        assert runtime.rooms.tenant == "default"
        assert not runtime.closing.is_set()

    assert os.listdir(tmp_path) == ["esim-graph.sqlite3"]


async def test_a_vendor_call_has_less_time_than_its_operation() -> None:
    """A slow vendor is an error on its branch, and not the end of the answer."""
    clock = ManualClock()
    settings = load_settings(operation_timeout=10, database_url=fresh_database_url())
    async with open_runtime(settings, clock=clock) as runtime:
        assert runtime.rooms.call_deadline().remaining() == pytest.approx(9)


async def test_nothing_is_left_when_it_closes() -> None:
    """A call in flight and a poller end with it, sessions are closed, and no task stays."""
    before = asyncio.all_tasks()
    async with open_gateway() as gateway:
        await gateway.data(PROFILE)
        gateway.sandbox.faults.script("hold", "digi")
        asking = asyncio.create_task(gateway.ask('{ profile(iccid: "8943108170002570328") { status } }'))
        following = asyncio.create_task(anext(gateway.runtime.rooms.progress.operation("x", None)))
        await gateway.sandbox.calls.wait_for(3, "digi")
        asking.cancel()
        following.cancel()
        await asyncio.gather(asking, following, return_exceptions=True)

    gc.collect()  # an unclosed session would warn now, and warnings are errors
    assert {task for task in asyncio.all_tasks() if not task.done()} == before


@pytest.mark.parametrize(
    ("key", "one_database", "same"), [("a signing key", False, True), (None, True, True), (None, False, False)]
)
async def test_replicas_that_share_a_key_or_a_database_read_each_others_cursors(
    key: str | None, one_database: bool, same: bool
) -> None:
    """Without the setting the key is made once and kept in the database."""
    here = load_settings(signing_key=key, database_url=fresh_database_url())
    there = here if one_database else load_settings(signing_key=key, database_url=fresh_database_url())

    async with open_runtime(here) as one, open_runtime(there) as other:
        token = one.rooms.seal.close("cursor", "default", "text")

        assert (other.rooms.seal.open("cursor", "default", token) == "text") is same


async def test_one_cancelled_load_does_not_cancel_the_others() -> None:
    """Loads of one tick are one call; whoever leaves, leaves alone."""
    iccid = parse_iccid(landmarks.KNOWN_TO_ALL.iccid)
    async with open_gateway() as gateway:
        gateway.sandbox.faults.script("hold", "digi", "inventory")
        gateway.sandbox.faults.script("hold", "digi", "profile")
        loaders = new_context(gateway.runtime.rooms).loaders
        leaves, stays = (asyncio.ensure_future(loaders.profile(iccid)) for _ in range(2))
        await gateway.sandbox.calls.wait_for(1, "digi")

        leaves.cancel()
        gateway.sandbox.faults.clear()

        found = await asyncio.wait_for(stays, 5)
        assert found is not None
        assert found.iccid == iccid
        assert gateway.sandbox.calls.count("digi") == 1


async def test_a_load_whose_time_is_up_does_not_cancel_the_others() -> None:
    """``wait_for`` around one of them is no trap."""
    iccid = parse_iccid(landmarks.KNOWN_TO_ALL.iccid)
    async with open_gateway() as gateway:
        gateway.sandbox.faults.script("hold", "esimfly")
        loaders = new_context(gateway.runtime.rooms).loaders
        stays = asyncio.ensure_future(loaders.live_status(iccid, None))
        await gateway.sandbox.calls.wait_for(1, "esimfly")

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loaders.live_status(iccid, None), 0.01)
        gateway.sandbox.faults.clear()

        assert await asyncio.wait_for(stays, 5) is not None
        assert gateway.sandbox.calls.count("esimfly") == 1
