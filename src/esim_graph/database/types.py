"""Column types that read back what was written, on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(sa.types.TypeDecorator[datetime]):
    """An instant as microseconds since 1970, because SQLite gives back times without their zone."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        """Write an aware instant."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        """Read it in UTC."""
        return None if value is None else _EPOCH + value * _MICROSECOND


#: A number that the database gives out, growing; SQLite does so only for its own INTEGER.
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
