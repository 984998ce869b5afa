"""Where templates run: Jinja2's immutable sandbox, made narrower.

No global functions, no filters that draw lots or build text of any length, no multiplied strings; what a dict holds is
found before what a dict can do; a name that is missing says which one it is and which one may have been meant. This
keeps a slip from eating the machine. It is no wall against an author who means harm, whose template can still loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from engine.dispatch.localise import FILTERS

NAMES = ("shop", "customer", "event", "score", "reward", "referral", "task", "today", "years", "day", "unsubscribe")
"""What every template may use; engine/dispatch/proof.py shows what is in each."""
MAX_SEQUENCE = 100_000
_KEPT_FILTERS = frozenset(
    ("abs", "capitalize", "d", "default", "e", "escape", "first", "int", "items", "join", "last", "length", "list")
) | frozenset(("lower", "map", "replace", "select", "sort", "string", "sum", "title", "trim", "truncate", "upper"))
_WIDENING = frozenset(("center", "expandtabs", "format", "format_map", "ljust", "rjust", "zfill"))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known; empty when nothing is near."""
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean '{near[0]}'?" if near else ""


def _spoken(value: Any) -> Any:
    if value is None:
        raise ValueError("there is nothing to print\nwrite {% if ... %} around it")
    return value


class Fields(dict[str, Any]):
    """One of the dicts of a context, which knows the name it goes by."""

    __slots__ = ("path",)

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.path = path


class _Missing(StrictUndefined):
    """Fails on any use; the message has the hint on its second line."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        held, name = self._undefined_obj, self._undefined_name
        if isinstance(held, Fields):
            known = ", ".join(sorted(held)) or "nothing"
            hint = did_you_mean(str(name), held) or f"here it has {known}; ask {{% if {held.path}.{name} is defined %}}"
            return f"'{held.path}' has no field '{name}'\n{hint}"
        if held is None:
            return f"'{name}' is asked of something that is not there\nwrite {{% if ... %}} around it"
        if held is missing and name is not None:
            return f"'{name}' is not known\n{did_you_mean(name, NAMES) or 'templates know ' + ', '.join(NAMES)}"
        return super()._undefined_message


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of all templates of a workspace; `.html.j2` escapes what it prints, `.txt.j2` does not."""

    intercepted_binops = frozenset(("*", "**", "%"))

    def __init__(self, loader: FunctionLoader) -> None:
        super().__init__(
            loader=loader,
            undefined=_Missing,
            finalize=_spoken,
            autoescape=lambda name: bool(name) and ".html." in str(name),
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=-1,
            auto_reload=False,
        )
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in _KEPT_FILTERS} | dict(FILTERS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``event.items`` is the field of that name, never the method; what pads text to any width is barred."""
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if attribute in _WIDENING:
            return self.unsafe_undefined(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``event["items"]``, likewise."""
        return self.getattr(obj, argument) if isinstance(argument, str) else super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Sums are free; a product of text or lists is bounded, powers and ``%`` on text are refused."""
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"templates may not use '{operator}' here")
        if operator == "*":
            for sequence, count in ((left, right), (right, left)):
                is_long = isinstance(sequence, str | list | tuple) and isinstance(count, int)
                if is_long and len(sequence) * count > MAX_SEQUENCE:
                    raise SecurityError(f"a template may not build more than {MAX_SEQUENCE} signs by '*'")
        return super().call_binop(context, operator, left, right)
