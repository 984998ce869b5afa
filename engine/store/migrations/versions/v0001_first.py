"""The first shape of the store (design §5)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "breaker",
        sa.Column("adapter", AutoString(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", UTCDateTime(), nullable=True),
        sa.Column("trips", sa.Integer(), nullable=False),
        sa.Column("probing", sa.Boolean(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("adapter"),
    )
    op.create_table(
        "bucket",
        sa.Column("adapter", AutoString(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("adapter"),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", AutoString(length=36), nullable=False),
        sa.Column("ref", AutoString(), nullable=False),
        sa.Column("household", AutoString(), nullable=False),
        sa.Column("given_name", AutoString(), nullable=False),
        sa.Column("family_name", AutoString(), nullable=False),
        sa.Column("company", AutoString(), nullable=False),
        sa.Column("email", AutoString(), nullable=False),
        sa.Column("phone", AutoString(), nullable=False),
        sa.Column("street", AutoString(), nullable=False),
        sa.Column("postcode", AutoString(), nullable=False),
        sa.Column("city", AutoString(), nullable=False),
        sa.Column("region", AutoString(), nullable=False),
        sa.Column("country", AutoString(), nullable=False),
        sa.Column("locale", AutoString(), nullable=False),
        sa.Column("time_zone", AutoString(), nullable=False),
        sa.Column("birthday", sa.Date(), nullable=True),
        sa.Column("first_contact_on", sa.Date(), nullable=True),
        sa.Column("source", AutoString(), nullable=False),
        sa.Column("acquisition_cost_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_customer_email"), "customer", ["email"], unique=False)
    op.create_index(
        "customer_household",
        "customer",
        ["household"],
        unique=False,
        sqlite_where=sa.text("household <> ''"),
        postgresql_where=sa.text("household <> ''"),
    )
    op.create_table(
        "lease",
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("owner", AutoString(), nullable=False),
        sa.Column("holder", AutoString(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "mark",
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("value", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "restore",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=False),
        sa.Column("confirmed_at", UTCDateTime(), nullable=True),
        sa.Column("confirmed_by", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "model_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("model", AutoString(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("log_likelihood", sa.Float(), nullable=True),
        sa.Column("spend_params", sa.JSON(), nullable=False),
        sa.Column("spend_log_likelihood", sa.Float(), nullable=True),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("repeaters", sa.Integer(), nullable=False),
        sa.Column("time_unit", AutoString(), nullable=False),
        sa.Column("horizon", AutoString(), nullable=False),
        sa.Column("as_of", UTCDateTime(), nullable=False),
        sa.Column("validation", sa.JSON(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("quantiles", sa.JSON(), nullable=False),
        sa.Column("covariance", sa.JSON(), nullable=False),
        sa.Column("season", sa.JSON(), nullable=False),
        sa.Column("cohorts", sa.JSON(), nullable=False),
        sa.Column("pooled", sa.JSON(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("fitted_at", UTCDateTime(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "rule_version",
        sa.Column("hash", AutoString(length=64), nullable=False),
        sa.Column("rule_id", AutoString(), nullable=False),
        sa.Column("text", AutoString(), nullable=False),
        sa.Column("clauses", sa.JSON(), nullable=False),
        sa.Column("first_used_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index(op.f("ix_rule_version_rule_id"), "rule_version", ["rule_id"], unique=False)
    op.create_table(
        "suppression",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address_hash", AutoString(length=64), nullable=False),
        sa.Column("channel", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address_hash", "channel"),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", AutoString(), nullable=False),
        sa.Column("channel", AutoString(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("source", AutoString(), nullable=False),
        sa.Column("wording", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("customer_id", "purpose", "channel", "given", "at", "source"),
    )
    op.create_index(op.f("ix_consent_customer_id"), "consent", ["customer_id"], unique=False)
    op.create_table(
        "dirty_customer",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("txn_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", AutoString(), nullable=False),
        sa.Column("ext_key", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source", "ext_key"),
    )
    op.create_index("event_customer", "event", ["customer_id", "kind", "occurred_at"], unique=False)
    op.create_table(
        "event_new",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "journey",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rule_id", AutoString(), nullable=False),
        sa.Column("rule_hash", AutoString(length=64), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("occurrence", AutoString(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("anchor_at", UTCDateTime(), nullable=False),
        sa.Column("stop_on", sa.JSON(), nullable=False),
        sa.Column("reference", AutoString(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("exit_reason", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("customer_id", "occurrence", "rule_id"),
    )
    op.create_index(
        "journey_active",
        "journey",
        ["rule_id", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "score",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("frequency", sa.Integer(), nullable=False),
        sa.Column("recency", sa.Float(), nullable=False),
        sa.Column("T", sa.Float(), nullable=False),
        sa.Column("monetary_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("p_alive", sa.Float(), nullable=True),
        sa.Column("expected_purchases", sa.Float(), nullable=True),
        sa.Column("expected_spend_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("clv_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("clv_low_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("clv_high_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("percentile", sa.Float(), nullable=True),
        sa.Column("tier", AutoString(), nullable=False),
        sa.Column("days_since_purchase", sa.Integer(), nullable=False),
        sa.Column("scored_at", UTCDateTime(), nullable=True),
        sa.Column("prev_p_alive", sa.Float(), nullable=True),
        sa.Column("prev_clv_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("prev_percentile", sa.Float(), nullable=True),
        sa.Column("prev_tier", AutoString(), nullable=True),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_index(
        "score_fresh",
        "score",
        ["customer_id"],
        unique=False,
        sqlite_where=sa.text("fresh"),
        postgresql_where=sa.text("fresh"),
    )
    op.create_table(
        "score_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scored_at", UTCDateTime(), nullable=False),
        sa.Column("first_customer", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_customer", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["model_run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "score_history_span", "score_history", ["first_customer", "last_customer", "scored_at", "run_id"], unique=False
    )
    op.create_table(
        "txn",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", AutoString(), nullable=False),
        sa.Column("ext_key", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", AutoString(length=3), nullable=False),
        sa.Column("cost_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reverses", AutoString(), nullable=True),
        sa.Column("sale_day", sa.Integer(), nullable=False),
        sa.Column("referral_code", AutoString(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source", "ext_key"),
    )
    op.create_index(
        "txn_history",
        "txn",
        ["customer_id", "day", "amount_minor", "cost_minor", "currency", "sale_day"],
        unique=False,
    )
    op.create_table(
        "action",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", AutoString(length=36), nullable=False),
        sa.Column("dedupe_key", AutoString(), nullable=False),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rule_id", AutoString(), nullable=False),
        sa.Column("rule_hash", AutoString(length=64), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("step", AutoString(), nullable=False),
        sa.Column("purpose", AutoString(), nullable=False),
        sa.Column("channel", AutoString(), nullable=False),
        sa.Column("adapter", AutoString(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("payload", AutoString(), nullable=True),
        sa.Column("payload_sha256", AutoString(length=64), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("awaits", AutoString(), nullable=False),
        sa.Column("not_before", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("scheduled_at", UTCDateTime(), nullable=True),
        sa.Column("valid_until", UTCDateTime(), nullable=True),
        sa.Column("approve", sa.Boolean(), nullable=False),
        sa.Column("worth_micro", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", AutoString(), nullable=True),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("provider_ref", AutoString(), nullable=False),
        sa.Column("unit_cost_micro", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("approved_by", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("action_journey", "action", ["journey_id", "step"], unique=True)
    op.create_index(
        "action_customer",
        "action",
        ["customer_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("scheduled_at IS NOT NULL"),
        postgresql_where=sa.text("scheduled_at IS NOT NULL"),
    )
    op.create_index(
        "action_due",
        "action",
        ["adapter", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('ready', 'retry_at')"),
        postgresql_where=sa.text("state IN ('ready', 'retry_at')"),
    )
    op.create_index(
        "action_waiting",
        "action",
        ["customer_id", "awaits"],
        unique=False,
        sqlite_where=sa.text("awaits <> ''"),
        postgresql_where=sa.text("awaits <> ''"),
    )
    op.create_index(
        "action_undated",
        "action",
        ["state", "scheduled_at"],
        unique=False,
        sqlite_where=sa.text("state = 'planned' AND scheduled_at IS NULL"),
        postgresql_where=sa.text("state = 'planned' AND scheduled_at IS NULL"),
    )
    op.create_index(
        "action_to_show",
        "action",
        ["state", "approve", "due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'planned' AND approve = true"),
        postgresql_where=sa.text("state = 'planned' AND approve = true"),
    )
    op.create_index("action_state", "action", ["state", "due_at", "id", "valid_until"], unique=False)
    op.create_table(
        "action_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=False),
        sa.Column("public_id", AutoString(length=36), nullable=False),
        sa.Column("dedupe_key", AutoString(), nullable=False),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rule_id", AutoString(), nullable=False),
        sa.Column("rule_hash", AutoString(length=64), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("step", AutoString(), nullable=False),
        sa.Column("purpose", AutoString(), nullable=False),
        sa.Column("channel", AutoString(), nullable=False),
        sa.Column("adapter", AutoString(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("payload", AutoString(), nullable=True),
        sa.Column("payload_sha256", AutoString(length=64), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("awaits", AutoString(), nullable=False),
        sa.Column("not_before", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("scheduled_at", UTCDateTime(), nullable=True),
        sa.Column("valid_until", UTCDateTime(), nullable=True),
        sa.Column("approve", sa.Boolean(), nullable=False),
        sa.Column("worth_micro", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", AutoString(), nullable=True),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("provider_ref", AutoString(), nullable=False),
        sa.Column("unit_cost_micro", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("approved_by", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("action_history_customer", "action_history", ["customer_id", "due_at"], unique=False)
    op.create_index("action_history_journey", "action_history", ["journey_id", "step"], unique=True)
    op.create_index("action_history_due", "action_history", ["due_at"], unique=False)
    op.create_index("action_history_counts", "action_history", ["rule_id", "channel", "state"], unique=False)
    op.create_index(
        "action_history_contents",
        "action_history",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("payload IS NOT NULL"),
        postgresql_where=sa.text("payload IS NOT NULL"),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rule_id", AutoString(), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("occurrence", AutoString(), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("customer_id", "occurrence", "rule_id"),
    )
    op.create_table(
        "tally",
        sa.Column("rule_hash", AutoString(length=64), nullable=False),
        sa.Column("outcome", AutoString(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_hash"],
            ["rule_version.hash"],
        ),
        sa.PrimaryKeyConstraint("rule_hash", "outcome"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("parcel", AutoString(), nullable=False),
        sa.Column("adapter", AutoString(), nullable=False),
        sa.Column("owner", AutoString(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.Column("outcome", AutoString(), nullable=False),
        sa.Column("settled", AutoString(), nullable=False),
        sa.Column("provider_ref", AutoString(), nullable=False),
        sa.Column("detail", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("action_id", "attempt"),
    )
    op.create_index(
        "delivery_parcel",
        "delivery",
        ["parcel"],
        unique=False,
        sqlite_where=sa.text("parcel <> ''"),
        postgresql_where=sa.text("parcel <> ''"),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transfer", AutoString(), nullable=False),
        sa.Column("account", AutoString(), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unit", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("memo", AutoString(), nullable=False),
        sa.Column("rule_hash", AutoString(length=64), nullable=False),
        sa.Column("action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reverses", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("booked_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["reverses"],
            ["ledger_entry.id"],
        ),
        sa.ForeignKeyConstraint(
            ["rule_hash"],
            ["rule_version.hash"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("transfer", "account"),
    )
    op.create_index(op.f("ix_ledger_entry_action_id"), "ledger_entry", ["action_id"], unique=False)
    op.create_index(op.f("ix_ledger_entry_customer_id"), "ledger_entry", ["customer_id"], unique=False)
    op.create_index("ledger_account", "ledger_entry", ["account", "unit"], unique=False)
    op.create_table(
        "print_job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("action_id"),
    )
    op.create_table(
        "referral",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", AutoString(), nullable=False),
        sa.Column("referrer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("newcomer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("link", AutoString(), nullable=False),
        sa.Column("txn_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newcomer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["referrer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["txn_id"],
            ["txn.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "newcomer_id"),
        sa.UniqueConstraint("newcomer_id"),
    )
    op.create_index(op.f("ix_referral_code"), "referral", ["code"], unique=False)
    op.create_index(op.f("ix_referral_referrer_id"), "referral", ["referrer_id"], unique=False)
    op.create_index(
        "referral_invite",
        "referral",
        ["code"],
        unique=True,
        sqlite_where=sa.text("newcomer_id IS NULL"),
        postgresql_where=sa.text("newcomer_id IS NULL"),
    )
    op.create_table(
        "touchpoint",
        sa.Column(
            "action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=False
        ),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", AutoString(), nullable=False),
        sa.Column("purpose", AutoString(), nullable=False),
        sa.Column("rule_id", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("action_id"),
    )
    op.create_index("touchpoint_customer", "touchpoint", ["customer_id", "at"], unique=False)
    _append_only()
    _busy()


def _append_only() -> None:
    """The database itself refuses to change or delete what was booked or consented to.

    SQLite loses a table's triggers when it is rebuilt: a later migration that does so makes them again.
    """
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(
            "CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
            "END $$"
        )
    for table in ("ledger_entry", "consent"):
        for verb in ("UPDATE", "DELETE") if sqlite else ("UPDATE", "DELETE", "TRUNCATE"):
            head = f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
            if sqlite:
                op.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
            else:
                each = "STATEMENT" if verb == "TRUNCATE" else "ROW"
                op.execute(f"{head} FOR EACH {each} EXECUTE FUNCTION append_only()")


def _busy() -> None:
    """Tables whose rows change again and again: room for it on every page, and vacuumed before they bloat.

    Every attempt is closed once: with room for that beside it none of its indexes is written again.
    """
    if op.get_bind().dialect.name == "postgresql":
        for table in ("action", "delivery", "journey", "event_new", "lease", "bucket", "breaker", "mark"):
            op.execute(
                f"ALTER TABLE {table} SET (fillfactor = {45 if table == 'delivery' else 70}, "
                "autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02)"
            )
