"""Keys that are made once and kept in the database, so that all replicas have the same."""

import secrets

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.database import Database, insert
from esim_graph.database.tables import KEYS

_SIGNING = "signing"
_BYTES = 32


async def signing_key(database: Database) -> bytes:
    """The key that signs, where no setting gives one; made by whoever asks first.

    Raises:
        DatabaseUnavailable: it cannot be read.
    """
    async with database.read() as connection:
        if found := await _read(connection):
            return found

    async def make(connection: AsyncConnection) -> bytes:
        row = {"name": _SIGNING, "value": secrets.token_hex(_BYTES)}
        await connection.execute(insert(connection, KEYS).values(row).on_conflict_do_nothing())
        made = await _read(connection)
        assert made is not None
        return made

    return await database.write(make)


async def _read(connection: AsyncConnection) -> bytes | None:
    found: str | None = await connection.scalar(sa.select(KEYS.c.value).where(KEYS.c.name == _SIGNING))
    return None if found is None else bytes.fromhex(found)
