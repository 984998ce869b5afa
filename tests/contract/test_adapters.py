"""What dispatch relies on, asked of every adapter.

A new adapter gets a line in `CASES`: how it is opened, a message that it can send and one that it must refuse.
"""

from __future__ import annotations

import asyncio
import copy
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from engine.adapters.console import Console
from engine.adapters.email_file import EmailFile
from engine.adapters.email_smtp import EmailSmtp
from engine.adapters.fake import Fake
from engine.adapters.note_pdf import NotePdf
from engine.adapters.referral_code import ReferralCode
from engine.adapters.registry import OURS
from engine.adapters.reward_ledger import RewardLedger
from engine.adapters.task_email import TaskEmail
from engine.adapters.task_file import TaskFile
from engine.adapters.task_webhook import TaskWebhook
from engine.adapters.wire.fate import read
from engine.adapters.wire.http import Http
from engine.adapters.wire.smtp import Smtp
from engine.core.facts import Address
from engine.core.messages import Email, Invite, Note, Plain, Reward
from engine.dispatch.port import Adapter, Capability, Idempotency, Message, Receipt, Record
from engine.errors import DeliveryError
from tests.adapters.http_server import answering
from tests.adapters.smtp_server import LOGIN, contexts, real
from tests.adapters.tasks import TASK

CHANNELS = frozenset(("email", "note", "reward", "referral", "task", "console"))
EMAIL = Email(
    sender_name="Bottega",
    sender_address="ciao@shop.example",
    to_name="Niccolò",
    to_address="nico@mail.example",
    subject="Perché no?",
    text="Gentile Niccolò,\n",
    html="<p>Gentile Niccolò,</p>",
    message_id="<a1@shop.example>",
    date="Sat, 14 Mar 2026 09:30:00 +0100",
)
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
    yield Open(adapter=EmailFile(folder / "mail"), outcomes=lambda _: len(list(folder.rglob("*.eml"))))


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
        adapter = TaskWebhook(Http(tls_context=trusting), server.url, secret="shared")
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
every_adapter = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def sent(case: Case, folder: Path, *messages: Message, close_between: bool = False) -> tuple[list[Receipt], int]:
    """The receipts for these messages, and how many things came out."""

    async def scenario() -> tuple[list[Receipt], int]:
        async with case.open(folder) as it:
            receipts = []
            for message in messages:
                receipts.append(await it.adapter.send(message))
                if close_between:
                    await it.adapter.close()
            await it.adapter.close()
            return receipts, it.outcomes(receipts)

    return asyncio.run(scenario())


def checked(case: Case, folder: Path, message: Message) -> int:
    """How many things came out of a check."""

    async def scenario() -> int:
        async with case.open(folder) as it:
            it.adapter.check(message)
            return it.outcomes([])

    return asyncio.run(scenario())


def capability(case: Case, folder: Path) -> tuple[Capability, Capability]:
    """What an adapter declares before and after a send."""

    async def scenario() -> tuple[Capability, Capability]:
        async with case.open(folder) as it:
            before = it.adapter.capability
            await it.adapter.send(case.message())
            return before, it.adapter.capability

    return asyncio.run(scenario())


def test_every_adapter_that_can_be_configured_is_here() -> None:
    assert {name.partition(",")[0] for name in CASES} == set(OURS)


@every_adapter
def test_what_it_declares_stays_as_it_is(case: Case, tmp_path: Path) -> None:
    before, after = capability(case, tmp_path)
    assert before == after
    assert before.channel in CHANNELS
    assert before.concurrency >= 1
    assert before.lead_days >= 0
    assert before.unit_cost_minor >= 0


@every_adapter
def test_check_lets_a_good_message_pass_and_does_nothing(case: Case, tmp_path: Path) -> None:
    assert checked(case, tmp_path, case.message()) == 0
    assert not list(tmp_path.iterdir())


@every_adapter
def test_check_refuses_for_good_and_says_why(case: Case, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as refusal:
        checked(case, tmp_path, case.message(body={**case.body, **case.spoiled}))
    assert (refusal.value.permanent, refusal.value.ambiguous) == (True, False)
    assert str(refusal.value).strip()
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


@every_adapter
def test_a_receipt_can_be_stored_and_shown(case: Case, tmp_path: Path) -> None:
    (receipt,), outcomes = sent(case, tmp_path, case.message())
    assert outcomes == 1
    assert receipt.provider_ref
    for text in (receipt.provider_ref, receipt.detail):
        assert text.encode("utf-8").decode() == text
        assert text.isprintable()
    assert all(isinstance(record, get_args(Record)) for record in receipt.records)


@every_adapter
def test_the_message_is_left_as_it_was(case: Case, tmp_path: Path) -> None:
    message = case.message(body=copy.deepcopy(dict(case.body)))
    sent(case, tmp_path, message)
    assert message.body == case.body


@every_adapter
def test_sending_again_is_what_it_declares(case: Case, tmp_path: Path) -> None:
    receipts, outcomes = sent(case, tmp_path, case.message(), case.message())
    declared, _ = capability(case, tmp_path / "other")
    if declared.idempotency is Idempotency.KEY:
        assert receipts[0] == receipts[1]
        assert outcomes == 1
    else:
        assert outcomes == 2


@every_adapter
def test_after_close_it_works_again(case: Case, tmp_path: Path) -> None:
    receipts, _ = sent(case, tmp_path, case.message(), case.message(), close_between=True)
    assert len(receipts) == 2
