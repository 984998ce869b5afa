"""One rule file being read: its data, the places of everything in it, and the faults found so far."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.core.permission import PURPOSES
from engine.core.toml_places import Path, inside, places, position
from engine.decide.condition import Condition, compile_condition
from engine.decide.never import never
from engine.decide.problems import ConditionError, Problem
from engine.decide.shape import CHANNELS, ON_A_DAY, PARTS, Known, hint_at
from engine.decide.vocabulary import Scope
from engine.errors import Fault

CODES = {
    "R001": "the file is not TOML",
    "R002": "a key that no rule has",
    "R003": "something is missing",
    "R004": "a value of the wrong kind",
    "R005": "the id is not the file's name",
    "R006": "an id with other signs than small letters, digits and _",
    "R007": "the id of another file",
    "R010": "nothing starts the rule, or more than one thing does",
    "R011": "an event kind that nobody declared",
    "R012": "a date that nobody declared",
    "R013": "a period that there is not",
    "R014": "a duration that cannot be read, or is no time at all",
    "R015": "a window that cannot be read, or is never open",
    "R016": "a holdout that is not from 0 up to 1",
    "R017": "a purpose that there is not",
    "R018": "a channel that there is not",
    "R019": "a stop event that nobody declared",
    "R020": "two steps with the same id",
    "R021": "a template is missing, unknown or of no use to the channel",
    "R022": "a reward that is none, or in a step that gives none",
    "R023": "a step says only half of what it waits for, and for how long",
    "R024": "a step waits for an event that keeps it from going out",
    "R025": "a step before something that is no date, or before and after it",
    "R026": "something is said of a date that is not there, or that no date can do",
    "R028": "a worth that is no amount of money",
    "R029": "what becomes of a doubt is said in words that there are not, or of a reward",
    "R030": "a condition cannot be read",
    "R031": "a condition uses a name that it does not have",
    "R032": "a condition uses a function that there is not",
    "R033": "types in a condition do not go together",
    "R034": "CEL, but not part of the rule language",
    "R035": "a condition that is neither true nor false",
    "R036": "a timestamp or duration that cannot be read",
    "R037": "a condition asks about an event kind that nobody declared",
    "R038": "a condition compares with a value that there never is",
    "R039": "a number with a point that reads like thousands",
}
"""Every kind of fault in a rule file; a code never changes its meaning."""
_KINDS = {
    "string_type": ("a text", "texts stand in quotes"),
    "bool_type": ("true or false", "write true or false, without quotes"),
    "float_type": ("a number", "write it without quotes, such as 0.1"),
    "int_type": ("a whole number", "write it without quotes and decimals, such as 50"),
    "list_type": ("a list", 'a list stands in brackets: ["quote.accepted", "quote.declined"]'),
    "model_type": ("a table", 'such as window = { from = "10:00", to = "16:00" }'),
}
_MISSING = {
    "id": "the name of the file without .toml; in a step, a word for it",
    "title": 'such as title = "Ask after a quote"',
    "purpose": f"there is {', '.join(PURPOSES)}",
    "channel": f"there is {', '.join(CHANNELS)}",
}
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """A rule file with what TOML makes of it; faults are collected, so that all of them are told at once."""

    file: str
    text: str
    data: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)

    @property
    def stem(self) -> str:
        """The file's name without folder and ending, which its rule's id must be."""
        return PurePosixPath(self.file).stem

    def fault(
        self, path: Path, code: str, text: str, hint: str, *, key: bool = False, within: int | None = None
    ) -> None:
        """Note a fault at a value, or at its `key`, or `within` a string as many characters from its beginning.

        A path that is not in the file stands for the table that it should be in.
        """
        found, known = places(self.text), path
        while known and known not in found:
            known = known[:-1]
        offset = 0
        if known:
            place = found[known]
            offset = place.key if key or known != path else place.start
            if within is not None and known == path:
                offset = place.start + inside(self.text[place.start : place.end], within)
        line, column = position(self.text, offset)
        text, hint = " ".join(text.split()), " ".join(hint.split())  # what they cite may have line ends
        self.faults.append(Fault(file=self.file, line=line, column=column, code=code, text=text, hint=hint))

    def part(self, model: type[_Model], raw: object, path: Path, known: Known) -> _Model | None:
        """One table of the file in its shape, or None with its faults noted."""
        try:
            return model.model_validate(raw, context=known)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                owner = PARTS["window"] if one["loc"][:-1] == ("window",) else model
                more = {"input": one["input"], **one.get("ctx", {})}
                self._misshapen(one["type"], one["msg"], (*path, *one["loc"]), more, owner)
            return None

    def condition(self, path: Path, source: object, scope: Scope) -> Condition | None:
        """A condition over the names of a scope, or None: without one, or with its faults noted."""
        if not isinstance(source, str):
            return None
        found, problems = None, tuple[Problem, ...]()
        try:
            found = compile_condition(source, scope)
            problems = tuple(never(found.tree, source, scope))
        except ConditionError as error:
            problems = error.problems
        for one in problems:
            self.fault(path, one.code, one.text, one.hint, within=one.offset)
        return found

    def _misshapen(self, kind: str, text: str, path: Path, more: dict[str, Any], owner: type[BaseModel]) -> None:
        key = path[-1] if isinstance(path[-1], str) else f"an element of {path[-2]}"
        if kind in CODES:
            self.fault(path, kind, text, more["hint"])
        elif kind == "missing":
            self.fault(path, "R003", f"'{key}' is missing", _MISSING[str(key)])
        elif kind == "extra_forbidden":
            self.fault(path, "R002", f"unknown key '{key}'", _key_hint(str(key), owner), key=True)
        else:
            wanted, hint = _KINDS.get(kind, ("what it should be", text))
            if kind == "string_type":
                hint = _text_hint(str(key), more["input"]) or hint
            self.fault(path, "R004", f"'{key}' is not {wanted}", hint)


def read_toml(file: str, text: str) -> RuleFile:
    """The file with its data, or with the one fault that keeps it from being TOML."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")  # as some editors on Windows save it
    try:
        return RuleFile(file=file, text=text, data=tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        match = re.fullmatch(r"(.*) \((?:at line (\d+), column (\d+)|at end of document)\)", str(error), re.DOTALL)
        message = match[1] if match else str(error)
        line, column = (int(match[2]), int(match[3])) if match and match[2] else position(text, len(text))
        lines = text.split("\n")
        hint = _toml_hint(message, lines[min(line, len(lines)) - 1], column)
        fault = Fault(file=file, line=line, column=column, code="R001", text=f"this is not TOML: {message}", hint=hint)
        return RuleFile(file=file, text=text, data={}, faults=[fault])


def _text_hint(key: str, written: object) -> str:
    """What may be meant by something else than text; nothing where quotes are all that is missing."""
    if isinstance(written, list):
        one = {"event": "one event starts a rule: make it two rules", "days": 'write days = "mon,wed,fri"'}
        return one.get(key, "one text, and no list")
    if isinstance(written, date) and key == "date":
        return ON_A_DAY.format(written.month, written.day)
    if isinstance(written, int) and key in ("after", "before", "within", "valid_for", "again_after"):
        return f'a day is "P1D": write "P{written}D" for days'
    return f'write it in quotes: "{written:.2f}"' if isinstance(written, float) else ""


def _toml_hint(message: str, line: str, column: int) -> str:
    """What may be meant by what is no TOML; column: from 1."""
    rest = line[column - 1 :]
    word = re.match(r"\w+", rest)
    if rest[:1] in _CURLY and rest:
        return 'write straight quotes: "…"'
    if word and word[0].lower() in ("true", "false", "yes", "no", "si", "sì"):
        return "write true or false, in small letters"
    if "\u00a0" in line:
        return "there is a blank in this line that is none: type it anew"
    if rest.startswith("%"):
        return "a share is a number: 0.10"
    for part, hint in _TOML_HINTS.items():
        if part in message:
            return hint
    return "texts stand in quotes; toml.io shows the format"


_CURLY = "“”„‟‘’«»"
_TOML_HINTS = {
    "Cannot overwrite": "it is said above already",
    "Cannot declare": "that table is there already",
    "Unescaped": "write / for \\, or single quotes around the text",
    "Invalid initial character for a key part": "what stands between { and } stands in one line",
}


def _fields(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


_HOMES = {"": "to the top", "step": "in a [[step]]", "window": "in window = { … }"}


def _key_hint(key: str, owner: type[BaseModel]) -> str:
    homes = [_HOMES.get(name, f"under [{name}]") for name, model in PARTS.items() if key in _fields(model)]
    if homes:
        return f"it belongs {' or '.join(homes)}"
    tables = ["on", "journey", "step"] if owner is PARTS[""] else []
    return hint_at(key, [*_fields(owner), *tables]) or f"there is {', '.join(_fields(owner))}"
