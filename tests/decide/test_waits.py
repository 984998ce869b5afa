"""Steps that wait for an event or go out unless one came: through the front door, in every order, to every end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from engine import inquiry, orders
from engine.app import open_app
from engine.core.actions import State, Wait
from engine.core.calendar import Duration
from engine.core.facts import Customer, Event
from engine.core.permission import Consent, Standing
from engine.core.waits import Waiting
from engine.decide.situation import Situation
from engine.decide.vocabulary import vocabulary
from engine.decide.waits import settle
from tests.shop import Shop

DONE, REVIEW = "service_call.completed", "review.received"
CARE = """
id = "care"
title = "Ask how it went"
purpose = "relationship"
holdout = 0.0
[on]
event = "service_call.completed"
[journey]
stop_on = ["service_call.reworked"]
[[step]]
id = "ask"
channel = "email"
template = "email/delivery_checkin"
after = "P1D"
[[step]]
id = "share"
channel = "email"
template = "email/referral_ask"
await = "review.received"
within = "P14D"
when = "event.rating >= 4"
after = "PT2H"
"""
REMIND = """
id = "remind"
title = "Remind once, then call"
purpose = "relationship"
holdout = 0.0
[on]
event = "quote.sent"
[[step]]
id = "remind"
channel = "email"
template = "email/quote_followup_1"
after = "P3D"
unless = "quote.accepted"
[[step]]
id = "last"
channel = "email"
template = "email/quote_followup_3"
after = "P10D"
"""
BIRTHDAY = CARE.replace('"care"', '"day"').replace('event = "service_call.completed"', 'date = "customer.birthday"')


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    """Letizia's boiler was serviced at nine on 2 March, Rome's time; it is eleven, UTC."""
    made = Shop(tmp_path / "shop", rules={"care": CARE}, database=database)
    made.customer()
    made.event(DONE, "2026-03-02T09:00:00+01:00")
    yield made
    made.close()


def step(shop: Shop, name: str = "share") -> tuple[str, str]:
    """Where a step stands, and why."""
    (found,) = (row for row in shop.actions() if row["step"] == name)
    return found["state"], found["reason"]


def exits(shop: Shop) -> list[str]:
    return [decision["exit_reason"] for decision in shop.decisions()]


class TestWaiting:
    def test_it_is_seen_with_what_it_waits_for_and_until_when(self, shop: Shop) -> None:
        shop.round()

        (row,) = inquiry.actions(shop.app, "waiting")
        assert (row["step"], row["reason"]) == ("share", f"waits for {REVIEW} until 2026-03-16")
        assert row["due_at"] == datetime(2026, 3, 16, 8, tzinfo=UTC)
        (decision,) = shop.decisions()
        assert decision["actions"][-1]["state"] == "waiting"
        said = {reason["step"]: reason["text"] for reason in decision["reasons"] if reason["code"] == "step"}
        assert said == {"ask": "goes ahead", "share": f"waits for {REVIEW} within P14D"}
        assert shop.states() == {"care.ask": "planned", "care.share": "waiting"}

    def test_the_event_lets_it_go_and_after_counts_from_it(self, shop: Shop) -> None:
        shop.round()
        shop.event(REVIEW, "2026-03-05T10:00:00+01:00", rating=5)
        summary = shop.at("2026-03-05T09:30").app.decide()

        assert (summary.awaited, summary.given_up) == (1, 0)
        assert step(shop) == ("planned", f"{REVIEW} came on 2026-03-05")
        (row,) = (row for row in shop.actions() if row["step"] == "share")
        assert row["due_at"] == datetime(2026, 3, 5, 11, tzinfo=UTC)
        shop.round()
        assert [row["state"] for row in shop.actions()] == ["delivered", "planned"]
        shop.at("2026-03-05T11:01").round()
        shop.app.schedule()
        assert set(shop.states().values()) == {"delivered"}
        assert len(shop.mails()) == 2
        assert exits(shop) == ["all steps done"]

    @pytest.mark.parametrize(("more", "read"), [({"rating": 3}, "3"), ({}, "unknown")])
    def test_its_condition_is_asked_of_the_event(self, shop: Shop, more: dict[str, Any], read: str) -> None:
        shop.round()
        shop.event(REVIEW, "2026-03-05T10:00:00+01:00", **more)
        shop.at("2026-03-05T11:00").round()

        why = f"{REVIEW} came on 2026-03-05, but event.rating >= 4 is false: event.rating is {read}"
        assert step(shop) == ("cancelled", why)
        shop.event(REVIEW, "2026-03-06T10:00:00+01:00", rating=5)  # the first decides
        shop.at("2026-03-06T11:00").round()
        shop.app.schedule()
        assert step(shop) == ("cancelled", why)
        assert exits(shop) == [f"share: {why}"]

    def test_what_does_not_come_is_given_up_and_the_journey_says_so(self, shop: Shop) -> None:
        shop.round()
        shop.at("2026-03-16T08:00").round()
        assert step(shop)[0] == "waiting"
        summary = shop.at("2026-03-16T08:01").app.decide()

        assert (summary.awaited, summary.given_up) == (0, 1)
        assert step(shop) == ("expired", f"no {REVIEW} came within P14D")
        shop.round()
        shop.app.schedule()
        assert exits(shop) == [f"share: no {REVIEW} came within P14D"]
        shop.event(REVIEW, "2026-03-16T08:00:00+01:00", rating=5)
        shop.at("2026-03-17T11:00").round()
        assert step(shop)[0] == "expired"

    def test_the_last_instant_counts_even_if_it_is_heard_of_after_a_standstill(self, shop: Shop) -> None:
        shop.round()
        shop.event(REVIEW, "2026-03-16T09:00:00+01:00", rating=5)
        shop.at("2026-03-17T11:00").round()

        assert step(shop)[0] == "delivered"

    def test_a_person_may_end_it(self, shop: Shop) -> None:
        shop.round()
        (row,) = inquiry.actions(shop.app, "waiting")
        orders.change(shop.app, row["id"], "cancel", "Marta")
        shop.event(REVIEW, "2026-03-05T10:00:00+01:00", rating=5)
        shop.at("2026-03-05T11:00").round()

        assert step(shop) == ("cancelled", "cancelled by Marta")


class TestOrders:
    @pytest.mark.parametrize(("times", "state"), [(1, "planned"), (2, "cancelled")])
    def test_all_in_one_look_and_a_condition_on_the_history_too(self, shop: Shop, times: int, state: str) -> None:
        history = f"count_events('{DONE}', 'P1D') >= {times} && event.rating >= 4"
        shop.rule("care", CARE.replace("event.rating >= 4", history))
        shop.event(REVIEW, "2026-03-02T10:00:00+01:00", rating=5)
        assert shop.app.decide().awaited == 1
        assert step(shop)[0] == state

    def test_the_answer_may_be_heard_of_before_the_question(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"care": CARE})
        shop.customer()
        shop.event(REVIEW, "2026-03-02T10:00:00+01:00", rating=5)
        shop.app.decide()
        shop.event(DONE, "2026-03-02T09:00:00+01:00")
        shop.app.decide()
        assert step(shop)[0] == "planned"

    def test_what_happened_before_the_start_does_not_count_however_late_it_comes(self, shop: Shop) -> None:
        shop.round()
        shop.event(REVIEW, "2026-03-02T08:59:59+01:00", rating=5)
        shop.round()
        assert step(shop)[0] == "waiting"

    @pytest.mark.any_store
    def test_the_same_event_ten_times_and_a_restart_each_time(self, shop: Shop) -> None:
        for _ in range(10):
            shop.event(REVIEW, "2026-03-02T10:00:00+01:00", id="R-1", rating=5)
            shop.app.decide()
            shop.close()
        shop.round()

        assert sorted(shop.states().items()) == [("care.ask", "planned"), ("care.share", "delivered")]
        assert len(shop.mails()) == 1

    def test_only_what_names_the_same_reference_or_none(self, tmp_path: Path) -> None:
        text = CARE.replace(DONE, "quote.sent").replace(REVIEW, "quote.accepted").replace("event.rating >= 4", "true")
        shop = Shop(tmp_path / "shop", rules={"care": text})
        shop.customer()
        shop.event("quote.sent", "2026-03-02T09:00:00+01:00", reference="P-1")
        shop.event("quote.accepted", "2026-03-02T10:00:00+01:00", reference="P-2")
        shop.app.decide()
        assert step(shop)[0] == "waiting"

        shop.event("quote.accepted", "2026-03-02T11:00:00+01:00", reference="P-1")
        shop.app.decide()
        assert step(shop)[0] == "planned"

    def test_another_of_the_kind_that_began_it(self, tmp_path: Path) -> None:
        text = CARE.replace(REVIEW, DONE).replace("event.rating >= 4", "event.what == 'boiler'")
        shop = Shop(tmp_path / "shop", rules={"care": text})
        shop.customer()
        shop.event(DONE, "2026-03-02T09:00:00+01:00", id="one", what="boiler")
        shop.app.decide()
        assert step(shop)[0] == "waiting"

        shop.event(DONE, "2026-03-02T10:00:00+01:00", id="two", what="boiler")
        shop.app.decide()
        assert sorted(row["state"] for row in shop.actions() if row["step"] == "share") == ["planned", "waiting"]

    def test_a_date_starts_at_midnight_and_the_morning_counts(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"day": BIRTHDAY}, now="2026-03-02T08:00")
        shop.customer()
        shop.event(REVIEW, "2026-03-02T07:00:00+01:00", rating=5)
        shop.app.decide()
        shop.at("2026-03-02T11:00").customer(birthday="1980-03-02")
        shop.app.decide()

        assert step(shop) == ("planned", f"{REVIEW} came on 2026-03-02")


class TestStopping:
    @pytest.mark.parametrize("together", [True, False])
    def test_a_stop_event_ends_what_waits(self, shop: Shop, together: bool) -> None:
        if not together:
            shop.app.decide()
        shop.event("service_call.reworked", "2026-03-02T10:00:00+01:00")
        shop.event(REVIEW, "2026-03-02T10:30:00+01:00", rating=5)
        shop.round()

        assert set(shop.states().values()) == {"cancelled"}
        assert step(shop)[1] == "service_call.reworked on 2026-03-02"
        assert exits(shop) == ["service_call.reworked on 2026-03-02"]

    def test_and_what_its_event_has_let_go(self, shop: Shop) -> None:
        shop.event(REVIEW, "2026-03-02T12:30:00+01:00", rating=5)
        shop.at("2026-03-02T12:00").app.decide()
        assert step(shop)[0] == "planned"
        shop.event("service_call.reworked", "2026-03-02T12:45:00+01:00")
        shop.app.decide()
        assert step(shop)[0] == "cancelled"

    def test_permission_is_asked_when_the_event_comes(self, shop: Shop) -> None:
        shop.round()
        shop.ingest(
            "consents",
            [{"customer": "C1", "purpose": "relationship", "channel": "email", "given": "no", "date": "2026-03-03"}],
        )
        shop.event(REVIEW, "2026-03-05T10:00:00+01:00", rating=5)
        shop.at("2026-03-05T11:00").app.decide()

        assert step(shop)[0] == "suppressed"
        assert "relationship" in step(shop)[1]

    def test_an_open_complaint_keeps_it_back_too(self, shop: Shop) -> None:
        shop.round()
        shop.event("complaint.opened", "2026-03-04T10:00:00+01:00")
        shop.event(REVIEW, "2026-03-05T10:00:00+01:00", rating=5)
        shop.at("2026-03-05T11:00").app.decide()

        assert step(shop) == ("suppressed", "a complaint is open")

    def test_a_crash_between_changes_nothing(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        def crash(*_: object) -> None:
            raise KeyboardInterrupt

        shop.event(REVIEW, "2026-03-02T10:00:00+01:00", rating=5)
        with monkeypatch.context() as patched:
            patched.setattr("engine.store.waits.settle", crash)
            with pytest.raises(KeyboardInterrupt):
                shop.app.decide()
        assert shop.actions() == []

        assert shop.app.decide().awaited == 1

    def test_two_daemons_at_once(self, shop: Shop) -> None:
        shop.app.decide()
        shop.event(REVIEW, "2026-03-02T10:00:00+01:00", rating=5)
        apps = [open_app(shop.folder, shop.app.clock) for _ in range(2)]
        settled: list[int] = []
        threads = [Thread(target=lambda app=app: settled.append(app.decide().awaited)) for app in apps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for app in apps:
            app.close()

        assert sorted(settled) == [0, 1]
        assert step(shop)[0] == "planned"


class TestPinned:
    def test_a_journey_keeps_to_the_rule_with_which_it_began(self, shop: Shop) -> None:
        shop.app.decide()
        shop.rule("care", CARE.replace(">= 4", ">= 1").replace("P14D", "P1D").replace("PT2H", "P2D"))
        shop.at("2026-03-10T11:00").app.decide()
        assert step(shop)[0] == "waiting"

        shop.event(REVIEW, "2026-03-10T10:00:00+01:00", rating=3)
        shop.app.decide()
        assert step(shop)[0] == "cancelled"
        assert "event.rating >= 4" in step(shop)[1]

    def test_words_that_were_taken_away_end_it(self, tmp_path: Path) -> None:
        own = '[events."boiler.inspected"]\npressure = "double"\n'
        text = CARE.replace(REVIEW, "boiler.inspected").replace("rating >= 4", "pressure < 1.0")
        shop = Shop(tmp_path / "shop", rules={"care": text})
        config = shop.folder / "premura.toml"
        plain = config.read_text(encoding="utf-8")
        config.write_text(plain + own, encoding="utf-8")
        shop.customer()
        shop.event(DONE, "2026-03-02T09:00:00+01:00")
        shop.app.decide()
        shop.event("boiler.inspected", "2026-03-02T10:00:00+01:00", pressure=0.5)
        config.write_text(plain, encoding="utf-8")
        shop.rule("care", CARE)
        shop.app.decide()

        assert step(shop)[0] == "cancelled"
        assert "words that there are no more: event.pressure < 1.0" in step(shop)[1]


class TestUnless:
    @pytest.fixture
    def quoted(self, tmp_path: Path) -> Iterator[Shop]:
        made = Shop(tmp_path / "shop", rules={"remind": REMIND})
        made.customer()
        made.event("quote.sent", "2026-03-02T09:00:00+01:00", amount=900.0, reference="P-1", what="una caldaia")
        made.round()
        yield made
        made.close()

    @pytest.mark.parametrize("reference", ["P-1", ""])
    def test_what_came_keeps_one_step_back_and_the_journey_goes_on(self, quoted: Shop, reference: str) -> None:
        named = {"reference": reference} if reference else {}
        quoted.event("quote.accepted", "2026-03-04T09:00:00+01:00", **named)
        quoted.at("2026-03-04T11:00").round()
        assert step(quoted, "remind")[0] == "planned"  # asked when its time has come
        quoted.at("2026-03-05T11:00").round()

        assert step(quoted, "remind") == ("cancelled", "quote.accepted came on 2026-03-04")
        assert step(quoted, "last")[0] == "planned"
        quoted.at("2026-03-12T11:00").round()
        quoted.app.schedule()
        assert step(quoted, "last")[0] == "delivered"
        assert exits(quoted) == ["remind: quote.accepted came on 2026-03-04"]

    @pytest.mark.parametrize(
        ("date", "reference"),
        [
            ("2026-03-04T09:00:00+01:00", "P-2"),
            ("2026-03-02T08:59:00+01:00", "P-1"),
            ("2026-03-05T13:00:00+01:00", "P-1"),
        ],
        ids=["another quote", "before the start", "after its time"],
    )
    def test_what_does_not_concern_it_keeps_nothing_back(self, quoted: Shop, date: str, reference: str) -> None:
        quoted.event("quote.accepted", date, reference=reference)
        quoted.at("2026-03-05T11:00").round()

        assert step(quoted, "remind")[0] == "delivered"

    def test_the_event_that_began_it_is_not_meant(self, tmp_path: Path) -> None:
        again = REMIND.replace('unless = "quote.accepted"', 'unless = "quote.sent"')
        shop = Shop(tmp_path / "shop", rules={"remind": again})
        shop.customer()
        shop.event("quote.sent", "2026-03-02T09:00:00+01:00", reference="P-1")
        shop.round()
        shop.at("2026-03-05T11:00").round()

        assert step(shop, "remind")[0] == "delivered"


class TestSettling:
    WAIT = Wait(kind=REVIEW, within=Duration(days=14), after=Duration(days=1), when="event.rating >= 4")
    CAME = Event(
        customer="", kind=REVIEW, ext_key="1", occurred_at=datetime(2026, 3, 28, 9, tzinfo=UTC), payload={"rating": 5}
    )
    IT = Waiting(
        action=7, customer=1, purpose="relationship", channel="email", wait=WAIT, event=CAME,
        facts={"title": "Ask", "event": {"what": "boiler"}, "points": 5},
    )  # fmt: skip
    NOW = Situation(
        customer=Customer(ref="C1", email="l@mail.example"),
        now=datetime(2026, 3, 28, 10, tzinfo=UTC),
        time_zone="Europe/Rome",
        currency="EUR",
        event=CAME,
    )
    YES = Standing(consents=(Consent(purpose="any", channel="any", given=True, at=NOW.now),))

    def test_a_day_is_a_day_on_the_customers_clock_and_the_message_speaks_of_the_event(self) -> None:
        found = settle(self.IT, self.NOW, standing=self.YES, words=vocabulary())

        assert (found.action, found.state) == (7, State.PLANNED)
        assert found.not_before == datetime(2026, 3, 29, 8, tzinfo=UTC)  # the clocks went forward that night
        assert found.facts == {"title": "Ask", "event": {"rating": 5, "occurred_on": "2026-03-28"}, "points": 5}

    def test_nobody_is_written_to_who_said_no(self) -> None:
        found = settle(self.IT, self.NOW, standing=Standing(), words=vocabulary())

        assert (found.state, found.reason) == (State.SUPPRESSED, "no consent for relationship by email")
