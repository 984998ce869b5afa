"""The JSON Schema of a rule file (draft 2020-12), for editors: they complete keys and words and mark what is wrong.

The tables, keys and types are those of `engine.decide.shape`; what a key may hold besides is said here, with the words
of a workspace. It refuses nothing that `premura check` lets pass. What only the check sees: conditions, the file's
name, two steps with the same id, a window that closes before it opens, a duration of more than a century.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_args

from engine.core.actions import ASK, IF_UNKNOWN, PURCHASE
from engine.core.calendar import DAYS
from engine.core.permission import PURPOSES
from engine.decide.dates import LEAP_DAYS, REPEATS, usual_repeat
from engine.decide.kinds import SALE
from engine.decide.rule import DEFAULT_HOLDOUT, TriggerKind
from engine.decide.shape import CHANNELS, LOCALE, PARTS, WRITTEN
from engine.decide.vocabulary import Vocabulary

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
_PERIODS = ("daily",)

# Patterns keep to what every engine of regular expressions reads: no looking ahead or behind.
_DAY = f"({'|'.join(DAYS)})"
_DAYS = f"{_DAY}(-{_DAY})?"
_IDENTIFIER = {"pattern": "^[a-z][a-z0-9_]*$"}
_SAID = {"pattern": r"\S"}
_TITLES: Schema = {
    "type": "object",
    "patternProperties": {rf"^{LOCALE}$": {"type": "string", **_SAID}},
    "additionalProperties": False,
    "minProperties": 1,
}
_DURATION = {
    "allOf": [
        {"pattern": "^P(nY)?(nM)?(nW)?(nD)?(T(nH)?(nM)?(nS)?)?$".replace("n", "[0-9]{1,10}")},
        {"pattern": "[0-9][YMWDHS]$"},  # at least one number, also behind a T
    ]
}
_LASTING = {"allOf": [*_DURATION["allOf"], {"pattern": "[1-9]"}]}
_CLOCK = {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
_AMOUNT = {"allOf": [{"pattern": r"^[0-9]{1,9}(\.[0-9]+)?$"}, {"pattern": "[1-9]"}]}


_SHIFT = {"allOf": [*_LASTING["allOf"], {"pattern": "^[^T]*$"}]}
_NO_DATE = {"type": "object", "properties": {"date": False}}
_BEFORE = {
    "if": {"properties": {"on": _NO_DATE}},
    "then": {"properties": {"step": {"items": {"properties": {"before": False}}}}},
}


def rule_schema(vocabulary: Vocabulary, templates: Collection[str] = ()) -> Schema:
    """The schema of a rule file that may speak of these words; without templates, any name of one will do."""
    more = _more(vocabulary, templates)
    made = _table("", more)
    made["properties"] |= {
        "on": _table("on", more),
        "journey": _table("journey", more),
        "step": {"type": "array", "minItems": 1, "items": _table("step", more)},
    }
    made["properties"]["on"]["oneOf"] = [{"required": [start]} for start in get_args(TriggerKind)]
    made["properties"]["on"] |= _of_dates(vocabulary)
    made["properties"]["step"]["items"]["allOf"] = [
        *_of_channels(),
        *({"not": {"required": ["before", other]}} for other in ("after", "await")),
    ]
    made["properties"]["step"]["items"]["dependentRequired"] = {"await": ["within"], "within": ["await"]}
    made["allOf"] = [_BEFORE]
    made["required"] += ["on", "step"]
    about = "A rule of Premura: when something happens, for whom, which steps."
    return {"$schema": DRAFT, "title": "Premura rule", **made, "description": about}


def _table(name: str, more: Mapping[str, Schema]) -> Schema:
    """A table of the file: as its model has it, without null (which TOML does not know), and with what is said here."""
    made = PARTS[name].model_json_schema()
    made.pop("$defs", None)
    made.pop("title")
    for key, found in made["properties"].items():
        if key in PARTS:
            made["properties"][key] = _table(key, more)
            continue
        plain = {"default": found["default"]} if found.get("default") is not None else {}
        for one in found.get("anyOf", [found]):
            if one.get("type") != "null":
                plain |= {word: value for word, value in one.items() if word not in ("title", "default")}
        said = dict(more.get(f"{name}.{key}".removeprefix("."), {}))
        if plain.get("type") == "array":
            plain["items"] |= said.pop("items", {})
        made["properties"][key] = plain | said
    return made


def _more(vocabulary: Vocabulary, templates: Collection[str]) -> dict[str, Schema]:
    """What each key holds, beyond its type: words, patterns, bounds, and what an editor shows about it."""
    kinds = {kind.name: kind.meaning for kind in vocabulary.kinds.values()}
    stops = {**kinds, PURCHASE: SALE.meaning}
    dates = {name: _about_date(name, vocabulary) for name in vocabulary.dates}
    example = "score.tier == 'gold' && !has_event('review.received', 'P90D')"
    condition = {**_SAID, "description": f"A condition in CEL, such as {example}."}
    return {
        "id": {**_IDENTIFIER, "description": "The name of the file without .toml: small letters, digits and _."},
        "title": {
            "anyOf": [{"type": "string", **_SAID}, _TITLES],
            "description": "What the rule does, in a few words, also by language; tasks and rewards show it.",
        },
        "purpose": {**_one_of(PURPOSES), "description": "Which consent it needs; transactional needs none."},
        "holdout": {
            "minimum": 0,
            "exclusiveMaximum": 1,
            "description": "The share of customers that the rule leaves alone, to measure what it brings: "
            f"{DEFAULT_HOLDOUT:.2f} if nothing is said, 0 for transactional rules.",
        },
        "worth": {
            "minimum": 0,
            "maximum": 10**9,
            "description": "What one message of the rule brings, in whole units of the currency, as far as you know: "
            "where caps or budgets leave no room for all, what is worth more goes first.",
        },
        "on.event": {**_explained(kinds), "description": "The event kind that starts the rule."},
        "on.date": {**_explained(dates), "description": "A date of the customer, or of the last event of a kind."},
        "on.repeat": {**_one_of(REPEATS), "description": "Whether the date comes round, or only comes once."},
        "on.after": {**_SHIFT, "description": "How long after that date the one lies that is meant, such as P11M."},
        "on.leap_day": {**_one_of(LEAP_DAYS), "description": "When 29 February is kept in the other years."},
        "on.score": {**_SAID, "description": "The rule starts when this becomes true, such as p_alive < 0.3."},
        "on.sweep": {**_one_of(_PERIODS), "description": "Every customer is looked at once in each period."},
        "on.when": condition,
        "journey.stop_on": {
            "items": _explained(stops),
            "description": "Event kinds (or purchase) that end the journey; what was not sent yet is cancelled.",
        },
        "journey.again_after": {**_LASTING, "description": "How long a customer has rest before it may start again."},
        "step.id": {**_IDENTIFIER, "description": "A word for the step, different from the others of the rule."},
        "step.channel": {**_one_of(CHANNELS), "description": "How it reaches the customer, or your people (task)."},
        "step.template": {
            **(_one_of(templates) if templates else {}),
            "description": "Its words, such as email/anniversary; not for channels that write nothing.",
        },
        "step.after": {**_DURATION, "description": "How long after the start: P1D is a day, PT4H four hours."},
        "step.before": {**_LASTING, "description": "How long before the date that starts the rule: P30D, P2M."},
        "step.when": condition,
        "step.valid_for": {
            **_LASTING,
            "description": "How long it makes sense if it is late; then it is dropped.",
        },
        "step.approve": {"description": "Whether it waits until somebody approves it."},
        "step.await": {
            **_explained(stops),
            "description": "An event, or purchase: the step waits for it, and after counts from it.",
        },
        "step.within": {
            **_LASTING,
            "description": "How long after the start the awaited event may come at the latest.",
        },
        "step.unless": {**_explained(stops), "description": "An event: if it came since the start, nothing goes out."},
        "step.if_unknown": {
            **_one_of(IF_UNKNOWN),
            "description": "When nobody knows whether it went out: ask a person, or resend it, once.",
        },
        "step.points": {"exclusiveMinimum": 0, "maximum": 10**9, "description": "For a reward: how many points."},
        "step.amount": {**_AMOUNT, "description": "For a reward: money instead of points, such as 15.00."},
        "window.days": {
            "pattern": rf"^\s*{_DAYS}\s*(,\s*{_DAYS}\s*)*$",
            "description": "Days of the week, such as mon-sat or mon,wed,fri.",
        },
        "window.from": {**_CLOCK, "description": "When it opens, on the customer's clock, such as 09:30."},
        "window.to": {**_CLOCK, "description": "When it closes, later on the same day."},
    }


def _about_date(name: str, vocabulary: Vocabulary) -> str:
    kind, reads = vocabulary.dates[name]
    if not kind:
        return vocabulary.plain.fields[name].meaning
    return f"the last {kind}" if name == kind else f"{reads.removeprefix('event.')} of the last {kind}"


def _one_of(words: Iterable[str]) -> Schema:
    return {"enum": sorted(words)}


def _explained(words: Mapping[str, str]) -> Schema:
    """One of these words, each with its meaning, where taplo looks for it."""
    names = sorted(words)
    return {"enum": names, "x-taplo": {"docs": {"enumValues": [words[name] for name in names]}}}


def _of_dates(vocabulary: Vocabulary) -> Schema:
    """What is said of a date needs one, and 29 February comes back only with those that come round."""
    once = [name for name in sorted(vocabulary.dates) if usual_repeat(name, vocabulary) == "once"]
    ends = {"properties": {"repeat": {"const": "once"}}, "required": ["repeat"]}
    by_itself = {"properties": {"date": {"enum": once}, "repeat": False}, "required": ["date"]}
    return {
        "dependentRequired": {key: ["date"] for key in ("repeat", "after", "leap_day")},
        "if": {"anyOf": [ends, by_itself]},
        "then": {"properties": {"leap_day": False}},
    }


def _of_channels() -> Iterable[Schema]:
    """What a step needs, and what it cannot use, depends on its channel."""

    def where(channels: Collection[str], then: Schema) -> Schema:
        of_these = {"properties": {"channel": {"enum": list(channels)}}, "required": ["channel"]}
        return {"if": of_these, "then": then}

    silent = [channel for channel in CHANNELS if channel not in WRITTEN]
    ordinary = [channel for channel in CHANNELS if channel != "reward"]
    yield where(WRITTEN, {"required": ["template"]})
    yield where(silent, {"properties": {"template": False}})
    yield where(ordinary, {"properties": {"points": False, "amount": False}})
    yield where(["reward"], {"oneOf": [{"required": ["points"]}, {"required": ["amount"]}]})
    yield where(["reward"], {"properties": {"if_unknown": {"const": ASK}}})
    for channel in ("email", "note"):
        yield where([channel], {"properties": {"template": {"pattern": f"^{channel}/"}}})
