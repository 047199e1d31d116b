"""A journal as large as wanted, written by the database itself."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.domain.identifiers import Eid, Iccid

ROWS_OF_A_PROFILE = 100
BEGIN = 1_700_000_000  # seconds since 1970; each row happens a second after the one before

# 97 and 89 spread a profile's rows over the whole time, as those of real ones are.
_FILL = """
INSERT INTO status_changes (tenant, number, iccid, eid, device_id, from_state, to_state, at, seen_at, source,
                            is_error, unexpected, late, identity)
WITH RECURSIVE numbers(n) AS (SELECT CAST({begin} AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {end}),
plain(n, profile, error) AS (SELECT n, (n * 97) % {profiles}, (n * 89) % 50 = 0 FROM numbers)
SELECT 'default', n, '89' || CAST(10000000000000000 + profile AS TEXT),
       '89049032' || CAST(100000000000000000000000 + profile AS TEXT), 'device-' || CAST(profile / 2 AS TEXT),
       CASE WHEN error OR n % 2 = 0 THEN 'ENABLED' ELSE 'DISABLED' END,
       CASE WHEN error OR n % 2 = 1 THEN 'ENABLED' ELSE 'DISABLED' END,
       ({begun} + n) * 1000000, ({begun} + n) * 1000000, CASE WHEN n % 10 = 0 THEN 'esimfly' ELSE 'digi' END,
       error, {false}, {false}, {identity}
FROM plain
"""


async def fill(connection: AsyncConnection, begin: int, end: int, *, profiles: int) -> None:
    """Write the rows from *begin* to *end*, of so many profiles."""
    postgresql = connection.dialect.name == "postgresql"
    statement = _FILL.format(
        begin=begin,
        end=end,
        begun=BEGIN,
        profiles=profiles,
        false="false" if postgresql else "0",
        identity="decode(md5(CAST(n AS TEXT)), 'hex')" if postgresql else "randomblob(16)",
    )
    if postgresql:
        statement = statement.replace("100000000000000000000000 +", "CAST(100000000000000000000000 AS NUMERIC) +")
    else:
        statement = statement.replace("CAST(100000000000000000000000 + profile AS TEXT)", "printf('1%023d', profile)")
    await connection.execute(sa.text(statement))


def iccid_of(profile: int) -> Iccid:
    """The ICCID of the profile with that number."""
    return Iccid(f"89{10**16 + profile}")


def eid_of(profile: int) -> Eid:
    """The eUICC it is on."""
    return Eid(f"890490321{profile:023d}")


def device_of(profile: int) -> str:
    """The device it is in; two profiles share one."""
    return f"device-{profile // 2}"
