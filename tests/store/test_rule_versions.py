"""Which versions of rules were used, when, and how often."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection

from engine.core.answers import record, short
from engine.store import decisions, rule_versions
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64


def _decided(connection: Connection, rule: str, digest: str, at: datetime, number: int = 1) -> None:
    """A rule is used by this version, for so many occurrences."""
    decisions.keep_version(connection, rule, digest, f'id = "{rule}" # {digest[0]}', at)
    for one in range(number):
        values = {
            "rule_id": rule,
            "customer_id": customer(connection),
            "occurrence": f"{digest[0]}/{at.isoformat()}/{one}",
            "event_id": None,
            "answers": json.loads(record("{}", "{}", [json.dumps([short(digest), "act", "treated", "", {}])])),
        }
        decisions.add_decisions(connection, [values], at)
        decisions.count_answers(connection, {(digest, "act"): 1}, at)


def _lived(connection: Connection) -> None:
    """`thanks` was OLD, then NEW, then OLD again; `quote` came between."""
    _decided(connection, "thanks", OLD, NOON, 2)
    _decided(connection, "thanks", NEW, NOON + 2 * DAY, 3)
    _decided(connection, "quote", OTHER, NOON + DAY)
    _decided(connection, "thanks", OLD, NOON + 3 * DAY)


def test_nothing_was_used_in_an_empty_store(store: Store) -> None:
    with store.read() as connection:
        assert rule_versions.used(connection) == []
        assert rule_versions.first_used(connection) == {}


def test_each_version_says_when_it_was_used_and_how_often(store: Store) -> None:
    with store.write() as connection:
        _lived(connection)
    with store.read() as connection:
        found = rule_versions.used(connection)

    assert [(one.rule_id, one.hash, one.decisions) for one in found] == [
        ("thanks", OLD, 3),
        ("quote", OTHER, 1),
        ("thanks", NEW, 3),
    ]
    assert [(one.first_used_at, one.last_used_at) for one in found] == [
        (NOON, NOON + 3 * DAY),
        (NOON + DAY, NOON + DAY),
        (NOON + 2 * DAY, NOON + 2 * DAY),
    ]
    assert found[0].text == 'id = "thanks" # a'
    assert found[0].last_used_at.tzinfo is not None


def test_those_of_one_rule_are_the_same_without_the_others(store: Store) -> None:
    with store.write() as connection:
        _lived(connection)
    with store.read() as connection:
        every = rule_versions.used(connection)
        assert rule_versions.used(connection, "thanks") == [one for one in every if one.rule_id == "thanks"]
        assert rule_versions.used(connection, "quote") == [one for one in every if one.rule_id == "quote"]
        assert rule_versions.used(connection, "nonsense") == []


def test_a_version_whose_decisions_are_gone_is_still_known(store: Store) -> None:
    with store.write() as connection:
        decisions.keep_version(connection, "thanks", OLD, "text", NOON)
        (found,) = rule_versions.used(connection)

    assert (found.decisions, found.last_used_at) == (0, NOON)


def test_the_first_use_of_each_version(store: Store) -> None:
    with store.write() as connection:
        _lived(connection)
        assert rule_versions.first_used(connection) == {OLD: NOON, OTHER: NOON + DAY, NEW: NOON + 2 * DAY}


def test_the_text_of_a_version(store: Store) -> None:
    with store.write() as connection:
        _lived(connection)

        assert rule_versions.text(connection, OLD) == 'id = "thanks" # a'
