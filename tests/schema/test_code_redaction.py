"""A marked activation code, sent through everything that can happen to a download, is found nowhere afterwards."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from esim_graph.database.engine import open_readers
from esim_graph.sandbox.landmarks import READY_TO_DOWNLOAD
from esim_graph.telemetry import configure_logging
from schema.vendors import unthrottle
from support.database import fresh_database_url
from support.gateway import Served, open_served

MARK = "MARKED-7f3a"
CODE = f"LPA:1$rsp.example.com${MARK}"
DEVICE = READY_TO_DOWNLOAD.device_id
DOWNLOAD = """mutation($input: ProfileDownloadInput!) { profileDownload(input: $input) {
    transaction { id vendorId actionRaw statusRaw message messageCode } replayed
    userErrors { code field message conflictsWith { id } }
} }"""
MESSAGE = f"The profile server refused {CODE} for the eSIM"


@pytest.fixture
async def served() -> AsyncIterator[tuple[Served, str]]:
    url = fresh_database_url()
    async with open_served(database_url=url, poll={"min_interval": 0.01, "max_interval": 0.02}) as opened:
        unthrottle(opened.sandbox)
        yield opened, url


async def download(served: Served, **more: Any) -> str:
    body = {"query": DOWNLOAD, "variables": {"input": {"deviceId": DEVICE, "activationCode": CODE} | more}}
    async with served.http.post(served.graphql, json=body) as answer:
        return await answer.text()


async def everything_in(url: str) -> dict[str, list[str]]:
    """Every value of every table, as text: also of those that a later version adds."""
    engine = open_readers(url)
    try:
        async with engine.connect() as connection:
            names = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
            found = {}
            for name in names:
                rows = await connection.execute(sa.text(f'SELECT * FROM "{name}"'))
                found[name] = [str(value) for row in rows for value in row if value is not None]
            return found
    finally:
        await engine.dispose()


async def test_a_marked_code_is_found_nowhere(served: tuple[Served, str], capsys: pytest.CaptureFixture[str]) -> None:
    gateway, url = served
    configure_logging("debug")
    faults, world = gateway.sandbox.faults, gateway.sandbox.world
    answers: list[Any] = []

    def fail_once(**fault: Any) -> None:
        faults.script(vendor="digi", endpoint="download", times=1, **fault)

    for fault in (
        {"kind": "status", "status": 400, "body": orjson.dumps({"error_message": f"bad code {CODE}"}).decode()},
        {"kind": "status", "status": 500, "body": CODE},
        {"kind": "status", "status": 429, "body": CODE},
        {"kind": "reset_before"},
        {"kind": "status", "status": 200, "body": orjson.dumps({"transaction": "tx-9", "message": MESSAGE}).decode()},
    ):
        fail_once(**fault)
        answers.append(await download(gateway, force=True, idempotencyKey=f"k{len(answers)}"))
        answers.append(await download(gateway, force=True, idempotencyKey=f"k{len(answers) - 1}"))
    fail_once(kind="reset_after")
    answers.append(await download(gateway, force=True, idempotencyKey="k"))
    answers.append(await download(gateway, force=True, idempotencyKey="k"))  # replayed
    answers.append(await download(gateway, idempotencyKey="other"))  # joined
    answers.append(await download(gateway, iccid=READY_TO_DOWNLOAD.iccid))  # refused: one of the two
    answers.append(await download(gateway, activationCode=f"{CODE} {CODE}"))  # no code at all
    async with gateway.http.post(gateway.graphql, json={"query": f'mutation {{ x(code: "{CODE}") }}'}) as answer:
        answers.append(await answer.text())
    for transaction in world.transactions.values():  # the devices' end, in the vendor's words
        if transaction.status == "in_progress":
            transaction.status, transaction.message, transaction.managed = "failed", MESSAGE, True
    async with asyncio.timeout(10):
        while '"ended"' not in "".join(await ended(url)):
            pass
    pages = [
        await (await gateway.http.get(f"{gateway.url}{path}", headers={"accept": "text/html"})).text()
        for path in ("/metrics", "/graphql", "/schema.graphql", "/health/ready")
    ]
    written = await everything_in(url)
    shown = capsys.readouterr()

    posted = gateway.sandbox.calls.of("digi", "download")
    assert any(MARK.encode() in call.content for call in posted)  # it did go where it belongs
    assert '"replayed":true' in "".join(answers)
    assert written["requests"]
    assert written["subjects"]
    assert "request_accepted" in shown.err
    plain = {
        hashlib.new(name, text.encode()).hexdigest() for name in ("md5", "sha1", "sha256") for text in (CODE, MARK)
    }
    for place, texts in {**written, "log": [shown.out, shown.err], "answers": answers, "pages": pages}.items():
        for text in texts:
            assert MARK not in text, place
            assert not any(digest in text for digest in plain), place


async def ended(url: str) -> list[str]:
    """A word for each subject that has ended."""
    engine = open_readers(url)
    try:
        async with engine.connect() as connection:
            rows = await connection.execute(sa.text("SELECT vendor_id FROM subjects WHERE ended_at IS NOT NULL"))
            return ['"ended"' for _ in rows]
    finally:
        await engine.dispose()
