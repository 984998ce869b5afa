"""Values that a name never has: a comparison with one says the same of everybody, and nobody would notice.

Asked when a rule file is read, not when a condition is: what a journey waits for goes on as its rule was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.core.calendar import DAYS
from engine.core.condition import (
    And,
    Arithmetic,
    Compare,
    Constant,
    Convert,
    Member,
    Name,
    Negative,
    Not,
    Or,
    Term,
    Test,
    Value,
)
from engine.decide.problems import Problem, near
from engine.decide.vocabulary import Scope

_SHARE = (0, 1)
_SPANS = {
    "score.p_alive": _SHARE,
    "score.prev_p_alive": _SHARE,
    "score.percentile": _SHARE,
    "score.prev_percentile": _SHARE,
    "now.month": (1, 12),
    "now.day": (1, 31),
    "now.hour": (0, 23),
}
_FORMS = {
    "customer.country": (re.compile(r"[A-Z]{2}"), "two capital letters, such as 'IT'"),
    "customer.locale": (re.compile(r"[a-z]{2,3}(_[A-Z]{2})?"), "language and country, such as 'it_IT'"),
}
_THOUSANDS = re.compile(r"(-?[1-9]\d{0,2})\.(\d\d0)(?![\d.eE])")  # nobody writes 1.500 for one and a half


def never(tree: Test, source: str, scope: Scope) -> Iterator[Problem]:
    """The constants of a condition that make it say the same of everybody, or something else than was meant."""
    for name, constant in _compared(tree):
        hint = _hint(name, constant.value, scope)
        if hint:
            said = f"'{constant.value}'" if isinstance(constant.value, str) else f"{constant.value:g}"
            yield Problem(offset=constant.offset, code="R038", text=f"{name} is never {said}", hint=hint)
    for constant in _constants(tree):
        match = _THOUSANDS.match(source, constant.offset) if isinstance(constant.value, float) else None
        if match:
            text, hint = f"{match[0]} is {constant.value:g}", f"write {match[1]}{match[2]}.0, or {constant.value}"
            yield Problem(offset=constant.offset, code="R039", text=text, hint=hint)


def _hint(name: str, value: Value, scope: Scope) -> str:
    """What the name can be instead, or nothing where it can be that."""
    words = {"score.tier": scope.tiers, "score.prev_tier": scope.tiers, "now.weekday": DAYS}.get(name, ())
    if words and value not in words:
        return near(str(value).lower(), words) or f"there is {', '.join(words)}"
    first, last = _SPANS.get(name, (value, value))
    if not first <= value <= last:  # type: ignore[operator]  # the checker saw that both are numbers
        return f"it lies between {first} and {last}"
    form, hint = _FORMS.get(name, (None, ""))
    return hint if form and not form.fullmatch(str(value)) else ""


def _compared(test: Test) -> Iterator[tuple[str, Constant]]:
    match test:
        case And() | Or():
            for part in test.parts:
                yield from _compared(part)
        case Not():
            yield from _compared(test.part)
        case Compare(left=Name() as name, right=Constant() as constant):
            yield name.name, constant
        case Compare(left=Constant() as constant, right=Name() as name):
            yield name.name, constant
        case Member(term=Name() as name):
            yield from ((name.name, option) for option in test.options)


def _constants(node: Test | Term) -> Iterator[Constant]:
    match node:
        case Constant():
            yield node
        case And() | Or():
            for part in node.parts:
                yield from _constants(part)
        case Not():
            yield from _constants(node.part)
        case Compare() | Arithmetic():
            yield from _constants(node.left)
            yield from _constants(node.right)
        case Negative() | Convert():
            yield from _constants(node.term)
        case Member():
            yield from node.options
