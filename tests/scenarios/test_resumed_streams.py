"""Whoever loses a connection and comes again with a cursor has missed nothing; whoever is slow, nothing that lasts."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import aiohttp
import pytest

from esim_graph.sandbox import Options
from esim_graph.sandbox.landmarks import READY_TO_ACTIVATE
from esim_graph.sandbox.records import Operation
from scenarios.caller import Lost, Socket, open_socket, stream
from scenarios.deeds import MUTATIONS
from scenarios.sightings import WATCH, Sightings
from scenarios.waves import STILL, begin_wave, pass_through
from schema.vendors import unthrottle
from support.gateway import Gateway, Served, open_gateway, open_served

WAVE = 40  # operations at once; one socket carries 100
OPERATIONS, FEW = 1_000, 80  # in the long form, and in CI
_SECONDS = 60.0  # for a wave, on a busy machine
_POLL = {"min_interval": 0.02, "max_interval": 0.04}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A gateway that looks often, over a fleet whose time a scenario moves."""
    async with open_served(Options(devices=300, speed=STILL), poll=_POLL) as opened:
        unthrottle(opened.sandbox)
        yield opened


class Client:
    """Follows a wave over sockets, and with a *patience* loses each after so many events."""

    def __init__(self, served: Served, wave: list[str], patience: Callable[[], int] | None = None) -> None:
        self._served = served
        self._patience = patience
        self._left = 0
        self.sightings = {vendor_id: Sightings("operation", vendor_id) for vendor_id in wave}
        self.ready = asyncio.Event()  #: Every operation has been seen once.
        self.losses = 0

    async def follow(self) -> None:
        """Follow everything to its end."""
        while not all(sightings.completed for sightings in self.sightings.values()):
            self._left = self._patience() if self._patience is not None else 0
            async with open_socket(self._served.graphql) as socket, asyncio.TaskGroup() as following:
                for sightings in self.sightings.values():
                    if not sightings.completed:
                        following.create_task(self._follow_one(sightings, socket))

    async def _follow_one(self, sightings: Sightings, socket: Socket) -> None:
        try:
            async for _ in sightings.follow(socket):
                if not self.ready.is_set() and all(each.events for each in self.sightings.values()):
                    self.ready.set()
                self._left -= 1
                if self._patience is not None and self.ready.is_set() and self._left <= 0 and not socket.gone.is_set():
                    self.losses += 1
                    socket.vanish()
                    await socket.gone.wait()
        except Lost:
            pass


class StreamClient:
    """Follows one operation over event streams, and loses each after so many frames."""

    def __init__(self, served: Served, vendor_id: str, patience: Callable[[], int]) -> None:
        self._served = served
        self._patience = patience
        self.sightings = Sightings("operation", vendor_id)
        self.ready = asyncio.Event()
        self.losses = 0

    async def follow(self) -> None:
        """Follow it to its end, by the id of the last frame alone."""
        last: str | None = None
        while not self.sightings.completed:
            left = self._patience()
            async with aiohttp.ClientSession() as http:
                variables = {"id": self.sightings.vendor_id}
                frames = stream(http, self._served.graphql, WATCH["operation"], variables, last)
                async with aclosing(frames):
                    async for identifier, payload in frames:
                        assert identifier == payload["data"]["operationProgress"]["cursor"]
                        last = identifier
                        self.sightings.note(payload)
                        self.ready.set()
                        left -= 1
                        if not left:
                            self.losses += 1
                            break
                    else:
                        self.sightings.completed = True


