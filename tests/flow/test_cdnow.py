"""The CDNOW sample by the front door: read, scored as published, and a rule of one's own that speaks up once.

Figures of the models: Fader, Hardie & Lee 2005, Fader & Hardie 2013; of customers: tests/data/cdnow/README.md.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.cli import run
from engine.core.facts import Score
from engine.store import customers, scores
from engine.store.session import open_store
from tests.score.shops import CDNOW, cdnow_reference

SALES = CDNOW / "cdnow_sample_transactions.csv"
GONE_GOLD = """
id = "gone_gold"
title = "Look after a new gold customer"
purpose = "relationship"
holdout = 0.0

[on]
score = "tier == 'gold'"
when = "score.prev_tier == 'silver' && score.frequency >= 5"

[[step]]
id = "tell"
channel = "console"
template = "console/gone_gold"
"""
WORDS = "Somebody bought with us since {{ customer.since | date }} and is {{ score.tier }} now.\n"


class Command:
    """`premura` in one workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> str:
        """Run a command that must succeed without a word on standard error; what it printed."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([*arguments, "--workspace", str(self.folder)])
        assert (code, err.getvalue()) == (0, "")
        return out.getvalue()

    def json(self, *arguments: str) -> Any:
        """Run a command; its one JSON document."""
        return json.loads(self(*arguments, "--json"))

    def scores(self) -> dict[str, Score]:
        """The scores that are stored, by the customers' references."""
        store = open_store(f"sqlite:///{self.folder}/premura.db")
        try:
            with store.read() as connection:
                refs = {key: known.facts.ref for key, known in customers.load(connection).items()}
                return {refs[key]: found.facts for key, found in scores.load(connection).items()}
        finally:
            store.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A workspace that looks 39 weeks ahead, with one rule."""
    folder = tmp_path_factory.mktemp("cdnow") / "shop"
    with redirect_stdout(io.StringIO()):
        assert run(["init", str(folder)]) == 0
    settings = folder / "premura.toml"
    text = settings.read_text(encoding="utf-8").replace('horizon = "P365D"', 'horizon = "P273D"')
    settings.write_text(text, encoding="utf-8")
    for rule in (folder / "rules").iterdir():
        rule.unlink()
    (folder / "rules" / "gone_gold.toml").write_text(GONE_GOLD, encoding="utf-8")
    (folder / "templates" / "console").mkdir()
    for language in ("it", "en"):
        template = folder / "templates" / "console" / f"gone_gold.{language}.txt.j2"
        template.write_text(WORDS, encoding="utf-8")
    return Command(folder)


@dataclass(frozen=True, kw_only=True)
class Story:
    """What each command said, in the order in which they were run, and the scores after each scoring."""

    check: Any
    first: Any
    again: Any
    scored: Any
    september: dict[str, Score]
    told: str
    baseline: Any
    december: dict[str, Score]
    decided: Any
    scheduled: Any
    printed: str
    printed_again: str


@pytest.fixture(scope="module")
def story(shop: Command) -> Story:
    """The log is read twice and scored at the end of September; three months later there are new scores."""
    later = ("--as-of", "1997-12-31")
    return Story(
        check=shop.json("check"),
        first=shop.json("ingest", str(SALES)),
        again=shop.json("ingest", str(SALES)),
        scored=shop.json("score", "--as-of", "1997-09-30"),
        september=shop.scores(),
        told=shop("score", "--as-of", "1997-09-30"),
        baseline=shop.json("decide", "--as-of", "1997-09-30T18:00"),
        december=(shop.json("score", *later), shop.scores())[1],
        decided=shop.json("decide", *later),
        scheduled=shop.json("schedule", *later),
        printed=shop("dispatch", *later),
        printed_again=shop("dispatch", *later),
    )


@pytest.fixture(scope="module")
def gold(story: Story) -> set[str]:
    """Who became gold in the last quarter."""
    before = story.september
    return {ref for ref, score in story.december.items() if score.tier == "gold" != before[ref].tier}


@pytest.fixture(scope="module")
def became(story: Story, gold: set[str]) -> set[str]:
    """Whom the rule is for."""
    return {ref for ref in gold if story.september[ref].tier == "silver" and story.december[ref].frequency >= 5}


def test_the_workspace_is_sound(story: Story) -> None:
    assert story.check == {"faults": [], "store": ""}


def test_the_log_goes_in_once(story: Story) -> None:
    (first,), (again,) = story.first["files"], story.again["files"]

    assert (first["kind"], first["rows"], first["new"], first["rejected"]) == ("transactions", 6919, 6919, 0)
    assert (again["rows"], again["new"], again["known"], again["rejected"]) == (6919, 0, 6919, 0)
    assert first["columns"] == {"customer": "customer_id", "date": "date", "amount": "amount"}
    assert first["rejects_file"] == ""


def test_the_models_are_those_of_the_papers(story: Story) -> None:
    result = story.scored

    assert (result["model"], result["time_unit"], result["horizon"]) == ("bg_nbd", "week", "P273D")
    assert (result["customers"], result["repeaters"], result["transactions"]) == (2357, 946, 4814)
    assert list(result["params"]) == ["r", "alpha", "a", "b"]
    assert list(result["params"].values()) == pytest.approx([0.2426, 4.4136, 0.7929, 2.4259], abs=6e-5)
    assert result["log_likelihood"] == pytest.approx(-9582.429, abs=1e-3)
    assert list(result["spend_params"].values()) == pytest.approx([6.2496, 3.7442, 15.4435], abs=6e-5)
    assert result["spend_log_likelihood"] == pytest.approx(-4055.918, abs=1e-3)
    assert result["flags"] == []
    assert result["validation"]["norm_gini"] > result["validation"]["baselines"]["rate"]["norm_gini"]


def test_every_customer_of_the_reference_has_its_score(story: Story) -> None:
    assert len(story.september) == 2357
    reference = cdnow_reference()["customers_clvtools"]["bgnbd"]
    assert len(reference) == 13
    for one in reference:
        score = story.september[f"{int(one['Id']):04}"]
        assert (score.frequency, score.recency, score.T) == pytest.approx((one["x"], one["t.x"], one["T.cal"]))
        assert score.p_alive == pytest.approx(one["PAlive"], abs=1e-4)
        assert score.expected_purchases == pytest.approx(one["CET"], abs=1e-4)
        assert score.expected_spend_minor is not None
        assert score.expected_spend_minor / 100 == pytest.approx(one["predicted.mean.spending"], rel=1e-3, abs=0.006)


def test_the_history_of_each_customer_is_that_of_the_log(story: Story) -> None:
    days: dict[str, set[str]] = {}
    with SALES.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["date"] <= "1997-09-30":
                days.setdefault(row["customer_id"], set()).add(row["date"])

    assert {ref: score.frequency + 1 for ref, score in story.september.items()} == {
        ref: len(bought) for ref, bought in days.items()
    }


def test_people_read_the_same_figures(story: Story) -> None:
    assert "2357 customers with 4814 purchases, 946 came back; as of 1997-09-30, in weeks" in story.told
    assert "bg_nbd: r 0.2426  alpha 4.4136  a 0.7929  b 2.4259  (log-likelihood -9582.429)" in story.told
    assert "gamma_gamma: p 6.2496  q 3.7442  v 15.4435  (log-likelihood -4055.918)" in story.told


def test_the_first_scores_make_nobody_become_anything(story: Story) -> None:
    assert (story.baseline["outcomes"], story.baseline["actions"]) == ({}, 0)


def test_a_later_score_starts_the_rule_for_who_became_gold(story: Story, gold: set[str], became: set[str]) -> None:
    assert 3 < len(became) < len(gold)
    assert story.decided["scores"] == len(story.december)
    assert story.decided["outcomes"] == {"act": len(became), "no": len(gold) - len(became)}
    assert story.scheduled["scheduled"] == len(became)


def test_it_is_really_printed_and_once(story: Story, became: set[str]) -> None:
    told = Counter(line.split()[1] for line in story.printed.splitlines() if line.startswith("└"))

    assert told == Counter(dict.fromkeys(became, 1))
    assert story.printed.count("┌ Look after a new gold customer") == len(became)
    assert story.printed.count("and is gold now.") == len(became)
    assert "┌" not in story.printed_again


def test_everybody_can_be_explained(shop: Command, story: Story, became: set[str]) -> None:
    assert {action["state"] for action in shop.json("actions", "list")} == {"delivered"}
    (decision,) = shop.json("explain", min(became))["decisions"]
    assert (decision["rule_id"], decision["occurrence"]) == ("gone_gold", "score/1997-12-31")
    assert story.december[min(became)].p_alive == shop.json("explain", min(became))["score"]["p_alive"]
