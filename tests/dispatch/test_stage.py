"""What becomes of due actions: every state, every doubt, and what is asked again before anything goes out."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from email import message_from_bytes
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.email_file import EmailFile
from engine.adapters.note_pdf import NotePdf
from engine.core.actions import State
from engine.core.calendar import Duration, Window
from engine.core.keys import canonical_json, sha256
from engine.dispatch.office import Summary
from engine.dispatch.port import Idempotency, Message, Receipt
from engine.dispatch.retry import LONGEST_WAIT, MAX_ATTEMPTS
from engine.dispatch.stage import attempt, lane, prepare
from engine.dispatch.waiting import Cap
from engine.errors import DeliveryError, RuleError, StoreError
from engine.store import doubts, ledger, outbox, tables
from tests.dispatch.shop import ACCEPTED, KEY, RULE_HASH, TUESDAY, Killed, Shop, Told

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OFFICE_HOURS = Window(start=time(10), end=time(16))
NIGHT = datetime(2026, 3, 10, 21, 0, tzinfo=UTC)
NEXT_MORNING = datetime(2026, 3, 11, 9, 0, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    open_shop = Shop(folder=tmp_path, database=database)
    yield open_shop
    open_shop.close()


def with_key(shop: Shop) -> Told:
    """The post takes idempotency keys from now on."""
    shop.post = Told("email", Idempotency.KEY)
    return shop.post


# What goes well


@pytest.mark.any_store
def test_a_due_mail_goes_out_with_an_attempt_a_receipt_and_a_touchpoint(shop: Shop) -> None:
    action = shop.decide()

    summary = shop.dispatch()

    assert (summary.frozen, summary.held, summary.states) == (1, 0, {State.ACCEPTED: 1})
    (message,) = shop.post.got
    assert (message.action, message.customer) == (action, "C-1")
    assert message.body["to_address"] == "giulia@mail.example"
    found = shop.action(action)
    assert (found.state, found.provider_ref, found.reason) == (State.ACCEPTED, "Q1", "250 Ok")
    assert (found.adapter, found.attempts, found.finished_at) == ("post", 1, TUESDAY)
    assert found.payload_sha256 == sha256(canonical_json(message.body))
    (attempt,) = shop.attempts(action)
    assert (attempt["attempt"], attempt["outcome"], attempt["provider_ref"]) == (1, "accepted", "Q1")
    assert attempt["finished_at"] == TUESDAY
    (touch,) = shop.rows(tables.Touchpoint)
    assert (touch["customer_id"], touch["channel"], touch["at"]) == (shop.customer, "email", TUESDAY)


def test_what_went_out_does_not_go_again(shop: Shop) -> None:
    shop.decide()
    shop.dispatch()

    assert shop.dispatch(later=DAY).states == {}
    assert len(shop.post.got) == 1


def test_what_is_not_due_waits(shop: Shop) -> None:
    action = shop.decide(due=TUESDAY + HOUR)

    assert shop.dispatch().frozen == 0
    assert shop.state(action) is State.PLANNED
    assert shop.dispatch(later=HOUR).states == {State.ACCEPTED: 1}


def test_a_receipt_that_says_delivered_ends_it(shop: Shop) -> None:
    shop.post.deeds = [lambda _: replace(ACCEPTED, delivered=True)]
    action = shop.decide()

    assert shop.dispatch().states == {State.DELIVERED: 1}
    assert shop.state(action) is State.DELIVERED


@pytest.mark.any_store
def test_a_reward_is_booked_once_under_the_version_of_the_rule_that_granted_it(shop: Shop) -> None:
    action = shop.decide("reward", options={"points": 50})

    assert shop.dispatch().states == {State.DELIVERED: 1}
    shop.dispatch(later=DAY)
    with shop.store.read() as connection:
        assert ledger.balances(connection, "customer:C-1") == {"points": 50}
        assert ledger.totals(connection) == {"points": 0}
    entries = shop.rows(tables.LedgerEntry)
    assert [entry["transfer"] for entry in entries] == [action, action]
    assert {entry["rule_hash"] for entry in entries} == {RULE_HASH}
    assert not shop.rows(tables.Touchpoint), "a reward writes nothing to the customer"


def test_an_invite_is_kept_with_its_code_and_a_second_one_is_the_same(shop: Shop) -> None:
    shop.decide("referral")
    shop.dispatch()
    shop.decide("referral")
    shop.dispatch()

    (invite,) = shop.rows(tables.Referral)
    assert (invite["referrer_id"], invite["state"]) == (shop.customer, "invited")
    assert invite["code"] in invite["link"]


def test_a_card_becomes_files_and_a_print_job(shop: Shop) -> None:
    shop.more["cards"] = NotePdf(shop.folder / "cards")
    action = shop.decide("note")

    assert shop.dispatch().states == {State.DELIVERED: 1}
    (job,) = shop.rows(tables.PrintJob)
    assert sorted(path.name for path in (shop.folder / "cards").iterdir()) == sorted(
        Path(name).name for name in job["files"]
    )
    assert [touch["channel"] for touch in shop.rows(tables.Touchpoint)] == ["note"]
    assert shop.state(action) is State.DELIVERED


def test_a_mail_in_a_folder_is_the_one_that_was_frozen(shop: Shop) -> None:
    shop.more["post"] = EmailFile(shop.folder / "mail")
    action = shop.decide()

    shop.dispatch()

    (file,) = (shop.folder / "mail" / "new").iterdir()
    assert message_from_bytes(file.read_bytes())["Message-ID"] == f"<{action}@bottega.example>"


# What goes wrong

SURELY_NOT = DeliveryError("451 come again later")
FAILURES: dict[str, tuple[Exception, State, str]] = {
    "surely not sent": (SURELY_NOT, State.RETRY_AT, "retry"),
    "refused for good": (DeliveryError("550 nobody", permanent=True), State.REJECTED, "rejected"),
    "nobody knows": (DeliveryError("the line was cut", ambiguous=True), State.UNKNOWN, "unknown"),
    "a fault of the adapter's own": (RuntimeError("boom"), State.UNKNOWN, "unknown"),
    "a time-out that it did not translate": (TimeoutError(), State.UNKNOWN, "unknown"),
}


@pytest.mark.parametrize(("error", "state", "outcome"), FAILURES.values(), ids=FAILURES)
def test_a_failure_leads_to_its_state_and_is_written_down(
    shop: Shop, error: Exception, state: State, outcome: str
) -> None:
    shop.post.deeds = [error]
    action = shop.decide()

    assert shop.dispatch().states == {state: 1}
    found = shop.action(action)
    assert (found.state, found.attempts) == (state, 1)
    assert str(error) in found.reason
    assert found.reason.strip()
    (attempt,) = shop.attempts(action)
    assert (attempt["outcome"], attempt["detail"]) == (outcome, found.reason)
    assert attempt["finished_at"] == TUESDAY
    assert (found.finished_at is None) is (state is not State.REJECTED)
    assert not shop.rows(tables.Touchpoint)


NO_REFERENCE: Any = object()


@pytest.mark.parametrize("receipt", [None, replace(ACCEPTED, provider_ref=NO_REFERENCE)], ids=["none", "no reference"])
def test_a_receipt_that_is_none_is_a_doubt_and_not_a_crash(shop: Shop, receipt: Any) -> None:
    shop.post.deeds = [lambda _: receipt]
    doubtful, good = shop.decide(), shop.decide()

    assert shop.dispatch().states == {State.UNKNOWN: 1, State.ACCEPTED: 1}
    assert shop.action(doubtful).reason.startswith("the adapter broke off (")
    assert shop.state(good) is State.ACCEPTED


def test_one_failure_does_not_keep_the_others_back(shop: Shop) -> None:
    shop.post.deeds = [RuntimeError("boom"), SURELY_NOT]
    for _ in range(4):
        shop.decide()

    assert shop.dispatch().states == {State.UNKNOWN: 1, State.RETRY_AT: 1, State.ACCEPTED: 2}


@pytest.mark.any_store
def test_a_retry_waits_for_its_time_and_sends_the_same_bytes_under_the_same_key(shop: Shop) -> None:
    shop.post.deeds = [SURELY_NOT]
    action = shop.decide()
    shop.dispatch()
    due = shop.action(action).due_at
    assert TUESDAY + MINUTE <= due <= TUESDAY + 1.5 * MINUTE

    assert shop.dispatch(later=30 * timedelta(seconds=1)).states == {}
    shop.now = due
    assert shop.dispatch().states == {State.ACCEPTED: 1}
    assert shop.post.tried[0] == shop.post.tried[1]
    assert [attempt["attempt"] for attempt in shop.attempts(action)] == [1, 2]


def test_an_outage_of_two_days_costs_no_mail_and_a_longer_one_ends(shop: Shop) -> None:
    action = shop.decide(lasts=30 * DAY)
    shop.post.deeds = [SURELY_NOT] * 100
    while shop.state(action) in (State.PLANNED, State.RETRY_AT):
        shop.dispatch()
        before, shop.now = shop.now, max(shop.now, shop.action(action).due_at)
        assert shop.now - before <= 1.5 * LONGEST_WAIT

    assert shop.state(action) is State.REJECTED
    assert len(shop.post.tried) == shop.action(action).attempts == MAX_ATTEMPTS
    assert 2 * DAY < shop.now - TUESDAY < 5 * DAY


def test_the_attempt_is_in_the_store_before_anything_is_sent(shop: Shop) -> None:
    seen: list[tuple[State, str]] = []

    def look(message: Message) -> Receipt:
        (attempt,) = shop.attempts(message.action)
        seen.append((shop.state(message.action), attempt["outcome"]))
        return ACCEPTED

    shop.post.deeds = [look]
    shop.decide()
    shop.dispatch()
    assert seen == [(State.SUBMITTING, "submitting")]


# Doubt


@pytest.mark.parametrize("arrived", [True, False])
def test_a_death_while_sending_is_left_to_a_person_where_nothing_else_can_tell(shop: Shop, arrived: bool) -> None:
    def die(message: Message) -> Receipt:
        if arrived:
            shop.post.got.append(message)
        raise Killed

    shop.post.deeds = [die]
    action = shop.decide()
    with pytest.raises(Killed):
        shop.dispatch()
    assert shop.state(action) is State.SUBMITTING

    shop.dispatch(later=DAY)
    found = shop.action(action)
    assert (found.state, len(shop.post.tried)) == (State.UNKNOWN, 1)
    assert "it may have gone out" in found.reason
    assert [attempt["outcome"] for attempt in shop.attempts(action)] == ["unknown"]

    assert shop.resolve(action, sent=arrived)
    shop.dispatch()
    assert shop.state(action) is State.ACCEPTED
    assert len(shop.post.got) == 1
    assert len(shop.rows(tables.Touchpoint)) == 1


@pytest.mark.any_store
def test_a_death_while_sending_is_replayed_at_once_where_a_key_makes_it_safe(shop: Shop) -> None:
    with_key(shop).deeds = [Killed()]
    action = shop.decide()
    with pytest.raises(Killed):
        shop.dispatch()

    assert shop.dispatch(later=timedelta(seconds=5)).states == {State.ACCEPTED: 1}
    assert shop.post.tried[0] == shop.post.tried[1]
    assert [attempt["outcome"] for attempt in shop.attempts(action)] == ["unknown", "accepted"]


def test_a_doubt_that_is_past_its_time_is_not_called_expired(shop: Shop) -> None:
    with_key(shop).deeds = [Killed()]
    action = shop.decide(lasts=DAY)
    with pytest.raises(Killed):
        shop.dispatch()

    assert shop.dispatch(later=2 * DAY).states == {}
    assert shop.state(action) is State.UNKNOWN, "nobody knows whether it went out"


def test_a_death_while_a_reward_is_booked_books_it_once(shop: Shop) -> None:
    action = shop.decide("reward", options={"amount": "15.00"})
    prepare(shop.store, shop.office, Summary(), now=shop.now)
    with shop.store.write() as connection:
        (taken,) = outbox.due(connection, "points", shop.now, 1)
        outbox.begin(connection, [(taken, "")], owner="dead", now=shop.now, until=shop.now + DAY)

    assert shop.dispatch().states == {State.DELIVERED: 1}
    with shop.store.read() as connection:
        assert ledger.balances(connection, "customer:C-1") == {"EUR": 1500}
    assert shop.action(action).attempts == 2


def test_a_doubt_is_replayed_later_and_later_and_in_the_end_left_to_a_person(shop: Shop) -> None:
    post = with_key(shop)
    post.deeds = [RuntimeError("always")] * 100
    action = shop.decide(lasts=30 * DAY)
    for _ in range(3):
        shop.dispatch(later=timedelta(seconds=5))
    assert len(post.tried) == 1, "a doubt that comes every time is not replayed at every tick"
    assert shop.state(action) is State.UNKNOWN

    for _ in range(2 * MAX_ATTEMPTS):
        shop.now = max(shop.now, shop.action(action).due_at)
        shop.dispatch()
    assert shop.state(action) is State.UNKNOWN
    assert len(post.tried) == MAX_ATTEMPTS
    assert set(map(str, post.tried)) == {str(post.tried[0])}


def test_a_receipt_that_cannot_be_stored_is_a_doubt_for_the_next_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("engine.dispatch.stage.send"), "PATIENCE", (0.01, 0.01))
    file = sqlite3.connect(shop.folder / "shop.db", isolation_level=None)

    def lose_the_table(_message: Message) -> Receipt:
        file.execute("ALTER TABLE touchpoint RENAME TO lost")
        return ACCEPTED

    shop.post.deeds = [lose_the_table]
    action, other = shop.decide(), shop.decide()
    with pytest.raises(StoreError):
        shop.dispatch()
    assert (shop.state(action), shop.state(other)) == (State.SUBMITTING, State.READY)

    file.execute("ALTER TABLE lost RENAME TO touchpoint")
    file.close()
    assert shop.dispatch().states == {State.ACCEPTED: 1}
    assert (shop.state(action), shop.state(other)) == (State.UNKNOWN, State.ACCEPTED)
    assert [message.action for message in shop.post.got] == [action, other]


@pytest.mark.any_store
def test_a_lease_lost_while_sending_leaves_a_record_that_says_what_is_known(shop: Shop) -> None:
    def be_taken_for_dead(_message: Message) -> Receipt:
        with shop.store.write() as connection:
            assert doubts.release_lost(connection, "another", shop.now + HOUR) == 1
        return Receipt(provider_ref="Q7", detail="250 Ok", records=())

    shop.post.deeds = [be_taken_for_dead]
    action = shop.decide()

    assert shop.dispatch().states == {State.UNKNOWN: 1}
    assert shop.state(action) is State.UNKNOWN
    (attempt,) = shop.attempts(action)
    assert attempt["outcome"] == "unknown"
    assert "its answer came too late: accepted Q7 250 Ok" in attempt["detail"]
    assert not shop.rows(tables.Touchpoint)


@pytest.mark.any_store
def test_what_another_worker_took_meanwhile_is_not_sent(shop: Shop) -> None:
    def lose_the_rest(_message: Message) -> Receipt:
        with shop.store.write() as connection:
            rest = outbox.due(connection, "post", shop.now, 9)
            alone = [(action, "") for action in rest]
            outbox.begin(connection, alone, owner="another", now=shop.now, until=shop.now + DAY)
        return ACCEPTED

    shop.post.deeds = [lose_the_rest]
    shop.decide()
    second = shop.decide()
    shop.dispatch()
    assert [message.action for message in shop.post.got].count(second) == 0
    assert shop.state(second) is State.SUBMITTING


# What is asked again

CHANGES: dict[str, tuple[Callable[[Shop], None], State, str]] = {
    "consent withdrawn": (
        lambda shop: shop.say("relationship", "email", given=False),
        State.SUPPRESSED,
        "withdrawn on 2026-03-10",
    ),
    "address suppressed": (Shop.suppress, State.SUPPRESSED, "suppressed (bounced)"),
    "complaint opened": (lambda shop: shop.happen("complaint.opened"), State.SUPPRESSED, "a complaint is open"),
    "stop event": (lambda shop: shop.happen("quote.declined"), State.CANCELLED, "quote.declined on 2026-03-10"),
}
changes = pytest.mark.parametrize(("change", "state", "reason"), CHANGES.values(), ids=CHANGES)


@changes
def test_news_that_came_after_it_was_dated_stops_it(
    shop: Shop, change: Callable[[Shop], None], state: State, reason: str
) -> None:
    action = shop.decide(stop_on=("quote.declined",))
    prepare(shop.store, shop.office, Summary(), now=shop.now)
    change(shop)

    assert shop.dispatch().states == {state: 1}
    assert shop.state(action) is state
    assert reason in shop.action(action).reason
    assert not shop.post.tried
    assert not shop.attempts(action)


@changes
def test_news_that_comes_while_the_batch_goes_out_stops_the_rest(
    shop: Shop, change: Callable[[Shop], None], state: State, reason: str
) -> None:
    def hear(_message: Message) -> Receipt:
        change(shop)
        return ACCEPTED

    shop.post.deeds = [hear]
    shop.decide(stop_on=("quote.declined",))
    second = shop.decide(stop_on=("quote.declined",))
    stranger = shop.decide(customer=shop.welcome("C-2", given_name="Ugo", email="ugo@mail.example"))

    assert shop.dispatch().states == {State.ACCEPTED: 2, state: 1}
    assert shop.state(second) is state
    assert reason in shop.action(second).reason
    assert shop.state(stranger) is State.ACCEPTED


@pytest.mark.any_store
def test_a_stop_event_ends_the_whole_journey(shop: Shop) -> None:
    shop.decide(steps=3)
    prepare(shop.store, shop.office, Summary(), now=shop.now)
    later = shop.decide(due=TUESDAY + DAY)
    shop.happen("complaint.opened")

    assert shop.dispatch().states == {State.CANCELLED: 3}
    assert [row["state"] for row in shop.rows(tables.Journey)] == ["stopped", "active"]
    assert shop.state(later) is State.PLANNED


def test_what_happened_before_the_journey_began_does_not_stop_it(shop: Shop) -> None:
    shop.happen("quote.declined", at=TUESDAY - HOUR)
    shop.decide(stop_on=("quote.declined",))

    assert shop.dispatch().states == {State.ACCEPTED: 1}


def test_transactional_words_need_no_consent_but_no_word_passes_a_suppression(shop: Shop) -> None:
    shop.say("any", "any", given=False)
    shop.happen("complaint.opened")
    shop.decide(purpose="transactional", stop_on=())
    assert shop.dispatch().states == {State.ACCEPTED: 1}

    shop.suppress()
    shop.decide(purpose="transactional", stop_on=())
    assert shop.dispatch().states == {State.SUPPRESSED: 1}


def test_a_task_for_our_own_people_asks_nobody(shop: Shop) -> None:
    shop.say("any", "any", given=False)
    shop.decide("task", stop_on=())

    assert shop.dispatch().states == {State.ACCEPTED: 1}
    assert not shop.rows(tables.Touchpoint)


def test_content_that_was_changed_after_it_was_frozen_does_not_go_out(shop: Shop) -> None:
    action = shop.decide()
    prepare(shop.store, shop.office, Summary(), now=shop.now)
    with sqlite3.connect(shop.folder / "shop.db") as file:
        file.execute("UPDATE action SET payload = replace(payload, 'giulia@', 'thief@')")
    file.close()

    assert shop.dispatch().states == {State.CANCELLED: 1}
    assert shop.action(action).reason == "its content was changed after it was frozen"
    assert not shop.post.tried


@pytest.mark.any_store
def test_many_that_may_not_go_do_not_keep_back_the_one_that_may(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MOST_AHEAD", 1)
    quiet = shop.welcome("C-2", email="ugo@mail.example")
    shop.say("any", "any", given=False, customer=quiet)
    for _ in range(12):
        shop.decide(customer=quiet)
    last = shop.decide()

    assert shop.dispatch().states == {State.SUPPRESSED: 12, State.ACCEPTED: 1}
    assert [message.action for message in shop.post.got] == [last]


# Approval, windows, validity, cap


def test_what_needs_a_yes_is_written_at_once_and_held_until_it_comes(shop: Shop) -> None:
    action = shop.decide(due=TUESDAY + 2 * DAY, approve=True)

    summary = shop.dispatch()
    assert (summary.frozen, summary.held, summary.states) == (1, 1, {})
    assert shop.state(action) is State.HELD
    assert shop.dispatch(later=2 * DAY).states == {}

    assert shop.approve(action)
    assert shop.dispatch().states == {State.ACCEPTED: 1}
    assert not shop.approve(action)


def test_what_is_held_speaks_of_the_day_on_which_it_is_due(shop: Shop) -> None:
    action = shop.decide(due=TUESDAY + 2 * DAY, approve=True)
    shop.dispatch()

    content = shop.action(action).payload or {}
    assert content["text"] == "Oggi è 12 marzo 2026.\n"
    assert content["date"] == "Thu, 12 Mar 2026 09:00:00 +0000"


def test_an_early_yes_does_not_make_it_go_early(shop: Shop) -> None:
    action = shop.decide(due=TUESDAY + 2 * DAY, approve=True)
    shop.dispatch()
    shop.approve(action)

    assert shop.dispatch().states == {}
    assert shop.dispatch(later=2 * DAY).states == {State.ACCEPTED: 1}


@pytest.mark.parametrize("approved", [True, False])
def test_a_yes_that_comes_too_late_or_never_lets_it_expire(shop: Shop, approved: bool) -> None:
    action = shop.decide(approve=True, lasts=DAY)
    shop.dispatch()
    shop.now += DAY + MINUTE
    if approved:
        assert shop.approve(action)

    assert shop.dispatch().states == {State.EXPIRED: 1}
    assert (shop.state(action), shop.post.tried) == (State.EXPIRED, [])
    assert shop.action(action).reason == "its time had passed before it could go out"


def test_a_yes_at_night_waits_for_the_morning(shop: Shop) -> None:
    action = shop.decide(approve=True, window=OFFICE_HOURS)
    shop.dispatch()
    shop.now = NIGHT
    shop.approve(action)

    assert shop.dispatch().states == {}
    assert (shop.state(action), shop.action(action).due_at) == (State.READY, NEXT_MORNING)
    assert not shop.attempts(action)
    shop.now = NEXT_MORNING
    assert shop.dispatch().states == {State.ACCEPTED: 1}


def test_a_mail_that_is_late_waits_for_its_window(shop: Shop) -> None:
    action = shop.decide(window=OFFICE_HOURS)
    shop.now = NIGHT

    assert shop.dispatch().frozen == 0
    assert (shop.state(action), shop.action(action).due_at) == (State.PLANNED, NEXT_MORNING)
    shop.now = NEXT_MORNING
    assert shop.dispatch().states == {State.ACCEPTED: 1}


def test_a_retry_that_falls_into_the_night_waits_for_the_morning(shop: Shop) -> None:
    shop.post.deeds = [DeliveryError("421 not now", retry_after=12 * 3600)]
    shop.decide(window=OFFICE_HOURS)
    shop.dispatch()

    shop.now = NIGHT + HOUR
    assert shop.dispatch().states == {}
    shop.now = NEXT_MORNING
    assert shop.dispatch().states == {State.ACCEPTED: 1}


def test_the_window_closes_while_a_batch_goes_out(shop: Shop) -> None:
    def take_seven_hours(_message: Message) -> Receipt:
        shop.now += 7 * HOUR
        return ACCEPTED

    shop.post.deeds = [take_seven_hours]
    shop.decide(window=OFFICE_HOURS)
    second = shop.decide(window=OFFICE_HOURS)

    assert shop.dispatch().states == {State.ACCEPTED: 1}
    assert (shop.state(second), shop.action(second).due_at) == (State.READY, NEXT_MORNING)


def test_a_window_is_of_the_customers_clock(shop: Shop) -> None:
    away = shop.welcome("C-2", email="emi@mail.example", time_zone="Asia/Tokyo")
    action = shop.decide(customer=away, window=OFFICE_HOURS)

    assert shop.dispatch().frozen == 0, "it is six in the evening there"
    assert shop.action(action).due_at == datetime(2026, 3, 11, 1, 0, tzinfo=UTC)


def test_paper_knows_no_window_when_it_is_handed_over(shop: Shop) -> None:
    shop.more["cards"] = Told("note")
    shop.decide("note", window=OFFICE_HOURS)
    shop.now = NIGHT

    assert shop.dispatch().states == {State.ACCEPTED: 1}


@pytest.mark.parametrize("errors", [[], [SURELY_NOT]])
def test_what_is_past_its_time_is_not_sent(shop: Shop, errors: list[BaseException]) -> None:
    shop.post.deeds = [*errors]
    action = shop.decide(lasts=DAY)
    if errors:
        shop.dispatch()
    else:
        prepare(shop.store, shop.office, Summary(), now=shop.now)

    assert shop.dispatch(later=DAY + MINUTE).states == {State.EXPIRED: 1}
    assert shop.state(action) is State.EXPIRED
    assert not shop.post.got


def test_validity_ends_while_a_batch_goes_out(shop: Shop) -> None:
    def take_two_days(_message: Message) -> Receipt:
        shop.now += 2 * DAY
        return ACCEPTED

    shop.post.deeds = [take_two_days]
    shop.decide(lasts=DAY)
    shop.decide(lasts=DAY)

    assert shop.dispatch().states == {State.ACCEPTED: 1, State.EXPIRED: 1}


@pytest.mark.any_store
def test_after_a_standstill_the_cap_still_holds(shop: Shop) -> None:
    shop.cap = Cap(messages=2, within=Duration(days=7))
    for days in (0, 3, 6):
        shop.decide(due=TUESDAY + days * DAY, lasts=20 * DAY)
    free = shop.decide(purpose="transactional")
    points = shop.decide("reward", options={"points": 1})
    shop.now += 6 * DAY

    assert shop.dispatch().states == {State.ACCEPTED: 3, State.DELIVERED: 1}
    assert (shop.state(free), shop.state(points)) == (State.ACCEPTED, State.DELIVERED)
    assert shop.dispatch(later=6 * DAY + 23 * HOUR).states == {}
    assert shop.dispatch(later=HOUR).states == {State.ACCEPTED: 1}


def test_a_doubt_counts_for_the_cap_and_its_own_replay_does_not(shop: Shop) -> None:
    shop.cap = Cap(messages=1, within=Duration(days=7))
    shop.post.deeds = [RuntimeError("boom")]
    doubtful, second = shop.decide(), shop.decide(lasts=20 * DAY)
    shop.dispatch()
    assert (shop.state(doubtful), shop.state(second)) == (State.UNKNOWN, State.READY)

    shop.resolve(doubtful, sent=False)
    assert shop.dispatch().states == {State.ACCEPTED: 1}
    assert shop.state(doubtful) is State.ACCEPTED


# What cannot be written


def test_a_moment_that_does_not_fill_its_template_is_refused_with_the_place(shop: Shop) -> None:
    action, good = shop.decide(template="email/work"), shop.decide()

    assert shop.dispatch().states == {State.REJECTED: 1, State.ACCEPTED: 1}
    assert shop.action(action).reason.startswith("templates/email/work.it.txt.j2:1: T002")
    assert shop.state(good) is State.ACCEPTED


def test_a_template_that_cannot_be_read_is_nobodys_end(shop: Shop) -> None:
    shop.templates = {**shop.templates, "email/hello.it.html.j2": "{% if %}"}
    action = shop.decide()

    with pytest.raises(RuleError, match=r"email/hello\.it\.html\.j2:1: T001"):
        shop.dispatch()
    assert shop.state(action) is State.PLANNED


@pytest.mark.parametrize("error", [DeliveryError("no such street", permanent=True), KeyError("street")])
def test_what_the_adapter_refuses_beforehand_is_rejected_and_never_tried(shop: Shop, error: Exception) -> None:
    shop.post.refusals = {"giulia@": error}
    action = shop.decide()
    shop.decide(customer=shop.welcome("C-2", email="ugo@mail.example"))

    assert shop.dispatch().states == {State.REJECTED: 1, State.ACCEPTED: 1}
    assert "street" in shop.action(action).reason
    assert not shop.attempts(action)


def test_a_channel_that_nobody_serves_is_said_of_the_action(shop: Shop) -> None:
    shop.serving = {"email": "post"}
    action = shop.decide("task")

    assert shop.dispatch().states == {State.REJECTED: 1}
    assert shop.action(action).reason == "no adapter serves the channel task"


def test_a_reward_finer_than_a_cent_is_refused(shop: Shop) -> None:
    action = shop.decide("reward", options={"amount": "15.005"})

    assert shop.dispatch().states == {State.REJECTED: 1}
    assert "more decimals" in shop.action(action).reason


def test_an_adapter_that_is_gone_leaves_its_actions_alone(shop: Shop) -> None:
    action = shop.decide()
    prepare(shop.store, shop.office, Summary(), now=shop.now)
    shop.more, shop.serving = {}, {**shop.serving, "email": "other"}
    with shop.store.write() as connection:
        taken = outbox.due(connection, "other", shop.now, 9)
    assert taken == []
    assert shop.state(action) is State.READY


# The run itself


@pytest.mark.any_store
def test_a_stop_finishes_what_is_in_hand_and_hands_back_the_rest(shop: Shop) -> None:
    ids = [shop.decide() for _ in range(5)]

    shop.dispatch(stopping=lambda: len(shop.post.got) >= 2)

    states = [shop.state(action) for action in ids]
    assert states == [State.ACCEPTED, State.ACCEPTED, State.READY, State.READY, State.READY]
    assert {row["lease_owner"] for row in shop.rows(tables.Action)} == {None}
    assert shop.dispatch().states == {State.ACCEPTED: 3}


def test_a_stop_before_it_began_sends_nothing(shop: Shop) -> None:
    shop.decide()

    assert shop.dispatch(stopping=lambda: True).states == {}
    assert not shop.post.tried


def test_a_stop_keeps_it_from_writing_more(shop: Shop) -> None:
    action = shop.decide()
    prepare(shop.store, shop.office, Summary(), now=shop.now, stopping=lambda: True)

    assert shop.state(action) is State.PLANNED


class Meeting(Told):
    """Each send ends when as many are under way as were expected."""

    def __init__(self, channel: str, barrier: asyncio.Barrier, *, concurrency: int = 1) -> None:
        super().__init__(channel, concurrency=concurrency)
        self.barrier = barrier
        self.most = self.under_way = 0

    async def send(self, message: Message) -> Receipt:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        async with asyncio.timeout(60):
            await self.barrier.wait()
        self.under_way -= 1
        return await super().send(message)


def test_a_slow_adapter_holds_up_no_other(shop: Shop) -> None:
    async def both() -> None:
        barrier = asyncio.Barrier(2)
        shop.post, shop.tasks = Meeting("email", barrier), Meeting("task", barrier)
        await shop.sending(summary, owner="one")

    shop.decide()
    shop.decide("task")
    summary = Summary()
    prepare(shop.store, shop.office, summary, now=shop.now)
    asyncio.run(both())
    assert summary.states == {State.ACCEPTED: 2}


def test_an_adapter_has_as_many_under_way_as_it_can_take_and_no_more(shop: Shop) -> None:
    async def crowd() -> Meeting:
        post = Meeting("email", asyncio.Barrier(3), concurrency=3)
        shop.post = post
        await shop.sending(summary, owner="one")
        return post

    for _ in range(6):
        shop.decide()
    summary = Summary()
    prepare(shop.store, shop.office, summary, now=shop.now)
    post = asyncio.run(crowd())
    assert summary.states == {State.ACCEPTED: 6}
    assert post.most == 3


class Hanging(Told):
    """Takes the message and does not come back until it is let go."""

    def __init__(self) -> None:
        super().__init__("email")
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def send(self, message: Message) -> Receipt:
        self.reached.set()
        for _ in range(500):
            if self.go.is_set():
                return await super().send(message)
            await asyncio.sleep(0.01)
        raise AssertionError("it was not cut off")


def test_an_adapter_that_does_not_come_back_is_cut_off_and_doubted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "SEND_LIMIT", timedelta(milliseconds=10))
    shop.post = Hanging()
    action = shop.decide()

    assert shop.dispatch().states == {State.UNKNOWN: 1}
    assert shop.action(action).reason == "the adapter broke off (TimeoutError)"


def test_who_hangs_once_keeps_nobody_else_from_going_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "SEND_LIMIT", timedelta(milliseconds=500))
    post = shop.post = Hanging()
    post.go.set()
    made = [shop.decide() for _ in range(6)]
    hangs = made[2]

    async def send(message: Message) -> Receipt:
        if message.action == hangs:
            await asyncio.sleep(60)
        await asyncio.sleep(0.01)  # several share one limit, and more than one is needed
        return await Told.send(post, message)

    monkeypatch.setattr(post, "send", send)
    assert shop.dispatch().states == {State.ACCEPTED: 5, State.UNKNOWN: 1}
    assert shop.action(hangs).reason == "the adapter broke off (TimeoutError)"


def test_one_who_interrupts_the_run_gets_a_clean_end(shop: Shop) -> None:
    post = shop.post = Hanging()
    first, second = shop.decide(), shop.decide()
    prepare(shop.store, shop.office, Summary(), now=shop.now)

    async def interrupted() -> None:
        run = asyncio.ensure_future(shop.sending(Summary(), owner="one"))
        await asyncio.wait_for(post.reached.wait(), 60)
        run.cancel()
        await asyncio.sleep(0)
        post.go.set()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(interrupted())
    assert (shop.state(first), shop.state(second)) == (State.ACCEPTED, State.READY)


class Rude(Told):
    """Cannot say goodbye."""

    async def close(self) -> None:
        await super().close()
        raise ConnectionResetError


def test_all_adapters_are_let_go_also_when_one_is_rude_or_the_store_fails(shop: Shop) -> None:
    shop.post = Rude("email")
    shop.decide()
    assert shop.dispatch().states == {State.ACCEPTED: 1}
    assert (shop.post.closed, shop.tasks.closed) == (1, 1)

    shop.post.deeds = [Killed()]
    shop.decide()
    with pytest.raises(Killed):
        shop.dispatch()
    assert (shop.post.closed, shop.tasks.closed) == (2, 2)


def test_what_falls_due_during_a_run_is_for_the_next_one(shop: Shop) -> None:
    def take_an_hour(_message: Message) -> Receipt:
        shop.now += HOUR
        return ACCEPTED

    shop.post.deeds = [SURELY_NOT, take_an_hour]
    again, _ = shop.decide(), shop.decide()
    assert shop.dispatch().states == {State.RETRY_AT: 1, State.ACCEPTED: 1}
    assert shop.action(again).due_at < shop.now, "a provider that is away must not keep a run busy for ever"


def test_the_key_of_the_shop_is_in_no_message(shop: Shop) -> None:
    shop.decide()
    shop.dispatch()
    assert KEY not in str(shop.post.got)
    assert KEY not in repr(shop.office)
