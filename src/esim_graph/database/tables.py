"""The tables: what this program itself must never forget. Rows are plain; their meaning is in the rooms above."""

import sqlalchemy as sa

from esim_graph.database.types import Instant, Serial

METADATA = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

#: Keys that were made once and that all replicas share.
KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

#: Each action that a caller asked for, from before it is sent; ``requests.py``.
REQUESTS = sa.Table(
    "requests",
    METADATA,
    sa.Column("id", Serial, primary_key=True, autoincrement=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("noun", sa.Text, nullable=False),  # transaction or operation
    sa.Column("action", sa.Text, nullable=False),  # what it does, or the operation's kind
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("eid", sa.Text),
    sa.Column("iccid", sa.Text),
    sa.Column("carrier", sa.Text),
    sa.Column("code_digest", sa.Text),  # keyed: the activation code cannot be told from it
    sa.Column("idempotency_key", sa.Text),
    sa.Column("fingerprint", sa.Text, nullable=False),  # keyed, of the whole input
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("seen", sa.Text),  # what Digi listed for the device before the sending, as JSON
    sa.Column("vendor_id", sa.Text),
    sa.Column("refusal", sa.Text),
    sa.Column("actor", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Column("owned_until", Instant, nullable=False),  # until then its process sees to it; later anybody
    sqlite_autoincrement=True,  # the id of a row that is gone must not come again
)
sa.Index(
    "uq_requests_idempotency_key",
    REQUESTS.c.tenant,
    REQUESTS.c.idempotency_key,
    unique=True,
    sqlite_where=REQUESTS.c.idempotency_key.is_not(None),
    postgresql_where=REQUESTS.c.idempotency_key.is_not(None),
)
sa.Index("ix_requests_device", REQUESTS.c.tenant, REQUESTS.c.account, REQUESTS.c.device_id, REQUESTS.c.state)
sa.Index("ix_requests_state", REQUESTS.c.state, REQUESTS.c.owned_until)
sa.Index("ix_requests_created_at", REQUESTS.c.created_at)

#: Each transaction and operation that is or was followed; ``subjects.py``.
SUBJECTS = sa.Table(
    "subjects",
    METADATA,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("noun", sa.Text, primary_key=True),
    sa.Column("vendor_id", sa.Text, primary_key=True),
    sa.Column("action", sa.Text),
    sa.Column("device_id", sa.Text),
    sa.Column("iccid", sa.Text),
    sa.Column("carrier", sa.Text),
    sa.Column("actor", sa.Text),
    sa.Column("state", sa.Text, nullable=False),  # the latest one, as JSON
    sa.Column("sequence", sa.Integer, nullable=False),  # of the latest event
    sa.Column("checked_at", Instant),
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),  # set when it is terminal
    sa.Column("seconds", sa.Float),  # from its beginning to a good end
    sa.Column("follow_until", Instant, nullable=False),
    sa.Column("watched_until", Instant),  # somebody watches it on some replica
    sa.Column("holder", sa.Text),
    sa.Column("held_until", Instant),
    sa.Column("fence", sa.Integer, nullable=False),
)
sa.Index("ix_subjects_unfinished", SUBJECTS.c.tenant, SUBJECTS.c.account, SUBJECTS.c.ended_at, SUBJECTS.c.follow_until)
sa.Index("ix_subjects_device", SUBJECTS.c.tenant, SUBJECTS.c.account, SUBJECTS.c.device_id, SUBJECTS.c.ended_at)
# Without those that nobody holds, which are nearly all.
sa.Index(
    "ix_subjects_holder",
    SUBJECTS.c.tenant,
    SUBJECTS.c.account,
    SUBJECTS.c.holder,
    sqlite_where=SUBJECTS.c.holder.is_not(None),
    postgresql_where=SUBJECTS.c.holder.is_not(None),
)
# How long the latest of a kind took, and those of one carrier.
for _name, _columns in {"durations": (), "durations_carrier": ("carrier",)}.items():
    sa.Index(
        f"ix_subjects_{_name}",
        *(SUBJECTS.c[_column] for _column in ("tenant", "noun", "action", *_columns, "ended_at")),
        sqlite_where=SUBJECTS.c.seconds.is_not(None),
        postgresql_where=SUBJECTS.c.seconds.is_not(None),
    )

#: Each state that a subject was seen in; ``events.py``. Kept for a day behind the subject's end.
EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("id", Serial, primary_key=True, autoincrement=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("noun", sa.Text, nullable=False),
    sa.Column("vendor_id", sa.Text, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.UniqueConstraint("tenant", "account", "noun", "vendor_id", "sequence"),
    sa.Index("ix_events_id", "tenant", "account", "id"),
    sa.Index("ix_events_at", "at", "id"),
    sqlite_autoincrement=True,  # a number that was pruned must not come again
)

#: The journal: each change of a profile's state, for ever; ``journal``.
STATUS_CHANGES = sa.Table(
    "status_changes",
    METADATA,
    sa.Column("tenant", sa.Text, primary_key=True),
    # 1, 2, 3 … within the tenant, in the order of writing
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("iccid", sa.Text, nullable=False),
    sa.Column("eid", sa.Text),
    sa.Column("device_id", sa.Text),
    sa.Column("from_state", sa.Text),
    sa.Column("to_state", sa.Text),
    sa.Column("at", Instant, nullable=False),  # when it happened, by whoever reported it
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("actor", sa.Text),
    sa.Column("transaction_id", sa.Text),
    sa.Column("operation_id", sa.Text),
    sa.Column("message", sa.Text),
    sa.Column("message_code", sa.Text),
    sa.Column("is_error", sa.Boolean, nullable=False),
    sa.Column("unexpected", sa.Boolean, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("identity", sa.LargeBinary, nullable=False),  # a digest: the same report twice is one row
    sa.UniqueConstraint("tenant", "identity"),
)
# Each ends in the order of a page, so that a page reads its own rows and no more. A state is always asked
# for together with a source: ``journal.rows``.
for _name, _columns in {
    "at": (),
    "iccid": ("iccid",),
    "eid": ("eid",),
    "device_id": ("device_id",),
    "source": ("source",),
    "to_state": ("to_state", "source"),
}.items():
    sa.Index(
        f"ix_status_changes_{_name}",
        *(STATUS_CHANGES.c[_column] for _column in ("tenant", *_columns, "at", "number")),
    )
for _name, _columns in {
    "errors": (),
    "errors_source": ("source",),
    "errors_to_state": ("to_state", "source"),
}.items():
    sa.Index(
        f"ix_status_changes_{_name}",
        *(STATUS_CHANGES.c[_column] for _column in ("tenant", *_columns, "at", "number")),
        sqlite_where=sa.text("is_error"),
        postgresql_where=sa.text("is_error"),
    )

#: What each source last said of each profile; the journal compares with it.
PROFILE_STATES = sa.Table(
    "profile_states",
    METADATA,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("iccid", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("eid", sa.Text),
    sa.Column("previous", sa.Text),
    sa.Column("outdated", sa.Text),  # states that late readings may still show, until unconfirmed_until
    sa.Column("unconfirmed_until", Instant),
)
