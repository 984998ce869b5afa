"""All that the rules of a workspace may speak of, and the values of its names for one customer at one instant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.core import calendar
from engine.core.condition import Type
from engine.decide.kinds import KINDS, SALE, Kind
from engine.decide.names import CUSTOMER, EVENT, NOW, SCORE, Field, attribute, payload
from engine.decide.situation import Situation, Situations

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KIND = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
_RESERVED = frozenset(("true", "false", "null", "in"))  # CEL takes these for signs, also behind a dot
_CROSSING = ("p_alive", "clv", "percentile", "tier")  # the values that are kept from before a change


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scope:
    """The names that one condition may use; compared by identity, because a checker is made once for each.

    aliases: short forms. kind: the event kind that starts the rule, or empty. kinds: those that it may ask the history
    about; without any it may not ask at all. tiers: those of the shop, none where they are not known. foreign: why a
    name of another scope is not there.
    """

    fields: Mapping[str, Field]
    aliases: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    kinds: Collection[str] = ()
    tiers: tuple[str, ...] = ()
    foreign: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Event kinds and names. declared: those of the configuration, as `vocabulary` takes them.

    `events` has a scope for each event kind, and for a purchase; `plain` is for rules that no event starts; `crossing`
    for ``[on] score``, whose short names are the score's.
    """

    kinds: Mapping[str, Kind]
    events: Mapping[str, Scope]
    plain: Scope
    crossing: Scope
    declared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dates(self) -> dict[str, tuple[str, str]]:
        """The names that ``[on] date`` may watch: the event kind that each comes from, or empty, and what holds it.

        A kind stands for the time of its last event, a kind and a field for what that event says.
        """
        fields = self.plain.fields.values()
        own = [one.name for one in fields if one.type is Type.TIMESTAMP and one.name.startswith("customer.")]
        said = {
            f"{kind.name}.{name}": (kind.name, f"event.{name}")
            for kind in self.kinds.values()
            for name, type_ in kind.payload.items()
            if type_ is Type.TIMESTAMP
        }
        return said | {name: (name, "event.occurred_at") for name in self.kinds} | {name: ("", name) for name in own}


def vocabulary(
    *,
    attributes: Mapping[str, str] | None = None,
    events: Mapping[str, Mapping[str, str]] | None = None,
    tiers: Iterable[str] = (),
) -> Vocabulary:
    """The built-in vocabulary, with the customer's attributes and the event kinds of the configuration.

    attributes: name -> type; events: kind -> payload field -> type; types are double, int, string, bool, timestamp.
    tiers: the names of the bands of value; without them a condition may speak of any.
    A kind that is built in may get further fields. Raises ValueError for a name that a condition could not say.
    """
    own = tuple(attribute(_name(name), _type(kind)) for name, kind in (attributes or {}).items())
    kinds = {kind.name: kind for kind in KINDS}
    for name, fields in (events or {}).items():
        kinds[name] = _extended(kinds.get(name), name, fields)
    common, bands = (*CUSTOMER, *own, *SCORE, *NOW), tuple(tiers)
    foreign = "no event starts this rule, so nothing is known of one"
    crossing = tuple(one for one in SCORE if one.name.removeprefix("score.") in _CROSSING)
    return Vocabulary(
        kinds=kinds,
        events={kind.name: _scope(kind, common, kinds, bands) for kind in (*kinds.values(), SALE)},
        plain=Scope(fields=_by_name(common), kinds=tuple(kinds), tiers=bands, foreign=foreign),
        crossing=Scope(
            fields=_by_name(crossing),
            aliases={name: f"score.{name}" for name in _CROSSING},
            tiers=bands,
            foreign=f"a change is watched in {', '.join(_CROSSING)}; put the rest under when",
        ),
        declared={
            "attributes": dict(attributes or {}),
            "events": {kind: dict(its) for kind, its in (events or {}).items()},
            "tiers": bands,
        },
    )


