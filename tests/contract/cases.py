"""Every adapter, at work: how it is opened, a message that it can send and one that it must refuse.

A new adapter gets a line in `CASES`, and one in `FAULTS` for each way in which its world can fail.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from engine.adapters.console import Console
from engine.adapters.email_file import EmailFile
from engine.adapters.email_smtp import EmailSmtp
from engine.adapters.fake import Fake
from engine.adapters.note_pdf import NotePdf
from engine.adapters.referral_code import ReferralCode
from engine.adapters.reward_ledger import RewardLedger
from engine.adapters.task_email import TaskEmail
from engine.adapters.task_file import TaskFile
from engine.adapters.task_webhook import TaskWebhook
from engine.adapters.wire.fate import read
from engine.adapters.wire.http import Http
from engine.adapters.wire.smtp import Smtp
from engine.core.facts import Address
from engine.core.messages import Invite, Note, Plain, Reward
from engine.dispatch.port import Adapter, Capability, Idempotency, Message, Receipt
from tests.adapters import http_server, smtp_server
from tests.adapters.http_server import answering
from tests.adapters.mails import EMAIL
from tests.adapters.smtp_server import LOGIN, contexts, real, scripted
from tests.adapters.tasks import TASK

NOTE = Note(
    text="Gentile Giulia,\ngrazie di cuore, e a presto.",
    signature="Marta e la squadra",
    seed="rule:C-1:2026:note",
    recipient="Giulia D'Amico",
    address=Address(street="Via Verdi 1", postcode="47032", city="Bertinoro", region="FC", country="IT"),
    sender="Bottega del Clima",
    sender_address=Address(street="Via Giorgio Regnoli 12", postcode="47121", city="Forlì", region="FC", country="IT"),
    locale="it_IT",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """An adapter at work. `outcomes` counts what the world got, from what came back and what it can see."""

    adapter: Adapter
    outcomes: Callable[[list[Receipt]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How an adapter is opened with a folder of its own; a body that it can send, and how to spoil it for good."""

    open: Callable[[Path], AbstractAsyncContextManager[Open]]
    body: Mapping[str, Any]
    spoiled: Mapping[str, Any]

    def message(self, **change: Any) -> Message:
        """The message to send, or one with another body."""
        return replace(Message(action="0199-a1", key="rule:C-1:2026:step", customer="C-1", body=self.body), **change)


@asynccontextmanager
async def console(_folder: Path) -> AsyncIterator[Open]:
    stream = io.StringIO()
    yield Open(adapter=Console(stream), outcomes=lambda _: stream.getvalue().count("┌"))


@asynccontextmanager
async def email_file(folder: Path) -> AsyncIterator[Open]:
    new = folder / "mail" / "new"  # what lies in tmp/ is no mail yet: a send that was broken off may still write there
    yield Open(adapter=EmailFile(folder / "mail"), outcomes=lambda _: len(list(new.glob("*.eml"))))


@asynccontextmanager
async def email_smtp(_folder: Path) -> AsyncIterator[Open]:
    serving, trusting = contexts()
    async with real(serving) as server:
        adapter = EmailSmtp(Smtp("localhost", server.port, tls="starttls", tls_context=trusting, **LOGIN))
        yield Open(adapter=adapter, outcomes=lambda _: len(server.messages))
        await adapter.close()


def rehearsal(folder: Path, kind: Idempotency = Idempotency.KEY, *, batch: int = 1, **told: Any) -> Fake:
    """A fake provider of mails."""
    can = Capability(channel="email", idempotency=kind, batch=batch, cancellable=True, lag=timedelta())
    return Fake(folder / "fake", can, script=read(told))


def on_disk(folder: Path) -> int:
    """How many mails a fake provider got."""
    path = folder / "fake" / "deliveries.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


@asynccontextmanager
async def fake(folder: Path) -> AsyncIterator[Open]:
    yield Open(adapter=rehearsal(folder), outcomes=lambda _: on_disk(folder))


