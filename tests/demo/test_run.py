"""`premura demo`, shortened to two weeks: a workspace that tells what it did, and a second run that adds nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.cli import run
from engine.cli.story import tell
from engine.demo.run import demonstrate
from engine.errors import UsageError

DAYS = timedelta(days=15)


def _unwatched(_text: str, _total: int | None) -> Callable[[int], None]:
    return lambda _done: None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "premura-demo"


@pytest.fixture(scope="module")
def first(folder: Path) -> dict[str, Any]:
    return demonstrate(folder, progress=_unwatched, days=DAYS)


def test_it_sends_mails_and_cards_and_books_rewards(first: dict[str, Any]) -> None:
    assert first["new"]
    assert len(first["mails"]) > 10
    assert all(Path(mail["file"]).is_file() for mail in first["mails"])
    assert all(Path(name).is_file() for card in first["cards"] for name in card["files"])
    assert first["rewards"]
    assert {answer["outcome"] for answer in first["answers"]} >= {"act", "refused", "holdout"}


def test_the_page_shows_mails_cards_and_reasons(first: dict[str, Any], folder: Path) -> None:
    html = (folder / "look.html").read_text(encoding="utf-8")

    assert Path(first["page"]) == folder / "look.html"
    assert html.count("<iframe") == len({mail["rule"] for mail in first["mails"]})
    assert "✓ step mail: goes ahead" in html
    assert html.count("<pre>") == len({task["rule"] for task in first["tasks"]}) > 0
    for card in {card["rule"]: card for card in first["cards"]}.values():
        assert all(f"src='out/cards/{Path(name).name}'" in html for name in card["files"] if name.endswith("png"))


def test_the_table_tells_what_was_done_and_where_to_look(
    first: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tell(first)
    said = capsys.readouterr().out

    assert "out/mail/new/*.eml" in said
    assert "look.html" in said
    assert "premura explain" in said


def test_a_second_run_adds_nothing(first: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}

    again = demonstrate(folder, progress=_unwatched, days=DAYS)
    tell(again)

    assert not again["new"]
    assert again["again"]["decide"]["actions"] == 0
    assert again["again"]["dispatch"]["states"] == {}
    assert "0 new actions, 0 sent" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()} == before
    assert [len(again[name]) for name in ("mails", "cards", "tasks", "rewards")] == [
        len(first[name]) for name in ("mails", "cards", "tasks", "rewards")
    ]


def test_it_leaves_a_shop_alone(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path)]) == 0
    before = (tmp_path / "premura.db").read_bytes()
    with pytest.raises(UsageError, match="is a shop's workspace; the demo was not put into it"):
        demonstrate(tmp_path, progress=_unwatched, days=DAYS)
    assert list((tmp_path / "inbox").iterdir()) == []
    with sqlite3.connect(tmp_path / "premura.db") as store:
        assert store.execute("SELECT count(*) FROM customer").fetchone() == (0,)
    store.close()
    assert (tmp_path / "premura.db").read_bytes() == before


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, first: dict[str, Any]) -> None:
    class Interrupt(Exception):  # noqa: N818 - stands for a person's Ctrl-C
        pass

    lived = 0

    def watched(text: str, _total: int | None) -> Callable[[int], None]:
        def step(done: int) -> None:
            nonlocal lived
            lived += done if "living" in text else 0
            if lived == 7:
                lived += 1
                raise Interrupt

        return step

    with pytest.raises(Interrupt):
        demonstrate(tmp_path / "d", progress=watched, days=DAYS)
    whole = demonstrate(tmp_path / "d", progress=_unwatched, days=DAYS)

    assert [len(whole[name]) for name in ("mails", "cards", "tasks", "rewards")] == [
        len(first[name]) for name in ("mails", "cards", "tasks", "rewards")
    ]
