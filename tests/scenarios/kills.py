"""Fifty actions at a gateway that is killed at random instants, and what must be true afterwards."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from esim_graph.sandbox import Sandbox
from scenarios.caller import Lost, ask, data, open_socket
from scenarios.deeds import MUTATIONS, Deed, carried_out, draw_deeds
from scenarios.journal import Reader, Row, doubled, lost
from scenarios.replica import Replica, moment
from scenarios.sightings import Sightings

SPEED = 15.0  # an action of 3 to 10 minutes goes on for 12 to 40 s, over many kills
_ALIVE = (0.1, 1.7)  # seconds from the first answer to the kill
_STARTING = (0.1, 1.3)  # seconds from the start to the kill, for those that die young
_DIE_YOUNG = 0.2  # of all kills
_ASKED_WITHIN = 0.8  # of the kills: the rest strike when all have been asked for
_END_SECONDS = 90.0  # from the last kill until all has ended
_A_STEP = 40.0  # simulated seconds at once after the last kill, no more than the shortest step of an operation
# Whether retryable or not: with a key it is safe to ask again what became of it.
_ASK_AGAIN = {"OPERATION_TIMEOUT", "UPSTREAM_TIMEOUT", "UPSTREAM_UNAVAILABLE", "UPSTREAM_BAD_RESPONSE"}
_TURNS_OUT = {"enable": {"ENABLED"}, "disable": {"DISABLED"}, "delete": {"DELETED"}}
_TURNS_OUT |= {"download": {"DOWNLOADED", "INSTALLED", "DISABLED"}, "activate": {"ENABLED"}}

STATE = {
    "transaction": "query ($id: String!) { transaction(vendorId: $id) { status isTerminal verification iccid } }",
    "operation": """query ($id: String!) { operation(vendorId: $id) {
        status isTerminal iccid downloadTransaction { vendorId } enableTransaction { vendorId }
    } }""",
}


@dataclass(slots=True)
class Shown:
    """What a run has shown."""

    actions: int = 0
    kills: int = 0
    rows: int = 0
    events: int = 0
    lost_answers: int = 0
    struck: Counter[str] = field(default_factory=Counter)  #: Where the kills found the mutations under way.
    errors: Counter[str] = field(default_factory=Counter)  #: Answers that told the caller to ask again.
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        places = ", ".join(f"{count} {place}" for place, count in sorted(self.struck.items()))
        return (
            f"{self.actions} actions, {self.kills} kills, {self.lost_answers} answers lost (struck: {places}), "
            f"{self.errors.total()} times told to ask again, "
            f"{self.rows} journal rows, {self.events} events"
        )


def disturb(sandbox: Sandbox) -> None:
    """Let Digi take its time over every action, before it begins it and before it says so."""
    for endpoint in ("enable", "disable", "delete", "download", "start_operation"):
        sandbox.faults.latency(0.0, "digi", endpoint, up_to=0.4)
        sandbox.faults.script("late", "digi", endpoint, seconds=0.0, up_to=0.4)


class Trial:
    """One round: deeds, kills, and everybody who watches."""

    def __init__(
        self, sandbox: Sandbox, replica: Replica, http: aiohttp.ClientSession, reader: Reader, rng: random.Random
    ) -> None:
        self._sandbox = sandbox
        self._replica = replica
        self._http = http
        self._reader = reader
        self._rng = rng
        self._deeds: list[Deed] = []
        self._sightings: list[Sightings] = []
        self._news = asyncio.Event()  # a deed was acknowledged
        self._before = {
            "transaction": len(sandbox.world.transactions),
            "operation": len(sandbox.world.operations),
        }
        self.shown = Shown()

    async def run(self, *, actions: int, kills: int, name: str, taken: set[str]) -> Shown:
        """Kill, wait for the end, and judge."""
        self._deeds = draw_deeds(self._sandbox, self._rng, actions, name=name, taken=taken)
        turns = [asyncio.Event() for _ in range(kills)]
        latest = max(1, round(kills * _ASKED_WITHIN))
        async with asyncio.TaskGroup() as tasks:
            doing = [tasks.create_task(self._do(deed, turns[self._rng.randrange(latest)])) for deed in self._deeds]
            others = [tasks.create_task(self._again(work)) for work in (self._watch, self._read)]
            for turn in turns:
                await self._kill_once(turn)
            await self._replica.start()
            await self._replica.listening()
            await self._end(doing)
            for task in others:
                task.cancel()
        await self._judge()
        return self.shown

    async def _kill_once(self, turn: asyncio.Event) -> None:
        await self._replica.start()
        turn.set()
        if self._rng.random() < _DIE_YOUNG:
            await moment(self._rng.uniform(*_STARTING))
        else:
            await self._replica.listening()
            await moment(self._rng.uniform(*_ALIVE))
        self.shown.struck.update(self._place(deed) for deed in self._deeds if deed.asked)
        await self._replica.kill()
        self.shown.kills += 1

    def _place(self, deed: Deed) -> str:
        """How far the mutation has come that the kill is about to cut off."""
        if carried_out(self._sandbox, deed, since=self._before[deed.noun]):
            posted = self._sandbox.calls.of("digi", deed.endpoint, deed.device_id)
            return "after the POST" if posted[-1].finished else "between POST and answer"
        return "before the POST"

    async def _do(self, deed: Deed, turn: asyncio.Event) -> None:
        """Ask until it is answered, as a caller with a key may."""
        await turn.wait()
        await self._replica.up.wait()
        await moment(self._rng.uniform(0, _ALIVE[1]))
        while deed.vendor_id is None and not deed.refusals:
            await self._replica.up.wait()
            deed.asked = True
            try:
                answer = await ask(self._http, self._replica.graphql, MUTATIONS[deed.mutation], deed.variables)
            except Lost:
                deed.lost += 1
                continue
            finally:
                deed.asked = False
            errors = answer.get("errors", [])
            payload = (answer.get("data") or {}).get(deed.mutation)
            if payload is not None and payload[deed.noun] is not None:
                deed.vendor_id = payload[deed.noun]["vendorId"]
                self._sightings.append(Sightings(deed.noun, payload[deed.noun]["vendorId"]))
                self._news.set()
            elif errors and all(error["extensions"]["code"] in _ASK_AGAIN for error in errors):
                self.shown.errors.update(error["extensions"]["code"] for error in errors)
                await moment(0.1)
            else:
                deed.refusals = [*errors, payload]

    async def _again(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do *work* whenever the gateway is up, for ever."""
        while True:
            await self._replica.up.wait()
            try:
                await work()
            except Lost:
                await moment(0.02)

    async def _read(self) -> None:
        await self._reader.read()
        await moment(self._rng.uniform(0.1, 0.5))

    async def _watch(self) -> None:
        """Follow on one socket whatever is acknowledged and has not ended."""
        async with open_socket(self._replica.graphql) as socket, asyncio.TaskGroup() as following:
            begun: set[str] = set()
            while True:
                self._news.clear()
                for sightings in self._sightings:
                    if not sightings.completed and sightings.vendor_id not in begun:
                        begun.add(sightings.vendor_id)
                        following.create_task(_followed(sightings, socket))
                signs = [asyncio.create_task(sign.wait()) for sign in (self._news, socket.gone)]
                try:
                    await asyncio.wait(signs, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for sign in signs:
                        sign.cancel()
                if socket.gone.is_set():
                    break
        raise Lost

    async def _end(self, doing: list[asyncio.Task[None]]) -> None:
        """Let the rest of the time pass quickly, until every deed is answered and every stream has completed."""
        try:
            async with asyncio.timeout(_END_SECONDS):
                await asyncio.gather(*doing)
                while not all(sightings.completed for sightings in self._sightings):
                    self._sandbox.world.advance(_A_STEP)
                    await moment(0.3)
        except TimeoutError:
            self.shown.wrong.append("not all has ended in time")

    async def _judge(self) -> None:
        shown, graphql = self.shown, self._replica.graphql
        rows = await self._reader.read(whole=True)
        shown.actions += len(self._deeds)
        shown.rows = len(rows)
        shown.lost_answers += sum(deed.lost for deed in self._deeds)
        shown.events += sum(len(sightings.events) for sightings in self._sightings)
        shown.wrong += self._reader.wrong + lost(self._reader.shown, rows) + doubled(rows)
        for sightings in self._sightings:
            shown.wrong += sightings.gaps()
        for deed in self._deeds:
            shown.wrong += self._misdone(deed)
            if deed.vendor_id is not None:
                state = (await data(self._http, graphql, STATE[deed.noun], {"id": deed.vendor_id}))[deed.noun]
                shown.wrong += [] if state["isTerminal"] else [f"{deed}: {state}"]
                shown.wrong += unwritten(deed, state, rows)
                shown.wrong += await self._asked_again(deed)

    def _misdone(self, deed: Deed) -> list[str]:
        done = carried_out(self._sandbox, deed, since=self._before[deed.noun])
        if deed.vendor_id is None:
            return [f"{deed}: not answered but {deed.refusals}; the sandbox has {done}"]
        return [] if done == [deed.vendor_id] else [f"{deed}: {deed.vendor_id} acknowledged, the sandbox has {done}"]

    async def _asked_again(self, deed: Deed) -> list[str]:
        """The same key answers the same, and the sandbox sees nothing of it."""
        answer = await data(self._http, self._replica.graphql, MUTATIONS[deed.mutation], deed.variables)
        payload = answer[deed.mutation]
        same = payload[deed.noun] == {"vendorId": deed.vendor_id} and payload["replayed"]
        return ([] if same else [f"{deed}: asked again it answers {payload}"]) + self._misdone(deed)


def unwritten(deed: Deed, state: Any, rows: dict[str, Row]) -> list[str]:
    """What the journal does not say of an action that has ended."""
    if deed.noun == "transaction":
        vendor_ids = {deed.vendor_id}
        failed, fine = state["status"] == "FAILED", state["status"] == "COMPLETE"
    else:
        steps = (state["downloadTransaction"], state["enableTransaction"])
        vendor_ids = {step["vendorId"] for step in steps if step is not None}
        failed, fine = state["status"] == "FAILED", state["status"] == "SUCCESSFUL"
    of_it = [row for row in rows.values() if row["transaction"] and row["transaction"]["vendorId"] in vendor_ids]
    of_it += [row for row in rows.values() if deed.noun == "operation" and row["iccid"] == state["iccid"]]
    if fine and not any(row["to"] in _TURNS_OUT[deed.action] and not row["isError"] for row in of_it):
        return [f"{deed}: it is {state}, its rows are {of_it}"]
    if failed and not any(row["isError"] for row in of_it):
        return [f"{deed}: it is {state}, its rows are {of_it}"]
    return []


async def _followed(sightings: Sightings, socket: Any) -> None:
    try:
        async for _ in sightings.follow(socket):
            pass
    except Lost:
        pass
