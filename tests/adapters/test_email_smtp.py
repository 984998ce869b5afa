"""Mail over SMTP: a real server with STARTTLS and login, and every row of the table of failures."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import pytest

from engine.adapters.email_smtp import EmailSmtp
from engine.adapters.wire.smtp import Smtp
from engine.core.messages import Email
from engine.dispatch.mime import to_bytes
from engine.dispatch.port import Message, Receipt
from engine.errors import DeliveryError
from tests.adapters import mails
from tests.adapters.smtp_server import DROP, LOGIN, PASSWORD, SILENCE, Server, contexts, real, scripted

EMAIL = replace(mails.EMAIL, to_address="nico@bücher.example", text="Gentile Niccolò,\n.\n..due punti\n")


def message(email: Email = EMAIL) -> Message:
    return Message(action="a1", key="k1", customer="C-1", body=email.to_json())


def send_to(server: Server, **options: Any) -> EmailSmtp:
    return EmailSmtp(Smtp("localhost", server.port, **{"tls": "none", "timeout": 5.0, "patience": 5.0, **options}))


def outcome(script: dict[str, str | list[str]], **options: Any) -> tuple[Receipt | DeliveryError, Server]:
    """What one send to a scripted server comes to."""

    async def scenario() -> tuple[Receipt | DeliveryError, Server]:
        async with scripted(script) as server:
            adapter = send_to(server, **options)
            try:
                return await adapter.send(message()), server
            except DeliveryError as error:
                return error, server
            finally:
                await adapter.close()

    return asyncio.run(scenario())


def test_a_mail_goes_through_starttls_and_login() -> None:
    serving, trusting = contexts()

    async def scenario() -> tuple[Receipt, Server]:
        async with real(serving) as server:
            adapter = send_to(server, tls="starttls", tls_context=trusting, **LOGIN)
            receipt = await adapter.send(message())
            await adapter.close()
            return receipt, server

    receipt, server = asyncio.run(scenario())
    assert receipt.provider_ref == "2.0.0 Ok: queued as Q1"
    assert not receipt.delivered
    assert server.recipients == ["nico@xn--bcher-kva.example"]
    assert server.messages == [to_bytes(EMAIL)]
    assert message_from_bytes(server.messages[0], policy=policy.default)["subject"] == "Perché no?"


def test_implicit_tls_keeps_one_connection_for_many_mails() -> None:
    serving, trusting = contexts()

    async def scenario() -> Server:
        async with real(serving, implicit=True) as server:
            adapter = send_to(server, tls="implicit", tls_context=trusting, **LOGIN)
            for _ in range(3):
                await adapter.send(message())
            await adapter.close()
            await adapter.send(message())  # usable again after close
            await adapter.close()
            return server

    server = asyncio.run(scenario())
    assert len(server.messages) == 4
    assert (server.connections, server.logins) == (2, 2)


def refused(scenario: Callable[[], Coroutine[Any, Any, None]]) -> DeliveryError:
    with pytest.raises(DeliveryError) as refusal:
        asyncio.run(scenario())
    return refusal.value


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("wrong", ["stranger", "other name"])
def test_an_untrusted_certificate_is_refused(tls: str, wrong: str) -> None:
    serving, trusting = contexts("localhost" if wrong == "stranger" else "mail.example")
    if wrong == "stranger":
        trusting = ssl.create_default_context()
    seen: list[Server] = []

    async def scenario() -> None:
        async with real(serving, implicit=tls == "implicit") as server:
            seen.append(server)
            adapter = send_to(server, tls=tls, tls_context=trusting, **LOGIN)
            try:
                await adapter.send(message())
            finally:
                await adapter.close()

    error = refused(scenario)
    assert "certificate" in str(error)
    assert (error.permanent, error.ambiguous) == (False, False)
    assert not seen[0].messages


def test_without_a_context_the_system_decides_whom_to_trust() -> None:
    serving, _ = contexts()

    async def scenario() -> None:
        async with real(serving) as server:
            await send_to(server, tls="starttls", **LOGIN).send(message())

    assert "certificate" in str(refused(scenario))


def test_a_server_without_starttls_gets_nothing() -> None:
    error, server = outcome({}, tls="starttls", **LOGIN)
    assert isinstance(error, DeliveryError)
    assert "STARTTLS" in str(error)
    assert not any(command.startswith(("AUTH", "MAIL")) for command in server.commands)


def test_a_wrong_password_is_told_without_the_password() -> None:
    serving, trusting = contexts()

    async def scenario() -> None:
        async with real(serving) as server:
            adapter = send_to(server, tls="starttls", tls_context=trusting, user="shop", password="wrong-w0rd")
            try:
                await adapter.send(message())
            finally:
                await adapter.close()

    error = refused(scenario)
    assert str(error) == "localhost refuses the login (535)"
    assert (error.permanent, error.ambiguous, error.retry_after) == (False, False, 300.0)
    assert "wrong-w0rd" not in repr(error)


@pytest.mark.parametrize(
    ("method", "said"),
    [("PLAIN", f"535 {PASSWORD} is wrong"), ("PLAIN", f"{PASSWORD} is nonsense"), ("CRAM-MD5", "334 no challenge")],
)
def test_a_login_that_fails_quotes_nobody(method: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with scripted({"EHLO": f"250-localhost\r\n250 AUTH {method}", "AUTH": said}) as server:
            adapter = send_to(server)
            # a scripted server has no TLS, without which a password is not taken: it comes by the back door
            monkeypatch.setattr(adapter._server, "_user", LOGIN["user"])
            monkeypatch.setattr(adapter._server, "_password", PASSWORD)
            await adapter.send(message())

    error = refused(scenario)
    assert str(error).startswith("localhost refuses the login (")
    assert PASSWORD not in str(error)
    assert (error.permanent, error.ambiguous, error.__suppress_context__) == (False, False, True)


def test_a_password_is_not_taken_without_tls() -> None:
    with pytest.raises(ValueError, match="TLS only"):
        Smtp("localhost", 25, tls="none", **LOGIN)


RETRY, PERMANENT, AMBIGUOUS = "retry", "permanent", "ambiguous"


@pytest.mark.parametrize(
    ("script", "expected", "waits"),
    [
        ({"BANNER": "421 too busy"}, RETRY, True),
        ({"BANNER": "554 not today"}, RETRY, False),
        ({"BANNER": DROP}, RETRY, False),
        ({"EHLO": DROP}, RETRY, False),
        ({"EHLO": "550 who?", "HELO": "550 who?"}, RETRY, False),
        ({"EHLO": "421 busy"}, RETRY, True),
        ({"MAIL": "451 later"}, RETRY, False),
        ({"MAIL": "421 busy"}, RETRY, True),
        ({"MAIL": "530 5.7.0 log in first"}, RETRY, False),
        ({"MAIL": "550 not you"}, PERMANENT, False),
        ({"MAIL": DROP}, RETRY, False),
        ({"MAIL": "nonsense"}, RETRY, False),
        ({"RCPT": "450 greylisted"}, RETRY, False),
        ({"RCPT": "421 too many"}, RETRY, True),
        ({"RCPT": "550 5.1.1 no such user"}, PERMANENT, False),
        ({"RCPT": "552 mailbox full"}, PERMANENT, False),
        ({"RCPT": DROP}, RETRY, False),
        ({"DATA": "452 no room"}, RETRY, False),
        ({"DATA": "554 no"}, PERMANENT, False),
        ({"DATA": DROP}, RETRY, False),
        ({"DATA": "250 what?"}, RETRY, False),
        ({"DOT": "452 no room"}, RETRY, False),
        ({"DOT": "421 closing"}, RETRY, True),
        ({"DOT": "554 5.6.0 spam"}, PERMANENT, False),
        ({"CONTENT": DROP}, AMBIGUOUS, False),
        ({"DOT": DROP}, AMBIGUOUS, False),
        ({"DOT": "nonsense"}, AMBIGUOUS, False),
        ({"DOT": "354 more"}, AMBIGUOUS, False),
    ],
)
def test_every_failure_is_told_for_what_it_is(script: dict[str, str | list[str]], expected: str, waits: bool) -> None:
    error, server = outcome(script)
    assert isinstance(error, DeliveryError)
    assert (error.permanent, error.ambiguous) == (expected == PERMANENT, expected == AMBIGUOUS)
    assert (error.retry_after is not None) == waits
    assert str(error).startswith("localhost ")
    assert "\n" not in str(error)
    assert len(server.messages) == ("DOT" in script)


@pytest.mark.parametrize(("step", "ambiguous"), [("BANNER", False), ("RCPT", False), ("DATA", False), ("DOT", True)])
def test_silence_is_a_doubt_only_after_the_message(step: str, ambiguous: bool) -> None:
    error, _ = outcome({step: SILENCE}, timeout=1.0, patience=1.0)
    assert isinstance(error, DeliveryError)
    assert (error.permanent, error.ambiguous) == (False, ambiguous)


def test_nobody_listens() -> None:
    async def scenario() -> None:
        async with scripted({}) as server:
            port = server.port
        await EmailSmtp(Smtp("localhost", port, tls="none")).send(message())

    error = refused(scenario)
    assert (error.permanent, error.ambiguous) == (False, False)


@pytest.mark.parametrize("gone", ["421 4.4.2 idle for too long", DROP])
def test_an_idle_connection_that_the_server_gave_up_is_replaced(gone: str) -> None:
    async def scenario() -> Server:
        async with scripted({"MAIL": ["250 ok", gone, "250 ok"]}) as server:
            adapter = send_to(server)
            await adapter.send(message())
            await adapter.send(message())
            await adapter.close()
            return server

    server = asyncio.run(scenario())
    assert server.connections == 2
    assert len(server.messages) == 2


def test_after_a_failure_the_next_mail_starts_afresh() -> None:
    async def scenario() -> Server:
        async with scripted({"RCPT": ["550 no such user", "250 ok"]}) as server:
            adapter = send_to(server)
            with pytest.raises(DeliveryError):
                await adapter.send(message())
            await adapter.send(message())
            await adapter.close()
            return server

    server = asyncio.run(scenario())
    assert server.connections == 2
    assert len(server.messages) == 1


def test_sends_at_the_same_time_do_not_mix() -> None:
    async def scenario() -> Server:
        async with scripted({}) as server:
            adapter = send_to(server)
            await asyncio.gather(*(adapter.send(message()) for _ in range(5)))
            await adapter.close()
            return server

    server = asyncio.run(scenario())
    verbs = [command.split()[0] for command in server.commands]
    assert verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * 5, "QUIT"]


def test_a_send_that_is_cancelled_leaves_no_half_dialogue() -> None:
    async def scenario() -> Server:
        async with scripted({"RCPT": [SILENCE, "250 ok"]}) as server:
            adapter = send_to(server)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(adapter.send(message()), 0.1)
            await adapter.send(message())
            await adapter.close()
            return server

    server = asyncio.run(scenario())
    assert server.connections == 2
    assert len(server.messages) == 1


def test_the_last_word_of_the_server_is_kept_as_it_can_be_stored() -> None:
    receipt, _ = outcome({"DOT": "250-2.0.0 Ok:\r\n250 queued\tas \x1b[31mQ\u00e8"})
    assert isinstance(receipt, Receipt)
    assert receipt.provider_ref == "2.0.0 Ok: queued as [31mQè"


def test_check_refuses_what_cannot_be_written() -> None:
    adapter = EmailSmtp(Smtp("localhost", 25, tls="none"))
    adapter.check(message())
    for change in (
        {"to_address": "nobody"},
        {"subject": "a\r\nBcc: x@y.it"},
        {"to_address": "a@b.it>\r\nRCPT TO:<c@d.it"},
    ):
        with pytest.raises(DeliveryError) as refusal:
            adapter.check(Message(action="a", key="k", customer="C", body={**EMAIL.to_json(), **change}))
        assert refusal.value.permanent
