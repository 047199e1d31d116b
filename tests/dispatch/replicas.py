"""Gateways over one sandbox: replicas that share a database, and other programs that do not."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph import requests
from esim_graph.actions import Actions, Outcome
from esim_graph.clock import Clock, SystemClock
from esim_graph.database import open_database
from esim_graph.database.engine import open_readers
from esim_graph.domain.account import Account
from esim_graph.domain.identifiers import Iccid, parse_activation_code
from esim_graph.domain.operation import FollowedOperation, OperationKind, OperationRequest
from esim_graph.domain.transaction import ActionRequest, Transaction, TransactionAction
from esim_graph.requests import RequestState, Wanted
from esim_graph.runtime import DEFAULT_TENANT, Runtime, open_runtime
from esim_graph.sandbox import Options, Sandbox, serving
from esim_graph.sandbox.calls import Call
from esim_graph.sandbox.landmarks import READY_TO_DOWNLOAD, READY_TO_ENABLE
from esim_graph.telemetry import Metrics
from schema.vendors import unthrottle
from support.database import fresh_database_url
from support.gateway import settings_for

DEVICE, ICCID = str(READY_TO_ENABLE.device_id), Iccid(READY_TO_ENABLE.iccid)
CARRIER = str(READY_TO_ENABLE.carrier)
ENABLE = ActionRequest(action=TransactionAction.ENABLE, device_id=DEVICE, iccid=ICCID)
DISABLE = ActionRequest(action=TransactionAction.DISABLE, device_id=DEVICE, iccid=ICCID)
DOWNLOAD = ActionRequest(
    action=TransactionAction.DOWNLOAD,
    device_id=str(READY_TO_DOWNLOAD.device_id),
    activation_code=parse_activation_code(str(READY_TO_DOWNLOAD.activation_code)),
)
OPERATION = OperationRequest(kind=OperationKind.ENABLE, device_id=DEVICE, iccid=ICCID)
# Nobody follows anything meanwhile, so that every call is one of the action's own.
SELDOM = {"min_interval": 3600, "max_interval": 3600}
Rows = list[dict[str, Any]]


class MovedClock(SystemClock):
    """The machine's clock, and another date on the calendar: nobody is woken by it."""

    def __init__(self) -> None:
        self.moved = timedelta()

    def now(self) -> datetime:
        return super().now() + self.moved


@dataclass(slots=True)
class Replica:
    """One gateway."""

    runtime: Runtime
    sandbox: Sandbox

    async def act(
        self, request: ActionRequest = ENABLE, *, key: str | None = None, force: bool = False
    ) -> Outcome[Transaction]:
        """Have an action done, with the time of one mutation."""
        rooms = self.runtime.rooms
        return await Actions(rooms, rooms.call_deadline()).act(request, idempotency_key=key, force=force)

    async def start(
        self, request: OperationRequest = OPERATION, *, key: str | None = None, force: bool = False, **more: Any
    ) -> Outcome[FollowedOperation]:
        """Have an operation started, likewise."""
        actions = Actions(self.runtime.rooms, self.runtime.rooms.call_deadline())
        return await actions.start_operation(request, idempotency_key=key, force=force, **more)

    def counted(self, outcome: str) -> float:
        """How many requests for a transaction came to this."""
        labels = {"noun": "transaction", "outcome": outcome}
        return self.runtime.metrics.registry.get_sample_value("esim_graph_requests_total", labels) or 0

    def calls(self) -> dict[str, int]:
        """How often Digi was called, by endpoint."""
        counts: dict[str, int] = {}
        for call in self.sandbox.calls.of("digi"):
            counts[call.endpoint] = counts.get(call.endpoint, 0) + 1
        return counts


@dataclass(slots=True)
class House:
    """A sandbox, and gateways that come and go."""

    sandbox: Sandbox
    database_url: str
    settings: dict[str, Any]

    @asynccontextmanager
    async def open(
        self, *, clock: Clock | None = None, database_url: str | None = None, **more: Any
    ) -> AsyncIterator[Replica]:
        """A replica; with a *database_url* of its own, another program that knows nothing of ours."""
        url = database_url or self.database_url
        settings = settings_for(self.sandbox, database_url=url, **({"poll": SELDOM} | self.settings | more))
        async with open_runtime(settings, clock=clock) as runtime:
            yield Replica(runtime, self.sandbox)

    async def finished(self, call: Call) -> None:
        """Until Digi has carried *call* out, whoever still listens."""
        async with asyncio.timeout(5):
            while not call.finished:  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def rows(self, table: sa.Table, *, until: Callable[[Rows], bool] = lambda _: True) -> Rows:
        """What the database has, as it stands there; as soon as *until* is true of it."""
        engine = open_readers(self.database_url)
        try:
            async with asyncio.timeout(10):
                while True:
                    async with engine.connect() as connection:
                        rows = [dict(row._mapping) for row in await connection.execute(sa.select(table))]
                    if until(rows):
                        return rows
        finally:
            await engine.dispose()

    def hide_transactions(self, times: int) -> None:
        """Have Digi's list show nothing for so many calls, as if it lagged."""
        empty = json.dumps({"count": 0, "size": 0, "list": []})
        self.sandbox.faults.script("status", "digi", "transactions", status=200, body=empty, times=times)

    async def leave_over(self, devices: Sequence[str]) -> None:
        """Write down an enable per device that was sent a moment ago, by a process that is gone."""
        account = Account(DEFAULT_TENANT, settings_for(self.sandbox, database_url=self.database_url).digi.account)
        now = SystemClock().now()

        async def write(connection: AsyncConnection) -> None:
            for device_id in devices:
                request = await requests.add(
                    connection, account, Wanted(noun="transaction", action="enable", eid=None, iccid=ICCID),
                    device_id=device_id, idempotency_key=None, fingerprint=device_id, state=RequestState.SENDING,
                    actor=None, now=now, owned_until=now,
                )  # fmt: skip
                await requests.mark_sent(connection, account, request, seen=[], now=now)

        async with open_database(self.database_url, metrics=Metrics()) as database:
            await database.write(write)

    def open_stranger(self) -> Any:
        """Another program at the same Digi."""
        return self.open(database_url=fresh_database_url())


@asynccontextmanager
async def open_house(**settings: Any) -> AsyncIterator[House]:
    """A sandbox and a database."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(serving(Options(devices=60)))
        unthrottle(sandbox)
        yield House(sandbox, fresh_database_url(), settings)
