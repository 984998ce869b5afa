"""The tables (design §5). Instants are aware UTC, money is integer minor units, keys are bigint plus a public uuid7.

Rows are read and written by the query files beside this one, mostly with SQLAlchemy Core on `table(...)`; migrations/
holds the same shapes as Alembic sees them, and a test compares the two.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_BIG = BigInteger().with_variant(Integer, "sqlite")  # SQLite's rowid is an INTEGER PRIMARY KEY


def _key() -> Any:
    return Field(default=None, primary_key=True, sa_type=_BIG)


def _public() -> Any:
    return Field(unique=True, max_length=36)


def _ref(target: str, *, index: bool = True) -> Any:
    return Field(foreign_key=target, sa_type=_BIG, index=index)


def _json() -> Any:
    return Field(sa_type=JSON)


def table(model: type[SQLModel]) -> Table:
    """The Core table of a model, for the hot paths."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


class Customer(SQLModel, table=True):
    """Somebody who buys, or may; `ref` is the shop's own key."""

    id: int | None = _key()
    public_id: str = _public()
    ref: str = Field(unique=True)
    given_name: str = ""
    family_name: str = ""
    company: str = ""
    email: str = Field(default="", index=True)
    phone: str = ""
    street: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    locale: str = ""
    time_zone: str = ""
    birthday: date | None = None
    first_contact_on: date | None = None
    source: str = ""
    acquisition_cost_minor: int | None = Field(default=None, sa_type=_BIG)
    attributes: dict[str, Any] = _json()
    created_at: datetime
    updated_at: datetime


class Consent(SQLModel, table=True):
    """Append-only: each yes or no for a purpose and a channel, as it was given."""

    __table_args__ = (UniqueConstraint("customer_id", "purpose", "channel", "given", "at", "source"),)
    id: int | None = _key()
    customer_id: int = _ref("customer.id")
    purpose: str
    channel: str
    given: bool
    source: str
    wording: str
    at: datetime


class Suppression(SQLModel, table=True):
    """An address never to write to: a keyed hash, so that it outlives the erasure of the customer."""

    __table_args__ = (UniqueConstraint("address_hash", "channel"),)
    id: int | None = _key()
    address_hash: str = Field(max_length=64)
    channel: str
    reason: str
    at: datetime


class Txn(SQLModel, table=True):
    """A transaction: signed and immutable; a refund is its own negative row that may name the sale it reverses."""

    __table_args__ = (
        UniqueConstraint("source", "ext_key"),
        Index("txn_history", "customer_id", "occurred_at", "amount_minor"),
    )
    id: int | None = _key()
    customer_id: int = _ref("customer.id", index=False)
    source: str
    ext_key: str
    kind: str
    occurred_at: datetime
    amount_minor: int = Field(sa_type=_BIG)
    currency: str = Field(max_length=3)
    cost_minor: int | None = Field(default=None, sa_type=_BIG)
    reverses: str | None = None
    referral_code: str = ""
    lines: list[dict[str, Any]] = _json()
    received_at: datetime


class Event(SQLModel, table=True):
    """Something that happened to a customer; `processed_at` is set in the transaction that decides on it."""

    __table_args__ = (
        UniqueConstraint("source", "ext_key"),
        Index(
            "event_unprocessed",
            "id",
            sqlite_where=text("processed_at IS NULL"),
            postgresql_where=text("processed_at IS NULL"),
        ),
        Index("event_customer", "customer_id", "kind", "occurred_at"),
    )
    id: int | None = _key()
    public_id: str = _public()
    customer_id: int = _ref("customer.id", index=False)
    source: str
    ext_key: str
    kind: str
    occurred_at: datetime
    received_at: datetime
    payload: dict[str, Any] = _json()
    processed_at: datetime | None = None


class DirtyCustomer(SQLModel, table=True):
    """A customer whose history changed since the last score, and when it last did."""

    __tablename__ = "dirty_customer"
    customer_id: int = Field(primary_key=True, foreign_key="customer.id", sa_type=_BIG)
    since: datetime


class ModelRun(SQLModel, table=True):
    """One fit of the score models on the whole history: parameters, likelihood, validation figures, flags."""

    __tablename__ = "model_run"
    id: int | None = _key()
    model: str
    params: dict[str, Any] = _json()
    log_likelihood: float | None
    spend_params: dict[str, Any] = _json()
    spend_log_likelihood: float | None
    customers: int
    repeaters: int
    time_unit: str
    horizon: str
    as_of: datetime
    validation: dict[str, Any] = _json()
    flags: list[str] = _json()
    fitted_at: datetime


