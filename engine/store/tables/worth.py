"""Fits of the models, and scores now and before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import BIG, json, key, ref_to


class ModelRun(SQLModel, table=True):
    """One fit of the score models on the whole history: parameters, likelihood, validation figures, flags."""

    __tablename__ = "model_run"
    id: int | None = key()
    model: str
    params: dict[str, Any] = json()
    log_likelihood: float | None
    spend_params: dict[str, Any] = json()
    spend_log_likelihood: float | None
    customers: int
    repeaters: int
    time_unit: str
    horizon: str
    as_of: datetime
    validation: dict[str, Any] = json()
    flags: list[str] = json()
    kind: str = "full"  # everybody was scored; who is scored in between gets the parameters of the last full run
    quantiles: list[float] = Field(default_factory=list, sa_type=JSON)  # of everybody's CLV: a percentile by one look
    covariance: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)  # of the parameters
    season: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)  # the yearly pattern
    cohorts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)  # their own parameters
    pooled: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)  # the margin and purchase of all customers
    policy: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)  # the shop's terms when everybody was scored
    fitted_at: datetime
    decided_at: datetime | None = None  # when decide had looked at all that it scored


class Score(SQLModel, table=True):
    """What a customer is worth now, and the values (`prev_*`) that decide saw before: crossings lie between the two."""

    __table_args__ = (Index("score_fresh", "customer_id", sqlite_where=text("fresh"), postgresql_where=text("fresh")),)
    customer_id: int = Field(primary_key=True, sa_type=BIG)  # no foreign keys: to check one for everybody would be
    run_id: int = Field(sa_type=BIG)  # a fifth of the time to save; who is scored has transactions, which have them
    frequency: int
    recency: float
    T: float
    monetary_minor: int | None = Field(default=None, sa_type=BIG)
    p_alive: float | None = None
    expected_purchases: float | None = None
    expected_spend_minor: int | None = Field(default=None, sa_type=BIG)
    clv_minor: int | None = Field(default=None, sa_type=BIG)
    clv_low_minor: int | None = Field(default=None, sa_type=BIG)
    clv_high_minor: int | None = Field(default=None, sa_type=BIG)
    percentile: float | None = None
    tier: str
    days_since_purchase: int
    scored_at: datetime | None = None  # when he was scored alone; None: with everybody, when the run was fitted
    prev_p_alive: float | None = None
    prev_clv_minor: int | None = Field(default=None, sa_type=BIG)
    prev_percentile: float | None = None
    prev_tier: str | None = None
    fresh: bool = False  # scored alone since everybody was, and decide has not looked at it yet


class ScoreHistory(SQLModel, table=True):
    """What was known of worth before: many customers of one save in one packed row, see engine.store.score_history."""

    __tablename__ = "score_history"
    __table_args__ = (Index("score_history_span", "first_customer", "last_customer", "scored_at", "run_id"),)
    id: int | None = key()
    run_id: int = ref_to("model_run.id", index=False)
    scored_at: datetime
    first_customer: int = Field(sa_type=BIG)
    last_customer: int = Field(sa_type=BIG)
    content: bytes
