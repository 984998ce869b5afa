"""What a rule answers for one customer and one occurrence: yes or no, with the reasons. A pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from engine.core.calendar import add
from engine.core.facts import Reachable
from engine.core.permission import Standing, refusal
from engine.core.reasons import Clause, Kept, told
from engine.decide.holdout import rule_arm, workspace_arm
from engine.decide.rule import Rule, Step
from engine.decide.rulings import Known, Ruling, Rulings, refused
from engine.decide.situation import Situation
from engine.decide.vocabulary import Reading, Vocabulary


@dataclass(slots=True, kw_only=True)
class Case:
    """One customer at one instant, as rules are asked about them; not frozen, as is no `Situation`."""

    customer: Reachable
    values: Mapping[str, Any]  # what conditions read
    standing: Standing
    time_zone: str
    now: datetime
    key: str
    workspace_holdout: float = 0.0  # the share of customers whom no rule reaches


@dataclass(slots=True, kw_only=True)
class Verdict:
    """The answer: act, no (a condition is false), refused (a guard said no) or holdout; and the steps that go ahead.

    arm: as `engine.core.arms` explains; held, besides: of what is kept, see `engine.core.reasons`; values:
    what conditions read.
    """

    outcome: str
    arm: str
    held: str
    besides: Mapping[str, Any]
    values: Mapping[str, Any]
    clauses: tuple[Clause, ...]
    steps: tuple[Step, ...] = ()

    @property
    def kept(self) -> Kept:
        """What tells the reasons again."""
        asked = self.clauses[: len(self.held)]
        read = plain(self.values, chain.from_iterable(clause.names for clause in asked))
        return {"held": self.held, "values": read, **self.besides}

    @property
    def reasons(self) -> tuple[dict[str, Any], ...]:
        """The reasons in full."""
        return tuple(told(self.clauses, self.kept))

    @property
    def awaits(self) -> set[str]:
        """The event kinds that its steps wait for; the empty one is of those that wait for none."""
        return {step.awaits for step in self.steps}


def case_of(
    situation: Situation, *, words: Vocabulary, standing: Standing, key: str, workspace_holdout: float = 0.0
) -> Case:
    """A customer in a situation, with what conditions may read of it. The rest is as in `Case`."""
    return Case(
        customer=situation.customer,
        values=Reading(situation, words),
        standing=standing,
        time_zone=situation.time_zone,
        now=situation.now,
        key=key,
        workspace_holdout=workspace_holdout,
    )


def judge(rule: Rule, case: Case, last_started: datetime | None, known: Known | None = None) -> Verdict:
    """Ask the rule: its condition, its re-entry interval, each step's condition and permission, then the holdout.

    last_started: when the customer last entered this rule; known: the answers of guards that were made, of whoever asks
    about many.
    """
    held = rule.when.held(case.values) if rule.when else ""
    if "0" in held:
        ruling = Ruling(rule=rule, outcome="no", held=held, besides={})
    else:
        rulings = Rulings(case.workspace_holdout, known={} if known is None else known)
        ruling = judge_further(rule, case, held, last_started, rulings)
    return Verdict(
        outcome=ruling.outcome,
        arm=ruling.arm,
        held=ruling.held,
        besides=ruling.besides,
        values=case.values,
        clauses=rule.clauses,
        steps=ruling.steps,
    )


def judge_further(rule: Rule, case: Case, held: str, last_started: datetime | None, rulings: Rulings) -> Ruling:
    """What a rule says whose condition is true. held: the signs of its clauses."""
    again = _too_soon(rule, case, last_started) if last_started else None
    if again:
        return refused(rule, held, "again_after", again)
    signs = ("",) * len(rule.steps)
    if rule.asks_further:
        signs = tuple([step.when.held(case.values) if step.when else "" for step in rule.steps])
    customer = case.customer
    ruling = rulings.of(rule, held, signs, _hindrances(rule, customer, case.standing, rulings))
    if ruling.outcome != "act":
        return ruling
    # What a customer is owed is no matter for the lot of the workspace.
    share = 0.0 if rule.purpose == "transactional" else rulings.share
    whole = workspace_arm(case.key, customer, share)
    own = rule_arm(case.key, rule.id, customer, rule.holdout)
    return rulings.drawn(ruling, whole, own, at_home=bool(customer.household))


def plain(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The values of these names as JSON keeps them."""
    return {name: value.isoformat() if isinstance(value := values[name], datetime) else value for name in names}


def asks_before(rule: Rule) -> bool:
    """Whether it matters to a rule when a customer last entered it."""
    return rule.again_after is not None or rule.trigger.kind in ("score", "sweep")


def takes_post(rule: Rule) -> bool:
    """Whether it matters to a rule who takes post."""
    return "note" in rule.channels


def _too_soon(rule: Rule, case: Case, last_started: datetime) -> str | None:
    last = last_started.date().isoformat()
    if rule.again_after is not None:
        if case.now < add(last_started, rule.again_after, case.time_zone):
            return f"entered this rule on {last}; again after {rule.again_after}"
        return None
    if rule.trigger.kind in ("score", "sweep"):
        return f"entered this rule on {last}; the rule has no again_after, so once is enough"
    return None


def _hindrances(rule: Rule, customer: Reachable, standing: Standing, rulings: Rulings) -> tuple[str, ...]:
    """Why each step of a rule cannot reach the customer, or empty; the same of all who stand alike."""
    asked = (rule.purpose, rule.channels, id(standing), bool(customer.email), customer.takes_post)
    known = rulings.hindered.get(asked)
    if known is None:
        reasons = (
            hindrance(purpose=rule.purpose, channel=channel, customer=customer, standing=standing)
            for channel in rule.channels
        )
        known = rulings.hindered[asked] = (standing, tuple(reason or "" for reason in reasons))
    return known[1]


def hindrance(*, purpose: str, channel: str, customer: Reachable, standing: Standing) -> str | None:
    """Why a step cannot reach the customer: no address, or no permission."""
    if channel == "email" and not customer.email:
        return "no e-mail address"
    if channel == "note" and not customer.takes_post:
        return "no postal address"
    return refusal(standing, purpose=purpose, channel=channel)
