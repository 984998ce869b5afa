"""What templates may say, shown by an example, and the search for names that no context has.

`sample_context` is the one place that says what is in a context; docs/templates.md is its table.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from jinja2 import nodes

from engine.dispatch.sandbox import NAMES, did_you_mean
from engine.errors import Fault

_OPEN = "event"  # its fields are what the event carries, which no list can end
_EVERYWHERE = frozenset((*NAMES, "locale", "subject", "loop", "self", "super", "caller"))


def sample_context() -> dict[str, Any]:
    """A context in which everything is there: the values that checks and previews fill templates with."""
    return {
        "shop": {
            "name": "Bottega del Clima",
            "email": "ciao@bottega.example",
            "phone": "+39 0543 000000",
            "website": "https://bottega.example",
            "signature": "Marta e la squadra",
            "street": "Via Giorgio Regnoli 12",
            "postcode": "47121",
            "city": "Forlì",
            "region": "FC",
            "privacy": "bottega.example/privacy",
        },
        "customer": {
            "ref": "C-1042",
            "name": "Giulia D'Amico",
            "given_name": "Giulia",
            "family_name": "D'Amico",
            "company": "",
            "email": "giulia@mail.example",
            "phone": "+39 0543 555123",
            "city": "Bertinoro",
            "since": date(2016, 3, 14),
        },
        "event": {
            "occurred_on": date(2026, 3, 9),
            "amount": 348000,
            "currency": "EUR",
            "what": "Sostituzione della caldaia con modello a condensazione",
            "reference": "P-2026-0142",
            "technician": "Luca",
            "rating": 5,
            "text": "Puntuali e gentili",
            "reason": "rimandato",
            "ends_on": "2027-03-09",
            "promised_on": "2026-03-12",
            "planned_on": "2026-03-20",
            "points": 120,
            "expires_on": "2026-04-13",
            "code": "7KQ2M9XA",
        },
        "score": {"tier": "gold"},
        "reward": {"points": 150},
        "referral": {"code": "7KQ2M9XA", "link": "https://bottega.example/amici?invito=7KQ2M9XA"},
        "task": {"why": "Thank the customer after a service call", "until": date(2026, 3, 16)},
        "today": date(2026, 3, 14),
        "years": 10,
        "day": "2026-03-14",
        "unsubscribe": {"mailto": "mailto:ciao@bottega.example?subject=STOP%205f0c2a91d3e847b6a1c0"},
    }


def misnamed(file: str, tree: nodes.Template) -> Iterator[Fault]:
    """Names and fields in a template, in whatever branch, that are in no context; `file` is how a fault calls it.

    What the template itself sets, and what it asks ``is defined`` of or gives a ``default``, may be missing.
    """
    own, sample = _own(tree), sample_context()
    spared = own | {_path(node) for node in _doubted(tree)}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in spared | _EVERYWHERE:
            hint = did_you_mean(name.name, NAMES) or f"templates know {', '.join(NAMES)}"
            yield Fault(file=file, line=name.lineno, code="T002", text=f"'{name.name}' is not known", hint=hint)
    for field in tree.find_all(nodes.Getattr):
        path = _path(field)
        parent, _, attribute = path.partition(".")
        fields = sample.get(parent)
        if not isinstance(fields, dict) or parent in own | {_OPEN} or path in spared or attribute in fields:
            continue
        hint = did_you_mean(attribute, fields) or f"it has {', '.join(fields)}"
        yield Fault(file=file, line=field.lineno, code="T002", text=f"'{parent}' has no field '{attribute}'", hint=hint)


def _own(tree: nodes.Template) -> set[str]:
    """The names that a template sets: variables, loop variables, parameters, macros, imports."""
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param")}
    own |= {macro.name for macro in tree.find_all(nodes.Macro)}
    own |= {link.target for link in tree.find_all(nodes.Import)}
    for link in tree.find_all(nodes.FromImport):
        own |= {name if isinstance(name, str) else name[1] for name in link.names}
    return own


def _doubted(tree: nodes.Template) -> Iterator[nodes.Node]:
    for test in tree.find_all(nodes.Test):
        if test.name in ("defined", "undefined"):
            yield test.node
    for filtered in tree.find_all(nodes.Filter):
        if filtered.name in ("d", "default") and filtered.node is not None:
            yield filtered.node


def _path(node: nodes.Node) -> str:
    """``event.what`` for that expression, ``event`` for that name, empty for anything else."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return ""
