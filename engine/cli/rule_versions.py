"""Commands about the versions of rules: log and diff."""

from __future__ import annotations

import difflib
import io
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.display import say, show, table, when
from engine.cli.frame import HERE, Folder, Json, opened
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.app import App
    from engine.decide.rule_file import RuleFile
    from engine.store.rule_versions import Version

SHORT = 8
"""Signs of a hash that people are shown; as few as make it unique are enough when they write it."""
_STATES = {
    "in use": "{file} is the version last used",
    "changed": "{file} (version {hash}) is not the version last used: premura rules diff {rule}",
    "not used yet": "{file} (version {hash}) has not been used yet",
    "no file": "there is no file of this rule any more",
}


def since(instant: datetime | None, tz: str) -> str:
    """When a version was first used, in words."""
    return f"first used {when(instant, tz)}" if instant else "not used yet"


def log(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Only this rule.")] = "",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """List the versions of rules that were used, the newest first, and say where the file is another one now."""
    with opened(folder, quiet=as_json) as app:
        files, versions = _known(app, rule)
        tz = app.settings.shop.time_zone
    names = [rule] if rule else sorted(files.keys() | {version.rule_id for version in versions})
    found = [_history(name, files.get(name), [one for one in versions if one.rule_id == name]) for name in names]

    def human() -> None:
        for one in found:
            rows = [
                (version["hash"][:SHORT], when(version["first_used_at"], tz), when(version["last_used_at"], tz),
                 version["decisions"], "in force" if version["in_force"] else "")
                for version in one["versions"]
            ]  # fmt: skip
            say(one["rule"])
            if rows:
                table("", ("version", "first used", "last used", "decisions", ""), rows, right=("decisions",))
            short = (one["hash"] or "")[:SHORT]
            say("  " + _STATES[one["state"]].format(file=one["file"], hash=short, rule=one["rule"]))
        if not found:
            say("There is no rule, and none was ever used.")

    show(found, as_json=as_json, human=human)


def _history(rule: str, file: RuleFile | None, versions: Sequence[Version]) -> dict[str, Any]:
    """A rule's versions, the newest first, beside its file."""
    now = _hash(file) if file else None
    last = _last(versions)
    if file is None:
        state = "no file"
    elif last is None:
        state = "not used yet"
    else:
        state = "in use" if last.hash == now else "changed"
    return {
        "rule": rule,
        "file": file.file if file else None,
        "hash": now,
        "state": state,
        "versions": [
            {
                "hash": version.hash,
                "first_used_at": version.first_used_at,
                "last_used_at": version.last_used_at,
                "decisions": version.decisions,
                "in_force": version.hash == now,
            }
            for version in reversed(versions)
        ],
    }


def diff(
    rule: Annotated[str, typer.Argument(metavar="RULE")],
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="The hash of the older version; else the one last used.")
    ] = "",
    new: Annotated[str, typer.Argument(metavar="NEW", help="The hash of the newer version; else the file.")] = "",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Show what changed in a rule between two versions, or since a version; a hash may be cut short."""
    with opened(folder, quiet=as_json) as app:
        files, versions = _known(app, rule)
        tz = app.settings.shop.time_zone
    file, first = files.get(rule), {version.hash: version.first_used_at for version in versions}
    texts = {version.hash: version.text for version in versions} | ({_hash(file): file.text} if file else {})
    before, after = _old(rule, old, versions, texts), _new(rule, new, file, texts)

    def label(digest: str) -> str:
        return f"{rule} {digest[:SHORT]}, {since(first.get(digest), tz)}"

    lines = "".join(unified(texts[before], texts[after], label(before), label(after)))
    found = {
        "rule": rule,
        "old": {"hash": before, "first_used_at": first.get(before)},
        "new": {"hash": after, "first_used_at": first.get(after)},
        "diff": lines,
    }

    def human() -> None:
        if before == after:
            say(f"{rule}: no difference, both are version {after[:SHORT]}, {since(first.get(after), tz)}")
        else:
            print(lines, end="")  # as it is, also for `patch`: say() would read :words: as signs

    show(found, as_json=as_json, human=human)


def unified(old: str, new: str, old_label: str, new_label: str) -> Iterator[str]:
    """The lines of a unified diff, each with its end; empty when the texts are the same."""
    before, after = list(io.StringIO(old)), list(io.StringIO(new))  # split at \n and nowhere else
    for line in difflib.unified_diff(before, after, old_label, new_label):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _known(app: App, rule: str) -> tuple[dict[str, RuleFile], list[Version]]:
    """The rule files by id, as they are, faults or not, and the versions that were used, of one rule or of all."""
    from engine import workspace
    from engine.decide.rule_file import read_toml
    from engine.decide.shape import hint_at
    from engine.store import rule_versions

    read = [read_toml(name, text) for name, text in workspace.read_rules(app.folder).items()]
    files = {file.stem: file for file in read}
    with app.store.read() as connection:
        versions = rule_versions.used(connection, rule)
        if rule and rule not in files and not versions:
            every = {version.rule_id for version in rule_versions.used(connection)} | files.keys()
            hint = hint_at(rule, sorted(every)) or "premura rules list shows what there is"
            raise UsageError(f"there is no rule '{rule}' (hint: {hint})")
    return files, versions


def _hash(file: RuleFile) -> str:
    from engine.core.keys import sha256

    return sha256(file.text)


def _last(versions: Sequence[Version]) -> Version | None:
    """The version last used, which need not be the newest: a file may become again what it was."""
    return max(versions, key=lambda version: (version.last_used_at, version.first_used_at), default=None)


def _old(rule: str, words: str, versions: Sequence[Version], known: Collection[str]) -> str:
    if words:
        return _one(rule, words, known)
    last = _last(versions)
    if last is None:
        raise UsageError(f"{rule} has not been used yet, so its file has nothing to be compared with")
    return last.hash


def _new(rule: str, words: str, file: RuleFile | None, known: Collection[str]) -> str:
    if words:
        return _one(rule, words, known)
    if file is None:
        raise UsageError(f"there is no file of {rule} any more (hint: name two versions of premura rules log {rule})")
    return _hash(file)


def _one(rule: str, words: str, known: Collection[str]) -> str:
    """The one hash that begins so. Raises UsageError when there is none, or more than one."""
    found = sorted(digest for digest in known if digest.startswith(words.lower()))
    if not found:
        raise UsageError(f"{rule} has no version '{words}' (hint: premura rules log {rule} lists them)")
    if len(found) > 1:
        some = " or ".join(one[: len(words) + SHORT] for one in found)
        raise UsageError(f"'{words}' may be version {some}: write more of it")
    return found[0]
