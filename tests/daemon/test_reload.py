"""Rules and templates that change while Premura runs: the watch, what it puts in force, and what it says of it.

tests/process/test_reload.py lets the command itself live with changing files.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import workspace
from engine.app import open_app
from engine.check import check
from engine.core.actions import State
from engine.daemon import reload
from engine.daemon.reload import SETTLED, News, Watch
from engine.decide.rule import load
from engine.workspace import read_rules, read_templates, read_text
from tests.workspaces import FILES, TEMPLATES, THANKS, consents, customers, deliveries, drop, make, table

NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
LATER = THANKS + 'after = "P2D"\n'
BROKEN = THANKS.replace("[on]", "[when]")
ROUND = 1.0


class Days:
    """A workspace with its watch, whose rounds come one second after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = open_app(folder, lambda: self.now, io.StringIO())
        self.app.ready()
        self.watch = Watch(app=self.app)
        self.now, self.seconds = NOON, 0.0

    def round(self) -> News | None:
        """One look."""
        self.seconds += ROUND
        return self.watch.look(self.seconds)

    def rounds(self, number: int = 5) -> list[News]:
        """So many looks: what there was to tell."""
        return [news for news in (self.round() for _ in range(number)) if news is not None]

    def write(self, text: str, name: str = "rules/thanks.toml") -> None:
        """Write a file of the workspace."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    @property
    def rules(self) -> dict[str, str]:
        """The text of each rule in force."""
        return {rule.id: rule.text for rule in self.app.rules}

    def take(self, *files: tuple[str, str]) -> None:
        """Take in files."""
        for name, text in files:
            self.app.ingest(drop(self.folder, name, text))

    def planned(self) -> list[dict[str, Any]]:
        """All actions, with everything that is pinned to them."""
        file = sqlite3.connect(self.folder / "premura.db")
        file.row_factory = sqlite3.Row
        found = [dict(row) for row in file.execute("SELECT * FROM action ORDER BY id")]
        file.close()
        return found


@pytest.fixture
def days(tmp_path: Path) -> Iterator[Days]:
    found = Days(make(tmp_path / "shop"))
    assert found.rounds() == [], "what is in force is what is in the folder"
    yield found
    found.app.close()


def another(text: str, name: str) -> str:
    """The same rule under another name."""
    return text.replace('id = "thanks"', f'id = "{name}"')


# What a change comes to


def add(days: Days) -> None:
    days.write(another(THANKS, "more"), "rules/more.toml")


def change(days: Days) -> None:
    days.write(LATER)


def remove(days: Days) -> None:
    (days.folder / "rules" / "thanks.toml").unlink()


def rename(days: Days) -> None:
    remove(days)
    days.write(another(THANKS, "welcome"), "rules/sub/welcome.toml")


def retell(days: Days) -> None:
    days.write("<p>Mille grazie!</p>\n", "templates/email/thanks.it.html.j2")


def rewrite_with_the_same_size_and_time(days: Days) -> None:
    path = days.folder / "rules" / "thanks.toml"
    found = path.stat()
    path.write_text(THANKS.replace("0.0", "0.5"), encoding="utf-8")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize(
    ("deed", "ids"),
    [
        (add, {"added": ["more"]}),
        (change, {"changed": ["thanks"]}),
        (remove, {"removed": ["thanks"]}),
        (rename, {"added": ["welcome"], "removed": ["thanks"]}),
        (retell, {"templates": ["email/thanks.it.html.j2"]}),
        (rewrite_with_the_same_size_and_time, {"changed": ["thanks"]}),
    ],
)
def test_what_changed_is_in_force_and_told_once(
    days: Days, deed: Callable[[Days], None], ids: dict[str, list[str]]
) -> None:
    before = {rule.id: rule.hash[:8] for rule in days.app.rules}
    deed(days)
    (news,) = days.rounds()

    assert news.event == "reloaded"
    assert {key: list(said) for key, said in news.said.items() if said} == ids
    after = {rule.id: rule.hash[:8] for rule in days.app.rules}
    assert news.said["added"] == {name: after[name] for name in ids.get("added", [])}
    assert news.said["removed"] == {name: before[name] for name in ids.get("removed", [])}
    assert news.said["changed"] == {name: f"{before[name]} -> {after[name]}" for name in ids.get("changed", [])}
    assert days.rules == {Path(name).stem: text for name, text in read_rules(days.folder).items()}
    assert days.app.templates.sources == days.app.office.templates.sources == read_templates(days.folder)


def touch(days: Days) -> None:
    days.write(THANKS)


def take_away_and_put_back(days: Days) -> None:
    remove(days)
    touch(days)


def lay_something_beside(days: Days) -> None:
    days.write("not a rule", "rules/README.md")
    (days.folder / "rules" / "folder.toml").mkdir()
    (days.folder / "rules" / ".#thanks.toml").symlink_to("somebody@desk.4711")  # an editor's lock


@pytest.mark.parametrize("deed", [touch, take_away_and_put_back, lay_something_beside])
def test_what_is_the_same_is_not_told(days: Days, deed: Callable[[Days], None]) -> None:
    rules = days.app.rules
    deed(days)
    assert days.rounds() == []
    assert days.app.rules is rules


def test_a_broken_one_leaves_all_in_force_and_is_told_once_with_every_fault(days: Days) -> None:
    office, rules = days.app.office, days.app.rules
    add(days)
    retell(days)
    days.write(BROKEN)
    days.write("{{ customer.nam }}", "templates/task/call.it.txt.j2")
    (news,) = days.rounds()

    assert news.event == "refused"
    assert news.said["faults"] == len(news.said["why"]) > 1
    assert news.said["why"] == [str(fault) for fault in check(days.folder)], "as premura check says it"
    assert [line for line in news.said["why"] if line.startswith("rules/thanks.toml:") and "R010" in line]
    assert [line for line in news.said["why"] if line.startswith("templates/task/call.it.txt.j2:1: T002")]
    assert (days.app.office, days.app.rules) == (office, rules), "not even what is sound in itself"

    days.write(BROKEN)
    assert days.rounds() == [], "touched, and as broken as before"
    days.write(THANKS)
    (news,) = days.rounds()
    assert (news.event, news.said["faults"]) == ("refused", 1), "half mended is another change"
    days.write(TEMPLATES["task/call.it.txt.j2"], "templates/task/call.it.txt.j2")
    (news,) = days.rounds()
    assert (news.event, list(news.said["added"])) == ("reloaded", ["more"])


def test_a_change_that_was_refused_and_undone_leaves_no_doubt(days: Days) -> None:
    days.write(BROKEN)
    assert [news.event for news in days.rounds()] == ["refused"]
    days.write(THANKS)
    assert [news.event for news in days.rounds()] == ["unchanged"]
    assert days.rounds() == []
    days.write(BROKEN)
    assert [news.event for news in days.rounds()] == ["refused"], "the same fault again is news again"


def test_a_rule_for_a_channel_that_nobody_serves_is_refused(days: Days) -> None:
    days.write(another(THANKS, "card").replace("email", "note"), "rules/card.toml")
    days.write("Cara {{ customer.name }}, grazie.\n", "templates/note/thanks.it.txt.j2")
    (news,) = days.rounds()
    assert news.event == "refused"
    assert "rules/card.toml: P106 step 'mail' uses the channel note, which no adapter serves" in news.said["why"][0]


def test_a_rule_that_has_a_budget_is_not_taken_away(tmp_path: Path) -> None:
    """What the settings say of rules is asked again, as it is at the start."""
    money = "[costs]\nemail = 0.01\n[budgets]\nrules = { thanks = 5 }\n"
    days = Days(make(tmp_path / "shop", FILES + money))
    assert days.rounds() == []
    rename(days)
    (news,) = days.rounds()
    assert (news.event, list(days.rules)) == ("refused", ["thanks"])
    assert news.said["why"] == [str(fault) for fault in check(days.folder)]
    assert news.said["why"] == [
        (
            "premura.toml:19:11: P110 budgets.rules: there is no rule 'thanks' "
            "(hint: take its budget out and start premura run again, or put rules/thanks.toml back)"
        )
    ]
    shown = news.said["why"][0].replace("19:11", "42:11").replace("thanks", "win_back")
    assert shown in (workspace.shipped() / "docs" / "rules.md").read_text(encoding="utf-8")
    days.write(LATER)
    (news,) = days.rounds()
    assert (news.event, sorted(days.rules)) == ("reloaded", ["thanks", "welcome"])
    days.app.close()


@pytest.mark.parametrize(("name", "code"), [("rules/latin.toml", "R001"), ("templates/task/latin.it.txt.j2", "T001")])
def test_a_file_that_is_no_text_is_told_with_its_line(days: Days, name: str, code: str) -> None:
    (days.folder / name).write_bytes('a = "b"\nc = "perché"\n'.encode("latin-1"))
    (news,) = days.rounds()
    assert news.said["why"] == [f"{name}:2: {code} is not UTF-8 text (hint: save it as UTF-8)"]


# Files that are being written


def test_half_a_rule_is_not_taken_for_a_rule(days: Days) -> None:
    """What is written so far is sound, but without its last line it would thank two days too early."""
    for size in range(0, len(LATER), 20):
        days.write(LATER[:size])
        assert days.round() is None
    days.write(LATER)
    (news,) = days.rounds()
    assert (news.event, days.rules) == ("reloaded", {"thanks": LATER})


def test_it_waits_until_nothing_changed_for_a_while(days: Days) -> None:
    days.write(LATER)
    told = [days.round() is not None for _ in range(5)]
    assert told.index(True) == int(SETTLED / ROUND), "not in the round that saw it, nor before it has settled"
    assert told.count(True) == 1


def test_nothing_is_read_before_something_changes(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(reload, "read_text", lambda _folder, name: read.append(name))
    assert (days.rounds(), read) == ([], [])


@pytest.mark.parametrize("asked", [True, False])
def test_a_file_that_changes_while_it_is_read_is_read_again(
    days: Days, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    read, writing = read_text, True

    def write_meanwhile(folder: Path, name: str) -> Any:
        text = read(folder, name)
        if writing and name.startswith("rules/"):
            days.write(another(THANKS, "more") + f"# {days.seconds}\n", "rules/more.toml")
        return text

    monkeypatch.setattr(reload, "read_text", write_meanwhile)
    days.write(LATER)
    if asked:
        days.watch.ask()
    assert days.rounds() == []
    assert days.rules == {"thanks": THANKS}
    writing = False
    (news,) = days.rounds(1 if asked else 5)
    assert (news.event, list(news.said["added"]), list(news.said["changed"])) == ("reloaded", ["more"], ["thanks"])


# Who asks is answered


def test_who_asks_is_answered_at_once_and_each_time(days: Days) -> None:
    def answer() -> News:
        days.watch.ask()
        news = days.round()
        assert news is not None
        return news

    assert answer().event == "unchanged"
    days.write(LATER)
    assert (answer().event, days.rules) == ("reloaded", {"thanks": LATER})
    days.write(BROKEN)
    assert [answer().event, answer().event] == ["refused", "refused"], "asked twice, answered twice"
    assert days.rounds() == []
    days.write(LATER)
    assert answer().event == "unchanged"
    assert days.rounds() == []


def test_settings_count_after_a_restart_and_the_log_says_so(days: Days) -> None:
    def note() -> str:
        days.watch.ask()
        news = days.round()
        assert news is not None
        return str(news.said["settings"])

    assert note() == "premura.toml is read at a restart only; it has not changed"
    path = days.folder / "premura.toml"
    text = path.read_text(encoding="utf-8")
    for changed in (text + '[events."boiler.inspected"]\n', "[shop\n"):
        path.write_text(changed, encoding="utf-8")
        assert days.rounds() == [], "no rule and no template changed"
        assert note() == "premura.toml has changed; what it says now counts after a restart"

    path.write_text(text + '[events."boiler.inspected"]\n', encoding="utf-8")
    days.write(THANKS.replace("delivery.completed", "boiler.inspected"))
    (news,) = days.rounds()
    assert (news.event, news.said["settings"]) == ("refused", note())
    assert "R011 unknown event kind 'boiler.inspected'" in news.said["why"][0]
    path.write_text(text, encoding="utf-8")
    days.write(LATER)
    (news,) = days.rounds()
    assert "settings" not in news.said


# Any order of deeds

NAMES = ("thanks", "more", "welcome")
RULES = (THANKS, LATER, BROKEN, THANKS.replace("email/thanks", "email/merci"), "[on\n")
MERCI = "email/merci.it.html.j2", "email/merci.it.txt.j2"


def write_rule(days: Days, name: str, text: str) -> None:
    days.write(another(text, name), f"rules/{name}.toml")


def drop_rule(days: Days, name: str) -> None:
    (days.folder / "rules" / f"{name}.toml").unlink(missing_ok=True)


def move_rule(days: Days, name: str, to: str) -> None:
    path = days.folder / "rules" / f"{name}.toml"
    if path.exists():  # its id is not its name any more, so that this breaks it, or mends it
        path.rename(path.with_name(f"{to}.toml"))


def merci(days: Days, there: int) -> None:
    for number, file in enumerate(MERCI):
        path = days.folder / "templates" / file
        path.unlink(missing_ok=True)
        if number < there:
            path.write_text(TEMPLATES[file.replace("merci", "thanks")], encoding="utf-8")


names = st.sampled_from(NAMES)
DEEDS: st.SearchStrategy[Callable[[Days], Any]] = st.one_of(
    st.builds(lambda name, text: partial(write_rule, name=name, text=text), names, st.sampled_from(RULES)),
    st.builds(lambda name: partial(drop_rule, name=name), names),
    st.builds(lambda name, to: partial(move_rule, name=name, to=to), names, names),
    st.builds(lambda there: partial(merci, there=there), st.integers(0, 2)),
)


@pytest.fixture(scope="module")
def pattern() -> Iterator[Path]:
    """A workspace to copy."""
    with TemporaryDirectory() as folder:
        yield make(Path(folder) / "pattern")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(DEEDS, min_size=1, max_size=3), max_size=6))
def test_in_force_is_what_was_sound_last(pattern: Path, changes: list[list[Callable[[Days], Any]]]) -> None:
    """After whatever changes: what the folder holds if it is sound, what was in force before if it is not."""
    with TemporaryDirectory() as folder:
        days = Days(Path(shutil.copytree(pattern, Path(folder) / "shop")))
        held = (days.rules, days.app.templates.sources)
        seen = before = (read_rules(days.folder), read_templates(days.folder))
        refused = False
        for deeds in changes:
            for deed in deeds:
                deed(days)
            told = [news.event for news in days.rounds(4)]
            after = (read_rules(days.folder), read_templates(days.folder))
            faults = check(days.folder)
            if not faults:
                loaded = load(after[0], vocabulary=days.app.words, templates=days.app.templates.names)
                held = ({rule.id: rule.text for rule in loaded}, after[1])
            expected = ["refused"] if faults else ["reloaded"] if after != before else ["unchanged"] * refused
            assert told == ([] if after == seen else expected)
            assert (days.rules, days.app.templates.sources) == held
            seen, before, refused = after, before if faults else after, bool(faults)
        days.app.close()


# What was planned before


def begin(days: Days, number: int) -> None:
    """So many customers get a delivery, and are to be thanked in two days."""
    days.write(LATER)
    days.rounds()
    days.take(("customers.csv", customers(number)), ("consents.csv", consents(number)))
    days.take(("events.jsonl", deliveries(number, at=NOON - timedelta(minutes=1))))
    days.app.decide()
    days.app.schedule()


def test_what_is_planned_keeps_the_rule_that_planned_it(days: Days) -> None:
    begin(days, 1)
    before = days.planned()
    first = days.app.rules[0].hash
    assert [row["state"] for row in before] == [State.PLANNED]

    call = '[[step]]\nid = "call"\nchannel = "task"\ntemplate = "task/call"\nafter = "P5D"\n'
    days.write(THANKS.replace('stop_on = ["complaint.opened"]', "").partition("[[step]]")[0] + call)
    (news,) = days.rounds()
    assert news.event == "reloaded"
    days.app.decide()
    days.app.schedule()
    assert days.planned() == before, "neither changed, nor added to, nor taken away"

    days.now = NOON + timedelta(days=2)
    assert days.app.dispatch().states == {"delivered": 1}
    (mail,) = (days.folder / "out" / "mail" / "new").iterdir()
    assert message_from_bytes(mail.read_bytes(), policy=policy.default)["Subject"] == "Grazie, Giulia"

    event = json.loads(deliveries(1, at=days.now - timedelta(minutes=1)))
    days.take(("more.jsonl", json.dumps({**event, "id": "D-new"}) + "\n"))
    days.app.decide()
    second = [row for row in days.planned() if row["state"] == State.PLANNED]
    assert [row["channel"] for row in second] == ["task"], "what comes new is for the new rule"
    assert [row["rule_hash"] for row in days.planned()] == [first, days.app.rules[0].hash]


def test_what_stops_a_journey_is_what_its_own_rule_said(days: Days) -> None:
    begin(days, 2)
    days.write(LATER.replace("complaint.opened", "return.opened"))
    assert [news.event for news in days.rounds()] == ["reloaded"]

    stops = [
        {"customer": "C-0", "kind": "complaint.opened", "id": "X-1", "date": "2026-03-10T10:59:30Z"},
        {"customer": "C-1", "kind": "return.opened", "id": "X-2", "date": "2026-03-10T10:59:30Z"},
    ]
    days.take(("stops.csv", table(stops)))
    days.app.decide()
    assert sorted(row["state"] for row in days.planned()) == [State.CANCELLED, State.PLANNED]


def test_a_rule_that_was_taken_away_ends_what_it_began(days: Days) -> None:
    begin(days, 1)
    remove(days)
    assert [news.event for news in days.rounds()] == ["reloaded"]
    days.now = NOON + timedelta(days=2)
    assert (days.app.decide().removed, days.app.decide().removed) == (1, 0)
    assert days.app.dispatch().states == {}
    assert [(row["state"], row["reason"]) for row in days.planned()] == [("cancelled", "the rule was removed")]


def test_a_broken_file_takes_no_rule_away(days: Days) -> None:
    begin(days, 1)
    days.write(BROKEN)
    assert [news.event for news in days.rounds()] == ["refused"]
    days.now = NOON + timedelta(days=2)
    assert days.app.decide().removed == 0
    assert days.app.dispatch().states == {"delivered": 1}


def test_words_are_those_in_force_when_a_mail_is_written(days: Days) -> None:
    begin(days, 1)
    days.write("Subject: Mille grazie\n\nA presto.\n", "templates/email/thanks.it.txt.j2")
    assert [news.event for news in days.rounds()] == ["reloaded"]
    days.now = NOON + timedelta(days=2)
    days.app.dispatch()
    (mail,) = (days.folder / "out" / "mail" / "new").iterdir()
    assert message_from_bytes(mail.read_bytes(), policy=policy.default)["Subject"] == "Mille grazie"
