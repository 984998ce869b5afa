"""Many rows in one statement: what comes back is what went in, as if SQLAlchemy had written it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from engine.store import rows, tables
from engine.store.session import Store
from tests.store.seed import HASH, NOON, customer

EVENT = tables.table(tables.Event)
JOURNEY = tables.table(tables.Journey)
JOURNEY = tables.table(tables.Journey)


def event(connection: Connection, key: str, **more: Any) -> dict[str, Any]:
    values = {
        "customer_id": customer(connection),
        "source": "till",
        "ext_key": key,
        "kind": "quote.sent",
        "occurred_at": NOON,
        "payload": {"what": "caldaia a condensazione à 24 kW 'nuova'", "amount": 1200.5, "more": [1, None, True]},
    }
    return values | more


class TestAdd:
    def test_what_comes_back_is_what_went_in(self, store: Store) -> None:
        local = datetime(2026, 3, 29, 3, 30, tzinfo=UTC) + timedelta(microseconds=17)
        with store.write() as connection:
            made = [event(connection, "1"), event(connection, "2", occurred_at=local, payload={})]
            assert rows.add(connection, EVENT, made, {"received_at": NOON}) == 2
            found = connection.execute(select(EVENT).order_by(EVENT.c.id)).all()
        assert [{name: getattr(row, name) for name in made[0]} for row in found] == made
        assert {row.received_at for row in found} == {NOON}

    def test_it_writes_what_sqlalchemy_writes(self, store: Store) -> None:
        with store.write() as connection:
            one, other = event(connection, "1"), event(connection, "2")
            rows.add(connection, EVENT, [one], {"received_at": NOON})
            connection.execute(insert(EVENT), [other | {"received_at": NOON}])
            read = select(EVENT.c.kind, EVENT.c.occurred_at, EVENT.c.received_at, EVENT.c.payload)
            first, second = connection.execute(read.order_by(EVENT.c.id)).all()
        assert first == second

    def test_what_is_known_is_left_and_not_counted(self, store: Store) -> None:
        with store.write() as connection:
            rows.add(connection, EVENT, [event(connection, "1")], {"received_at": NOON})
            again = [event(connection, "1", kind="other.kind"), event(connection, "2")]
            assert rows.add(connection, EVENT, again, {"received_at": NOON}) == 1
            kinds = connection.execute(select(EVENT.c.kind).order_by(EVENT.c.id)).scalars().all()
        assert kinds == ["quote.sent", "quote.sent"]

    @pytest.mark.parametrize("number", [1, 60])
    @pytest.mark.parametrize("fault", [{"kind": None}, {"occurred_at": None}, {}])
    def test_what_a_column_does_not_take_is_no_row_that_is_known(
        self, store: Store, number: int, fault: dict[str, None]
    ) -> None:
        common = {"received_at": NOON} if fault else {}
        with store.write() as connection:
            made = [event(connection, str(one)) for one in range(number)]
            made += [event(connection, "bad") | fault]
            with pytest.raises(IntegrityError):
                rows.add(connection, EVENT, made, common)

    @pytest.mark.parametrize("number", [1, 60])
    def test_a_customer_whom_nobody_knows_undoes_the_whole(self, store: Store, number: int) -> None:
        with store.write() as connection:
            made = [event(connection, str(one)) for one in range(number)]
            made += [event(connection, "bad") | {"customer_id": 10**9}]

        def write(some: list[dict[str, Any]]) -> int:
            with store.write() as connection:
                return rows.add(connection, EVENT, some, {"received_at": NOON})

        with pytest.raises(IntegrityError):
            write(made)
        assert write(made[:-1]) == number  # all are new: none was kept, and the store goes on

    @pytest.mark.parametrize("number", [1, 19, 20, 21, 499, 521, 1042])
    def test_however_many_rows_there_are(self, store: Store, number: int) -> None:
        keys = [f"{one}" for one in range(number)]
        with store.write() as connection:
            columns: dict[str, Any] = {
                "customer_id": [customer(connection)] * number,
                "ext_key": keys,
                "kind": ["quote.sent"] * number,
                "occurred_at": [NOON + timedelta(minutes=one) for one in range(number)],
                "payload": {"amount": list(range(number)), "100 %s": keys},
            }
            common = {"source": "till", "received_at": NOON}
            assert rows.add_columns(connection, EVENT, columns, common) == number
            assert rows.add_columns(connection, EVENT, columns, common) == 0
            found = connection.execute(select(EVENT.c.ext_key, EVENT.c.payload).order_by(EVENT.c.id)).all()
        assert found == [(key, {"amount": one, "100 %s": key}) for one, key in enumerate(keys)]

    def test_nothing_is_nothing(self, store: Store) -> None:
        with store.write() as connection:
            assert rows.add(connection, EVENT, []) == 0

    def test_a_row_says_it_before_what_all_share_and_before_the_default(self, store: Store) -> None:
        with store.write() as connection:
            rows.add(
                connection, EVENT, [event(connection, "1", received_at=NOON)], {"received_at": NOON - timedelta(1)}
            )
            assert connection.execute(select(EVENT.c.received_at)).scalar_one() == NOON


class TestChange:
    @pytest.mark.parametrize("number", [1, 19, 41, 521])
    def test_however_many_rows_change(self, store: Store, number: int) -> None:
        made: dict[str, Any] = {
            "occurrence": [f"{one}" for one in range(number + 1)],
            "anchor_at": [NOON] * (number + 1),
        }
        with store.write() as connection:
            common = {"customer_id": 1, "rule_id": "thanks", "rule_hash": HASH, "state": "stopped", "stop_on": []}
            rows.add_columns(connection, JOURNEY, made, common | {"started_at": NOON, "ended_at": NOON})
            keys = connection.execute(select(JOURNEY.c.id).order_by(JOURNEY.c.id)).scalars().all()
            columns: dict[str, Any] = {
                "id": keys[:0:-1],  # all but the first, and not in their order
                "stop_on": [[one, 'it\'s "100 %s"'] for one in range(number)],
                "anchor_at": [NOON + timedelta(minutes=one) for one in range(number)],
                "reference": ["Q-1"] * number,
            }
            common = {"ended_at": None, "state": "active"}
            assert rows.change_columns(connection, JOURNEY, columns, common) == number
            names = ("stop_on", "anchor_at", "reference", "state", "ended_at")
            query = select(*(JOURNEY.c[name] for name in names)).order_by(JOURNEY.c.id)
            first, *found = connection.execute(query).all()
        assert first == ([], NOON, "", "stopped", NOON)
        told = zip(columns["stop_on"], columns["anchor_at"], strict=True)
        assert found[::-1] == [(kinds, at, "Q-1", "active", None) for kinds, at in told]

    def test_who_is_not_there_is_not_counted(self, store: Store) -> None:
        with store.write() as connection:
            rows.add(connection, EVENT, [event(connection, "1", received_at=NOON)])
            (key,) = connection.execute(select(EVENT.c.id)).scalars()
            told = [{"id": key, "kind": "quote.lost"}, {"id": key + 1, "kind": "quote.won"}]
            assert rows.change(connection, EVENT, told) == 1
            assert rows.change(connection, EVENT, []) == 0
            assert connection.execute(select(EVENT.c.kind)).scalars().all() == ["quote.lost"]


class TestKeys:
    def test_keys_are_new_and_in_order(self, store: Store) -> None:
        with store.write() as connection:
            keys = rows.next_keys(connection, EVENT, 3)
            made = [event(connection, str(key), id=key) for key in keys]
            rows.add(connection, EVENT, made, {"received_at": NOON})
            assert keys == sorted(set(keys))
            later = rows.next_keys(connection, EVENT, 1)
            assert later[0] > keys[-1]
            assert connection.execute(select(EVENT.c.ext_key).where(EVENT.c.id == keys[1])).scalar() == str(keys[1])
