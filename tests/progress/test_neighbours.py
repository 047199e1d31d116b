"""What else a device reports when one of its profiles was enabled: cheap, and nobody waits for it."""

from collections.abc import AsyncIterator
from random import Random

import pytest

from esim_graph.sandbox import Options, Sandbox, serving
from progress.replicas import looks, move
from progress.rest import PollClock
from scenarios.deeds import MUTATIONS, draw_deeds
from schema.vendors import unthrottle
from support.gateway import Gateway

WAVE = 17


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with serving(Options(devices=400)) as opened:
        unthrottle(opened)
        yield opened


async def test_a_wave_that_ends_together_is_one_call(gateway: Gateway, sandbox: Sandbox, clock: PollClock) -> None:
    """And their ends are told while Digi has not answered it."""
    ids: list[str] = []
    for deed in draw_deeds(sandbox, Random(1), 70, name="wave", taken=set()):
        if deed.mutation == "operationStart" and len(ids) < WAVE:
            begun = (await gateway.data(MUTATIONS[deed.mutation], deed.variables))["operationStart"]["operation"]
            ids += [begun["vendorId"]] if begun else []
    assert len(ids) == WAVE
    await clock.rest()
    sandbox.faults.script("hold", "digi", "inventory", times=1)
    for vendor_id in ids:
        move(sandbox, vendor_id, "successful")
    sandbox.calls.clear()

    await clock.look_again()
    assert gateway.runtime.metrics.registry.get_sample_value("esim_graph_followed") == 0
    await clock.advance(1)
    await sandbox.calls.wait_for(1, "digi", "inventory")
    await clock.advance(1)

    assert looks(sandbox, "operations") == 1
    assert looks(sandbox, "inventory") == 1
