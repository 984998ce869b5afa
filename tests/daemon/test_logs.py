"""The log: what is told and how, and whose words never get into it."""

from __future__ import annotations

import io
import json
import logging
import threading
import warnings
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import State
from engine.daemon.logs import logging_to, sends_to
from engine.errors import DeliveryError
from engine.store.outbox import Result
from tests.daemon.living import Log
from tests.dispatch.shop import Told
from tests.shop import Shop


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_line_is_a_document() -> None:
    stream = io.StringIO()
    with logging_to(stream) as log:
        log.info("decide.done", events=3, outcomes={"act": 2})
    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "decide.done", "level": "info", "events": 3, "outcomes": {"act": 2}}


def test_a_line_is_written_at_once_so_that_no_other_thread_comes_between() -> None:
    written: list[str] = []

    class Watched(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    with logging_to(Watched()) as log:
        log.info("decide.done", events=3)
        logging.getLogger("httpx").error("of a library")
    assert [text.count("\n") for text in written] == [1, 1]
    assert all(text.endswith("\n") for text in written)


def test_on_a_terminal_a_line_is_for_people() -> None:
    stream = Terminal()
    with logging_to(stream) as log:
        log.info("decide.done", events=3)
    time, *rest = stream.getvalue().split()
    assert time.startswith("timestamp=2")
    assert rest == ["level=info", "event=decide.done", "events=3"]


@given(words=st.dictionaries(st.text(), st.text()))
def test_whatever_is_said_stays_on_one_line(words: dict[str, str]) -> None:
    stream = io.StringIO()
    with logging_to(stream) as log:
        log.info("said", said=words)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["said"] == words


def fall() -> None:
    raise ValueError("giulia@mail.example")


def in_a_thread() -> None:
    thread = threading.Thread(target=fall)
    thread.start()
    thread.join()


class Dropped:
    """An object that fails when it goes."""

    def __del__(self) -> None:
        raise ValueError("giulia@mail.example")


def drop() -> None:
    Dropped()


def warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)  # pytest has taken the warnings for itself
        warnings.warn("giulia@mail.example is odd", stacklevel=1)


@pytest.mark.parametrize(
    ("speak", "event"),
    [
        (lambda: logging.getLogger("httpx").error("giulia@mail.example"), "library"),
        (warn, "library"),
        (in_a_thread, "fault"),
        (drop, "fault"),
    ],
)
def test_others_are_heard_without_their_words(
    speak: Callable[[], None], event: str, capfd: pytest.CaptureFixture[str]
) -> None:
    stream, before = io.StringIO(), threading.excepthook
    with logging_to(stream):
        speak()
    (line,) = (json.loads(text) for text in stream.getvalue().splitlines())
    assert line["event"] == event
    assert line["where"].startswith(("test_logs, line ", "warnings, line "))
    assert "giulia" not in stream.getvalue() + capfd.readouterr().err
    assert threading.excepthook is before


# What came of each attempt


def sent(shop: Shop, *deeds: BaseException) -> list[dict[str, object]]:
    """What the log says of a customer's mail, attempt by attempt."""
    post, stream = Told("email"), io.StringIO()
    post.deeds = list(deeds)
    shop.app.__dict__["adapters"] = {**shop.app.adapters, "files": post}
    shop.customer()
    shop.event("service_call.completed", "2026-03-01T09:00:00+01:00")
    shop.app.decide()
    shop.app.schedule()
    with logging_to(stream) as log:
        for hour in (11, 12, 13, 14):
            shop.at(f"2026-03-02T{hour}:00").app.dispatch(told=sends_to(log))
    assert "letizia" not in stream.getvalue().lower()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_attempt_has_a_line_that_leads_to_its_action(shop: Shop) -> None:
    failed, done = sent(shop, DeliveryError("letizia@mail.example is full"))
    (action,) = shop.actions()
    shared = {"action": action["id"], "adapter": "files", "channel": "email", "rule": "thanks"}
    assert failed == failed | shared | {"event": "send.retry", "level": "warning", "attempt": 1, "state": "retry_at"}
    assert done == done | shared | {"event": "send.accepted", "level": "info", "attempt": 2, "state": "accepted"}


@pytest.mark.parametrize(
    ("deed", "event"),
    [
        (DeliveryError("letizia@mail.example is unknown", permanent=True), "send.rejected"),
        (DeliveryError("cut", ambiguous=True), "send.unknown"),
        (RuntimeError("letizia@mail.example"), "send.unknown"),
    ],
)
def test_what_failed_for_good_is_a_warning(shop: Shop, deed: BaseException, event: str) -> None:
    (line,) = sent(shop, deed)
    assert (line["event"], line["level"]) == (event, "warning")


def result(shop: Shop) -> Result:
    """What came of a mail."""
    heard = list[Result]()
    shop.customer()
    shop.event("service_call.completed", "2026-03-01T09:00:00+01:00")
    shop.app.decide()
    shop.app.schedule()
    shop.app.dispatch(told=lambda one, _is_ours: heard.append(one))
    return heard[0]


def test_an_answer_that_came_too_late_says_so(shop: Shop) -> None:
    one, stream = result(shop), io.StringIO()
    with logging_to(stream) as log:
        sends_to(log)(one, False)
        sends_to(log)(one._replace(outcome="not sent", state=State.RETRY_AT), True)
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["send.late", "send.not_sent"]


def test_a_log_that_cannot_be_written_stops_no_send(shop: Shop) -> None:
    with logging_to(Full()) as log:
        shop.customer()
        shop.event("service_call.completed", "2026-03-01T09:00:00+01:00")
        shop.app.decide()
        shop.app.schedule()
        shop.app.dispatch(told=sends_to(log))
    assert shop.states() == {"thanks.mail": "delivered"}


def test_libraries_are_heard_without_their_words(log: Log) -> None:
    before = list(logging.getLogger().handlers)
    with logging_to(log):
        logging.getLogger("asyncio").error("giulia@mail.example", exc_info=ValueError("Giulia"))
        logging.getLogger("asyncio").info("nothing")
        logging.getLogger("apscheduler.scheduler").warning("skipped: maximum number of running instances reached")
    (line,) = log.lines
    assert (line["event"], line["level"], line["library"]) == ("library", "error", "asyncio")
    assert line["where"].startswith("test_logs, line ")
    assert "iulia" not in log.getvalue()
    assert logging.getLogger().handlers == before
