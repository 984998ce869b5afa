"""The numbers that Prometheus gets: its own parser reads them, and they are what the store says."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families as parsed
from prometheus_client.registry import Collector

from engine.app import App
from engine.core.actions import State
from engine.core.breaker import Breaker
from engine.core.rate import Rate
from engine.errors import DeliveryError
from engine.status import Status
from engine.store import breakers, gauges, rates
from engine.store.gauges import Attempts
from engine.web.families import OUTCOMES, sends
from engine.web.metrics import Numbers
from tests.dispatch.shop import Told
from tests.shop import WHO, Shop

Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def status() -> Status:
    return Status(patience=60)


def numbers(app: App, status: Status, at: float = 100.0) -> Numbers:
    return Numbers(app, status, lambda: at)


def samples(text: bytes) -> Samples:
    """Each number by its name and its labels' values."""
    return {
        (one.name, tuple(one.labels.values())): one.value for family in parsed(text.decode()) for one in family.samples
    }


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """Three customers are to be thanked: one was, of one nobody knows, one must wait."""
    post = Told("email")
    post.deeds = [DeliveryError("cut", ambiguous=True), DeliveryError("greylisted", retry_after=9000.0)]
    shop.app.__dict__["adapters"] = {**shop.app.adapters, "files": post}
    for number in (1, 2, 3):
        shop.customer(f"C{number}")
        shop.event("service_call.completed", "2026-03-01T09:00:00+01:00", f"C{number}")
    shop.round()
    return shop


def test_every_family_is_there_from_the_start(shop: Shop, status: Status) -> None:
    found = samples(numbers(shop.app, status).text())
    assert found["premura_store_up", ()] == 1.0
    for state in gauges.QUEUE:
        assert found["premura_queue_actions", (state,)] == found["premura_queue_oldest_due_seconds", (state,)] == 0.0
    for adapter in shop.app.settings.adapters:
        assert found["premura_unknown_actions", (adapter,)] == 0.0
        for outcome in OUTCOMES:
            assert found["premura_sends_total", (adapter, outcome)] == 0.0
    assert found["premura_queue_events", ()] == found["premura_queue_oldest_event_seconds", ()] == 0.0
    assert found["premura_rules_refused", ()] == 0.0
    assert found["process_resident_memory_bytes", ()] > 1e7


def test_they_are_what_happened(busy: Shop, status: Status) -> None:
    found = samples(numbers(busy.app, status).text())
    sends = {outcome: found["premura_sends_total", ("files", outcome)] for outcome in OUTCOMES}
    assert {name for name, number in sends.items() if number} == {"accepted", "retry", "unknown"}
    assert sum(sends.values()) == 3.0
    assert found["premura_unknown_actions", ("files",)] == 1.0
    assert found["premura_queue_actions", (State.UNKNOWN,)] == 1.0
    assert found["premura_queue_actions", (State.RETRY_AT,)] == 1.0


def test_what_is_late_gets_older(busy: Shop, status: Status) -> None:
    key = ("premura_queue_oldest_due_seconds", (State.RETRY_AT,))
    assert samples(numbers(busy.app, status).text())[key] == 0.0, "it is not due yet"
    later = samples(numbers(busy.at("2026-03-02T15:00").app, status).text())[key]
    assert samples(numbers(busy.at("2026-03-02T15:01").app, status).text())[key] == later + 60 > 60


def test_events_that_decide_has_not_seen(shop: Shop, status: Status) -> None:
    shop.customer()
    shop.event("service_call.completed", "2026-03-01T09:00:00+01:00")
    found = samples(numbers(shop.at("2026-03-02T11:05").app, status).text())
    assert (found["premura_queue_events", ()], found["premura_queue_oldest_event_seconds", ()]) == (1.0, 300.0)
    shop.round()
    assert samples(numbers(shop.app, status).text())["premura_queue_events", ()] == 0.0


def test_ticks(shop: Shop, status: Status) -> None:
    status.expect("decide", line="stages", every=5.0, now=50.0)
    status.begin("decide", 60.0)
    status.end("decide", 63.0, failed=True)
    status.expect("lease", line="lease", every=5.0, now=80.0)
    found = samples(numbers(shop.app, status).text())
    told = {name: found[f"premura_tick_{name}", ("decide",)] for name in ("lag_seconds", "duration_seconds")}
    assert told == {"lag_seconds": 37.0, "duration_seconds": 3.0}
    assert found["premura_tick_runs_total", ("decide",)] == found["premura_tick_failures_total", ("decide",)] == 1.0
    assert found["premura_tick_lag_seconds", ("lease",)] == 20.0


