"""How long things take, learned from those that came to a good end."""

import bisect
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph.clock import Clock
from esim_graph.database import Database
from esim_graph.database.tables import SUBJECTS
from esim_graph.domain.account import Account
from esim_graph.domain.operation import EstimatedCompletion, FollowedOperation, OperationStatus
from esim_graph.domain.subject import Noun, State
from esim_graph.domain.transaction import Transaction, Verification
from esim_graph.progress.gathering import Gathering

_SAMPLES = 200  # the latest ones
_ENOUGH = 5  # of one carrier, to count for it alone
_FRESH_SECONDS = 30.0
_KINDS = 1_000  # remembered at once; carriers are words of callers

_Kind = tuple[Noun, str, str | None]  # with the action and the carrier


def seconds_of(state: State, *, began_at: datetime, now: datetime) -> float | None:
    """How long a subject took that has come to a good end, by Digi's clock where it tells; None for another."""
    if isinstance(state, Transaction):
        good = state.verification is Verification.VERIFIED
        created_at, updated_at = state.created_at, state.updated_at
    else:
        good = state.operation.status is OperationStatus.SUCCESSFUL
        created_at, updated_at = state.operation.created_at, state.operation.updated_at
    if not good:
        return None
    if created_at is None or updated_at is None:
        created_at, updated_at = began_at, now
    return max((updated_at - created_at).total_seconds(), 0.0)


def begun_at(state: State) -> datetime | None:
    """When a subject began at Digi."""
    return state.operation.created_at if isinstance(state, FollowedOperation) else state.created_at


def quantile(samples: Sequence[float], share: float) -> float:
    """The value that *share* of sorted samples do not exceed, between two of them where it falls there."""
    place = share * (len(samples) - 1)
    below = int(place)
    above = min(below + 1, len(samples) - 1)
    return samples[below] + (samples[above] - samples[below]) * (place - below)


def typical(samples: Sequence[float]) -> tuple[float, float] | None:
    """How many seconds half of sorted samples took, and nine of ten."""
    return (quantile(samples, 0.5), quantile(samples, 0.9)) if samples else None


def estimate(samples: Sequence[float], *, began_at: datetime, now: datetime) -> EstimatedCompletion | None:
    """When something will have ended that began at an instant and has not yet.

    Only those of the sorted samples count that took longer than this one has already; where none did, it
    is overdue, and any moment is the likeliest.
    """
    if not samples:
        return None
    longer = samples[bisect.bisect_right(samples, (now - began_at).total_seconds()) :]
    if not longer:
        return EstimatedCompletion(p50=now, p90=now, sample_size=len(samples))
    half, most = (began_at + timedelta(seconds=quantile(longer, share)) for share in (0.5, 0.9))
    return EstimatedCompletion(p50=half, p90=most, sample_size=len(longer))


class Durations:
    """The seconds that subjects of one kind took, sorted; where there are some, read anew every half minute."""

    def __init__(self, account: Account, database: Database, clock: Clock) -> None:
        self._account = account
        self._database = database
        self._clock = clock
        self._read_at: dict[_Kind, tuple[float, list[float]]] = {}
        self._reading: Gathering[_Kind, list[float]] = Gathering(self._read_all, name="durations")

    async def of(self, noun: Noun, action: str | None, carrier: str | None) -> list[float]:
        """Those of one action; of one carrier alone, where there are some.

        Raises:
            DatabaseUnavailable: they cannot be read.
        """
        if action is None:
            return []
        kind = (noun, action, carrier)
        at, samples = self._read_at.get(kind, (None, []))
        # Of a few samples each new one counts, so they are not remembered.
        if at is not None and len(samples) >= _ENOUGH and self._clock.monotonic() - at < _FRESH_SECONDS:
            return samples
        return await self._reading.get(kind) or []

    async def close(self) -> None:
        """Stop reading."""
        await self._reading.close()

    async def _read_all(self, kinds: Sequence[_Kind]) -> dict[_Kind, list[float]]:
        now = self._clock.monotonic()
        async with self._database.read() as connection:
            found = {kind: await self._read(connection, *kind) for kind in kinds}
        while self._read_at and len(self._read_at) + len(found) > _KINDS:
            del self._read_at[next(iter(self._read_at))]
        self._read_at |= {kind: (now, samples) for kind, samples in found.items()}
        return found

    async def _read(self, connection: AsyncConnection, noun: Noun, action: str, carrier: str | None) -> list[float]:
        if carrier is not None:
            own = await connection.execute(_select(self._account, noun, action, SUBJECTS.c.carrier == carrier))
            if len(samples := sorted(row.seconds for row in own)) >= _ENOUGH:
                return samples
        return sorted(row.seconds for row in await connection.execute(_select(self._account, noun, action)))


def _select(account: Account, noun: Noun, action: str, *where: sa.ColumnElement[bool]) -> "sa.Select[tuple[float]]":
    return (
        sa.select(SUBJECTS.c.seconds)
        .where(
            SUBJECTS.c.tenant == account.tenant,
            SUBJECTS.c.noun == noun,
            SUBJECTS.c.action == action,
            SUBJECTS.c.seconds.is_not(None),
            *where,
        )
        .order_by(SUBJECTS.c.ended_at.desc())
        .limit(_SAMPLES)
    )
