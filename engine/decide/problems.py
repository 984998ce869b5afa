"""What is wrong with a condition, in words that help: the checker's messages, translated, placed and given a hint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from engine.decide.vocabulary import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, at a place of the condition's source (in characters from 0)."""

    offset: int
    code: str
    text: str
    hint: str


class ConditionError(ValueError):
    """A condition that cannot be used; `problems` has everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(one.text for one in problems))


_MESSAGE = re.compile(r"(?m)^(?:INVALID_ARGUMENT: )?ERROR: <input>:(\d+):(\d+): (.*?)(?: \[INVALID_ARGUMENT\])?$")
_UNDECLARED = re.compile(r"undeclared reference to '(.+)' \(in container ''\)")
_OVERLOAD = re.compile(r"found no matching overload for '(.+)' applied to '\((.*)\)'")
_INT_AFTER, _INT_BEFORE = r"\s*(-?\d+)(?![\w.])", r"(?<![\w.])(-?\d+)\s*$"
_LOOK = "docs/rules.md shows what a condition may say"
_WORDS = {"and": "&&", "or": "||", "not": "!"}
_TYPES = {
    "double": "a double",
    "int": "an int",
    "google.protobuf.Timestamp": "a timestamp",
    "google.protobuf.Duration": "a duration",
    "null_type": "null",
}
FUNCTIONS = {
    "known": "known(score.tier)",
    "size": "size(customer.company)",
    "startsWith": "customer.city.startsWith('San ')",
    "endsWith": "customer.email.endsWith('.it')",
    "contains": "event.what.contains('boiler')",
    "timestamp": "timestamp('2026-01-31T00:00:00Z')",
    "duration": "duration('72h')",
    "int": "int(event.amount)",
    "double": "double(score.frequency)",
    "has_event": "has_event('review.received', 'P90D')",
    "count_events": "count_events('service_call.completed', 'P1Y')",
    "count_purchases": "count_purchases('P90D')",
    "sum_purchases": "sum_purchases('P1Y')",
}
"""The functions of the rule language, each with an example of its use."""
_ADVICE = {
    "has": "known(event.amount) asks whether there is a value",
    "matches": "use startsWith, endsWith or contains",
    "getMonth": "now.month is the month of today",
    "_?_:_": "write two conditions, joined by && and ||",
}


def translate(message: str, source: str, scope: Scope) -> tuple[Problem, ...]:
    """The problems that cel-cpp's message lists. After a syntax error only that: the rest follows from it."""
    found: list[Problem] = []
    for line, column, text in _MESSAGE.findall(message):
        offset = _offset(source, int(line), int(column))
        if text.startswith("Syntax error: "):
            return (_syntax(text.removeprefix("Syntax error: "), source, offset),)
        if match := _UNDECLARED.fullmatch(text):
            found.append(_undeclared(match[1], source, offset, scope))
        elif match := _OVERLOAD.fullmatch(text):
            found.append(_overload(match[1], match[2], source, offset))
        else:
            hint = "the number is too large" if text == "invalid int literal" else _LOOK
            found.append(Problem(offset=offset, code="R030", text=text, hint=hint))
    if "recursion limit" in message and not found:
        return (Problem(offset=0, code="R030", text="too many brackets in one another", hint="make it two rules"),)
    return tuple(found) or (Problem(offset=0, code="R030", text=message.partition("\n")[0], hint=_LOOK),)


def _offset(source: str, line: int, column: int) -> int:
    before = source.split("\n")[: line - 1]
    return sum(len(one) + 1 for one in before) + column - 1


def _syntax(text: str, source: str, offset: int) -> Problem:
    def problem(text: str, hint: str, back: int = 0) -> Problem:
        return Problem(offset=offset - back, code="R030", text=text, hint=hint)

    before, rest = source[:offset], source[offset:]
    if not source.strip():
        return problem("the condition is empty", "leave it out, and it holds for everybody")
    if "missing ')'" in text:
        return problem("a ')' is missing", "close what '(' opened")
    if before.rstrip().endswith("%") and (not rest.strip() or rest[0] in ")&|"):
        return problem("'%' is no sign for a share", "write 0.3 for 30 %", back=len(before) - before.rindex("%"))
    if not rest.strip():
        return problem("the condition ends too early", "something is missing behind the last sign")
    if before.endswith("<") and rest[0] == ">":
        return problem("'<>' is no sign", "write !=", back=1)
    if sign := re.match(r"(?i)(and|or|not)\b", rest) or re.search(r"(?i)\b(not)\s+$", before):
        back = offset - sign.start() if sign.string is before else 0
        return problem(f"'{sign[1]}' is no sign", f"write {_WORDS[sign[1].lower()]}", back=back)
    if rest[0] in "'\"":
        return problem("the text is not closed", f"close it with {rest[0]}")
    word = re.split(r"[\s)]", rest, maxsplit=1)[0] or rest[0]
    return problem(f"'{word}' cannot be read here", _sign_hint(before, rest))


