"""Operations by the wave: begun while simulated time stands, then taken through their steps."""

import random

import aiohttp

from esim_graph.sandbox import Sandbox
from scenarios.caller import data
from scenarios.deeds import MUTATIONS
from scenarios.replica import moment

STILL = 0.001  #: A speed at which nothing happens by itself.
_A_STEP = 20.0  # simulated seconds, half of an operation's shortest step
_PAUSE = 0.04  # real seconds between two steps, for two looks of the gateway
_LONGEST = 700.0  # simulated seconds, more than any operation takes


async def begin_wave(
    http: aiohttp.ClientSession, graphql: str, sandbox: Sandbox, rng: random.Random, count: int
) -> list[str]:
    """Start *count* operations, each enabling a profile of a device that has nothing to do; return their ids."""
    world = sandbox.world
    busy = {row.device_id for row in world.operations.values() if row.status not in ("failed", "successful")}
    profiles = [row for row in world.profiles.values() if row.device_id not in busy]
    rng.shuffle(profiles)
    chosen = list({row.device_id: row for row in profiles}.values())[:count]
    assert len(chosen) == count, "the fleet is too small"
    begun = []
    for row in chosen:
        wanted = {"kind": "ENABLE", "deviceId": row.device_id, "iccid": row.iccid, "force": True}
        wanted["acknowledge"] = ["ALREADY_ACTIVE", "WILL_DISABLE_OTHER_PROFILE"]
        payload = (await data(http, graphql, MUTATIONS["operationStart"], {"input": wanted}))["operationStart"]
        assert payload["operation"] is not None, payload
        begun.append(payload["operation"]["vendorId"])
    return begun


async def pass_through(sandbox: Sandbox) -> None:
    """Let the time pass that the longest operation takes, in steps that the gateway can see."""
    for _ in range(round(_LONGEST / _A_STEP)):
        sandbox.world.advance(_A_STEP)
        await moment(_PAUSE)
