"""Digi's GET endpoints: summary, profiles, bulk CSV, transactions, progress, operations.

Source: vendors page 001 (formats and parameters); upstreams §1.3, §1.4, §7.1.
"""

import csv
import io
from typing import TypeVar

from aiohttp import web

from esim_graph.sandbox.digi import fields
from esim_graph.sandbox.digi.answers import envelope, refuse, single
from esim_graph.sandbox.digi.fields import Resource
from esim_graph.sandbox.digi.paging import Cursors, Parameters, read_parameters, read_size, select
from esim_graph.sandbox.http import json_response
from esim_graph.sandbox.records import Operation, Transaction
from esim_graph.sandbox.transactions import Actions
from esim_graph.sandbox.world import World

R = TypeVar("R")

BULK_LIMIT = 20_000  #: "The bulk API returns at most 20,000 records" (vendors page 001).
BASE = "/ws/v1/esim_profiles"
_APIS = ("inventory", "bulk", "transactions/inventory", "operations/inventory")


class Reads:
    """Answers every GET of ``/ws/v1/esim_profiles``."""

    def __init__(self, world: World, actions: Actions) -> None:
        self._world = world
        self._switches = world.switches.digi
        self._actions = actions
        self._cursors = Cursors()

    async def summary(self, request: web.Request) -> web.Response:
        """Answer "a summary of the esim_profiles APIs"; its shape is unknown (switch ``summary``)."""
        apis = {name: f"{BASE}/{name}" for name in _APIS}
        if self._switches.summary == "map":
            return json_response({"apis": apis})
        rows: list[dict[str, object]] = [{"name": name, "uri": uri} for name, uri in apis.items()]
        return json_response(envelope(rows, self._switches, size=len(rows)))

    async def profile(self, request: web.Request) -> web.Response:
        """Answer one profile by ICCID; 404 when unknown (I, §7.1.9)."""
        profile = self._world.profiles.get(request.match_info["iccid"])
        if profile is None:
            raise refuse(404, "eSIM profile not found")
        return single(fields.PROFILES.row(profile, self._switches), self._switches)

    async def profiles(self, request: web.Request) -> web.Response:
        """Answer a page of profiles."""
        return self._page(request, list(self._world.profiles.values()), fields.PROFILES)

    async def bulk(self, request: web.Request) -> web.Response:
        """Answer profiles as CSV; ``Truncated`` is there only when rows were left out."""
        switches, query = self._switches, request.query
        size = read_size(query.get("size"), largest=BULK_LIMIT, switches=switches)
        parameters = Parameters("bulk", query.get("query", ""), query.get("orderby", ""), size)
        columns = self._columns(query.get("fields"))
        found = select(
            list(self._world.profiles.values()), fields.PROFILES, parameters, switches, self._world.time.now()
        )
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(fields.PROFILES.row(profile, switches) for profile in found[:size])
        cut = len(found) > (size if switches.size_truncates_bulk else BULK_LIMIT)
        headers = {"Truncated": switches.truncated_value} if cut else None
        return web.Response(text=text.getvalue(), content_type="text/csv", charset="utf-8", headers=headers)

    async def transactions(self, request: web.Request) -> web.Response:
        """Answer a page of transactions as last recorded; reading checks nothing (§7.1.6)."""
        rows = list(self._world.transactions.values())
        return self._page(request, rows, fields.transactions(self._switches))

    async def progress(self, request: web.Request) -> web.Response:
        """Check one transaction now and answer it ("statuses are checked when a progress API is called")."""
        transaction = self.find_transaction(request.match_info["tx"])
        if transaction is None:
            raise refuse(404, "Transaction not found")
        self._actions.check(transaction)
        return single(self.transaction_row(transaction), self._switches)

    async def operations(self, request: web.Request) -> web.Response:
        """Answer a page of multistep operations."""
        return self._page(request, list(self._world.operations.values()), self._operation_fields())

    async def operation(self, request: web.Request) -> web.Response:
        """Answer one multistep operation; 404 when unknown (I)."""
        operation = self.find_operation(request.match_info["id"])
        if operation is None:
            raise refuse(404, "Operation not found")
        return single(self.operation_row(operation), self._switches)

    def transaction_row(self, transaction: Transaction) -> dict[str, object]:
        """Write a transaction as Digi does."""
        return fields.transactions(self._switches).row(transaction, self._switches)

    def operation_row(self, operation: Operation) -> dict[str, object]:
        """Write an operation as Digi does."""
        return self._operation_fields().row(operation, self._switches)

    def find_transaction(self, identifier: str) -> Transaction | None:
        """Return a transaction by either form of its identifier."""
        rows = self._world.transactions
        return rows.get(identifier) or _numbered(list(rows.values()), identifier)

    def find_operation(self, identifier: str) -> Operation | None:
        """Return an operation by either form of its identifier."""
        rows = self._world.operations
        return rows.get(identifier) or _numbered(list(rows.values()), identifier)

    def _operation_fields(self) -> Resource[Operation]:
        def number(transaction: str | None) -> int | None:
            found = self._world.transactions.get(transaction or "")
            return found.number if found else None

        return fields.operations(self._switches, number)

    def _page(self, request: web.Request, records: list[R], resource: Resource[R]) -> web.Response:
        switches = self._switches
        parameters, offset = read_parameters(resource.name, request.query, switches), 0
        cursor = request.query.get("cursor")
        if cursor is not None:
            parameters, offset = self._cursors.place(cursor, parameters, switches)
        found = select(records, resource, parameters, switches, self._world.time.now())
        end = offset + parameters.size
        page = [resource.row(record, switches) for record in found[offset:end]]
        full = len(page) == parameters.size
        more = len(found) > end or (full and switches.cursor_after_full_last_page)
        following = self._cursors.give(parameters, end) if more else None
        return json_response(envelope(page, switches, size=parameters.size, cursor=following))

    def _columns(self, text: str | None) -> list[str]:
        if text is None:
            return list(fields.PROFILES.fields)
        columns = [name.strip().lower() for name in text.split(",")]
        unknown = [name for name in columns if name not in fields.PROFILES.fields]
        if unknown:
            raise refuse(400, f"Invalid field '{unknown[0][:40]}'")
        return columns


def _numbered(rows: list[R], identifier: str) -> R | None:
    """Return the row with that number; rows are numbered from 1 in the order they were made."""
    if not (identifier.isascii() and identifier.isdigit()):
        return None
    return next((row for row in rows if getattr(row, "number", None) == int(identifier)), None)