async def test_a_resumed_stream_is_the_whole_one(
    served: Served, soak: bool, rng: random.Random, seed: int, show: Callable[[str], None]
) -> None:
    """Over sockets and over event streams, against a client that stayed."""
    operations, events, losses = 0, 0, 0

    while operations < (OPERATIONS if soak else FEW):
        wave = await begin_wave(served.http, served.graphql, served.sandbox, rng, WAVE)
        stayed = Client(served, wave)
        dropped = Client(served, wave, patience=lambda: rng.randint(1, WAVE))
        streams = [StreamClient(served, vendor_id, lambda: rng.randint(1, 3)) for vendor_id in wave[:10]]
        clients: list[Client | StreamClient] = [stayed, dropped, *streams]
        async with asyncio.timeout(_SECONDS), asyncio.TaskGroup() as tasks:
            for client in clients:
                tasks.create_task(client.follow())
            await asyncio.gather(*(client.ready.wait() for client in clients))
            await pass_through(served.sandbox)

        for vendor_id, sightings in stayed.sightings.items():
            resumed = dropped.sightings[vendor_id]
            assert not (sightings.gaps() + resumed.gaps()), (seed, sightings.gaps(), resumed.gaps())
            assert resumed.events == sightings.events, (seed, vendor_id)
        for client in streams:
            assert client.sightings.events == stayed.sightings[client.sightings.vendor_id].events, seed
        operations += len(wave)
        events += sum(len(sightings.events) for sightings in stayed.sightings.values())
        losses += dropped.losses + sum(client.losses for client in streams)

    assert losses > operations / 10
    show(f"{operations} operations, {events} events, {losses} connections lost: no gap, no double")


async def _started(gateway: Gateway) -> Operation:
    device = READY_TO_ACTIVATE
    wanted = {"kind": "ACTIVATE", "deviceId": device.device_id, "carrier": device.carrier}
    data = await gateway.data(MUTATIONS["operationStart"], {"input": wanted})
    return gateway.sandbox.world.operations[data["operationStart"]["operation"]["vendorId"]]


async def test_a_slow_client_misses_only_intermediate_states() -> None:
    """However much happens meanwhile, it goes on in order and gets the end."""
    notes = 200  # more than the gateway keeps for whoever is late
    async with open_gateway(poll=_POLL) as gateway:
        unthrottle(gateway.sandbox)
        operation = await _started(gateway)
        fast, slow = Sightings("operation", operation.id), Sightings("operation", operation.id)
        changing = gateway.watch(WATCH["operation"], fast.variables)
        reading = gateway.watch(WATCH["operation"], slow.variables)
        async with asyncio.timeout(_SECONDS):
            slow.note(await anext(reading))
            fast.note(await anext(changing))
            for number in range(notes):
                gateway.sandbox.multistep.change(operation, "starting", None, f"note {number}")
                fast.note(await anext(changing))
            gateway.sandbox.multistep.change(operation, "failed", "GIVEN_UP", "the end")
            async for payload in changing:
                fast.note(payload)
            async for payload in reading:
                slow.note(payload)

    assert fast.sequences == list(range(1, len(fast.events) + 1))
    assert len(fast.events) == notes + 2
    assert len(slow.events) < len(fast.events)
    assert [event for event in fast.events if event in slow.events] == slow.events
    assert slow.events[-1] == fast.events[-1]
    assert slow.events[-1][1]["messageCode"] == "GIVEN_UP"


async def test_a_dashboard_sees_every_end(served: Served, rng: random.Random) -> None:
    """One subscription for all operations: in order for each, coalesced, and with the final state."""
    query = """subscription { operationsProgress {
        sequence operation { vendorId status progress isTerminal }
    } }"""
    wave = await begin_wave(served.http, served.graphql, served.sandbox, rng, 20)
    seen: dict[str, list[tuple[int, bool]]] = {vendor_id: [] for vendor_id in wave}

    async def watch(socket: Socket) -> None:
        async for payload in socket.watch(query, {}):
            event = payload["data"]["operationsProgress"]
            identifier = event["operation"]["vendorId"]
            seen.setdefault(identifier, []).append((event["sequence"], event["operation"]["isTerminal"]))
            if all(seen[vendor_id] and seen[vendor_id][-1][1] for vendor_id in wave):
                return

    async with asyncio.timeout(_SECONDS), open_socket(served.graphql) as socket, asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(socket))
        await pass_through(served.sandbox)

    for vendor_id in wave:
        sequences = [sequence for sequence, _ in seen[vendor_id]]
        assert sequences == sorted(set(sequences))
        assert [final for _, final in seen[vendor_id]].count(True) == 1
