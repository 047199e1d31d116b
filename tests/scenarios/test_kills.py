"""Whatever instant the gateway dies at: no action twice, none lost, and a journal that forgets nothing."""

import random
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from esim_graph.sandbox import Options, serving
from scenarios.journal import Reader
from scenarios.kills import SPEED, Trial, disturb
from scenarios.replica import Replica, gateway_environment
from schema.vendors import unthrottle
from support.database import fresh_database_url

ACTIONS, KILLS = 50, 20
ROUNDS = 10  # in the long form: 200 kills


@pytest.mark.timeout(300)
async def test_fifty_actions_survive_any_kill(
    tmp_path: Path, soak: bool, rng: random.Random, seed: int, show: Callable[[str], None]
) -> None:
    async with serving(Options(devices=2000, speed=SPEED)) as sandbox, aiohttp.ClientSession() as http:
        unthrottle(sandbox)
        disturb(sandbox)
        replica = Replica(tmp_path, gateway_environment(sandbox, fresh_database_url()))
        reader = Reader(http, replica.graphql)
        taken: set[str] = set()
        try:
            for number in range(ROUNDS if soak else 1):
                trial = Trial(sandbox, replica, http, reader, rng)
                shown = await trial.run(actions=ACTIONS, kills=KILLS, name=f"round-{number}", taken=taken)
                assert not shown.wrong, "\n".join(shown.wrong)
                show(f"round {number}: {shown}")
                await replica.kill()
        except BaseException as error:
            error.add_note(f"seed {seed}\n{replica.tail()}")
            raise
        finally:
            if replica.running:
                await replica.kill()
