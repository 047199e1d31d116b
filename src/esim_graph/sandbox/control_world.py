"""The part of ``/control`` that reads and changes what the vendors know."""

from collections.abc import Mapping
from dataclasses import asdict, fields

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from esim_graph.sandbox.history import BundleEvent, nanoseconds
from esim_graph.sandbox.http import Handler, RefusalError, body_of, json_response, unknown
from esim_graph.sandbox.live import Live
from esim_graph.sandbox.operations import Multistep
from esim_graph.sandbox.records import Operation, Profile, Transaction
from esim_graph.sandbox.transactions import Actions
from esim_graph.sandbox.world import World

_LIVE: TypeAdapter[Live] = TypeAdapter(Live)
_PROFILE: TypeAdapter[Profile] = TypeAdapter(Profile)


class State(BaseModel):
    """A state to put a transaction or an operation into; any word, documented or not."""

    model_config = ConfigDict(extra="forbid")

    status: str
    message: str | None = None
    message_code: str | None = None


class Appended(BaseModel):
    """A bundle event to add; it happens now."""

    model_config = ConfigDict(extra="forbid")

    name: str
    bundle: str | None = None
    state: str | None = None
    alert: str | None = None


class HistoryChange(BaseModel):
    """What to change about one eSIM's history. ``processing_seconds`` are real seconds."""

    model_config = ConfigDict(extra="forbid")

    append: Appended | None = None
    processing_seconds: float | None = None


class _RowsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    device_id: str | None = None
    iccid: str | None = None
    status: str | None = None
    since: AwareDatetime | None = None

    def keeps(self, row: Transaction | Operation) -> bool:
        """Return whether *row* is asked for."""
        wanted = self.model_dump(exclude={"since"}, exclude_none=True)
        fits = all(getattr(row, name) == value for name, value in wanted.items())
        return fits and (self.since is None or row.created >= self.since)


class TransactionsQuery(_RowsQuery):
    """The parameters of ``GET /control/transactions``; ``since`` is compared with ``created``."""

    action: str | None = None


class OperationsQuery(_RowsQuery):
    """The parameters of ``GET /control/operations``."""

    operation: str | None = None


