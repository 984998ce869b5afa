"""What a rule answers for one customer and one occurrence: yes or no, with the reasons. A pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from engine.core import arms
from engine.core.arms import Arm
from engine.core.calendar import add
from engine.core.facts import Customer
from engine.core.permission import SILENT_CHANNELS, Standing, refusal
from engine.core.reasons import Clause, Kept, told
from engine.decide.holdout import rule_arm, workspace_arm
from engine.decide.rule import Rule, Step
from engine.decide.situation import Situation
from engine.decide.vocabulary import Reading, Vocabulary


@dataclass(slots=True, kw_only=True)
class Case:
    """One customer at one instant, as rules are asked about them; not frozen, as is no `Situation`."""

    customer: Customer
    values: Mapping[str, Any]  # what conditions read
    standing: Standing
    time_zone: str
    now: datetime
    key: str
    workspace_holdout: float = 0.0  # the share of customers whom no rule reaches
    hindrances: dict[tuple[str, str], str] = field(default_factory=dict)  # by purpose and channel, as far as asked


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


def judge(rule: Rule, case: Case, last_started: datetime | None) -> Verdict:
    """Ask the rule: its condition, its re-entry interval, each step's condition and permission, then the holdout.

    last_started: when the customer last entered this rule.
    """
    held = rule.when.held(case.values) if rule.when else ""
    if "0" in held:
        return _verdict(rule, case, "no", held)
    return judge_further(rule, case, held, last_started)


def judge_further(rule: Rule, case: Case, held: str, last_started: datetime | None) -> Verdict:
    """What a rule says whose condition is true. held: the signs of its clauses."""
    again = _too_soon(rule, case, last_started)
    if again:
        return _verdict(rule, case, "refused", held, guard=("again_after", again))
    hindrances: dict[str, str] = {}
    permitted = True
    for step in rule.steps:
        clauses = step.when.held(case.values) if step.when else ""
        held += clauses
        wanted = "0" not in clauses
        why = _hindrance(rule, step, case) if wanted else "its condition is false"
        permitted = permitted and not (wanted and why)
        hindrances[step.id] = why
    ahead = rule.steps if not any(hindrances.values()) else [one for one in rule.steps if not hindrances[one.id]]
    steps = _announced(rule, tuple(ahead))
    if not steps:
        return _verdict(rule, case, "no" if permitted else "refused", held, hindrances)
    return _drawn(rule, case, held, hindrances, steps)


def _drawn(rule: Rule, case: Case, held: str, hindrances: Mapping[str, str], steps: tuple[Step, ...]) -> Verdict:
    """The rule would act; the lots say whether it does. What a customer is owed is no matter for the workspace's."""
    share = 0.0 if rule.purpose == "transactional" else case.workspace_holdout
    whole = workspace_arm(case.key, case.customer, share)
    own = rule_arm(case.key, rule.id, case.customer, rule.holdout)
    with_all = ", with the whole household" if case.customer.household else ""
    if whole is Arm.HOLDOUT:
        text = f"in the {100 * share:g}% of customers whom no rule reaches, to measure what all of them bring{with_all}"
        guard = ("workspace_holdout", text)
        return _verdict(rule, case, "holdout", held, hindrances, guard=guard, arm=Arm.WORKSPACE_HOLDOUT)
    arm = arms.written(own, workspace_comparison=whole is Arm.COMPARISON)
    if own is Arm.HOLDOUT:
        share_alone = f"in the {100 * rule.holdout:g}% of customers that this rule leaves alone"
        text = f"{share_alone}, to measure what it brings{with_all}"
        return _verdict(rule, case, "holdout", held, hindrances, guard=("holdout", text), arm=arm)
    return _verdict(rule, case, "act", held, hindrances, steps=steps, arm=arm)


def _verdict(
    rule: Rule,
    case: Case,
    outcome: str,
    held: str,
    hindrances: Mapping[str, str] | None = None,
    guard: tuple[str, str] | None = None,
    steps: tuple[Step, ...] = (),
    arm: str = Arm.NONE,
) -> Verdict:
    besides: dict[str, Any] = {}
    if hindrances:
        besides["steps"] = hindrances
        if rule.waits:
            besides["waits"] = rule.waits
    if guard:
        besides["guard"] = list(guard)
    return Verdict(
        outcome=outcome, arm=arm, held=held, besides=besides, values=case.values, clauses=rule.clauses, steps=steps
    )


def plain(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The values of these names as JSON keeps them."""
    return {name: value.isoformat() if isinstance(value := values[name], datetime) else value for name in names}


def asks_before(rule: Rule) -> bool:
    """Whether it matters to a rule when a customer last entered it."""
    return rule.again_after is not None or rule.trigger.kind in ("score", "sweep")


def _too_soon(rule: Rule, case: Case, last_started: datetime | None) -> str | None:
    if last_started is None:
        return None
    last = last_started.date().isoformat()
    if rule.again_after is not None:
        if case.now < add(last_started, rule.again_after, case.time_zone):
            return f"entered this rule on {last}; again after {rule.again_after}"
        return None
    if rule.trigger.kind in ("score", "sweep"):
        return f"entered this rule on {last}; the rule has no again_after, so once is enough"
    return None


def _announced(rule: Rule, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """A reward or a code that nobody tells the customer about is no care: it goes with a message or not at all.

    What goes ahead needs a message that does so too, not one that waits for an event which may never come.
    """
    if SILENT_CHANNELS.isdisjoint([step.channel for step in steps]):
        return steps
    telling = [step for step in steps if step.channel not in SILENT_CHANNELS]
    if all(step.channel in SILENT_CHANNELS for step in rule.steps):
        return steps
    if any(not step.awaits for step in telling):
        return steps
    return tuple(step for step in steps if step.awaits) if telling else ()


def _hindrance(rule: Rule, step: Step, case: Case) -> str:
    asked = rule.purpose, step.channel
    if asked not in case.hindrances:
        purpose, channel = asked
        why = hindrance(purpose=purpose, channel=channel, customer=case.customer, standing=case.standing)
        case.hindrances[asked] = why or ""
    return case.hindrances[asked]


def hindrance(*, purpose: str, channel: str, customer: Customer, standing: Standing) -> str | None:
    """Why a step cannot reach the customer: no address, or no permission."""
    address = customer.address
    if channel == "email" and not customer.email:
        return "no e-mail address"
    if channel == "note" and not (address.street and address.city and customer.name):
        return "no postal address"
    return refusal(standing, purpose=purpose, channel=channel)