def _sign_hint(before: str, rest: str) -> str:
    if rest[0] == "=":
        return "write == to compare"
    if rest[0] == "," and before[-1:].isdigit():
        return "decimals have a point: 0.3"
    if rest[0] in "‘’“”«»":
        return "write straight quotes: 'gold'"
    if rest[0] in "&|":
        return f"write {rest[0] * 2}"
    return _LOOK


def _undeclared(name: str, source: str, offset: int, scope: Scope) -> Problem:
    if not name[0].isalpha():
        text = f"'{name.replace('_', ' ').strip()}' is not part of the rule language"
        return Problem(offset=offset, code="R034", text=text, hint=_ADVICE.get(name, _LOOK))
    if source[offset : offset + 1] == "(":
        start = offset - len(name)
        if name in FUNCTIONS:
            return Problem(
                offset=start, code="R033", text=f"{name}() is not called like that", hint=f"write {FUNCTIONS[name]}"
            )
        hint = _ADVICE.get(name) or near(name, FUNCTIONS) or f"there are {', '.join(FUNCTIONS)}"
        return Problem(offset=start, code="R032", text=f"unknown function '{name}'", hint=hint)
    start = max(offset - len(name.rpartition(".")[0]), 0)  # of a dotted name the place is its last dot
    hint = _name_hint(name, source[:start].rstrip(), scope)
    return Problem(offset=start, code="R031", text=f"unknown name '{name}'", hint=hint)


def _name_hint(name: str, before: str, scope: Scope) -> str:
    head, dot, tail = name.rpartition(".")
    known = (*scope.fields, *scope.aliases)
    if hint := near(tail, [one.rpartition(".")[2] for one in known if one.rpartition(".")[0] == head]):
        return hint.replace("'", f"'{head}{dot}", 1)
    if name in FUNCTIONS:
        return f"write {FUNCTIONS[name]}"
    if family := [one for one in known if one.startswith(f"{name}.")]:
        return f"name one value, such as {family[0]}"
    if own := [one for one in known if one == f"customer.attributes.{tail}"]:
        return f"did you mean '{own[0]}'?"
    if name in scope.kinds or (not dot and before.endswith(("=", "<", ">", "[", ",", "("))):
        return f"a text stands in quotes: '{name}'"
    if head == "event" or scope.aliases:
        return scope.foreign
    if head == "customer.attributes":
        return "declare it in premura.toml under [attributes]"
    return near(name, known) or "docs/rules.md lists all names"


def near(name: str, known: Iterable[str]) -> str:
    """A hint at what may have been meant, or nothing."""
    found = get_close_matches(name, known, n=1, cutoff=0.7)
    return f"did you mean '{found[0]}'?" if found else ""


def _overload(function: str, arguments: str, source: str, offset: int) -> Problem:
    types = [_TYPES.get(one, f"a {one}") for one in re.split(r", (?![^(]*\))", arguments)]
    sign = "in" if function == "@in" else function.strip("_")
    if function in FUNCTIONS:
        text, hint = f"{sign}() does not take {' and '.join(types)}", f"write {FUNCTIONS[function]}"
        return Problem(offset=offset - len(function), code="R033", text=text, hint=hint)
    before, after = source[:offset], source[offset + len(sign) :]
    text = f"'{sign}' does not go " + (f"before {types[0]}" if len(types) == 1 else f"between {' and '.join(types)}")
    return Problem(offset=offset, code="R033", text=text, hint=_overload_hint(sign, types, before, after))


def _overload_hint(sign: str, types: list[str], before: str, after: str) -> str:
    kinds = {one.rpartition(" ")[2] for one in types}
    if sign in ("&&", "||", "!"):
        return "it goes with conditions, such as score.tier == 'gold'"
    if sign == "in":
        return f"write a list of {types[0].partition(' ')[2]}s" + (": 1.0 is one" if "double" in types[0] else "")
    if "bool" in kinds and kinds & {"double", "int"}:
        return "compare twice, joined by &&: 0.1 < score.p_alive && score.p_alive < 0.3"
    if kinds == {"bool", "string"}:
        return "true and false stand without quotes"
    if kinds == {"double", "int"}:
        return _number_hint(types, before, after)
    for pair, hint in _PAIRS:
        if all(kinds & one for one in pair):
            return hint
    return _LOOK


_NUMBERS, _TEXTS = {"double", "int"}, {"string"}
_PAIRS: tuple[tuple[tuple[set[str], ...], str], ...] = (
    (({"null"},), "known(score.tier) asks for a value, !known(score.tier) for none"),
    (({"timestamp"}, _TEXTS), "write timestamp('2026-01-31T00:00:00Z')"),
    (({"timestamp", "duration"}, _NUMBERS | _TEXTS), "write duration('72h')"),
    ((_TEXTS, _NUMBERS), "a text stands in quotes, a number does not"),
    (({"uint"},), "write the number without u"),
)


def _number_hint(types: list[str], before: str, after: str) -> str:
    if whole := re.match(_INT_AFTER, after) if types[1] == "an int" else re.search(_INT_BEFORE, before):
        return f"write {whole[1]}.0"
    if round_one := re.match(r"\s*(-?\d+)\.0+(?!\d)", after):
        return f"write {round_one[1]}"
    return "double(…) makes a double of an int"