@pytest.mark.parametrize(
    ("sign", "name"), [("refused", "premura_rules_refused"), ("stands_still", "premura_dispatch_refused")]
)
def test_what_is_refused(shop: Shop, status: Status, sign: str, name: str) -> None:
    assert samples(numbers(shop.app, status).text())[name, ()] == 0.0
    setattr(status, sign, True)
    assert samples(numbers(shop.app, status).text())[name, ()] == 1.0


def test_a_provider_that_is_ill(shop: Shop, status: Status) -> None:
    with shop.app.store.write() as connection:
        until = shop.app.clock() + timedelta(seconds=90)
        breakers.save(connection, "files", Breaker(failures=5, open_until=until, trips=1, reason="C1 is odd"))
    text = numbers(shop.app, status).text()
    found = samples(text)
    assert found["premura_breaker_failures", ("files",)] == 5.0
    assert found["premura_breaker_open_seconds", ("files",)] == 90.0
    assert found["premura_breaker_open_seconds", ("cards",)] == 0.0
    assert b"odd" not in text
    assert (
        samples(numbers(shop.at("2026-03-02T12:00").app, status).text())["premura_breaker_open_seconds", ("files",)]
        == 0
    )


def test_what_a_rate_leaves(shop: Shop, status: Status) -> None:
    post = Told("email")
    post.capability = replace(post.capability, rate=Rate(number=100, seconds=60.0))
    shop.app.__dict__["adapters"] = {**shop.app.adapters, "files": post}
    key = ("premura_rate_tokens", ("files",))
    assert samples(numbers(shop.app, status).text())[key] == 10.0
    with shop.app.store.write() as connection:
        assert rates.take(connection, "files", post.capability.rate, 7, shop.app.clock()) == 7  # type: ignore[arg-type] # set above
    found = samples(numbers(shop.app, status).text())
    assert found[key] == 3.0
    assert [names for name, names in found if name == key[0]] == [("files",)], "the others have no rate"


@pytest.mark.any_store
def test_who_leads_and_for_how_long(shop: Shop, status: Status) -> None:
    def leader() -> tuple[float, dict[str, float]]:
        found = samples(numbers(shop.app, status).text())
        return found["premura_led", ()], {
            who: value for (name, labels), value in found.items() if name == "premura_leader_seconds" for who in labels
        }

    assert leader() == (0.0, {})
    assert shop.app.right.take() is None
    who = f"{socket.gethostname()}, process {os.getpid()}"
    assert leader() == (1.0, {who: 0.0})
    shop.at("2026-03-02T11:00:09")
    assert leader() == (1.0, {who: 9.0})
    shop.app.right.give_back()
    assert leader() == (0.0, {})


def test_two_processes_say_the_same_of_the_store(busy: Shop, status: Status) -> None:
    def of_the_store(text: bytes) -> Samples:
        return {key: value for key, value in samples(text).items() if key[0].startswith("premura_")}

    first = numbers(busy.app, status)
    first.text()
    assert of_the_store(first.text()) == of_the_store(numbers(busy.app, Status(patience=1)).text())


def test_they_name_no_customer(busy: Shop, status: Status) -> None:
    text = numbers(busy.app, status).text().decode()
    personal = [WHO["given_name"], WHO["family_name"], "mail.example", WHO["street"], busy.app.key, "C1", "C2"]
    assert [word for word in personal if word in text] == []


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


class Only(Collector):
    """One family."""

    def __init__(self, family: Metric) -> None:
        self.family = family

    def collect(self) -> Iterator[Metric]:
        yield self.family


@settings(max_examples=50)
@given(counts=st.dictionaries(st.tuples(NAMES, NAMES), st.integers(1, 2**40), max_size=6))
def test_whatever_adapters_are_called_the_format_holds(counts: dict[tuple[str, str], int]) -> None:
    """Labels may hold quotes, backslashes and ends of lines."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Only(sends(Attempts(numbers=counts), ())))
    found = samples(generate_latest(registry))
    assert found == {("premura_sends_total", key): value for key, value in counts.items()}
