"""One engine asks one condition of many contexts, in its quickest documented way. Runs in the engine's environment.

Usage: python conditions_side.py ENGINE ROWS.json; prints one JSON document. ROWS: lists of amount, p_alive, tier and
has_email. The condition is compiled and the rows are put into the engine's form before the clock starts. The packages
are imported by name: each environment has only its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

SECONDS, PASSES = 0.5, 5
"""An engine goes over the rows so long, in seconds of the processor, and at least so often."""
CEL = "event.amount > 800.0 && score.p_alive > 0.2 && score.tier in ['gold', 'silver'] && customer.has_email"
OTHERS = "amount > 800 and p_alive > 0.2 and tier in ['gold', 'silver'] and has_email"
DOTTED = ("event.amount", "score.p_alive", "score.tier", "customer.has_email")
FLAT = ("amount", "p_alive", "tier", "has_email")
Pass = Callable[[], Sequence[Any]]


@dataclass(slots=True)
class Facts:
    """A row as an object, which is how rule-engine's own examples have it."""

    amount: float
    p_alive: float
    tier: str
    has_email: bool


def _named(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def _premura(rows: Sequence[Sequence[Any]]) -> Pass:
    condition, words = (import_module(f"engine.decide.{name}") for name in ("condition", "vocabulary"))
    holds = condition.compile_condition(CEL, words.vocabulary().events["quote.sent"]).holds
    contexts = _named(rows, DOTTED)
    return lambda: [holds(one) for one in contexts]


def _by_hand(rows: Sequence[Sequence[Any]]) -> Pass:
    """A function that a person wrote, which knows nothing of missing values."""

    def holds(one: Mapping[str, Any]) -> bool:
        return (
            one["amount"] > 800.0
            and one["p_alive"] > 0.2
            and one["tier"] in ("gold", "silver")
            and one["has_email"] is True
        )

    contexts = _named(rows, FLAT)
    return lambda: [holds(one) for one in contexts]


def _zen(rows: Sequence[Sequence[Any]]) -> Pass:
    evaluate = import_module("zen").compile_expression(OTHERS).evaluate
    contexts = _named(rows, FLAT)
    return lambda: [evaluate(one) for one in contexts]


def _zen_json(rows: Sequence[Sequence[Any]]) -> Pass:
    evaluate = import_module("zen").compile_expression(OTHERS).evaluate
    contexts = [json.dumps(one).encode() for one in _named(rows, FLAT)]
    return lambda: [evaluate(one) for one in contexts]


def _rule_engine(rows: Sequence[Sequence[Any]]) -> Pass:
    package = import_module("rule_engine")
    matches = package.Rule(OTHERS).matches
    contexts = _named(rows, FLAT)
    return lambda: [matches(one) for one in contexts]


def _rule_engine_typed(rows: Sequence[Sequence[Any]]) -> Pass:
    package = import_module("rule_engine")
    types = package.type_resolver_from_dict(dict(zip(FLAT, _types(package.DataType), strict=True)))
    context = package.Context(resolver=package.resolve_attribute, type_resolver=types)
    matches = package.Rule(OTHERS, context=context).matches
    contexts = [Facts(*row) for row in rows]
    return lambda: [matches(one) for one in contexts]


def _types(kinds: Any) -> tuple[Any, ...]:
    return kinds.FLOAT, kinds.FLOAT, kinds.STRING, kinds.BOOLEAN


def _cel(rows: Sequence[Sequence[Any]]) -> Pass:
    evaluate = _cel_environment()[1]
    contexts = _named(rows, DOTTED)
    return lambda: [evaluate(data=one).value() for one in contexts]


def _cel_activations(rows: Sequence[Sequence[Any]]) -> Pass:
    environment, evaluate = _cel_environment()
    contexts = [environment.Activation(one) for one in _named(rows, DOTTED)]
    return lambda: [evaluate(one).value() for one in contexts]


def _cel_environment() -> tuple[Any, Any]:
    cel = import_module("cel_expr_python.cel")
    kinds = (cel.Type.DOUBLE, cel.Type.DOUBLE, cel.Type.STRING, cel.Type.BOOL)
    environment = cel.NewEnv(variables=dict(zip(DOTTED, kinds, strict=True)))
    return environment, environment.compile(CEL).eval


ENGINES: Mapping[str, Callable[[Sequence[Sequence[Any]]], Pass]] = {
    "premura": _premura,
    "by hand": _by_hand,
    "zen": _zen,
    "zen json": _zen_json,
    "rule-engine": _rule_engine,
    "rule-engine typed": _rule_engine_typed,
    "cel": _cel,
    "cel activations": _cel_activations,
}


def main(engine: str, file: str) -> None:
    """Prepare, go over the rows once without the clock, then again and again with it."""
    rows = json.loads(Path(file).read_text(encoding="utf-8"))
    ask = ENGINES[engine](rows)
    answers = ask()
    seconds: list[float] = []
    while len(seconds) < PASSES or sum(seconds) < SECONDS:
        start = process_time()
        ask()
        seconds.append(process_time() - start)
    holds = [number for number, answer in enumerate(answers) if answer is True]
    print(json.dumps({"microseconds": median(seconds) / len(rows) * 1e6, "passes": len(seconds), "holds": holds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
