"""Consents and suppressions as they are kept."""

from __future__ import annotations

from sqlalchemy import Connection

from engine.core.facts import ConsentRecord, Customer
from engine.core.permission import Consent, Standing, Suppression
from engine.store import customers, permissions
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer, happened

KEY = "k" * 64


def record(ref: str = "C1", channel: str = "email", days: int = 0, **more: object) -> ConsentRecord:
    said = {"customer": ref, "purpose": "marketing", "channel": channel, "given": True, "at": NOON + days * DAY} | more
    return ConsentRecord(**said)  # type: ignore[arg-type] # a record's own fields


def test_the_same_word_is_kept_once(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        assert permissions.add_consents(connection, [(key, record()), (key, record(channel="note"))]) == 2
        assert permissions.add_consents(connection, [(key, record())]) == 0
        assert permissions.add_consents(connection, [(key, record(days=1)), (key, record(given=False))]) == 2
        assert permissions.add_consents(connection, []) == 0


def test_consents_are_in_the_order_of_their_giving(store: Store) -> None:
    with store.write() as connection:
        key, other = customer(connection, "C1"), customer(connection, "C2")
        permissions.add_consents(connection, [(key, record(days=2)), (key, record(days=1, given=False, source="form"))])
        permissions.add_consents(connection, [(other, record("C2"))])
        found = permissions.consents_of(connection, [key])
        assert found[key] == [
            Consent(purpose="marketing", channel="email", given=False, at=NOON + DAY, source="form"),
            Consent(purpose="marketing", channel="email", given=True, at=NOON + 2 * DAY),
        ]
        assert list(found) == [key]


class TestSuppression:
    def test_an_address_is_known_by_its_hash_however_it_is_written(self) -> None:
        digest = permissions.address_hash(KEY, "letizia@mail.example")
        assert digest == permissions.address_hash(KEY, " Letizia@Mail.example ")
        assert digest != permissions.address_hash("other", "letizia@mail.example")
        assert "letizia" not in digest

    def test_it_is_news_once_for_each_channel(self, store: Store) -> None:
        digest = permissions.address_hash(KEY, "letizia@mail.example")
        with store.write() as connection:
            assert permissions.suppress(connection, digest, "email", "bounced", NOON)
            assert not permissions.suppress(connection, digest, "email", "asked", NOON)
            assert permissions.suppress(connection, digest, "any", "asked", NOON)
            found = permissions.suppressions_of(connection, [digest, "0" * 64])
        assert found == {
            digest: [Suppression(channel="email", reason="bounced"), Suppression(channel="any", reason="asked")]
        }


def test_a_standing_is_all_that_is_known(store: Store) -> None:
    with store.write() as connection:
        keys = {ref: customer(connection, ref, email=f"{ref}@mail.example") for ref in ("C1", "C2")}
        keys["C3"] = customer(connection, "C3")
        permissions.add_consents(connection, [(keys["C1"], record())])
        permissions.suppress(connection, permissions.address_hash(KEY, "c2@mail.example"), "any", "asked", NOON)
        happened(connection, "complaint.opened", "C1")
        people = {key: known.facts for key, known in customers.load(connection).items()}
        found = permissions.standings(connection, people, KEY)
    consent = Consent(purpose="marketing", channel="email", given=True, at=NOON)
    assert found == {
        keys["C1"]: Standing(consents=(consent,), open_complaint=True),
        keys["C2"]: Standing(suppressions=(Suppression(channel="any", reason="asked"),)),
        keys["C3"]: Standing(),
    }


def test_a_standing_of_the_past_is_all_that_was_known_then(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection, email="c1@mail.example")
        permissions.add_consents(connection, [(key, record()), (key, record(days=2, given=False))])
        permissions.suppress(connection, permissions.address_hash(KEY, "c1@mail.example"), "any", "no", NOON + 4 * DAY)
        happened(connection, "complaint.opened", at=NOON + 3 * DAY)
        people = {key: customers.load(connection)[key].facts}

        def then(days: int) -> tuple[int, bool, int]:
            found = permissions.standings(connection, people, KEY, NOON + days * DAY)[key]
            return len(found.consents), found.open_complaint, len(found.suppressions)

        assert [then(days) for days in (-1, 0, 2, 3, 4)] == [
            (0, False, 0),
            (1, False, 0),
            (2, False, 0),
            (2, True, 0),
            (2, True, 1),
        ]
        assert then(4) == (2, True, len(permissions.standings(connection, people, KEY)[key].suppressions))


def test_a_suppression_outlives_the_customer(store: Store) -> None:
    with store.write() as connection:
        permissions.suppress(connection, permissions.address_hash(KEY, "c1@mail.example"), "any", "erased", NOON)
        key = customer(connection, "back", email="C1@mail.example")  # the same person, years later
        people = {key: Customer(ref="back", email="C1@mail.example")}
        assert permissions.standings(connection, people, KEY)[key].suppressions


def test_any_number_of_keys_can_be_asked_for(narrow: Connection) -> None:
    people = {number: Customer(ref=str(number), email=f"{number}@mail.example") for number in range(1, 3000)}
    assert set(permissions.standings(narrow, people, KEY).values()) == {Standing()}
