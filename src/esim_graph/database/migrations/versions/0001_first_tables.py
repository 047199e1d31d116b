"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("vendor_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "tenant",
            "account",
            "noun",
            "vendor_id",
            "sequence",
            name=op.f("uq_events_tenant_account_noun_vendor_id_sequence"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_at", "events", ["at", "id"], unique=False)
    op.create_index("ix_events_id", "events", ["tenant", "account", "id"], unique=False)
    op.create_table(
        "keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "profile_states",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("iccid", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("eid", sa.Text(), nullable=True),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("outdated", sa.Text(), nullable=True),
        sa.Column("unconfirmed_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "iccid", "source"),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("eid", sa.Text(), nullable=True),
        sa.Column("iccid", sa.Text(), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("code_digest", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=True),
        sa.Column("vendor_id", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("owned_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_requests_created_at", "requests", ["created_at"], unique=False)
    op.create_index("ix_requests_device", "requests", ["tenant", "account", "device_id", "state"], unique=False)
    op.create_index("ix_requests_state", "requests", ["state", "owned_until"], unique=False)
    op.create_index(
        "uq_requests_idempotency_key",
        "requests",
        ["tenant", "idempotency_key"],
        unique=True,
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_table(
        "status_changes",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("iccid", sa.Text(), nullable=False),
        sa.Column("eid", sa.Text(), nullable=True),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.Text(), nullable=True),
        sa.Column("operation_id", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("message_code", sa.Text(), nullable=True),
        sa.Column("is_error", sa.Boolean(), nullable=False),
        sa.Column("unexpected", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "number"),
        sa.UniqueConstraint("tenant", "identity", name=op.f("uq_status_changes_tenant_identity")),
    )
    op.create_index("ix_status_changes_at", "status_changes", ["tenant", "at", "number"], unique=False)
    op.create_index(
        "ix_status_changes_device_id", "status_changes", ["tenant", "device_id", "at", "number"], unique=False
    )
    op.create_index("ix_status_changes_eid", "status_changes", ["tenant", "eid", "at", "number"], unique=False)
    op.create_index(
        "ix_status_changes_errors",
        "status_changes",
        ["tenant", "at", "number"],
        unique=False,
        sqlite_where=sa.text("is_error"),
        postgresql_where=sa.text("is_error"),
    )
    op.create_index(
        "ix_status_changes_errors_source",
        "status_changes",
        ["tenant", "source", "at", "number"],
        unique=False,
        sqlite_where=sa.text("is_error"),
        postgresql_where=sa.text("is_error"),
    )
    op.create_index(
        "ix_status_changes_errors_to_state",
        "status_changes",
        ["tenant", "to_state", "source", "at", "number"],
        unique=False,
        sqlite_where=sa.text("is_error"),
        postgresql_where=sa.text("is_error"),
    )
    op.create_index("ix_status_changes_iccid", "status_changes", ["tenant", "iccid", "at", "number"], unique=False)
    op.create_index("ix_status_changes_source", "status_changes", ["tenant", "source", "at", "number"], unique=False)
    op.create_index(
        "ix_status_changes_to_state", "status_changes", ["tenant", "to_state", "source", "at", "number"], unique=False
    )
    op.create_table(
        "subjects",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("vendor_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("iccid", sa.Text(), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("follow_until", sa.BigInteger(), nullable=False),
        sa.Column("watched_until", sa.BigInteger(), nullable=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("held_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "account", "noun", "vendor_id"),
    )
    op.create_index("ix_subjects_device", "subjects", ["tenant", "account", "device_id", "ended_at"], unique=False)
    op.create_index(
        "ix_subjects_durations",
        "subjects",
        ["tenant", "noun", "action", "ended_at"],
        unique=False,
        sqlite_where=sa.text("seconds IS NOT NULL"),
        postgresql_where=sa.text("seconds IS NOT NULL"),
    )
    op.create_index(
        "ix_subjects_durations_carrier",
        "subjects",
        ["tenant", "noun", "action", "carrier", "ended_at"],
        unique=False,
        sqlite_where=sa.text("seconds IS NOT NULL"),
        postgresql_where=sa.text("seconds IS NOT NULL"),
    )
    op.create_index(
        "ix_subjects_holder",
        "subjects",
        ["tenant", "account", "holder"],
        unique=False,
        sqlite_where=sa.text("holder IS NOT NULL"),
        postgresql_where=sa.text("holder IS NOT NULL"),
    )
    op.create_index(
        "ix_subjects_unfinished", "subjects", ["tenant", "account", "ended_at", "follow_until"], unique=False
    )