@asynccontextmanager
async def fake_search(folder: Path) -> AsyncIterator[Open]:
    yield Open(adapter=rehearsal(folder, Idempotency.SEARCH), outcomes=lambda _: on_disk(folder))


@asynccontextmanager
async def fake_batch(folder: Path) -> AsyncIterator[Open]:
    yield Open(adapter=rehearsal(folder, batch=3), outcomes=lambda _: on_disk(folder))


@asynccontextmanager
async def fake_none(folder: Path) -> AsyncIterator[Open]:
    yield Open(adapter=rehearsal(folder, Idempotency.NONE), outcomes=lambda _: on_disk(folder))


@asynccontextmanager
async def note_pdf(folder: Path) -> AsyncIterator[Open]:
    yield Open(adapter=NotePdf(folder / "cards"), outcomes=lambda _: len(list(folder.rglob("*card.pdf"))))


def booked(receipts: list[Receipt]) -> int:
    """The store keeps one record for an action: what is the same is booked once."""
    return len(set(receipts))


@asynccontextmanager
async def reward_ledger(_folder: Path) -> AsyncIterator[Open]:
    yield Open(adapter=RewardLedger(), outcomes=booked)


@asynccontextmanager
async def referral_code(_folder: Path) -> AsyncIterator[Open]:
    yield Open(adapter=ReferralCode(), outcomes=booked)


@asynccontextmanager
async def task_email(_folder: Path) -> AsyncIterator[Open]:
    serving, trusting = contexts()
    async with real(serving) as server:
        line = Smtp("localhost", server.port, tls="starttls", tls_context=trusting, **LOGIN)
        adapter = TaskEmail(line, to="marta@shop.example")
        yield Open(adapter=adapter, outcomes=lambda _: len(server.messages))
        await adapter.close()


@asynccontextmanager
async def task_file(folder: Path) -> AsyncIterator[Open]:
    yield Open(adapter=TaskFile(folder / "tasks"), outcomes=lambda _: len(list(folder.rglob("*.md"))))


@asynccontextmanager
async def task_webhook(_folder: Path) -> AsyncIterator[Open]:
    serving, trusting = contexts()
    async with answering(context=serving) as server:
        adapter = TaskWebhook(Http(tls_context=trusting), server.url, secret=SECRET)
        yield Open(adapter=adapter, outcomes=lambda _: len(server.requests))
        await adapter.close()


PLAIN, REWARD = Plain(title="Chiamare", text="Sentire come va."), Reward(amount=50, unit="points", reason="Grazie")
INVITE = Invite(code="7KQ2M9XA", link="https://shop.example/7KQ2M9XA")
CASES = {
    "console": Case(open=console, body=PLAIN.to_json(), spoiled={"title": "", "text": " "}),
    "email_file": Case(open=email_file, body=EMAIL.to_json(), spoiled={"to_address": "nobody"}),
    "email_smtp": Case(open=email_smtp, body=EMAIL.to_json(), spoiled={"subject": "a\r\nBcc: evil@mail.example"}),
    "fake": Case(open=fake, body=EMAIL.to_json(), spoiled={"colour": "red"}),
    "fake, asked": Case(open=fake_search, body=EMAIL.to_json(), spoiled={"colour": "red"}),
    "fake, in batches": Case(open=fake_batch, body=EMAIL.to_json(), spoiled={"colour": "red"}),
    "fake, neither": Case(open=fake_none, body=EMAIL.to_json(), spoiled={"colour": "red"}),
    "note_pdf": Case(open=note_pdf, body=NOTE.to_json(), spoiled={"text": "Дорогая Джулия"}),
    "referral_code": Case(open=referral_code, body=INVITE.to_json(), spoiled={"code": ""}),
    "reward_ledger": Case(open=reward_ledger, body=REWARD.to_json(), spoiled={"amount": 0}),
    "task_email": Case(open=task_email, body=TASK.to_json(), spoiled={"title": "a\r\nBcc: evil@mail.example"}),
    "task_file": Case(open=task_file, body=TASK.to_json(), spoiled={"title": " "}),
    "task_webhook": Case(open=task_webhook, body=TASK.to_json(), spoiled={"title": ""}),
}


