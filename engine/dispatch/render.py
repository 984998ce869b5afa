"""Words for a customer: templates and a context in, a mail or a note out. Reads no files.

A mail is two files, ``email/NAME.it.html.j2`` and ``email/NAME.it.txt.j2``; the second begins with the line
``Subject: ...`` and an empty line. Notes and tasks are one, ``note/NAME.it.txt.j2``; a task may begin with a subject
too. Files whose name begins with ``_`` are parts of others. The language is the customer's (it_IT, then it), else the
shop's, else English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import css_inline
from jinja2 import FunctionLoader, TemplateError, nodes

from engine.dispatch.blame import RENDERING, fault_of
from engine.dispatch.localise import known_locale
from engine.dispatch.proof import misnamed, sample_context
from engine.dispatch.sandbox import Fields, Sandbox, did_you_mean
from engine.errors import Fault, RuleError

FILE = re.compile(r"(?P<name>[a-z]+/[a-z0-9][a-z0-9_]*)\.(?P<tag>[a-z]{2,3}(?:_[A-Z]{2})?)\.(?P<part>html|txt)\.j2")
_SUBJECT = "Subject:"
_SUBJECT_OF = "#subject"  # behind a file's name: the template that its first line is
_TAGS = re.compile(r"\s*(?:\{%(?:(?!%\}).)*%\}\s*|\{#(?:(?!#\}).)*#\}\s*)*")
_LAST_TAG = re.compile(r"(?<![-+])([%#]\})$")
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f", " "))


@dataclass(frozen=True, slots=True, kw_only=True)
class MailText:
    """The words of one mail. `text` ends with a newline; `html` has its styles on the elements."""

    subject: str
    text: str
    html: str


class Templates:
    """All templates of a workspace, compiled when they are first used.

    sources: file name below the templates folder -> text. locale: the shop's. folder: how error messages call it.
    Whatever goes wrong in a template is a RuleError with one fault that names file and line.
    """

    def __init__(self, sources: Mapping[str, str], *, locale: str = "en", folder: str = "templates") -> None:
        self.sources = dict(sources)
        self.folder = folder
        self._locale = known_locale(locale) or "en"
        self.names = names(sources)
        found = [(match["name"], match["tag"]) for match in _matches(self.sources)]
        self._tags = {name: tuple(sorted({tag for one, tag in found if one == name})) for name in self.names}
        self._sandbox = Sandbox(FunctionLoader(self._load))
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_at_rules=True)

    def tags(self, name: str) -> tuple[str, ...]:
        """The languages in which a template is there: ``("en", "it")``."""
        return self._tags.get(name, ())

    def tag(self, name: str, locale: str) -> str:
        """The language in which a customer of that locale reads the template. Raises RuleError when there is none."""
        there = self.tags(name)
        for candidate in self._candidates(locale):
            if candidate in there:
                return candidate
        if there:
            raise self._error(name, code="T004", text=f"only in {', '.join(there)}", hint="add it in English")
        raise self._error(name, code="T003", text="no such template", hint=did_you_mean(name, self.names))

    def email(self, name: str, locale: str, context: Mapping[str, Any]) -> MailText:
        """The mail in the customer's language. Raises RuleError."""
        stem = f"{name}.{self.tag(name, locale)}"
        values = self._values(stem, locale, context)
        subject = self._subject(f"{stem}.txt.j2", values)
        text = _tidy(self._render(f"{stem}.txt.j2", values))
        html = self._render(f"{stem}.html.j2", {**values, "subject": subject})
        return MailText(subject=subject, text=text + "\n", html=self._inliner.inline(html))

    def titled(self, name: str, locale: str, context: Mapping[str, Any]) -> tuple[str, str]:
        """The subject of a task, empty when its file does not begin with one, and its words. Raises RuleError."""
        stem = f"{name}.{self.tag(name, locale)}"
        values, file = self._values(stem, locale, context), f"{stem}.txt.j2"
        subject = self._subject(file, values) if self._has_subject(file) else ""
        return subject, _tidy(self._render(file, values))

    def text(self, name: str, locale: str, context: Mapping[str, Any]) -> str:
        """The words of a note or a task in the customer's language; newlines part the paragraphs. Raises RuleError."""
        stem = f"{name}.{self.tag(name, locale)}"
        return _tidy(self._render(f"{stem}.txt.j2", self._values(stem, locale, context)))

    def parse(self, file: str) -> nodes.Template:
        """The syntax tree of a file. Raises RuleError if it does not compile."""
        try:
            for name in (file + _SUBJECT_OF, file) if self._has_subject(file) else (file,):
                self._sandbox.get_template(name)
        except TemplateError as error:
            raise self._blame(error, file) from None
        return self._sandbox.parse(self.sources[file], file, file)

    def _candidates(self, locale: str) -> Iterator[str]:
        for wanted in (known_locale(locale), self._locale, "en"):
            yield from (wanted, wanted.partition("_")[0])

    def _values(self, stem: str, locale: str, context: Mapping[str, Any]) -> dict[str, Any]:
        """The context as templates see it, with the locale that amounts and dates are written in."""
        tag = stem.rpartition(".")[2]
        language = tag.partition("_")[0]
        wanted = (known_locale(locale), self._locale)
        values = {name: Fields(name, value) if isinstance(value, dict) else value for name, value in context.items()}
        return {**values, "locale": next((name for name in wanted if name.partition("_")[0] == language), tag)}

    def _load(self, name: str) -> tuple[str, str, None] | None:
        """A template for the loader; the subject of a mail is one of its own, so that a line break in it is seen."""
        file = name.removesuffix(_SUBJECT_OF)
        source = self.sources.get(file)
        if source is None:
            return None
        if self._has_subject(file):
            first, _, rest = source.partition("\n")
            source = "\n" + rest if name == file else first
        return source if ".html." in file else _keep_line_ends(source), file, None

    def _has_subject(self, file: str) -> bool:
        """Whether the file's first line is a subject: always in a mail's text, in a task's where it is written."""
        if not file.endswith(".txt.j2") or FILE.fullmatch(file) is None:
            return False
        return file.startswith("email/") or (file.startswith("task/") and self.sources[file].startswith(_SUBJECT))

    def _subject(self, file: str, values: Mapping[str, Any]) -> str:
        first, _, rest = self.sources.get(file, _SUBJECT).partition("\n")
        if not first.startswith(_SUBJECT) or rest.partition("\n")[0].strip():
            hint = "the first line is 'Subject: ...', the second is empty"
            raise self._error(file, line=1, code="T005", text="does not begin with a subject", hint=hint)
        subject = self._render(file + _SUBJECT_OF, values).translate(_SPACES).removeprefix(_SUBJECT).strip()
        if not subject or not subject.isprintable():
            raise self._error(
                file, line=1, code="T005", text=f"the subject cannot be {subject!r}", hint="one line of text"
            )
        return subject

    def _render(self, name: str, values: Mapping[str, Any]) -> str:
        file = name.removesuffix(_SUBJECT_OF)
        if file not in self.sources:
            hint = "a mail has a .html.j2 and a .txt.j2" if file.startswith("email/") else "write it as .txt.j2"
            raise self._error(file, code="T003", text="this part of the template is missing", hint=hint)
        try:
            return self._sandbox.get_template(name).render(values)
        except RENDERING as error:
            raise self._blame(error, file) from None

    def _blame(self, error: Exception, file: str) -> RuleError:
        return RuleError([fault_of(error, file, files=self.sources, folder=self.folder)])

    def _error(self, file: str, *, line: int = 0, code: str, text: str, hint: str) -> RuleError:
        return RuleError([Fault(file=f"{self.folder}/{file}", line=line, code=code, text=text, hint=hint)])


