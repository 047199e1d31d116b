"""Digi's verbs: profiles, transactions, operations, actions."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from esim_graph.clock import Clock, Deadline
from esim_graph.config import DigiSettings
from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.domain.operation import Operation, OperationRequest
from esim_graph.domain.page import Page
from esim_graph.domain.profile import Profile, ProfileStatus
from esim_graph.domain.selection import AllOf, Condition, Operator, Order, Selection
from esim_graph.domain.transaction import ActionRequest, Transaction
from esim_graph.errors import UpstreamRefused
from esim_graph.upstreams.digi import bulk, query, wire
from esim_graph.upstreams.digi.bulk import ProfileBulk
from esim_graph.upstreams.digi.query import Constant
from esim_graph.upstreams.messages import Request
from esim_graph.upstreams.reading import Members
from esim_graph.upstreams.refusals import unreadable
from esim_graph.upstreams.sender import Sender

T = TypeVar("T")

_NEWEST = 100  # of a device's things, which take minutes each
_MAX_PAGES = 20  # of one query for known keys, whose answers fit one page


@dataclass(frozen=True, slots=True)
class _Noun(Generic[T]):
    """One kind of thing that Digi lists."""

    name: str  #: what metrics call its list
    path: tuple[str, ...]
    fields: query.Fields
    key: str  #: our name of the field that several are asked for by
    read: Callable[[Members], T | None]


_PROFILES = _Noun("profiles", wire.PROFILES, query.PROFILE, "iccid", wire.read_profile)
_DEVICES_PROFILES = replace(_PROFILES, key="device_id")
_TRANSACTIONS = _Noun("transactions", wire.TRANSACTIONS, query.TRANSACTION, "vendor_id", wire.read_transaction)
_OPERATIONS = _Noun("operations", wire.OPERATIONS, query.OPERATION, "vendor_id", wire.read_operation)


class DigiClient:
    """Asks Digi Remote Manager. Every verb raises an ``UpstreamError`` when it cannot answer."""

    def __init__(self, sender: Sender, *, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock

    async def summary(self, *, deadline: Deadline) -> float | None:
        """Prove that the credentials are good; seconds Digi's clock is ahead of ours, if it says."""
        return await self._sender.send(wire.get("summary"), wire.read_summary, deadline=deadline)

    async def profile(self, iccid: Iccid, *, deadline: Deadline) -> Profile | None:
        """The profile with this ICCID; None if no device reported one."""
        found = await self._one(wire.get("profile", *wire.PROFILES, iccid), wire.read_profile, deadline)
        return _by_iccid(found or ()).get(iccid)

    async def profiles_by_iccid(self, iccids: Sequence[Iccid], *, deadline: Deadline) -> dict[Iccid, Profile]:
        """The profiles with these ICCIDs, in as few calls as their number allows; the others are left out."""
        keys = list(dict.fromkeys(iccids))
        if len(keys) == 1:
            profile = await self.profile(keys[0], deadline=deadline)
            return {keys[0]: profile} if profile is not None else {}
        return _by_iccid(await self._by_key(_PROFILES, keys, deadline))

    async def profile_page(
        self, selection: Selection, *, size: int, cursor: str | None, deadline: Deadline
    ) -> Page[Profile]:
        """A page of profiles; *cursor* is good only with the same *selection* and *size*.

        Raises:
            CursorExpired: Digi does not know *cursor*.
            UpstreamRefused: Digi refuses the selection.
        """
        return await self._page(_PROFILES, selection, size, cursor, deadline)

    async def profiles_on(self, device_id: str, *, eid: Eid | None, deadline: Deadline) -> Sequence[Profile]:
        """The profiles that a device reports, on one eUICC or on all of it: one call."""
        device = Condition("device_id", Operator.EQ, device_id)
        where = device if eid is None else AllOf((device, Condition("eid", Operator.EQ, eid)))
        page = await self._page(_PROFILES, Selection(where), query.MAX_ROWS, None, deadline)
        return page.items

    async def profiles_on_all(self, device_ids: Sequence[str], *, deadline: Deadline) -> Sequence[Profile]:
        """The profiles that several devices report, in as few calls as their number allows."""
        return await self._by_key(_DEVICES_PROFILES, list(dict.fromkeys(device_ids)), deadline)

    async def profiles_bulk(
        self, selection: Selection, *, fields: Sequence[str] | None, size: int | None, deadline: Deadline
    ) -> ProfileBulk:
        """Up to 20,000 profiles in one answer, with only *fields* (ours; None: all) filled in."""
        self._sender.require()
        where = query.compile_filter(selection.where, query.PROFILE)
        if where is Constant.NEVER:
            return ProfileBulk(profiles=(), skipped=0, truncated=False)
        orderby = query.compile_order(selection.order, query.PROFILE)
        request = bulk.get_bulk(where=_parameter(where), orderby=orderby, fields=fields, size=size)
        found = await self._sender.send(request, bulk.read_bulk, deadline=deadline)
        self._sender.note_skipped(request, found.skipped)
        return found

    async def transactions_by_id(self, ids: Sequence[str], *, deadline: Deadline) -> dict[str, Transaction]:
        """Transactions as Digi last saw them: the cheap read, which makes Digi check nothing."""
        rows = await self._by_id(_TRANSACTIONS, list(dict.fromkeys(ids)), deadline)
        return {transaction.vendor_id: transaction for transaction in rows}

    async def transaction_page(
        self, selection: Selection, *, size: int, cursor: str | None, deadline: Deadline
    ) -> Page[Transaction]:
        """A page of transactions; see ``profile_page``."""
        return await self._page(_TRANSACTIONS, selection, size, cursor, deadline)

    async def newest_transactions_on(self, device_id: str, *, deadline: Deadline) -> Sequence[Transaction]:
        """The newest transactions of a device, its running ones among them: one call."""
        return (await self._page(_TRANSACTIONS, _newest_on(device_id), _NEWEST, None, deadline)).items

    async def transaction_progress(self, vendor_id: str, *, deadline: Deadline) -> Transaction | None:
        """Have Digi check a transaction now, which is an effect at the device's end of the world."""
        read = wire.with_identifier(wire.read_transaction, "transaction", vendor_id)
        found = await self._one(wire.get("progress", "progress", vendor_id), read, deadline)
        return replace(found[0], last_checked_at=self._clock.now()) if found else None

    async def operation(self, vendor_id: str, *, deadline: Deadline) -> Operation | None:
        """One operation as it is now."""
        read = wire.with_identifier(wire.read_operation, "id", vendor_id)
        found = await self._one(wire.get("operation", *wire.OPERATIONS, vendor_id), read, deadline)
        return found[0] if found else None

    async def operations_by_id(self, ids: Sequence[str], *, deadline: Deadline) -> dict[str, Operation]:
        """Several operations in as few calls as their number allows."""
        keys = list(dict.fromkeys(ids))
        if len(keys) == 1:
            operation = await self.operation(keys[0], deadline=deadline)
            return {keys[0]: operation} if operation is not None else {}
        rows = await self._by_id(_OPERATIONS, keys, deadline)
        return {operation.vendor_id: operation for operation in rows}

    async def operation_page(
        self, selection: Selection, *, size: int, cursor: str | None, deadline: Deadline
    ) -> Page[Operation]:
        """A page of operations; see ``profile_page``."""
        return await self._page(_OPERATIONS, selection, size, cursor, deadline)

    async def newest_operations_on(self, device_id: str, *, deadline: Deadline) -> Sequence[Operation]:
        """The newest operations of a device; see ``newest_transactions_on``."""
        return (await self._page(_OPERATIONS, _newest_on(device_id), _NEWEST, None, deadline)).items

    async def act(self, request: ActionRequest, *, deadline: Deadline) -> Transaction:
        """Have an action done to a profile. It is sent once.

        Raises:
            UpstreamRefused: Digi refuses it; nothing happens.
            UpstreamUnavailable, UpstreamTimeout, UpstreamBadResponse: with ``retryable`` False
                where nobody knows whether Digi took it up.
        """
        return await self._sender.send(
            wire.post_action(request), lambda answer: wire.read_accepted_action(answer, request), deadline=deadline
        )

    async def start_operation(self, request: OperationRequest, *, deadline: Deadline) -> Operation:
        """Start a multistep operation. It is sent once; see ``act``."""
        return await self._sender.send(
            wire.post_operation(request),
            lambda answer: wire.read_accepted_operation(answer, request),
            deadline=deadline,
        )

    async def _one(self, request: Request, read: Callable[[Members], T | None], deadline: Deadline) -> list[T] | None:
        return await self._sender.send(request, lambda answer: wire.read_one(answer, read), deadline=deadline)

    async def _page(
        self, noun: _Noun[T], selection: Selection, size: int, cursor: str | None, deadline: Deadline
    ) -> Page[T]:
        self._sender.require()
        where = query.compile_filter(selection.where, noun.fields)
        if where is Constant.NEVER:
            return Page(items=(), next_cursor=None)
        request = wire.get_page(
            noun.name,
            *noun.path,
            query=_parameter(where),
            orderby=query.compile_order(selection.order, noun.fields),
            size=size,
            cursor=cursor,
        )
        return await self._send_page(noun, request, cursor, deadline)

    async def _by_id(self, noun: _Noun[T], ids: Sequence[str], deadline: Deadline) -> list[T]:
        """Like ``_by_key``. Where Digi's ids are numbers, one id that is none must not cost all the others.

        Whether they are numbers is documented nowhere; if they are, Digi refuses to compare
        them with text. Then the others, which have that form, are simply not known to it.
        """
        numbers = [one for one in ids if one.isdecimal()]
        if not numbers or len(numbers) == len(ids):
            return await self._by_key(noun, ids, deadline)
        found = await self._by_key(noun, numbers, deadline)
        with suppress(UpstreamRefused):
            found += await self._by_key(noun, [one for one in ids if not one.isdecimal()], deadline)
        return found

    async def _by_key(self, noun: _Noun[T], keys: Sequence[str], deadline: Deadline) -> list[T]:
        self._sender.require()
        queries = list(query.any_of(noun.fields[noun.key], keys))
        if len(queries) == 1:
            return await self._all_pages(noun, queries[0], deadline)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._all_pages(noun, one, deadline)) for one in queries]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the others were cancelled by it, or failed alike
        return [row for task in tasks for row in task.result()]

    async def _all_pages(self, noun: _Noun[T], where: str, deadline: Deadline) -> list[T]:
        rows: list[T] = []
        cursor = None
        for _ in range(_MAX_PAGES):
            request = wire.get_page(f"{noun.name}_by_key", *noun.path, query=where, cursor=cursor)
            page = await self._send_page(noun, request, cursor, deadline)
            rows += page.items
            cursor = page.next_cursor
            if cursor is None:
                return rows
        raise unreadable("digi", "goes on and on")

    async def _send_page(self, noun: _Noun[T], request: Request, cursor: str | None, deadline: Deadline) -> Page[T]:
        read_page = wire.read_page if cursor is None else wire.read_next_page
        rows, next_cursor = await self._sender.send(
            request, lambda answer: read_page(answer, noun.read), deadline=deadline
        )
        self._sender.note_skipped(request, rows.skipped)
        return Page(items=tuple(rows.items), next_cursor=next_cursor)


