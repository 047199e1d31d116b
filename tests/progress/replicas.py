"""Gateways over one sandbox and one database, as replicas are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from esim_graph.clock import Clock
from esim_graph.domain.operation import FollowedOperation
from esim_graph.domain.transaction import Transaction
from esim_graph.errors import CursorExpired
from esim_graph.progress import Event, Progress
from esim_graph.runtime import open_runtime
from esim_graph.sandbox import Sandbox, landmarks
from esim_graph.server.app import build_engine
from progress.rest import SECONDS
from support.gateway import SCHEMA, Gateway, settings_for

POLL = {"min_interval": 2, "max_interval": 30, "deadline": 240}
_START = "mutation ($input: OperationStartInput!) { operationStart(input: $input) { operation { vendorId } } }"
_ENABLE = "mutation ($input: ProfileEnableInput!) { profileEnable(input: $input) { transaction { vendorId } } }"


@asynccontextmanager
async def open_replica(
    sandbox: Sandbox, database_url: str, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Gateway]:
    """Open one more gateway."""
    given = settings_for(sandbox, database_url=database_url, **({"poll": POLL} | settings))
    async with open_runtime(given, clock=clock) as runtime:
        yield Gateway(sandbox, runtime, build_engine(runtime, SCHEMA))


async def start_operation(gateway: Gateway) -> str:
    """Begin an activation that stays in its first step."""
    place = landmarks.READY_TO_ACTIVATE
    wanted = {"kind": "ACTIVATE", "deviceId": place.device_id, "carrier": place.carrier}
    data = await gateway.data(_START, {"input": wanted})
    vendor_id: str = data["operationStart"]["operation"]["vendorId"]
    return vendor_id


async def start_enable(gateway: Gateway) -> str:
    """Begin to enable a profile, which stays in progress."""
    place = landmarks.READY_TO_ENABLE
    data = await gateway.data(_ENABLE, {"input": {"deviceId": place.device_id, "iccid": place.iccid}})
    vendor_id: str = data["profileEnable"]["transaction"]["vendorId"]
    return vendor_id


def move(sandbox: Sandbox, vendor_id: str, status: str, message: str | None = None) -> None:
    """Put an operation or a transaction into a state at once."""
    if vendor_id in sandbox.world.operations:
        sandbox.multistep.change(sandbox.world.operations[vendor_id], status, None, message)
    else:
        sandbox.actions.change(sandbox.world.transactions[vendor_id], status, None, message)


def door(gateway: Gateway) -> Progress:
    """What is watched through."""
    return gateway.runtime.rooms.progress


async def following(
    events: "AsyncIterator[Event[FollowedOperation] | CursorExpired]",
) -> tuple[int, str | None]:
    """The sequence and the status of an operation's next event."""
    async with asyncio.timeout(SECONDS):
        event = await anext(events)
    assert not isinstance(event, CursorExpired), event
    status = event.value.operation.status
    return event.sequence, None if status is None else status.name


async def checking(events: "AsyncIterator[Event[Transaction] | CursorExpired]") -> Transaction:
    """The next state of a transaction."""
    async with asyncio.timeout(SECONDS):
        event = await anext(events)
    assert not isinstance(event, CursorExpired), event
    return event.value


async def die(gateway: Gateway) -> None:
    """Stop following without a word, as a process does that is killed."""
    follower = door(gateway)._follower
    tasks = [*follower._loops, *follower._looks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def looks(sandbox: Sandbox, endpoint: str = "operation") -> int:
    """How often Digi was asked."""
    return sandbox.calls.count("digi", endpoint)