class _ScoreColumns(SQLModel):
    run_id: int = Field(foreign_key="model_run.id", sa_type=_BIG)
    frequency: int
    recency: float
    T: float
    monetary_minor: int | None = Field(default=None, sa_type=_BIG)
    p_alive: float | None = None
    expected_purchases: float | None = None
    expected_spend_minor: int | None = Field(default=None, sa_type=_BIG)
    clv_minor: int | None = Field(default=None, sa_type=_BIG)
    percentile: float | None = None
    tier: str
    days_since_purchase: int
    scored_at: datetime


class Score(_ScoreColumns, table=True):
    """What a customer is worth now, and the values (`prev_*`) that decide saw before: crossings lie between the two."""

    __table_args__ = (
        Index(
            "score_undecided",
            "customer_id",
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
    )
    customer_id: int = Field(primary_key=True, foreign_key="customer.id", sa_type=_BIG)
    prev_p_alive: float | None = None
    prev_clv_minor: int | None = Field(default=None, sa_type=_BIG)
    prev_percentile: float | None = None
    prev_tier: str | None = None
    decided_at: datetime | None = None


class ScoreHistory(_ScoreColumns, table=True):
    """Append-only: what was known of a customer's worth at each run."""

    __tablename__ = "score_history"
    __table_args__ = (Index("score_history_customer", "customer_id", "scored_at"),)
    id: int | None = _key()
    customer_id: int = _ref("customer.id", index=False)


class RuleVersion(SQLModel, table=True):
    """The text of a rule as it stood when something was decided by it; the key is its sha256."""

    __tablename__ = "rule_version"
    hash: str = Field(primary_key=True, max_length=64)
    rule_id: str = Field(index=True)
    text: str
    first_used_at: datetime


class Journey(SQLModel, table=True):
    """One customer's passage through one rule, pinned to the rule's version."""

    __table_args__ = (
        UniqueConstraint("rule_id", "customer_id", "occurrence"),
        Index("journey_customer", "customer_id", "state"),
    )
    id: int | None = _key()
    rule_id: str
    rule_hash: str = Field(foreign_key="rule_version.hash", max_length=64)
    customer_id: int = _ref("customer.id", index=False)
    occurrence: str
    state: str  # active | finished | stopped
    anchor_at: datetime  # what the steps' `after` counts from
    stop_on: list[str] = _json()
    started_at: datetime
    ended_at: datetime | None = None
    exit_reason: str = ""


class Decision(SQLModel, table=True):
    """What a rule answered for a customer and an occurrence, "no" included, with what re-derives the reasons."""

    __table_args__ = (
        UniqueConstraint("rule_id", "customer_id", "occurrence"),
        Index("decision_customer", "customer_id", "decided_at"),
    )
    id: int | None = _key()
    rule_id: str
    rule_hash: str = Field(foreign_key="rule_version.hash", max_length=64)
    customer_id: int = _ref("customer.id", index=False)
    occurrence: str
    event_id: int | None = Field(default=None, foreign_key="event.id", sa_type=_BIG)
    outcome: str  # act | no | refused | holdout
    reasons: list[dict[str, Any]] = _json()
    arm: str  # treated | holdout | none
    decided_at: datetime


class Action(SQLModel, table=True):
    """A decided step with a due instant: the outbox. States and moves are those of core/actions."""

    __table_args__ = (
        Index(
            "action_due",
            "due_at",
            "id",
            sqlite_where=text("state IN ('ready', 'retry_at')"),
            postgresql_where=text("state IN ('ready', 'retry_at')"),
        ),
        Index(
            "action_lease",
            "lease_until",
            sqlite_where=text("state IN ('claimed', 'submitting')"),
            postgresql_where=text("state IN ('claimed', 'submitting')"),
        ),
        Index("action_state", "state", "due_at"),
        Index("action_customer", "customer_id", "due_at"),
    )
    id: int | None = _key()
    public_id: str = _public()
    dedupe_key: str = Field(unique=True)
    journey_id: int = _ref("journey.id")
    rule_id: str
    rule_hash: str = Field(foreign_key="rule_version.hash", max_length=64)
    customer_id: int = _ref("customer.id", index=False)
    event_id: int | None = Field(default=None, foreign_key="event.id", sa_type=_BIG)
    step: str
    purpose: str
    channel: str
    adapter: str = ""
    plan: dict[str, Any] = _json()
    facts: dict[str, Any] = _json()  # what the template needs of the moment that triggered it
    payload: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    payload_sha256: str = Field(default="", max_length=64)
    state: str
    reason: str = ""  # why it stands where it stands, in words
    not_before: datetime  # the anchor plus the step's `after`
    due_at: datetime  # the same inside windows and caps, less the adapter's lead days
    scheduled_at: datetime | None = None
    valid_until: datetime | None = None
    priority: int = 0
    attempts: int = 0
    lease_owner: str | None = None
    lease_until: datetime | None = None
    provider_ref: str = ""
    unit_cost_minor: int = Field(default=0, sa_type=_BIG)
    approved_by: str = ""
    created_at: datetime
    finished_at: datetime | None = None


class Delivery(SQLModel, table=True):
    """Append-only: one attempt. The row is committed before any I/O and closed by what came of it."""

    __table_args__ = (UniqueConstraint("action_id", "attempt"),)
    id: int | None = _key()
    action_id: int = _ref("action.id", index=False)
    attempt: int
    adapter: str
    owner: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str = "submitting"  # submitting | accepted | retry | rejected | unknown
    provider_ref: str = ""
    detail: str = ""


class Touchpoint(SQLModel, table=True):
    """A delivered action as the customer sees it; what caps count."""

    __table_args__ = (Index("touchpoint_customer", "customer_id", "at"),)
    id: int | None = _key()
    action_id: int = Field(unique=True, foreign_key="action.id", sa_type=_BIG)
    customer_id: int = _ref("customer.id", index=False)
    channel: str
    purpose: str
    rule_id: str
    at: datetime


class LedgerEntry(SQLModel, table=True):
    """Append-only, double entry: the entries of one transfer add up to zero; a balance is a sum, never a number."""

    __tablename__ = "ledger_entry"
    __table_args__ = (UniqueConstraint("transfer", "account"), Index("ledger_account", "account", "unit"))
    id: int | None = _key()
    transfer: str  # public id of the action that granted, or of the entry that reverses
    account: str  # "programme", or "customer:<ref>"
    customer_id: int = _ref("customer.id")
    amount: int = Field(sa_type=_BIG)
    unit: str
    kind: str  # grant | reverse | redeem | expire
    memo: str
    rule_hash: str = Field(foreign_key="rule_version.hash", max_length=64)
    action_id: int = _ref("action.id")
    reverses: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=_BIG)
    booked_at: datetime