def sign(settings: DigiSettings) -> Callable[[Request], Mapping[str, str]]:
    """The headers of every call: an API key, or user name and password.

    Source: upstreams.md §1.1.
    """
    headers = {"X-Requested-With": "XMLHttpRequest"}
    if settings.api_key_id and settings.api_key_secret:
        headers["X-API-KEY-ID"] = settings.api_key_id.get_secret_value()
        headers["X-API-KEY-SECRET"] = settings.api_key_secret.get_secret_value()
    elif settings.username and settings.password:
        pair = f"{settings.username.get_secret_value()}:{settings.password.get_secret_value()}"
        headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
    with_body = headers | {"Content-Type": "application/json"}
    return lambda request: headers if request.body is None else with_body


def _newest_on(device_id: str) -> Selection:
    return Selection(Condition("device_id", Operator.EQ, device_id), Order("created_at", descending=True))


def _parameter(where: str | Constant) -> str | None:
    return where if isinstance(where, str) else None


def _by_iccid(profiles: Iterable[Profile]) -> dict[Iccid, Profile]:
    """One profile per ICCID: the active one where an old report of another eUICC is still listed."""
    found: dict[Iccid, Profile] = {}
    for profile in profiles:
        if profile.iccid not in found or profile.status is ProfileStatus.ACTIVE:
            found[profile.iccid] = profile
    return found