class WorldControl:
    """Routes under ``/control`` for profiles, transactions, operations, live values, histories."""

    def __init__(self, world: World, actions: Actions, multistep: Multistep) -> None:
        self._world = world
        self._actions = actions
        self._multistep = multistep

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return method, path below ``/control`` and handler of each route."""
        return [
            ("GET", "/profiles/{iccid}", self.read_profile),
            ("PATCH", "/profiles/{iccid}", self.change_profile),
            ("DELETE", "/profiles/{iccid}", self.remove_profile),
            ("GET", "/transactions", self.read_transactions),
            ("GET", "/operations", self.read_operations),
            ("GET", "/transactions/{tx}", self.read_transaction),
            ("PATCH", "/transactions/{tx}", self.change_transaction),
            ("GET", "/operations/{id}", self.read_operation),
            ("PATCH", "/operations/{id}", self.change_operation),
            ("GET", "/live/{iccid}", self.read_live),
            ("PATCH", "/live/{iccid}", self.change_live),
            ("GET", "/history/{iccid}", self.read_history),
            ("PATCH", "/history/{iccid}", self.change_history),
        ]

    async def read_profile(self, request: web.Request) -> web.Response:
        """Answer a profile row."""
        return json_response(asdict(self._profile(request)))

    async def change_profile(self, request: web.Request) -> web.Response:
        """Overwrite fields of a profile row."""
        profile = self._profile(request)
        changes = await body_of(request)
        changed = _PROFILE.validate_python(_merged(profile, changes, fixed=("iccid",)))
        for name in changes:
            setattr(profile, name, getattr(changed, name))
        return json_response(asdict(profile))

    async def remove_profile(self, request: web.Request) -> web.Response:
        """Remove a profile row, as if the device no longer reported it."""
        del self._world.profiles[self._profile(request).iccid]
        return web.Response(status=204)

    async def read_transactions(self, request: web.Request) -> web.Response:
        """List what was accepted, without checking it; ``operation`` names the one that it is a step of."""
        self._world.settle()
        asked = TransactionsQuery.model_validate(dict(request.query))
        steps = self._world.steps()
        found = [
            _shown(row) | {"operation": steps.get(row.transaction)}
            for row in self._world.transactions.values()
            if asked.keeps(row)
        ]
        return json_response({"count": len(found), "transactions": found})

    async def read_operations(self, request: web.Request) -> web.Response:
        """List the operations."""
        self._world.settle()
        asked = OperationsQuery.model_validate(dict(request.query))
        found = [asdict(row) for row in self._world.operations.values() if asked.keeps(row)]
        return json_response({"count": len(found), "operations": found})

    async def read_transaction(self, request: web.Request) -> web.Response:
        """Answer a transaction with what only the sandbox knows, without checking it."""
        return json_response(_shown(self._transaction(request)))

    async def change_transaction(self, request: web.Request) -> web.Response:
        """Put a transaction into a state and hold it there."""
        transaction, state = self._transaction(request), State.model_validate(await body_of(request))
        self._actions.change(transaction, state.status, state.message_code, state.message)
        return json_response(_shown(transaction))

    async def read_operation(self, request: web.Request) -> web.Response:
        """Answer an operation with what only the sandbox knows."""
        return json_response(asdict(self._operation(request)))

    async def change_operation(self, request: web.Request) -> web.Response:
        """Put an operation into a state and hold it there."""
        operation, state = self._operation(request), State.model_validate(await body_of(request))
        self._multistep.change(operation, state.status, state.message_code, state.message)
        return json_response(asdict(operation))

    async def read_live(self, request: web.Request) -> web.Response:
        """Answer the network's value of one eSIM; this is no live call and stores nothing."""
        return json_response(asdict(self._live(request)))

    async def change_live(self, request: web.Request) -> web.Response:
        """Overwrite parts of the network's value."""
        present = self._live(request)
        value = _LIVE.validate_python(_merged(present, await body_of(request), fixed=("iccid", "esim_id")))
        self._world.live.put(value)
        return json_response(asdict(value))

    async def read_history(self, request: web.Request) -> web.Response:
        """Answer the events of one eSIM."""
        iccid = self._known_history(request)
        return json_response({"events": [asdict(event) for event in self._world.history.events(iccid)]})

    async def change_history(self, request: web.Request) -> web.Response:
        """Add an event of now, or let the bundle be processing for some seconds."""
        iccid, time = self._known_history(request), self._world.time
        change = HistoryChange.model_validate(await body_of(request))
        if change.append is not None:
            event = BundleEvent(date=nanoseconds(time.now()), **change.append.model_dump())
            self._world.history.events(iccid).append(event)
        if change.processing_seconds is not None:
            self._world.history.process_until(iccid, time.elapsed() + change.processing_seconds * time.speed)
        return await self.read_history(request)

    def _profile(self, request: web.Request) -> Profile:
        self._world.settle()
        iccid = request.match_info["iccid"]
        if iccid not in self._world.profiles:
            raise unknown("profile", iccid)
        return self._world.profiles[iccid]

    def _transaction(self, request: web.Request) -> Transaction:
        self._world.settle()
        identifier = request.match_info["tx"]
        if identifier not in self._world.transactions:
            raise unknown("transaction", identifier)
        return self._world.transactions[identifier]

    def _operation(self, request: web.Request) -> Operation:
        self._world.settle()
        identifier = request.match_info["id"]
        if identifier not in self._world.operations:
            raise unknown("operation", identifier)
        return self._world.operations[identifier]

    def _live(self, request: web.Request) -> Live:
        iccid = request.match_info["iccid"]
        if not self._world.live.knows(iccid):
            raise unknown("live value of", iccid)
        return self._world.live.live(iccid)

    def _known_history(self, request: web.Request) -> str:
        iccid = request.match_info["iccid"]
        if not self._world.history.knows(iccid):
            raise unknown("history of", iccid)
        return iccid


def _merged(record: Profile | Live, changes: Mapping[str, object], *, fixed: tuple[str, ...]) -> dict[str, object]:
    """Return *record* as a dict with *changes* over it; a nested object is merged, not replaced."""
    present: dict[str, object] = asdict(record)
    allowed = {field.name for field in fields(record)} - set(fixed)
    for name, value in changes.items():
        if name not in allowed:
            raise RefusalError(json_response({"error": f"{name}: cannot be changed"}, status=400))
        before = present[name]
        present[name] = before | value if isinstance(before, dict) and isinstance(value, dict) else value
    return present


def _shown(transaction: Transaction) -> dict[str, object]:
    shown = asdict(transaction)
    del shown["code"]  # it holds the activation code's secret
    return shown
