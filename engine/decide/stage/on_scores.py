"""New scores start the rules whose line they crossed."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.calendar import local_date
from engine.core.facts import Customer
from engine.core.money import exponent
from engine.decide import triggers
from engine.decide.moment import Occasion
from engine.decide.rule import Rule
from engine.decide.situation import Situation
from engine.decide.stage.asking import Asking
from engine.decide.stage.policy import BATCH
from engine.decide.vocabulary import context, line_names
from engine.store import crossings, scores


def ask_scores(stage: Asking) -> None:
    """New scores: rules whose line was crossed since decide last looked."""
    rules = triggers.of_kind(stage.policy.rules, "score")
    while True:
        with stage.store.read() as connection:
            newest = scores.newest(connection)
        if newest is None:
            return
        _crossings(stage, rules)
        with stage.store.write() as connection:
            stage.summary.scores += scores.mark_decided(connection, newest, stage.now)


def _crossings(stage: Asking, rules: Sequence[Rule]) -> None:
    """Ask about those whose score crossed a line; the store finds them among all that are new."""
    last, decimals = 0, exponent(stage.policy.currency)
    lines = [rule.trigger.condition.tree for rule in rules if rule.trigger.condition]
    while True:
        with stage.store.write() as connection:
            batch = crossings.crossing(connection, lines, exponent=decimals, after=last, limit=BATCH)
            crossed = [(found, rule) for found in batch for rule in rules if _crosses(stage, rule, found)]
            asked = stage.round(connection, {found.customer_id for found in batch}, rules)
            questions = []
            for found, rule in crossed:
                day = local_date(found.scored_at, asked.people[found.customer_id].time_zone)
                why = Occasion(occurrence=f"score/{day.isoformat()}", anchor=found.scored_at)
                questions.append((rule, found.customer_id, why))
            stage.ask(connection, asked, questions)
        if len(batch) < BATCH:
            return
        last = batch[-1].customer_id


def _crosses(stage: Asking, rule: Rule, found: scores.Stored) -> bool:
    """Whether the rule's line on the score was crossed; such a line reads nothing but the score."""
    situation = Situation(
        customer=Customer(ref=""),
        now=stage.now,
        time_zone=stage.policy.time_zone,
        currency=stage.policy.currency,
        score=found.facts,
        previous=found.previous,
    )
    line = rule.trigger.condition
    if line is None:
        return False
    return triggers.crosses(line, context(situation, stage.policy.words, line_names(line.names)))
