"""Which line of which template is to blame for an exception, in one clear fault."""

from __future__ import annotations

from collections.abc import Collection
from traceback import walk_tb

from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError

from engine.dispatch.sandbox import did_you_mean
from engine.errors import Fault

RENDERING = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a template can raise while it is rendered."""


_HINTS = {  # what Jinja2 says, and what is meant most of the time
    "No filter named": "docs/templates.md lists the filters",
    "Unexpected end of template": "each {% if … %} ends with {% endif %}",
    "unknown tag 'end": "nothing was opened that this could close",
    "unexpected '}'": "a value stands between {{ and }}",
    "end of print statement": "a value stands between {{ and }}",
}


def fault_of(error: Exception, file: str, *, files: Collection[str], folder: str) -> Fault:
    """The fault for what `file` raised, at the deepest line of a template that was under way.

    Jinja2 rewrites tracebacks so that they name templates and their lines; `files` tells which names are templates.
    """
    if isinstance(error, TemplateSyntaxError):
        file = error.filename or file  # a part that it asks for may be the one that cannot be read
        text = error.message or "cannot be read"
        hint = next(
            (hint for part, hint in _HINTS.items() if part in text), "docs/templates.md shows how one is written"
        )
        return Fault(file=f"{folder}/{file}", line=error.lineno, code="T001", text=text, hint=hint)
    line = 0
    for frame, at in walk_tb(error.__traceback__):
        if frame.f_code.co_filename in files:
            file, line = frame.f_code.co_filename, at
    text, _, hint = str(error).partition("\n")
    code = "T002" if isinstance(error, UndefinedError) else "T006"
    if isinstance(error, TemplateNotFound):
        code, text, hint = (
            "T003",
            f"it asks for '{error.name}', which is not there",
            did_you_mean(str(error.name), files),
        )
    return Fault(file=f"{folder}/{file}", line=line, code=code, text=text or type(error).__name__, hint=hint)
