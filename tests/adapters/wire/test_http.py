"""HTTP to a server on a socket: every way in which a request can end."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from engine.adapters.wire.http import Http, checked
from engine.errors import DeliveryError
from tests.adapters.http_server import DROP, NONSENSE, OK, SILENCE, Server, answering, reply
from tests.adapters.smtp_server import contexts

RETRY, PERMANENT, AMBIGUOUS = "retry", "permanent", "ambiguous"
MONDAY = "Date: Mon, 16 Mar 2026 08:00:00 GMT"


async def posted(url: str, **options: Any) -> str:
    """What comes of one request."""
    http = Http(**{"timeout": 5.0, **options})
    try:
        return await http.post(url, b"{}", {"X-One": "1"})
    finally:
        await http.close()


def outcome(*script: str, **options: Any) -> tuple[str | DeliveryError, Server]:
    """What one request to a server with that script comes to."""

    async def scenario() -> tuple[str | DeliveryError, Server]:
        async with answering(*script) as server:
            try:
                return await posted(server.url, **options), server
            except DeliveryError as error:
                return error, server

    return asyncio.run(scenario())


def test_what_is_posted_arrives_as_it_is() -> None:
    answer, server = outcome()
    assert answer == "localhost answered 200 taken"
    (request,) = server.requests
    assert (request.line, request.body) == ("POST /tasks HTTP/1.1", b"{}")
    assert (request.headers["x-one"], request.headers["user-agent"]) == ("1", "premura")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(301, "Location: http://localhost/elsewhere"), PERMANENT),
        (reply(400), PERMANENT),
        (reply(410), PERMANENT),
        (reply(401), RETRY),
        (reply(403), RETRY),
        (reply(404), RETRY),
        (reply(405), RETRY),
        (reply(407), RETRY),
        (reply(422), PERMANENT),
        (reply(408), RETRY),
        (reply(425), RETRY),
        (reply(429), RETRY),
        (reply(503), RETRY),
        (reply(500), AMBIGUOUS),
        (reply(502), AMBIGUOUS),
        (reply(504), AMBIGUOUS),
        (DROP, AMBIGUOUS),
        (NONSENSE, AMBIGUOUS),
    ],
)
def test_every_failure_is_told_for_what_it_is(answer: str, expected: str) -> None:
    error, server = outcome(answer)
    assert isinstance(error, DeliveryError)
    assert (error.permanent, error.ambiguous) == (expected == PERMANENT, expected == AMBIGUOUS)
    assert error.retry_after is None
    assert str(error).startswith("localhost ")
    assert len(server.requests) == 1, "no redirection is followed, nothing is tried again here"


def test_silence_after_the_last_byte_is_a_doubt() -> None:
    error, server = outcome(SILENCE, timeout=1.0)
    assert isinstance(error, DeliveryError)
    assert error.ambiguous
    assert len(server.requests) == 1


def test_nobody_listens_and_nothing_was_sent() -> None:
    async def scenario() -> None:
        async with answering() as server:
            url = server.url
        await posted(url)

    with pytest.raises(DeliveryError, match="localhost cannot be reached") as failure:
        asyncio.run(scenario())
    assert (failure.value.permanent, failure.value.ambiguous) == (False, False)


def test_a_certificate_of_nobody_known_is_not_trusted() -> None:
    async def scenario() -> None:
        async with answering(context=contexts()[0]) as server:
            await posted(server.url)

    with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED") as failure:
        asyncio.run(scenario())
    assert (failure.value.permanent, failure.value.ambiguous) == (False, False)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["Retry-After: 120"], 120.0),
        ([MONDAY, "Retry-After: Mon, 16 Mar 2026 08:01:30 GMT"], 90.0),
        ([MONDAY, "Retry-After: Mon, 16 Mar 2026 07:00:00 GMT"], 0.0),
        (["Retry-After: Mon, 16 Mar 2026 08:01:30 GMT"], None),
        (["Retry-After: soon"], None),
        (["Retry-After: -5"], None),
        ([], None),
    ],
)
def test_the_wait_that_the_provider_asks_for(headers: list[str], seconds: float | None) -> None:
    error, _ = outcome(reply(429, *headers))
    assert isinstance(error, DeliveryError)
    assert error.retry_after == seconds


def test_an_answer_is_kept_short_and_on_one_line() -> None:
    answer, _ = outcome(reply(200, body="ok\n\x1b[31m" + "è" * 10_000))
    assert isinstance(answer, str)
    assert answer.startswith("localhost answered 200 ok [31mèè")
    assert answer.isprintable()
    assert len(answer) < 350


def test_a_yes_counts_even_if_its_words_break_off() -> None:
    answer, _ = outcome("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nta")
    assert answer == "localhost answered 200 ta"


def test_after_close_it_opens_again() -> None:
    async def scenario() -> int:
        async with answering(OK) as server:
            http = Http()
            for _ in range(2):
                await http.post(server.url, b"{}", {})
                await http.close()
            return len(server.requests)

    assert asyncio.run(scenario()) == 2


@pytest.mark.parametrize(
    "url", ["https://desk.example/tasks", "http://localhost:80/x", "http://127.0.0.1", "http://[::1]:8"]
)
def test_what_cannot_be_read_on_the_way_is_good(url: str) -> None:
    assert checked(url) == url


@pytest.mark.parametrize(
    "url", ["http://desk.example/", "ftp://localhost/", "desk.example", "https://", "", "https://a:b"]
)
def test_what_could_be_read_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"url: '{url}'")):
        checked(url)
