"""Commands about rules: list, log, diff, and their JSON Schema for editors."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import rule_versions
from engine.cli.display import counts, say, show
from engine.cli.frame import HERE, Folder, Group, Json, opened
from engine.cli.rule_versions import SHORT, since
from engine.core.calendar import Duration
from engine.core.wording import COMMON, said_in
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.decide.rule import Trigger
    from engine.decide.vocabulary import Vocabulary
    from engine.report.channels import RuleLine
    from engine.store.rule_versions import Version

_STARTS = {"event": "on {}", "date": "on {}", "score": "when {}", "sweep": "{}"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(cls=Group, help="The rules, what they brought, and how they changed.", no_args_is_help=True)
    for name, command in (
        ("list", listing),
        ("log", rule_versions.log),
        ("diff", rule_versions.diff),
        ("schema", schema),
    ):
        group.command(name)(command)
    app.add_typer(group, name="rules")


def listing(folder: Folder = HERE, as_json: Json = False) -> None:
    """List the rules: what starts each, since when each is in use as it is now, what it answered and did; at the end
    those that were removed."""
    from engine.report.stage import report_channels
    from engine.store.rule_versions import first_used, used

    with opened(folder, quiet=as_json) as app:
        rules, tz = app.rules, app.settings.shop.time_zone
        with app.store.read() as connection:
            first, versions = first_used(connection), used(connection)
        lines = {line.rule: line for line in report_channels(app.store)}
    found: list[dict[str, Any]] = [
        {
            "id": rule.id,
            "title": rule.name,
            "purpose": rule.purpose,
            "starts": {"kind": rule.trigger.kind, "what": rule.trigger.what},
            "holdout": rule.holdout,
            "worth": None if rule.worth_micro is None else rule.worth_micro / 10**6,
            "removed": False,
            "file": rule.file,
            "hash": rule.hash,
            "first_used_at": first.get(rule.hash),
            "decisions": lines[rule.id].outcomes if rule.id in lines else {},
            "actions": lines[rule.id].actions if rule.id in lines else {},
        }
        for rule in rules
    ]
    gone = {one.rule_id: one for one in versions if one.rule_id not in {rule.id for rule in rules}}  # the last version
    removed = [_removed(one, lines.get(one.rule_id)) for one in gone.values()]

    def human() -> None:
        for rule, row in zip(rules, found, strict=True):
            say(f"{rule.id}: {rule.name}")
            say(f"  {_start(rule.trigger)}; {rule.purpose}, holdout {rule.holdout:.0%}")
            say(f"  version {rule.hash[:SHORT]}, {since(first.get(rule.hash), tz)}")
            say(f"  decisions: {counts(row['decisions'])}; actions: {_actions(row['actions'])}")
        if not rules:
            say("There is no rule. (hint: premura init puts those that come with Premura into rules/)")
        for row in removed:
            say(f"{row['id']}: {row['title']}")
            say(f"  removed; version {row['hash'][:SHORT]}, {since(row['first_used_at'], tz)}")
            say(f"  decisions: {counts(row['decisions'])}; actions: {_actions(row['actions'])}")

    show([*found, *removed], as_json=as_json, human=human)


def _start(trigger: Trigger) -> str:
    """What starts a rule, in words."""
    on = trigger.date
    later = f" plus {on.shift}" if on and on.shift != Duration() else ""
    again = ", every year" if on and on.yearly else ""
    return _STARTS[trigger.kind].format(trigger.what) + later + again


def _removed(version: Version, line: RuleLine | None) -> dict[str, Any]:
    """A rule that has no file any more, by its last version."""
    said = tomllib.loads(version.text)
    return {
        "id": version.rule_id,
        "title": said_in(said.get("title", ""), COMMON),
        "removed": True,
        "hash": version.hash,
        "first_used_at": version.first_used_at,
        "decisions": line.outcomes if line else {},
        "actions": line.actions if line else {},
    }


def _actions(found: dict[str, dict[str, int]]) -> str:
    return "; ".join(f"{channel} {counts(states)}" for channel, states in found.items()) or "none"


def schema(
    out: Annotated[Path | None, typer.Option(help="Write it to this file.")] = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Print the JSON Schema of a rule file, with this workspace's words, for editors that read one."""
    from engine.decide.schema import rule_schema

    made = rule_schema(*_words(folder))
    if out is None:
        show(made, as_json=True, human=lambda: None)
        return
    try:
        out.write_text(json.dumps(made, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out: {out} cannot be written ({error.strerror})") from None
    said = f"{out} is written; docs/rules.md says how an editor finds it"
    show({"schema": out}, as_json=as_json, human=lambda: say(said))


def _words(folder: Path) -> tuple[Vocabulary, Sequence[str]]:
    """The vocabulary and templates of the workspace; where there is none and none is named, what is built in."""
    from engine import assemble, config, workspace
    from engine.decide.vocabulary import vocabulary
    from engine.dispatch import render

    if folder == HERE and not (folder / config.FILE).is_file():
        return vocabulary(), ()
    settings = config.load(folder)
    return assemble.vocabulary(settings), render.names(workspace.read_templates(folder))