class Referral(SQLModel, table=True):
    """An invite by its code and, once a newcomer used it, the conversion. One row a referrer and newcomer."""

    __table_args__ = (
        UniqueConstraint("code", "newcomer_id"),
        Index(
            "referral_invite",
            "code",
            unique=True,
            sqlite_where=text("newcomer_id IS NULL"),
            postgresql_where=text("newcomer_id IS NULL"),
        ),
    )
    id: int | None = _key()
    code: str = Field(index=True)
    referrer_id: int = _ref("customer.id")
    newcomer_id: int | None = Field(default=None, foreign_key="customer.id", sa_type=_BIG, unique=True)
    state: str  # invited | converted | reversed
    link: str = ""
    txn_id: int | None = Field(default=None, foreign_key="txn.id", sa_type=_BIG)
    action_id: int | None = Field(default=None, foreign_key="action.id", sa_type=_BIG)
    at: datetime


class PrintJob(SQLModel, table=True):
    """One note: its files and what became of them."""

    __tablename__ = "print_job"
    id: int | None = _key()
    action_id: int = Field(unique=True, foreign_key="action.id", sa_type=_BIG)
    files: list[str] = _json()
    pages: int
    state: str  # rendered
    at: datetime


class Lease(SQLModel, table=True):
    """Who may do what only one process may do at a time."""

    name: str = Field(primary_key=True)
    owner: str
    holder: str  # for people: host and process
    until: datetime


class Mark(SQLModel, table=True):
    """How far a recurring piece of work has come, by name."""

    name: str = Field(primary_key=True)
    value: str
    at: datetime