_WAYS: dict[str, Callable[[Templates, str, str, Mapping[str, Any]], object]] = {
    "email": Templates.email,
    "task": Templates.titled,
}


def names(sources: Mapping[str, str]) -> tuple[str, ...]:
    """What a rule may name as its template: ``email/anniversary``, ``note/anniversary``."""
    return tuple(sorted({match["name"] for match in _matches(sources)}))


def check(
    sources: Mapping[str, str], *, locale: str = "en", folder: str = "templates", own: Mapping[str, Any] | None = None
) -> tuple[Fault, ...]:
    """Everything that is wrong with these templates: each is read, and rendered with the sample in its languages.

    own: further fields that an event may have, with an example of each.
    """
    templates = Templates(sources, locale=locale, folder=folder)
    found = [fault for file in sorted(sources) for fault in _unreadable(templates, file)]
    broken = {fault.file for fault in found}
    for name in templates.names:
        event = {**(own or {}), **sample_context()["event"]}
        tags = ("", *templates.tags(name))  # the empty one is a customer whose language nobody speaks
        found += [fault for fault in unwritten(templates, name, tags, event) if fault.file not in broken]
    return tuple(sorted(set(found)))


def unwritten(templates: Templates, name: str, tags: Iterable[str], event: Mapping[str, Any]) -> Iterator[Fault]:
    """Why a template could not be written in these languages for somebody to whom such an event happened."""
    render = _WAYS.get(name.partition("/")[0], Templates.text)
    for tag in tags:
        try:
            render(templates, name, tag, {**sample_context(), "event": dict(event)})
        except RuleError as error:
            yield from error.faults


def _unreadable(templates: Templates, file: str) -> Iterator[Fault]:
    shown = f"{templates.folder}/{file}"
    match = FILE.fullmatch(file)
    if match is None and not PurePosixPath(file).name.startswith("_"):
        hint = "channel/name.language.html.j2 or .txt.j2, such as note/welcome.it.txt.j2; parts begin with _"
        yield Fault(file=shown, code="T007", text="the name of the file says neither template nor language", hint=hint)
    elif match is not None and not known_locale(match["tag"]):
        yield Fault(file=shown, code="T007", text=f"there is no language '{match['tag']}'", hint="such as it or en")
    try:
        tree = templates.parse(file)
    except RuleError as error:
        yield from error.faults
    else:
        yield from misnamed(shown, tree)


def _matches(sources: Mapping[str, str]) -> Iterator[re.Match[str]]:
    return filter(None, map(FILE.fullmatch, sources))


def _keep_line_ends(source: str) -> str:
    """A line of nothing but tags leaves no trace, but one that ends in a tag keeps its end: Jinja2 would eat it."""
    lines = source.split("\n")
    return "\n".join(line if _TAGS.fullmatch(line) else _LAST_TAG.sub(r"+\1", line) for line in lines)


def _tidy(text: str) -> str:
    """Plain text as it is read: common spaces, no white space at line ends, at most one empty line in a row."""
    lines = [line.rstrip() for line in text.translate(_SPACES).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
