"""The shape of a rule file: which keys there are and what each may hold.

Values stay as they are written (a duration is text here), so that the models also describe the file to an editor.
Faults that are ours carry their stable code as the error type; `engine/decide/rule.py` gives them their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from engine.core.actions import ASK, IF_UNKNOWN, PURCHASE
from engine.core.calendar import Duration, parse_days, parse_duration
from engine.core.permission import PURPOSES
from engine.decide.dates import LEAP_DAYS, REPEATS
from engine.decide.vocabulary import Vocabulary

CHANNELS = ("email", "note", "reward", "referral", "task", "console")
LOCALE = r"[a-z]{2,3}(_[A-Z]{2})?"
ON_A_DAY = 'for a day of the calendar write sweep = "daily" and when = "now.month == {} && now.day == {}"'
WRITTEN = ("email", "note", "task", "console")
"""Channels whose steps need a template: they put something into words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a rule file may refer to; the context of validation."""

    vocabulary: Vocabulary
    templates: Collection[str]


def hint_at(word: str, known: Collection[str]) -> str:
    """A hint at what may have been meant."""
    whole = [one for one in known if one.rpartition(".")[2] == word.lower()]
    found = whole if len(whole) == 1 else get_close_matches(word.lower(), known, n=1, cutoff=0.7)
    return f"did you mean '{found[0]}'?" if found else ""


def _wrong(code: str, text: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError(code, "{text}", {"text": text, "hint": hint})


def _one_of(
    code: str, what: str, known: Callable[[Known], Collection[str]], listed: Callable[[str], str] = lambda _: ""
) -> AfterValidator:
    """listed: a hint at where they are listed, or at what is meant by such a word."""

    def check(word: str, info: ValidationInfo) -> str:
        assert isinstance(info.context, Known)  # noqa: S101 - only rule_file validates, always with this context
        words = known(info.context)
        if word not in words:
            many = listed(word) or "docs/rules.md lists what there is"
            there = f"there is {', '.join(words)}" if len(words) < 10 else many
            bare = word.removeprefix("templates/").partition(".")[0]  # of a template's file
            near = f"did you mean '{bare}'?" if bare in words else hint_at(word, words)
            raise _wrong(code, f"unknown {what} '{word}'", near or there)
        return word

    return AfterValidator(check)


def _own_kind(word: str) -> str:
    return f'docs/rules.md lists what there is; your own are declared in premura.toml: [events."{word}"]'


def _own_day(word: str) -> str:
    day = re.fullmatch(r"[0-9]{4}-([0-9]{2})-([0-9]{2})", word)
    return ON_A_DAY.format(int(day[1]), int(day[2])) if day else ""


def _identifier(word: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", word):
        raise _wrong("R006", f"'{word}' cannot be an id", "small letters, digits and _, beginning with a letter")
    return word


def _said(text: str) -> str:
    if not text.strip():
        raise _wrong("R004", "this must not be empty", "say in a few words what the rule does")
    return text


def _worded(said: object) -> object:
    """One text, or one for each language."""
    if isinstance(said, str):
        return _said(said)
    if not isinstance(said, dict) or not said or not all(isinstance(text, str) for text in said.values()):
        raise _wrong("R004", "'title' is not text", 'write title = "…", or title = { en = "…", it = "…" }')
    for locale, text in said.items():
        if not re.fullmatch(LOCALE, locale):
            raise _wrong("R004", f"'{locale}' is not a language", "such as en, it or it_CH")
        _said(text)
    return said


def _duration(text: str) -> str:
    try:
        parse_duration(text)
    except ValueError as error:
        said = text.upper().replace(" ", "").removeprefix("P")
        meant = [guess for guess in (f"P{said}", f"PT{said}") if _is_duration(guess)]
        raise _wrong("R014", str(error), f"write {meant[0]}" if meant else "P1DT2H is a day and two hours") from None
    return text


def _is_duration(text: str) -> bool:
    try:
        return parse_duration(text) != Duration()
    except ValueError:
        return False


def _lasting(text: str) -> str:
    if not _is_duration(_duration(text)):
        raise _wrong("R014", f"'{text}' is no time at all", "P5D is five days")
    return text


def _whole_days(text: str) -> str:
    if parse_duration(_lasting(text)).seconds:
        raise _wrong("R014", f"'{text}' has hours, and a date has none", "P11M is eleven months, P30D thirty days")
    return text


def _days(text: str) -> str:
    try:
        parse_days(text)
    except ValueError as error:
        meant = re.sub("[a-z]+", lambda word: word[0][:3], text.lower().replace(" ", ""))
        hint = f"write {meant}" if _are_days(meant) else "the days are mon, tue, wed, thu, fri, sat, sun"
        raise _wrong("R015", str(error), hint) from None
    return text


def _are_days(text: str) -> bool:
    try:
        parse_days(text)
    except ValueError:
        return False
    return True


def _clock(text: str) -> str:
    if not re.fullmatch(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", text):
        hint = (
            "leave it out, and it is open until midnight"
            if text == "24:00"
            else "write it with two digits each, such as 09:30"
        )
        raise _wrong("R015", f"'{text}' is not a time of day", hint)
    return text


def _share(number: float) -> float:
    if not 0 <= number < 1:
        raise _wrong("R016", f"a holdout of {number:g} cannot be", "0.10 leaves every tenth customer alone, 0 nobody")
    return number


def _worth(number: float) -> float:
    if not 0 <= number <= 10**9:
        raise _wrong("R028", f"a worth of {number:g} cannot be", "write what one message brings, such as 25.0")
    return number


def _positive(number: int) -> int:
    if not 0 < number <= 10**9:
        raise _wrong(
            "R022",
            f"{number} points are no reward",
            "write a whole number above 0" if number <= 0 else "a billion is the most",
        )
    return number


def _amount(text: str) -> str:
    if not re.fullmatch(r"\d{1,9}(\.\d+)?", text, re.ASCII) or not Decimal(text):
        raise _wrong("R022", f"'{text}' is not an amount", "a point and no currency, such as 15.00")
    return text


Title = Annotated[object, AfterValidator(_worded)]
Identifier = Annotated[str, AfterValidator(_identifier)]
Purpose = Annotated[str, _one_of("R017", "purpose", lambda _: PURPOSES)]
EventKind = Annotated[str, _one_of("R011", "event kind", lambda known: tuple(known.vocabulary.kinds), _own_kind)]
StopKind = Annotated[str, _one_of("R019", "event kind", lambda known: (*known.vocabulary.kinds, PURCHASE), _own_kind)]
OrPurchase = Annotated[str, _one_of("R011", "event kind", lambda known: (*known.vocabulary.kinds, PURCHASE), _own_kind)]
DateName = Annotated[str, _one_of("R012", "date", lambda known: known.vocabulary.dates, _own_day)]
Repeat = Annotated[str, _one_of("R013", "period", lambda _: REPEATS)]
LeapDay = Annotated[str, _one_of("R026", "day for 29 February", lambda _: LEAP_DAYS)]
Period = Annotated[str, _one_of("R013", "period", lambda _: ("daily",))]
Channel = Annotated[str, _one_of("R018", "channel", lambda _: CHANNELS)]
IfUnknown = Annotated[str, _one_of("R029", "answer to a doubt", lambda _: IF_UNKNOWN)]
Template = Annotated[
    str, _one_of("R021", "template", lambda known: tuple(known.templates), lambda _: "it names files in templates/")
]
DurationText = Annotated[str, AfterValidator(_duration)]
LastingText = Annotated[str, AfterValidator(_lasting)]
ShiftText = Annotated[str, AfterValidator(_whole_days)]
ClockText = Annotated[str, AfterValidator(_clock)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Head(_Part):
    """The keys at the top of the file."""

    id: Identifier
    title: Title
    purpose: Purpose
    holdout: Annotated[float, AfterValidator(_share)] | None = None
    worth: Annotated[float, AfterValidator(_worth)] | None = None


class On(_Part):
    """What starts the rule (one of the first four), more about its date, and for whom."""

    event: EventKind | None = None
    date: DateName | None = None
    score: str | None = None
    sweep: Period | None = None
    repeat: Repeat | None = None
    after: ShiftText | None = None
    leap_day: LeapDay | None = None
    when: str | None = None


class Journey(_Part):
    """What ends a customer's passage through the rule, and when it may begin again."""

    stop_on: list[StopKind] = Field(default_factory=list)
    again_after: LastingText | None = None


class Window(_Part):
    """When a step may reach the customer, on the customer's clock."""

    days: Annotated[str, AfterValidator(_days)] = "mon-sun"
    start: ClockText = Field("00:00", alias="from")
    end: ClockText | None = Field(None, alias="to")

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Window:
        if self.end is not None and self.start >= self.end:
            raise _wrong("R015", f"a window from {self.start} to {self.end} is never open", "it cannot span midnight")
        return self


class Step(_Part):
    """One thing that the rule does."""

    id: Identifier
    channel: Channel
    template: Template | None = None
    after: DurationText = "P0D"
    before: LastingText | None = None
    when: str | None = None
    window: Window = Field(default_factory=Window)
    valid_for: LastingText = "P7D"
    approve: bool = False
    awaits: OrPurchase | None = Field(None, alias="await")
    within: LastingText | None = None
    unless: OrPurchase | None = None
    if_unknown: IfUnknown = ASK
    points: Annotated[int, AfterValidator(_positive)] | None = None
    amount: Annotated[str, AfterValidator(_amount)] | None = None


PARTS: dict[str, type[_Part]] = {"": Head, "on": On, "journey": Journey, "step": Step, "window": Window}
"""The models by the name of their table; the empty name is the top of the file."""
