"""What `premura report lift` shows to people: a row of revenue, and one of margin where the shop knows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli import run
from tests.shop import THANKS, WHO, YES, Shop

REFS = [f"C{number}" for number in range(24)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Two dozen customers in four households, each served once; half are drawn, and all bought for twenty since."""
    opened = Shop(tmp_path / "shop", rules={"thanks": THANKS.replace("0.0", "0.4")})
    people = [
        {**WHO, "customer": ref, "email": f"{ref}@mail.example", "household": f"H{number // 6}"}
        for number, ref in enumerate(REFS)
    ]
    opened.ingest("customers", people)
    opened.ingest("consents", [{**YES, "customer": ref} for ref in REFS])
    day = "2026-03-02T09:00:00Z"
    served = [{"id": ref, "customer": ref, "kind": "service_call.completed", "date": day} for ref in REFS]
    opened.ingest("events", served)
    opened.app.decide()
    sold = [{"id": ref, "customer": ref, "date": "2026-03-09T09:00:00Z", "amount": "20.00"} for ref in REFS]
    opened.ingest("transactions", sold)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal on which a row is one line."""
    monkeypatch.setenv("COLUMNS", "200")


def told(shop: Shop, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    shop.close()
    capsys.readouterr()
    assert run(["report", "lift", *words, "-w", str(shop.folder)]) == 0
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def test_people_read_how_many_live_in_how_many_households(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.configure("margin = 0.35", "margin = 1.0")
    (line,) = json.loads(told(shop, capsys, "--json"))
    assert line["holdout"] == 6 * line["holdout_households"] > 0
    assert line["revenue"] == line["margin"]

    shown = told(shop, capsys)
    assert f"thanks {line['holdout']} in {line['holdout_households']} " in shown
    assert "revenue" in shown
    assert "too few yet" in shown
    assert "margin" not in shown, "nobody said what of a sale is kept"


def test_the_margin_has_a_row_of_its_own(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.configure("margin = 0.35", "margin = 0.25")
    (line,) = json.loads(told(shop, capsys, "--json"))
    assert {line["revenue"]["holdout_mean_minor"], line["margin"]["holdout_mean_minor"]} == {2000, 500}
    assert re.search(r"revenue \S*20,00.* margin \S*5,00", told(shop, capsys))


def test_on_a_narrow_terminal_no_name_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rule = THANKS.replace("0.0", "0.4").replace('id = "thanks"', 'id = "positive_feedback_thanks"')
    shop = Shop(tmp_path / "shop", rules={"positive_feedback_thanks": rule})
    shop.customer()
    shop.event("service_call.completed", "2026-03-02T09:00:00Z")
    shop.app.decide()
    assert re.search(r"positive_feedback_thanks (0 1 revenue – 0,00|1 0 revenue 0,00 € –)", told(shop, capsys))