@asynccontextmanager
async def mails_dropped(_folder: Path) -> AsyncIterator[Open]:
    async with scripted({"DOT": smtp_server.DROP}) as server:
        adapter = EmailSmtp(Smtp("localhost", server.port, tls="none"))
        yield Open(adapter=adapter, outcomes=lambda _: len(server.messages))
        await adapter.close()


@asynccontextmanager
async def mails_without_login(_folder: Path) -> AsyncIterator[Open]:
    serving, trusting = contexts()
    async with real(serving) as server:
        line = Smtp("localhost", server.port, tls="starttls", tls_context=trusting, user="shop", password=SECRET)
        adapter = EmailSmtp(line)
        yield Open(adapter=adapter, outcomes=lambda _: len(server.messages))
        await adapter.close()


@asynccontextmanager
async def tasks_dropped(_folder: Path) -> AsyncIterator[Open]:
    async with scripted({"DOT": smtp_server.DROP}) as server:
        adapter = TaskEmail(Smtp("localhost", server.port, tls="none"), to="marta@shop.example")
        yield Open(adapter=adapter, outcomes=lambda _: len(server.messages))
        await adapter.close()


def desk(*answers: str) -> Callable[[Path], AbstractAsyncContextManager[Open]]:
    """A service for tasks that answers like this."""

    @asynccontextmanager
    async def opened(_folder: Path) -> AsyncIterator[Open]:
        serving, trusting = contexts()
        async with answering(*answers, context=serving) as server:
            adapter = TaskWebhook(Http(tls_context=trusting, timeout=1.0), server.url, secret=SECRET)
            yield Open(adapter=adapter, outcomes=lambda _: len(server.requests))
            await adapter.close()

    return opened


def told(fate: str) -> Callable[[Path], AbstractAsyncContextManager[Open]]:
    """A fake provider that does this."""

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[Open]:
        yield Open(adapter=rehearsal(folder, send=[fate]), outcomes=lambda _: on_disk(folder))

    return opened


def barred(make: Callable[[Path], Adapter]) -> Callable[[Path], AbstractAsyncContextManager[Open]]:
    """An adapter whose folder is a file."""

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[Open]:
        (folder / "out").write_text("a file")
        yield Open(adapter=make(folder / "out"), outcomes=lambda _: 0)

    return opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A world that fails: what is sent into it, and whether it is refused for good, in doubt, or neither."""

    open: Callable[[Path], AbstractAsyncContextManager[Open]]
    case: str
    permanent: bool = False
    ambiguous: bool = False


SECRET = "hush-7f3a9"
FAULTS = {
    "email_file, no disk": Fault(open=barred(EmailFile), case="email_file"),
    "email_smtp, dropped": Fault(open=mails_dropped, case="email_smtp", ambiguous=True),
    "email_smtp, no login": Fault(open=mails_without_login, case="email_smtp"),
    "fake, dropped": Fault(open=told("lost_after"), case="fake", ambiguous=True),
    "fake, later": Fault(open=told("later"), case="fake"),
    "fake, refused": Fault(open=told("refuse"), case="fake", permanent=True),
    "note_pdf, no disk": Fault(open=barred(NotePdf), case="note_pdf"),
    "task_email, dropped": Fault(open=tasks_dropped, case="task_email", ambiguous=True),
    "task_file, no disk": Fault(open=barred(TaskFile), case="task_file"),
    "task_webhook, dropped": Fault(open=desk(http_server.DROP), case="task_webhook", ambiguous=True),
    "task_webhook, silent": Fault(open=desk(http_server.SILENCE), case="task_webhook", ambiguous=True),
    "task_webhook, busy": Fault(open=desk(http_server.reply(503, body="busy")), case="task_webhook"),
    "task_webhook, gone": Fault(open=desk(http_server.reply(410, body="gone")), case="task_webhook", permanent=True),
}
"""The ways in which the world of an adapter can fail; those that speak over a line have one in which it drops."""
