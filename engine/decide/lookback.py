"""What a condition may ask about a customer's history, and what is wrong with a question. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.core.actions import PURCHASE
from engine.core.calendar import Duration, parse_duration
from engine.core.lookback import ABOUT_EVENTS
from engine.decide.problems import FUNCTIONS, Problem, near
from engine.decide.vocabulary import Scope


def problems(
    function: str, arguments: Sequence[tuple[str | None, int]], offset: int, scope: Scope
) -> Iterator[Problem]:
    """Everything that is wrong with a question of that name at `offset`.

    arguments: each as it is written out, None where it is not, with its offset.
    """
    if not scope.kinds:
        text = f"{function}() cannot be asked here"
        yield Problem(offset=offset, code="R034", text=text, hint=scope.foreign)
        return
    for number, (said, place) in enumerate(arguments):
        is_kind = number == 0 and function in ABOUT_EVENTS
        if said is None:
            what = "an event kind" if is_kind else "a period"
            hint = f"write {FUNCTIONS[function]}"
            yield Problem(offset=place, code="R034", text=f"{function}() takes {what} that is written out", hint=hint)
        elif is_kind and said not in scope.kinds:
            asked = "count_purchases('P90D') > 0 asks about sales" if said == PURCHASE else ""
            hint = asked or near(said, scope.kinds) or "docs/rules.md lists what there is"
            yield Problem(offset=place, code="R037", text=f"unknown event kind '{said}'", hint=hint)
        elif not is_kind and (wrong := _of_period(said)):
            yield Problem(offset=place, code="R036", text=wrong, hint=_meant(said))


def _of_period(text: str) -> str:
    try:
        return f"'{text}' is no time at all" if parse_duration(text) == Duration() else ""
    except ValueError as error:
        return str(error)


def _meant(text: str) -> str:
    guesses = (guess for guess in (text.upper(), f"P{text.upper()}", f"PT{text.upper()}") if not _of_period(guess))
    return f"write '{next(guesses, 'P90D')}'"
