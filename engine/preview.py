"""What a customer would get, drawn into files; nothing is stored and nothing is sent."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from engine.adapters.email_file import EmailFile
from engine.adapters.note_pdf import NotePdf
from engine.app import App
from engine.check import examples
from engine.core.actions import Plan
from engine.core.calendar import local_date
from engine.core.facts import Address, Customer
from engine.core.messages import Email, Note, Task
from engine.core.money import to_major
from engine.core.records import PrintJob
from engine.dispatch.freeze import Moment, body
from engine.dispatch.port import Message
from engine.dispatch.proof import sample_context
from engine.errors import UsageError
from engine.store import customers, scores, transactions


def preview(app: App, template: str, words: str, out: Path) -> list[Path]:
    """Write a mail (``.eml``, ``.html``) or a card (PDF, PNG) of a template to `out`; returns the files.

    words: which customer; empty for an invented one, whose moment is invented too. Raises UsageError for a template
    that is not there.
    """
    if template not in app.templates.names:
        near = get_close_matches(template, app.templates.names)
        known = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(app.templates.names)}"
        raise UsageError(f"there is no template '{template}'; {known}")
    moment = _moment(app, template, words)
    content = body(moment, app.office.sender, app.templates)
    message = Message(action=moment.public_id, key=moment.dedupe_key, customer="preview", body=content.to_json())
    out.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Email):
        receipt = asyncio.run(EmailFile(out).send(message))
        page = out / f"{template.replace('/', '-')}.html"
        page.write_text(content.html, encoding="utf-8")
        return [out / receipt.provider_ref, page]
    if isinstance(content, Note):
        receipt = asyncio.run(NotePdf(out).send(message))
        return [out.parent / name for job in receipt.records if isinstance(job, PrintJob) for name in job.files]
    text = out / f"{template.replace('/', '-')}.txt"
    title = f"{content.title}\n\n" if isinstance(content, Task) else ""
    text.write_text(f"{title}{content.to_json().get('text', '')}\n", encoding="utf-8")
    return [text]


def _moment(app: App, template: str, words: str) -> Moment:
    sample = sample_context()
    customer, tier, since = _somebody(app) if words == "" else _known(app, words)
    return Moment(
        public_id="preview",
        dedupe_key=f"preview:{template}:{customer.ref}",
        purpose="relationship",
        channel=template.partition("/")[0],
        plan=Plan(template=template),
        facts={
            "title": template,
            "years": sample["years"],
            "day": sample["day"],
            "points": sample["reward"]["points"],
            "event": {**examples(app.words), **_happened(sample["event"])},
        },
        customer=customer,
        tier=tier,
        since=since or sample["customer"]["since"],
        now=app.clock(),
        until=app.clock() + timedelta(days=2),
    )


def _happened(event: dict[str, Any]) -> dict[str, Any]:
    """The sample's event in the form in which actions keep theirs."""
    amount = float(to_major(event["amount"], event["currency"]))
    return {**event, "amount": amount, "occurred_on": event["occurred_on"].isoformat()}


def _somebody(app: App) -> tuple[Customer, str, date | None]:
    """An invented neighbour of the shop."""
    sample, place = sample_context()["customer"], app.settings.shop.address
    names = {name: sample[name] for name in ("given_name", "family_name", "email")}
    here = Address(**place.model_dump())
    return Customer(ref="sample", address=here, locale=app.settings.shop.locale, **names), "gold", sample["since"]


def _known(app: App, words: str) -> tuple[Customer, str, date | None]:
    with app.store.read() as connection:
        found = customers.find(connection, words)
        if len(found) != 1:
            raise UsageError(f"{len(found)} customers are meant by '{words}'; say the reference of one")
        known = found[0]
        score = scores.load(connection, [known.id]).get(known.id)
        first = transactions.first_of(connection, [known.id]).get(known.id)
    since = local_date(first, app.settings.shop.time_zone) if first else None
    return known.facts, score.facts.tier if score else "", since
