"""Tasks by mail to one of the shop's people, through a real server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from email import message_from_bytes, policy

import pytest

from engine.adapters.task_email import TaskEmail
from engine.adapters.wire.smtp import Smtp
from engine.core.messages import Task
from engine.dispatch.port import Receipt
from engine.errors import DeliveryError
from tests.adapters.smtp_server import Server, scripted
from tests.adapters.tasks import TASK, message

TO = "marta@shop.example"


def outcome(task: Task = TASK, script: dict[str, str | list[str]] | None = None) -> tuple[Receipt, Server]:
    async def scenario() -> tuple[Receipt, Server]:
        async with scripted(script or {}) as server:
            adapter = TaskEmail(Smtp("localhost", server.port, tls="none", timeout=5.0, patience=5.0), to=TO)
            try:
                return await adapter.send(message(task)), server
            finally:
                await adapter.close()

    return asyncio.run(scenario())


def test_it_goes_to_our_own_address_and_not_to_the_customer() -> None:
    receipt, server = outcome()
    assert not receipt.delivered, "it may still come back"
    assert [command for command in server.commands if command.startswith("RCPT")] == [f"RCPT TO:<{TO}>"]
    mail = message_from_bytes(server.messages[0], policy=policy.default)
    assert (mail["to"], mail["from"]) == (TO, "Bottega <ciao@shop.example>")
    assert mail["subject"] == TASK.title
    assert (mail["message-id"], mail["auto-submitted"]) == (TASK.message_id, "auto-generated")


def test_it_is_plain_text_and_no_newsletter() -> None:
    _, server = outcome()
    mail = message_from_bytes(server.messages[0], policy=policy.default)
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == ["text/plain"]
    assert mail["list-unsubscribe"] is None
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == TASK.text


@pytest.mark.parametrize(
    ("script", "permanent", "ambiguous"),
    [
        ({"RCPT": "550 no such user"}, True, False),
        ({"RCPT": "450 later"}, False, False),
        ({"DOT": "what"}, False, True),
    ],
)
def test_what_goes_wrong_is_told_as_with_any_mail(script: dict[str, str], permanent: bool, ambiguous: bool) -> None:
    with pytest.raises(DeliveryError) as failure:
        outcome(script=dict(script))
    assert (failure.value.permanent, failure.value.ambiguous) == (permanent, ambiguous)


@pytest.mark.parametrize("title", ["", "  ", "one\ntwo"])
def test_a_task_that_cannot_be_a_mail_is_refused(title: str) -> None:
    adapter = TaskEmail(Smtp("localhost", 25, tls="none"), to=TO)
    with pytest.raises(DeliveryError) as refusal:
        adapter.check(message(replace(TASK, title=title)))
    assert refusal.value.permanent


@pytest.mark.parametrize("to", ["", "marta", "marta@", "a@b.it\r\nBcc: c@d.it"])
def test_an_address_that_is_none_is_a_fault_of_the_configuration(to: str) -> None:
    with pytest.raises(ValueError, match=r"^to: "):
        TaskEmail(Smtp("localhost", 25, tls="none"), to=to)
