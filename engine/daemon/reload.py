"""Rules and templates that change while the daemon lives: checked whole, then put in force all at once or not at all.

The settings stay those of the start: what a rule may say and who serves its channels is asked of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from stat import S_ISREG
from typing import Any, Literal

from engine import config
from engine.app import App
from engine.check import check_texts, idle
from engine.decide.rule import Rule
from engine.dispatch.render import Templates
from engine.errors import ConfigError, Fault
from engine.workspace import RULES, TEMPLATES, read_text

SETTLED = 2.0
"""Seconds without a change before files are read: half of a rule may be a rule too, one that leaves its `when` out."""

Signs = Mapping[str, tuple[int, ...]]  # file below the workspace -> what changes when it is written or replaced
Texts = Mapping[str, str | Fault]  # file below the workspace -> its text, or why it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What came of a look at the files, for the log."""

    event: Literal["reloaded", "refused", "unchanged"]
    said: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Watch:
    """Sees that rules or templates of a workspace changed, and puts them in force if all of them are sound."""

    app: App
    signs: Signs = field(default_factory=dict)  # of the files when they were last looked at
    since: float = 0.0  # when that was first seen of them
    pending: bool = True  # they were not read since
    refused: Texts | None = None  # what is in the files, where it is not what is in force
    asked: bool = False

    def ask(self, *_signal: object) -> None:
        """Let the next look read the files, whether or not they changed or settled, and tell what came of it."""
        self.asked = True

    def look(self, now: float) -> News | None:
        """Look whether files were changed, added or removed; None when there is nothing to tell.

        now: seconds of a clock that only goes forward. Not to be called while a stage is at work.
        """
        signs = _signs(self.app.folder)
        if signs != self.signs:
            self.signs, self.since, self.pending = signs, now, True
        asked = self.asked
        if asked:
            self.asked = False  # before the files are read: who asks after that is answered again
        elif not self.pending or now - self.since < SETTLED:
            return None
        texts = {name: read_text(self.app.folder, name) for name in signs}
        if _signs(self.app.folder) != signs:
            if asked:
                self.asked = True
            return None  # somebody is writing: the next look sees it again
        self.pending = False
        return self._judge(texts, asked=asked)

    def _judge(self, texts: Texts, *, asked: bool) -> News | None:
        if texts == _in_force(self.app):
            undone, self.refused = self.refused is not None, None
            return self._news("unchanged", asked=asked) if asked or undone else None
        if texts == self.refused and not asked:
            return None
        rules, templates, faults = _checked(self.app, texts)
        if faults:
            self.refused = texts
            return self._news("refused", asked=asked, faults=len(faults), why=[str(fault) for fault in faults])
        said = {**_compared(self.app.rules, rules), "templates": _differing(self.app.templates.sources, templates)}
        self.app.use(rules, Templates(templates, locale=self.app.settings.shop.locale))
        self.refused = None
        return self._news("reloaded", asked=asked, **said)

    def _news(self, event: Literal["reloaded", "refused", "unchanged"], *, asked: bool, **said: Any) -> News:
        """With a word on the settings when they changed too, or when somebody asked."""
        try:
            changed = config.load(self.app.folder) != self.app.settings
        except ConfigError:
            changed = True
        if changed:
            said["settings"] = f"{config.FILE} has changed; what it says now counts after a restart"
        elif asked:
            said["settings"] = f"{config.FILE} is read at a restart only; it has not changed"
        return News(event=event, said=said)


def _signs(folder: Path) -> Signs:
    """Of the files that `engine.workspace` reads."""
    signs = {}
    for path in chain((folder / RULES).rglob("*.toml"), (folder / TEMPLATES).rglob("*.j2")):
        with suppress(FileNotFoundError):  # an editor's lock, which is a link to nothing; or taken away just now
            found = path.stat()
            if S_ISREG(found.st_mode):
                sign = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
                signs[path.relative_to(folder).as_posix()] = sign
    return signs


def _in_force(app: App) -> Texts:
    templates = {f"{TEMPLATES}/{name}": text for name, text in app.templates.sources.items()}
    return {rule.file: rule.text for rule in app.rules} | templates


def _checked(app: App, texts: Texts) -> tuple[tuple[Rule, ...], dict[str, str], tuple[Fault, ...]]:
    """Rules, templates by name, and all that is wrong with them; files that nobody can read are told first."""
    if unread := sorted(text for text in texts.values() if isinstance(text, Fault)):
        return (), {}, tuple(unread)
    read = {name: str(text) for name, text in texts.items()}
    sources = {name: text for name, text in read.items() if name.startswith(f"{RULES}/")}
    templates = {name.removeprefix(f"{TEMPLATES}/"): text for name, text in read.items() if name not in sources}
    rules, faults = check_texts(sources, templates, app.settings, app.words)
    return rules, templates, tuple(sorted({*faults, *idle(rules, app.settings, app.adapters, app.folder)}))


def _compared(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> dict[str, dict[str, str]]:
    """Which rules came, changed and went, each with the beginning of its hash."""
    before, after = ({rule.id: rule.hash[:8] for rule in rules} for rules in (old, new))
    return {
        "added": {name: after[name] for name in after if name not in before},
        "changed": {
            name: f"{before[name]} -> {after[name]}" for name in after if before.get(name, after[name]) != after[name]
        },
        "removed": {name: before[name] for name in before if name not in after},
    }


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
