"""What guards answer of a rule whose condition is true. Most are alike: the same answer is made once. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from engine.core import arms
from engine.core.answers import short
from engine.core.arms import Arm
from engine.core.permission import SILENT_CHANNELS, Standing
from engine.core.texts import documents
from engine.decide.rule import Rule, Step

FIXED = ("rule_id", "rule_hash", "step", "purpose", "channel", "plan", "worth_micro")
"""Columns of an action that only depend on the step of a rule."""


@dataclass(slots=True, kw_only=True, eq=False)
class Ruling:
    """What a rule answers: act, no (no step's condition is true), refused (a guard said no) or holdout; and the steps
    that go ahead. held, besides: of what is kept, see `engine.core.reasons`; arm: as `engine.core.arms` explains.

    drawn: what lots have made of it, as far as they were drawn; answer: as records have it, in JSON; title: of the
    rule, in JSON; fixed: of each step what is the same for all who get it (`FIXED`), and itself; points: what its steps
    give that wait for the same event, or for none.
    """

    rule: Rule
    outcome: str
    held: str
    besides: Mapping[str, Any]
    arm: str = Arm.NONE.value
    steps: tuple[Step, ...] = ()
    drawn: dict[tuple[str, str, bool], Ruling] = field(default_factory=dict)
    answer: str = field(init=False)
    title: str = field(init=False)
    fixed: list[tuple[Any, ...]] = field(init=False)
    points: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        answer = [short(self.rule.hash), self.outcome, self.arm, self.held, self.besides]
        self.answer, self.title = documents([answer, self.rule.title])
        self.fixed = [_fixed(self.rule, step) for step in self.steps]
        self.points = Counter[str]()
        for step in self.steps:
            self.points[step.awaits] += int(step.plan.options.get("points", 0))


Known: TypeAlias = dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], Ruling]
"""Answers by what they depend on, see `Rulings.of`."""


def _fixed(rule: Rule, step: Step) -> tuple[Any, ...]:
    return rule.id, rule.hash, step.id, rule.purpose, step.channel, step.planned, rule.worth_micro, step


@dataclass(slots=True)
class Rulings:
    """The answers of some rules, as far as they were made; those of an earlier round may be `known`.

    share: of customers whom no rule reaches. hindered: what keeps steps back, by purpose, channels and how a customer
    stands and is reached; with the standing, so that no other takes its place.
    """

    share: float = 0.0
    hindered: dict[tuple[str, tuple[str, ...], int, bool, bool], tuple[Standing, tuple[str, ...]]] = field(
        default_factory=dict
    )
    known: Known = field(default_factory=dict)

    def of(self, rule: Rule, held: str, signs: tuple[str, ...], hindrances: tuple[str, ...]) -> Ruling:
        """The answer before lots are drawn.

        held: the signs of its clauses; signs: of those of each step; hindrances: why each step cannot reach the
        customer, or empty.
        """
        asked = (rule.hash, held, signs, hindrances)
        ruling = self.known.get(asked)
        if ruling is None:
            ruling = self.known[asked] = _ruling(rule, held, signs, hindrances)
        return ruling

    def drawn(self, ruling: Ruling, whole: Arm, own: Arm, *, at_home: bool) -> Ruling:
        """The rule would act; the lots of the workspace and of the rule say whether it does.

        at_home: they were drawn for a household.
        """
        drawn = ruling.drawn.get((whole, own, at_home))
        if drawn is None:
            drawn = ruling.drawn[whole, own, at_home] = self._drawn(ruling, whole, own, at_home)
        return drawn

    def _drawn(self, ruling: Ruling, whole: Arm, own: Arm, at_home: bool) -> Ruling:
        with_all = ", with the whole household" if at_home else ""
        if whole is Arm.HOLDOUT:
            text = f"in the {100 * self.share:g}% of customers whom no rule reaches, to measure what all of them bring"
            return _left_alone(ruling, "workspace_holdout", text + with_all, Arm.WORKSPACE_HOLDOUT.value)
        arm = arms.written(own, workspace_comparison=whole is Arm.COMPARISON)
        if own is Arm.HOLDOUT:
            share = f"{100 * ruling.rule.holdout:g}%"
            text = f"in the {share} of customers that this rule leaves alone, to measure what it brings{with_all}"
            return _left_alone(ruling, "holdout", text, arm)
        return replace(ruling, arm=arm, drawn={})


def _left_alone(ruling: Ruling, code: str, text: str, arm: str) -> Ruling:
    """The answer of a rule that would act, and leaves the customer alone to measure what it brings."""
    besides = {**ruling.besides, "guard": [code, text]}
    return Ruling(rule=ruling.rule, outcome="holdout", held=ruling.held, besides=besides, arm=arm)


def refused(rule: Rule, held: str, code: str, text: str) -> Ruling:
    """The answer of a rule that a guard refuses as a whole."""
    return Ruling(rule=rule, outcome="refused", held=held, besides={"guard": [code, text]})


def _ruling(rule: Rule, held: str, signs: Sequence[str], hindrances: Sequence[str]) -> Ruling:
    asked = list(zip(rule.steps, signs, hindrances, strict=True))
    why = {step.id: "its condition is false" if "0" in sign else hindrance for step, sign, hindrance in asked}
    besides: dict[str, Any] = {"steps": why}
    if rule.waits:
        besides["waits"] = rule.waits
    held += "".join(signs)
    steps = _announced(rule, tuple(step for step in rule.steps if not why[step.id]))
    if steps:
        return Ruling(rule=rule, outcome="act", held=held, besides=besides, steps=steps)
    permitted = not any(hindrance and "0" not in sign for _, sign, hindrance in asked)
    return Ruling(rule=rule, outcome="no" if permitted else "refused", held=held, besides=besides)


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
