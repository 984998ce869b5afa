"""What a rule answers for one customer and one occurrence: yes or no, with the reasons. A pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core import arms
from engine.core.arms import Arm
from engine.core.calendar import add
from engine.core.facts import Customer
from engine.core.permission import Standing, refusal
from engine.decide.condition import Condition
from engine.decide.holdout import rule_arm, workspace_arm
from engine.decide.rule import Rule, Step
from engine.decide.situation import Situation
from engine.decide.vocabulary import Vocabulary, context


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One customer, as a rule is asked about them."""

    customer: Customer
    values: Mapping[str, Any]  # what conditions read
    standing: Standing
    last_started: datetime | None  # when the customer last entered this rule
    time_zone: str
    now: datetime
    key: str
    workspace_holdout: float = 0.0  # the share of customers whom no rule reaches


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer: act, no (a condition is false), refused (a guard said no) or holdout; with reasons and steps.

    arm: as `engine.core.arms` explains.
    """

    outcome: str
    arm: str
    reasons: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...] = ()


def answer(
    rule: Rule,
    situation: Situation,
    *,
    words: Vocabulary,
    standing: Standing,
    last_started: datetime | None,
    key: str,
    workspace_holdout: float = 0.0,
) -> Verdict:
    """What a rule says of a customer in a situation. The rest is as in `Case`."""
    case = Case(
        customer=situation.customer,
        values=context(situation, words, rule.reads),
        standing=standing,
        last_started=last_started,
        time_zone=situation.time_zone,
        now=situation.now,
        key=key,
        workspace_holdout=workspace_holdout,
    )
    return judge(rule, case)


def judge(rule: Rule, case: Case) -> Verdict:
    """Ask the rule: its condition, its re-entry interval, each step's condition and permission, then the holdout."""
    reasons = _clauses("when", rule.when, case)
    if not _hold(reasons):
        return Verdict(outcome="no", arm=Arm.NONE, reasons=tuple(reasons))
    again = _too_soon(rule, case)
    if again:
        return Verdict(outcome="refused", arm=Arm.NONE, reasons=(*reasons, {"code": "again_after", "text": again}))
    steps, permitted = [], True
    for step in rule.steps:
        clauses = _clauses(f"step {step.id}", step.when, case)
        wanted = _hold(clauses)
        why = _hindrance(rule, step, case) if wanted else "its condition is false"
        permitted = permitted and (why is None or not wanted)
        if why is None:
            steps.append(step)
        reasons += clauses
        reasons.append({"code": "step", "step": step.id, "holds": why is None, "text": why or "goes ahead"})
    if not any(step.channel not in ("reward", "referral") for step in steps):
        # A reward or a code that nobody tells the customer about is no care: it goes with a message or not at all.
        silent = all(step.channel in ("reward", "referral") for step in rule.steps)
        steps = steps if silent else []
    if not steps:
        return Verdict(outcome="no" if permitted else "refused", arm=Arm.NONE, reasons=tuple(reasons))
    return _drawn(rule, case, reasons, steps)


def _drawn(rule: Rule, case: Case, reasons: Iterable[dict[str, Any]], steps: Iterable[Step]) -> Verdict:
    """The rule would act; the lots say whether it does. What a customer is owed is no matter for the workspace's."""
    share = 0.0 if rule.purpose == "transactional" else case.workspace_holdout
    whole = workspace_arm(case.key, case.customer, share)
    own = rule_arm(case.key, rule.id, case.customer, rule.holdout)
    if whole is Arm.HOLDOUT:
        text = f"in the {share:.0%} of customers whom no rule reaches, to measure what all of them bring"
        held = {"code": "workspace_holdout", "text": text + _together(case)}
        return Verdict(outcome="holdout", arm=Arm.WORKSPACE_HOLDOUT, reasons=(*reasons, held))
    arm = arms.written(own, workspace_comparison=whole is Arm.COMPARISON)
    if own is Arm.HOLDOUT:
        text = f"in the {rule.holdout:.0%} of customers that this rule leaves alone, to measure what it brings"
        held = {"code": "holdout", "text": text + _together(case)}
        return Verdict(outcome="holdout", arm=arm, reasons=(*reasons, held))
    return Verdict(outcome="act", arm=arm, reasons=tuple(reasons), steps=tuple(steps))


def _together(case: Case) -> str:
    return ", with the whole household" if case.customer.household else ""


def _hold(clauses: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a condition holds, whose clauses these are: they are asked once, to decide as to explain."""
    return all(clause["holds"] for clause in clauses)


def _clauses(code: str, condition: Condition | None, case: Case) -> list[dict[str, Any]]:
    if condition is None:
        return []
    return [
        {
            "code": code,
            "clause": clause.source,
            "holds": clause.holds,
            "values": {name: _plain(value) for name, value in clause.values.items()},
        }
        for clause in condition.explain(case.values)
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _too_soon(rule: Rule, case: Case) -> str | None:
    if case.last_started is None:
        return None
    last = case.last_started.date().isoformat()
    if rule.again_after is not None:
        if case.now < add(case.last_started, rule.again_after, case.time_zone):
            return f"entered this rule on {last}; again after {rule.again_after}"
        return None
    if rule.trigger.kind in ("score", "sweep"):
        return f"entered this rule on {last}; the rule has no again_after, so once is enough"
    return None


def _hindrance(rule: Rule, step: Step, case: Case) -> str | None:
    """Why a step cannot reach the customer: no address, or no permission."""
    address = case.customer.address
    if step.channel == "email" and not case.customer.email:
        return "no e-mail address"
    if step.channel == "note" and not (address.street and address.city and case.customer.name):
        return "no postal address"
    return refusal(case.standing, purpose=rule.purpose, channel=step.channel)
