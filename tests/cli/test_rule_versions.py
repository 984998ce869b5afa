"""`premura rules log` and `premura rules diff`: what a rule was when it decided, and what it is now."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.rule_versions import unified
from engine.core.keys import sha256
from engine.store import decisions
from tests.cli.test_commands import ran, told
from tests.shop import THANKS, Shop

LATER = THANKS.replace("P1D", "P2D")
LATEST = THANKS.replace("P1D", "P3D")


@pytest.fixture
def changed(shop: Shop) -> Shop:
    """A rule that was THANKS on 2 March and LATER on 3 and 4 March, with one decision and then two."""
    shop.customer()
    shop.event("service_call.completed", "2026-03-02T09:00:00+01:00")
    shop.app.decide()
    shop.rule("thanks", LATER)
    for day in ("03", "04"):
        shop.at(f"2026-03-{day}T11:00").event("service_call.completed", f"2026-03-{day}T09:00:00+01:00")
        shop.app.decide()
    shop.close()
    return shop


def test_the_log_has_every_version_that_was_used_the_newest_first(
    changed: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = told(capsys, "rules", "log", "thanks", "-w", changed.folder)

    assert (found["rule"], found["file"], found["state"]) == ("thanks", "rules/thanks.toml", "in use")
    assert found["hash"] == sha256(LATER)
    assert found["versions"] == [
        {
            "hash": sha256(LATER),
            "first_used_at": "2026-03-03T11:00:00+00:00",
            "last_used_at": "2026-03-04T11:00:00+00:00",
            "decisions": 2,
            "in_force": True,
        },
        {
            "hash": sha256(THANKS),
            "first_used_at": "2026-03-02T11:00:00+00:00",
            "last_used_at": "2026-03-02T11:00:00+00:00",
            "decisions": 1,
            "in_force": False,
        },
    ]
    out = ran(capsys, "rules", "log", "-w", changed.folder)[1]
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "thanks"
    assert f"{sha256(LATER)[:8]} 2026-03-03 12:00 2026-03-04 12:00 2 in force" in lines
    assert f"{sha256(THANKS)[:8]} 2026-03-02 12:00 2026-03-02 12:00 1" in lines
    assert lines[-1] == "rules/thanks.toml is the version last used"


def test_the_log_says_what_became_of_each_file(changed: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    changed.rule("fresh", THANKS.replace('"thanks"', '"fresh"'))
    changed.rule("thanks", LATEST)

    found = {one["rule"]: one for one in told(capsys, "rules", "log", "-w", changed.folder)}
    assert {name: (one["state"], len(one["versions"])) for name, one in found.items()} == {
        "fresh": ("not used yet", 0),
        "thanks": ("changed", 2),
    }
    assert not any(version["in_force"] for version in found["thanks"]["versions"])
    out = ran(capsys, "rules", "log", "-w", changed.folder)[1]
    assert f"(version {sha256(LATEST)[:8]}) is not the version last used: premura rules diff thanks" in out
    assert f"rules/fresh.toml (version {found['fresh']['hash'][:8]}) has not been used yet" in out

    (changed.folder / "rules" / "thanks.toml").unlink()
    (gone,) = told(capsys, "rules", "log", "thanks", "-w", changed.folder)
    assert (gone["state"], gone["file"], gone["hash"], len(gone["versions"])) == ("no file", None, None, 2)
    assert "no file of this rule any more" in ran(capsys, "rules", "log", "-w", changed.folder)[1]


def test_a_file_may_become_again_what_it_was(changed: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    changed.rule("thanks", THANKS)

    (found,) = told(capsys, "rules", "log", "thanks", "-w", changed.folder)
    assert found["state"] == "changed"
    assert [version["in_force"] for version in found["versions"]] == [False, True]

    changed.at("2026-03-05T11:00").event("service_call.completed", "2026-03-05T09:00:00+01:00")
    changed.app.decide()
    (found,) = told(capsys, "rules", "log", "thanks", "-w", changed.folder)
    assert found["state"] == "in use"
    assert [version["decisions"] for version in found["versions"]] == [2, 2]


def test_of_a_broken_or_foreign_file_the_versions_are_still_told(
    changed: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    changed.rule("thanks", "this is not TOML")
    changed.rule("elsewhere", "neither = is this")

    assert told(capsys, "rules", "log", "thanks", "-w", changed.folder)[0]["state"] == "changed"
    assert "+this is not TOML\n" in told(capsys, "rules", "diff", "thanks", "-w", changed.folder)["diff"]


def test_how_an_editor_ends_lines_makes_no_version(changed: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed.folder / "rules" / "thanks.toml"
    path.write_bytes(b"\xef\xbb\xbf" + LATER.replace("\n", "\r\n").encode())

    assert told(capsys, "rules", "log", "-w", changed.folder)[0]["state"] == "in use"
    assert told(capsys, "rules", "diff", "thanks", "-w", changed.folder)["diff"] == ""


def test_the_diff_is_from_the_version_last_used_to_the_file(changed: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    changed.rule("thanks", LATEST.replace("Thank for", ":smile: [b]for"))

    found = told(capsys, "rules", "diff", "thanks", "-w", changed.folder)
    code, out, err = ran(capsys, "rules", "diff", "thanks", "-w", changed.folder)

    assert (code, err, out) == (0, "", found["diff"])
    assert found["old"] == {"hash": sha256(LATER), "first_used_at": "2026-03-03T11:00:00+00:00"}
    assert found["new"]["first_used_at"] is None
    assert out.splitlines()[:2] == [
        f"--- thanks {sha256(LATER)[:8]}, first used 2026-03-03 12:00",
        f"+++ thanks {found['new']['hash'][:8]}, not used yet",
    ]
    assert [line for line in out.splitlines()[2:] if line.startswith(("-", "+"))] == [
        '-title = "Thank for a service call"',
        '+title = ":smile: [b]for a service call"',
        '-after = "P2D"',
        '+after = "P3D"',
    ]


def test_the_diff_between_named_versions(changed: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    changed.rule("thanks", LATEST)
    first, second, now = (sha256(text) for text in (THANKS, LATER, LATEST))

    def between(*hashes: str) -> tuple[str, str, list[str]]:
        found = told(capsys, "rules", "diff", "thanks", *hashes, "-w", changed.folder)
        lines = [line for line in found["diff"].splitlines()[2:] if line.startswith(("-", "+"))]
        return found["old"]["hash"], found["new"]["hash"], lines

    assert between() == (second, now, ['-after = "P2D"', '+after = "P3D"'])
    assert between(first[:6].upper()) == (first, now, ['-after = "P1D"', '+after = "P3D"'])
    assert between(first[:6], second) == (first, second, ['-after = "P1D"', '+after = "P2D"'])
    assert between(now[:8], first[:6]) == (now, first, ['-after = "P3D"', '+after = "P1D"'])
    same = ran(capsys, "rules", "diff", "thanks", first, first, "-w", changed.folder)[1]
    assert same == f"thanks: no difference, both are version {first[:8]}, first used 2026-03-02 12:00\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("diff", "thank"), "there is no rule 'thank' (hint: did you mean 'thanks'?)"),
        (("log", "nonsense"), "there is no rule 'nonsense' (hint: premura rules list shows what there is)"),
        (("diff", "thanks", "xyz"), "thanks has no version 'xyz' (hint: premura rules log thanks lists them)"),
        (("diff", "thanks", "0", "xyz"), "'0' may be version 00aaaaaaa or 00bbbbbbb: write more of it"),
        (("diff", "thanks", "00a", "00"), "'00' may be version 00aaaaaaaa or 00bbbbbbbb: write more of it"),
        (("diff", "fresh"), "fresh has not been used yet, so its file has nothing to be compared with"),
        (("diff", "gone"), "there is no file of gone any more (hint: name two versions of premura rules log gone)"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(
    shop: Shop, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    shop.rule("fresh", THANKS.replace('"thanks"', '"fresh"'))
    with shop.app.store.write() as connection:
        for rule, sign in (("thanks", "a"), ("thanks", "b"), ("gone", "c")):
            decisions.keep_version(connection, rule, "00" + sign * 62, THANKS, shop.app.clock())
    shop.close()

    assert ran(capsys, "rules", *words, "-w", shop.folder) == (2, "", f"{said}\n")


def patched(old: str, lines: str) -> str:
    """A text with a unified diff applied to it."""
    before, made, at, sign = list(io.StringIO(old)), list[str](), 0, ""
    for line in list(io.StringIO(lines))[2:]:
        previous, sign = sign, line[0]
        if sign == "@":
            hunk = re.fullmatch(r"@@ -(\d+)(,\d+)? \+\d+(,\d+)? @@\n", line)
            assert hunk
            begin = int(hunk[1]) - (hunk[2] != ",0")  # of no line, the number is that of the line before
            made += before[at:begin]
            at = begin
        elif sign == "+":
            made.append(line[1:])
        elif sign == "\\":
            if previous == "+":
                made[-1] = made[-1].removesuffix("\n")
        else:
            assert before[at].removesuffix("\n") == line[1:].removesuffix("\n")
            made += before[at : at + (sign == " ")]
            at += 1
    return "".join([*made, *before[at:]])


TEXTS = st.lists(st.sampled_from(["a", "b", "+c", "-d", "@@ -1 +1 @@", "", "è\r", "f\x0c\u2028g"]), max_size=9).map(
    "\n".join
)


@given(TEXTS, TEXTS, st.booleans(), st.booleans())
def test_a_diff_leads_from_the_one_text_to_the_other(old: str, new: str, one: bool, two: bool) -> None:
    before, after = old + "\n" * one, new + "\n" * two

    lines = "".join(unified(before, after, "old", "new"))

    assert patched(before, lines) == after
    assert (lines == "") is (before == after)
    if lines:
        assert lines.startswith("--- old\n+++ new\n@@ ")
