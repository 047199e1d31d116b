"""The rows of requests: what is kept, for how long, and what is whose."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch.samples import DEVICE, NOW, wanted, wanted_operation
from esim_graph import requests
from esim_graph.database import Database, open_database
from esim_graph.domain.account import Account
from esim_graph.requests import Request, RequestState
from esim_graph.telemetry import Metrics
from support.database import fresh_database_url

ACME, OTHER = Account("acme", "digi-1"), Account("other", "digi-1")


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    async with open_database(fresh_database_url(), metrics=Metrics()) as opened:
        yield opened


async def add(database: Database, *, account: Account = ACME, now: datetime = NOW, **more: Any) -> Request:
    fields: dict[str, Any] = {
        "device_id": DEVICE,
        "idempotency_key": None,
        "fingerprint": "f",
        "state": RequestState.SENDING,
        "actor": "anonymous",
        "owned_until": now + timedelta(seconds=6),
    } | more
    what = fields.pop("wanted", wanted())
    return await database.write(lambda connection: requests.add(connection, account, what, now=now, **fields))


async def read(database: Database, request: Request) -> Request | None:
    async with database.read() as connection:
        return await requests.by_id(connection, ACME, request.id)


async def test_a_row_reads_back_as_it_was_written(database: Database) -> None:
    request = await add(database, wanted=wanted_operation(code_digest="d"), idempotency_key="k")

    sent = await database.write(
        lambda connection: requests.mark_sent(connection, ACME, request, seen=["b", "a"], now=NOW)
    )

    assert sent is not None
    assert sent.seen == frozenset({"a", "b"})
    assert sent.sent_at == NOW
    assert sent.wanted == wanted_operation(code_digest="d")
    assert await read(database, request) == sent


async def test_a_key_is_one_tenants(database: Database) -> None:
    request = await add(database, idempotency_key="k")
    await add(database, account=OTHER, idempotency_key="k")

    async with database.read() as connection:
        assert await requests.by_key(connection, ACME, "k") == request
        assert await requests.by_key(connection, ACME, "another") is None
        assert await requests.open_on(connection, ACME, DEVICE) == [request]


async def test_what_is_settled_stays_so(database: Database) -> None:
    request = await add(database)

    settled = await database.write(
        lambda connection: requests.settle(connection, ACME, request, RequestState.ACCEPTED, vendor_id="tx")
    )
    again = await database.write(
        lambda connection: requests.settle(connection, ACME, request, RequestState.NOT_STARTED)
    )
    await database.write(lambda connection: requests.forget(connection, ACME, request))

    found = await read(database, request)
    assert (settled, again) == (True, False)
    assert found is not None
    assert (found.state, found.vendor_id, found.is_open) == (RequestState.ACCEPTED, "tx", False)


async def test_what_digi_says_counts_more_than_what_was_thought(database: Database) -> None:
    request = await add(database)
    await database.write(lambda connection: requests.settle(connection, ACME, request, RequestState.NOT_STARTED))

    await database.write(lambda connection: requests.accept(connection, ACME, request, "tx"))

    found = await read(database, request)
    assert found is not None
    assert (found.state, found.vendor_id) == (RequestState.ACCEPTED, "tx")


async def test_what_did_not_start_may_turn_out_to_be_accepted_and_nothing_else(database: Database) -> None:
    request = await add(database, idempotency_key="k")
    await database.write(lambda connection: requests.mark_sent(connection, ACME, request, seen=[], now=NOW))
    await database.write(lambda connection: requests.settle(connection, ACME, request, RequestState.NOT_STARTED))
    async with database.read() as connection:
        late = await requests.not_started_on(connection, ACME, DEVICE, sent_after=NOW - timedelta(seconds=1))
        assert [one.id for one in late] == [request.id]
        assert await requests.not_started_on(connection, ACME, DEVICE, sent_after=NOW) == []

    refused = await database.write(lambda connection: requests.settle(connection, ACME, request, RequestState.REFUSED))
    accepted = await database.write(
        lambda connection: requests.settle(connection, ACME, request, RequestState.ACCEPTED, vendor_id="tx")
    )

    found = await read(database, request)
    assert (refused, accepted) == (False, True)
    assert found is not None
    assert (found.state, found.vendor_id) == (RequestState.ACCEPTED, "tx")


@pytest.mark.parametrize("stranger", [OTHER, Account("acme", "digi-2")])
async def test_a_row_is_its_accounts_alone(database: Database, stranger: Account) -> None:
    request = await add(database, idempotency_key="k")
    async with database.read() as connection:
        assert await requests.by_id(connection, stranger, request.id) is None

    async def meddle(connection: AsyncConnection) -> list[object]:
        later = NOW + timedelta(days=1)
        await requests.keep(connection, stranger, [request.id], owned_until=later)
        await requests.mark_unknown(connection, stranger, request, owned_until=later)
        await requests.accept(connection, stranger, request, "tx")
        await requests.forget(connection, stranger, request)
        await requests.forget_unsent(connection, stranger, request)
        return [
            await requests.own(connection, stranger, request, until=later),
            await requests.settle(connection, stranger, request, RequestState.NOT_STARTED),
            await requests.mark_sent(connection, stranger, request, seen=[], now=later),
        ]

    assert await database.write(meddle) == [False, False, None]
    assert await read(database, request) == request


async def test_a_key_is_freed_for_the_whole_tenant(database: Database) -> None:
    request = await add(database, idempotency_key="k")

    await database.write(lambda connection: requests.free_key(connection, OTHER, request))
    assert (await read(database, request)) == request
    await database.write(lambda connection: requests.free_key(connection, Account("acme", "digi-2"), request))

    found = await read(database, request)
    assert found is not None
    assert found.idempotency_key is None


async def test_one_of_two_takes_over_what_is_left_over(database: Database) -> None:
    request = await add(database)
    late = NOW + timedelta(seconds=6)
    async with database.read() as connection:
        assert await requests.due(connection, ACME, late - timedelta(microseconds=1), limit=9) == []
        assert await requests.due(connection, ACME, late, limit=9) == [request]

    until = late + timedelta(seconds=6)
    first = await database.write(lambda connection: requests.own(connection, ACME, request, until=until))
    second = await database.write(lambda connection: requests.own(connection, ACME, request, until=until))

    assert (first, second) == (True, False)


async def test_what_is_forgotten_cannot_be_sent(database: Database) -> None:
    request = await add(database, idempotency_key="k")
    await database.write(lambda connection: requests.forget(connection, ACME, request))

    sent = await database.write(lambda connection: requests.mark_sent(connection, ACME, request, seen=[], now=NOW))

    assert sent is None
    await add(database, idempotency_key="k")


async def test_what_was_left_behind_is_cleared_away_unless_it_is_somebodys_again(database: Database) -> None:
    left = await add(database, idempotency_key="k")
    await database.write(lambda connection: requests.keep(connection, ACME, [left.id], owned_until=NOW))
    await database.write(lambda connection: requests.forget_unsent(connection, ACME, left))
    kept = await read(database, left)
    assert kept is not None

    await database.write(lambda connection: requests.forget_unsent(connection, ACME, kept))
    again = await add(database, now=NOW + timedelta(seconds=1), idempotency_key="k")
    await database.write(lambda connection: requests.forget(connection, ACME, kept))

    assert await read(database, again) == again


async def test_rows_go_after_a_week_unless_they_are_open(database: Database) -> None:
    long_ago = NOW - timedelta(days=7, seconds=1)
    unknown = await add(database, now=long_ago, state=RequestState.UNKNOWN)
    old = await add(database, now=long_ago, state=RequestState.ACCEPTED)
    young = await add(database, now=NOW - timedelta(days=6), state=RequestState.ACCEPTED)

    await database.write(lambda connection: requests.prune(connection, NOW))

    assert [await read(database, one) is not None for one in (unknown, old, young)] == [True, False, True]
