"""Doubts as people see them: what is known, what comes by itself, and the command that ends each."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine import inquiry
from engine.cli import run
from engine.core.actions import State
from engine.dispatch.port import Idempotency, Message, Receipt
from engine.errors import DeliveryError
from tests.dispatch.shop import Told
from tests.shop import Shop

DONE = "service_call.completed"


class Asked(Told):
    """Its provider can be asked."""

    async def find(self, _message: Message) -> Receipt | None:
        return None


def doubted(shop: Shop, adapter: Told, *, said: str = "no answer after DATA") -> list[dict[str, Any]]:
    """A thank-you of which the adapter does not know whether it went out."""
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    shop.app.decide()
    shop.app.schedule()
    shop.at("2026-03-03T11:00")
    shop.app.adapters["files"] = adapter
    adapter.deeds.append(DeliveryError(said, ambiguous=True))
    shop.app.dispatch()
    return inquiry.actions(shop.app, "unknown")


@pytest.mark.parametrize(
    ("adapter", "by_itself"),
    [
        (Told("email"), ""),
        (Told("email", Idempotency.KEY), "sent again under the same key"),
        (Asked("email", Idempotency.SEARCH), "the provider is asked whether it has it"),
    ],
)
def test_each_doubt_says_what_is_known_and_what_comes_by_itself(shop: Shop, adapter: Told, by_itself: str) -> None:
    (row,) = doubted(shop, adapter)
    doubt = row["doubt"]
    assert (row["state"], doubt.attempts, doubt.adapter) == (State.UNKNOWN, 1, "files")
    assert doubt.last_at is not None
    assert doubt.last_at.isoformat() == "2026-03-03T11:00:00+00:00"
    assert doubt.said == "no answer after DATA"
    assert doubt.by_itself == by_itself
    assert (doubt.at is None) == (by_itself == "")
    adapter.deeds.clear()


def test_what_was_begun_again_and_never_went_is_not_what_was_said_last(shop: Shop) -> None:
    adapter = Told("email", Idempotency.KEY)
    (row,) = doubted(shop, adapter)
    shop.at("2026-03-03T13:00")
    shop.app.adapters["files"] = adapter
    shop.app.dispatch(stopping=lambda: len(inquiry.action(shop.app, row["id"])["attempts"]) == 2)

    (row,) = inquiry.actions(shop.app, "unknown")
    assert (row["doubt"].attempts, row["doubt"].said) == (1, "no answer after DATA")
    assert [one["outcome"] for one in inquiry.action(shop.app, row["id"])["attempts"]] == ["unknown", "not sent"]


def test_the_commands_that_it_shows_resolve_it(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    doubted(shop, Told("email"))
    shop.close()
    where = ["-w", str(shop.folder)]
    capsys.readouterr()
    assert run(["actions", "list", "--state", "unknown", *where]) == 0
    shown = capsys.readouterr().out
    assert "tried once by files, last at 2026-03-03 12:00: no answer after DATA" in shown
    document = _json(capsys, "actions", "list", "--state", "unknown", *where)
    sent, not_sent = document[0]["doubt"]["resolve"]
    assert sent in shown
    assert not_sent in shown
    assert re.fullmatch(r"premura actions resolve [0-9a-f]{8} --sent", sent)
    assert run([*sent.split()[1:], *where]) == 0
    assert "is accepted" in capsys.readouterr().out
    assert _json(capsys, "actions", "list", "--state", "unknown", *where) == []


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert run([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_no_adapter_serves_any_more_waits_for_a_person(shop: Shop) -> None:
    doubted(shop, Told("email", Idempotency.KEY))
    del shop.app.adapters["files"]
    (row,) = inquiry.actions(shop.app, "unknown")
    assert (row["doubt"].by_itself, row["doubt"].at) == ("", None)


def test_other_states_have_no_doubt(shop: Shop, tmp_path: Path) -> None:
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    shop.app.decide()
    assert all("doubt" not in row for row in inquiry.actions(shop.app, ""))
    assert tmp_path.is_dir()