class Reading(dict[str, Any]):
    """The value of each name in one situation, None where it is missing; read when it is first asked for, and once.

    known: values that are known already.
    """

    def __init__(self, situation: Situation, words: Vocabulary, known: Mapping[str, Any] | None = None) -> None:
        super().__init__(known or ())
        self._situation = situation
        self._fields = _fields(situation, words)
        self._local = calendar.local_time(situation.now, situation.time_zone)

    def __missing__(self, name: str) -> Any:
        known = self._fields.get(name)
        value = known.read(self._situation, self._local) if known else self._situation.history[name]
        self[name] = value
        return value


def context(situation: Situation, words: Vocabulary, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The value of every name that a rule may read in this situation, or of `names` only; None where it is missing.

    Among `names` there may be questions about the history (`core.lookback`), whose answers the situation has.
    """
    reading = Reading(situation, words)
    return {name: reading[name] for name in (_fields(situation, words) if names is None else names)}


def columns(them: Situations, words: Vocabulary, names: Iterable[str]) -> list[Sequence[Any]]:
    """The same of many situations: of each name the values of all."""
    fields = words.events.get(them.events[0].kind if them.events else "", words.plain).fields
    found: list[Sequence[Any]] = []
    for name in names:
        known = fields.get(name)
        if name in them.known:
            found.append(them.known[name])
        elif known is None:
            found.append([it.history[name] for it in them.each])
        elif known.read_all is not None:
            found.append(known.read_all(them))
        else:
            found.append([known.read(it, them.clocks[it.time_zone]) for it in them.each])
    return found


def _fields(situation: Situation, words: Vocabulary) -> Mapping[str, Field]:
    """The names that a rule may read in this situation."""
    return words.events.get(situation.event.kind if situation.event else "", words.plain).fields


def before(values: Mapping[str, Any]) -> dict[str, Any]:
    """The context as it was before the score changed: ``[on] score`` asks for what holds now and did not hold then.

    values: a context with the `score.prev_` name of each score name that is asked for.
    """
    earlier = {f"score.{name}": f"score.prev_{name}" for name in _CROSSING}
    return dict(values) | {now: values[then] for now, then in earlier.items() if then in values}


def line_names(names: Iterable[str]) -> tuple[str, ...]:
    """What must be in a context to ask whether a line on these score names was crossed: the names, now and before."""
    return tuple(each for name in names for each in (name, f"score.prev_{name.removeprefix('score.')}"))


def _scope(kind: Kind, common: Iterable[Field], kinds: Iterable[str], tiers: tuple[str, ...]) -> Scope:
    fields = _by_name((*common, *EVENT, *(payload(name, one) for name, one in kind.payload.items())))
    names = ", ".join(name for name in fields if name.startswith("event."))
    return Scope(fields=fields, kind=kind.name, kinds=tuple(kinds), tiers=tiers, foreign=f"{kind.name} has {names}")


def _by_name(fields: Iterable[Field]) -> dict[str, Field]:
    return {one.name: one for one in fields}


def _extended(kind: Kind | None, name: str, fields: Mapping[str, str]) -> Kind:
    if not _KIND.fullmatch(name):
        raise ValueError(f"'{name}' is not an event kind such as boiler.inspected")
    added = {_name(one): _type(two) for one, two in fields.items()}
    if kind is None:
        return Kind(name=name, meaning="declared in the configuration", payload=added)
    for one, two in added.items():
        if kind.payload.get(one, two) is not two:
            raise ValueError(f"'{one}' of {name} is built in as {kind.payload[one]} and cannot be {two}")
    return Kind(name=name, meaning=kind.meaning, payload={**kind.payload, **added})


def _name(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name) or name in _RESERVED or name in ("kind", "occurred_at"):
        raise ValueError(f"'{name}' cannot be the name of a field: letters, digits and _, and no word of the language")
    return name


def _type(name: str) -> Type:
    if name in (Type.DOUBLE, Type.INT, Type.STRING, Type.BOOL, Type.TIMESTAMP):
        return Type(name)
    raise ValueError(f"'{name}' is not a type: double, int, string, bool, timestamp")
