"""Which line of which template is to blame for an exception, in one clear fault."""

from __future__ import annotations

from collections.abc import Collection
from traceback import walk_tb

from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError

from engine.dispatch.sandbox import did_you_mean
from engine.errors import Fault

RENDERING = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a template can raise while it is rendered."""


def fault_of(error: Exception, file: str, *, files: Collection[str], folder: str) -> Fault:
    """The fault for what `file` raised, at the deepest line of a template that was under way.

    Jinja2 rewrites tracebacks so that they name templates and their lines; `files` tells which names are templates.
    """
    if isinstance(error, TemplateSyntaxError):
        file = error.filename or file  # a part that it asks for may be the one that cannot be read
        return Fault(file=f"{folder}/{file}", line=error.lineno, code="T001", text=error.message or "cannot be read")
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
