"""Tasks posted to a service, which checks who posts and takes each key once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from engine.adapters.task_webhook import TaskWebhook
from engine.adapters.wire.http import Http
from engine.core.messages import Task
from engine.dispatch.port import Idempotency, Receipt
from engine.errors import DeliveryError
from tests.adapters.http_server import OK, SILENCE, Request, answering, reply
from tests.adapters.tasks import TASK, message

SECRET = "s3cret-Pässword"


def posted(*script: str, task: Task = TASK, key: str = "care:C-1:2026:call", times: int = 1) -> tuple[Receipt, Request]:
    async def scenario() -> tuple[Receipt, Request]:
        async with answering(*script) as server:
            adapter = TaskWebhook(Http(timeout=1.0), server.url, secret=SECRET)
            try:
                for _ in range(times):
                    receipt = await adapter.send(message(task, key=key))
                assert len({(one.body, one.headers["idempotency-key"]) for one in server.requests}) == 1
                return receipt, server.requests[0]
            finally:
                await adapter.close()

    return asyncio.run(scenario())


def test_it_is_json_that_says_what_for_whom_why_and_until_when() -> None:
    receipt, request = posted(reply(202, body='{"queued": true}'))
    assert receipt.delivered
    assert (receipt.provider_ref, receipt.detail) == ("0199-a1", 'localhost answered 202 {"queued": true}')
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "id": "0199-a1",
        "title": TASK.title,
        "text": TASK.text,
        "customer": "Giulia D'Amico",
        "reference": "C-1",
        "why": TASK.why,
        "until": TASK.until,
    }


def test_the_receiver_can_tell_that_it_is_us() -> None:
    _, request = posted()
    expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["premura-signature"] == f"sha256={expected}"
    assert SECRET.encode() not in request.body


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("care:C-1:2026:call", "care:C-1:2026:call"),
        ("care:C%3A1:a/b:call", "care:C%3A1:a/b:call"),
        ("care:Città 7:x\r\ny:call", "care:Citt%C3%A0%207:x%0D%0Ay:call"),
    ],
)
def test_each_attempt_carries_the_same_key(key: str, shown: str) -> None:
    _, request = posted(OK, key=key, times=2)
    assert request.headers["idempotency-key"] == shown


@pytest.mark.parametrize(
    ("answer", "permanent", "ambiguous"),
    [(reply(503, "Retry-After: 60"), False, False), (reply(410), True, False), (SILENCE, False, True)],
)
def test_what_goes_wrong_is_told_for_what_it_is(answer: str, permanent: bool, ambiguous: bool) -> None:
    with pytest.raises(DeliveryError) as failure:
        posted(answer)
    assert (failure.value.permanent, failure.value.ambiguous) == (permanent, ambiguous)
    assert SECRET not in str(failure.value)


def test_only_a_receiver_that_takes_each_key_once_is_asked_again() -> None:
    said = [TaskWebhook(Http(), "https://x.example", secret="s", idempotent=one).capability for one in (True, False)]
    assert [one.idempotency for one in said] == [Idempotency.KEY, Idempotency.NONE]


def test_without_a_secret_or_a_title_nothing_is_posted() -> None:
    with pytest.raises(ValueError, match=r"^secret: "):
        TaskWebhook(Http(), "https://x.example", secret="")
    with pytest.raises(DeliveryError, match="no title") as refusal:
        TaskWebhook(Http(), "https://x.example", secret="s").check(message(replace(TASK, title=" ")))
    assert refusal.value.permanent
