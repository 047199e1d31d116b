"""Two gateways over one PostgreSQL are one: an action once, a poller once, and either goes on for the other."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest

from esim_graph.sandbox import Options, Sandbox, serving
from esim_graph.sandbox.landmarks import READY_TO_ACTIVATE
from scenarios.caller import Lost, data, open_socket
from scenarios.deeds import MUTATIONS, carried_out, draw_deeds
from scenarios.replica import Replica, gateway_environment, open_replicas
from scenarios.sightings import Sightings
from scenarios.waves import STILL
from schema.vendors import unthrottle
from support.database import PostgresqlServer, postgresql_server

STEPS = ("starting", "download", "download_verify", "enable", "enable_verify", "successful")
SAME_INSTANT = 20
INTERVAL = 1.5  # the least and the longest: the rate of one is one look in each
_EARLY = 0.05
_NOTICED = 1.0  # seconds beyond an interval, for two busy processes and a database
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Two gateways, one database, one Digi."""

    sandbox: Sandbox
    replicas: tuple[Replica, Replica]
    http: aiohttp.ClientSession


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """Whatever ``--database`` says, this is PostgreSQL."""
    with postgresql_server() as opened:
        yield opened


@pytest.fixture
async def cluster(tmp_path: Path, server: PostgresqlServer) -> AsyncIterator[Cluster]:
    async with serving(Options(devices=200, speed=STILL)) as sandbox, aiohttp.ClientSession() as http:
        unthrottle(sandbox)
        interval = {f"ESIM_GRAPH_POLL__{name}_INTERVAL": str(INTERVAL) for name in ("MIN", "MAX")}
        settings = gateway_environment(sandbox, server.fresh(), **interval)
        async with open_replicas(tmp_path, settings, ("first", "second")) as (first, second):
            yield Cluster(sandbox, (first, second), http)
            sys.stdout.write(f"{first.tail()}\n{second.tail()}")  # pytest shows it of a failure


async def test_one_key_on_two_replicas_at_one_instant_is_one_action(cluster: Cluster, rng, show) -> None:
    before = {
        "transaction": len(cluster.sandbox.world.transactions),
        "operation": len(cluster.sandbox.world.operations),
    }
    deeds = draw_deeds(cluster.sandbox, rng, SAME_INSTANT, name="both", taken=set())

    for deed in deeds:
        async with asyncio.timeout(_SECONDS):
            answers = await asyncio.gather(
                *(
                    data(cluster.http, replica.graphql, MUTATIONS[deed.mutation], deed.variables)
                    for replica in cluster.replicas
                )
            )
        first, second = (answer[deed.mutation] for answer in answers)
        assert first["userErrors"] == second["userErrors"] == []
        assert first[deed.noun] == second[deed.noun]
        assert {first["replayed"], second["replayed"]} == {True, False}
        assert carried_out(cluster.sandbox, deed, since=before[deed.noun]) == [first[deed.noun]["vendorId"]]
    show(f"{len(deeds)} actions, each asked for on two replicas at once, each sent once")


@pytest.mark.parametrize("started_on", ["dying", "living"])
async def test_a_replica_goes_on_where_another_died(
    cluster: Cluster, started_on: str, show: Callable[[str], None]
) -> None:
    """Whichever of the two held the lease, whoever watches on the other sees each event once, in order."""
    dying, living = cluster.replicas
    wanted = {
        "kind": "ACTIVATE", "deviceId": READY_TO_ACTIVATE.device_id, "carrier": READY_TO_ACTIVATE.carrier,
    }  # fmt: skip
    starting = dying if started_on == "dying" else living
    started = await data(cluster.http, starting.graphql, MUTATIONS["operationStart"], {"input": wanted})
    identifier = started["operationStart"]["operation"]["vendorId"]
    seen, seen_by_the_other = Sightings("operation", identifier), Sightings("operation", identifier)
    operation = cluster.sandbox.world.operations[identifier]

    async with (
        asyncio.timeout(_SECONDS),
        open_socket(living.graphql) as socket,
        open_socket(dying.graphql) as other,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(_watch_until_it_dies(seen_by_the_other, other))
        async for sequence in seen.follow(socket):
            if sequence == 3:
                killed = cluster.sandbox.world.time.now()
                await dying.kill()
            if sequence < len(STEPS):
                cluster.sandbox.multistep.change(operation, STEPS[sequence], None, None)

    looks = sorted(call.received for call in cluster.sandbox.calls.of(mentions=identifier))
    lists = sorted(call.received for call in cluster.sandbox.calls.of("digi", "operations"))
    again = min(look for look in (*looks, *lists) if look > killed)
    assert not seen.gaps()
    assert [state["status"] for _, state in seen.events] == [step.upper() for step in STEPS]
    assert seen_by_the_other.events == seen.events[: len(seen_by_the_other.events)]
    assert (again - killed).total_seconds() <= INTERVAL + _NOTICED
    # Whoever takes over looks at once, and that may be early.
    for one_holder in ([look for look in looks if look < killed], [look for look in looks if look > killed]):
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(one_holder)]
        assert all(gap >= INTERVAL - _EARLY for gap in gaps), gaps
    show(
        f"one of two killed: the other looked again after {(again - killed).total_seconds():.2f} s "
        f"at an interval of {INTERVAL} s, {len(looks)} looks in all"
    )


async def _watch_until_it_dies(sightings: Sightings, socket) -> None:
    with suppress(Lost):
        async for _ in sightings.follow(socket):
            pass
