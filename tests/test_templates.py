"""The templates that come with Premura: complete in both languages, right with little data, fit for mail and pen."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.note_pdf import NotePdf
from engine.core.facts import Address
from engine.core.messages import Note
from engine.dispatch.port import Message
from engine.dispatch.proof import sample_context
from engine.dispatch.render import MailText, Templates, check
from tests.dispatch.words import shipped

TEMPLATES = Templates(shipped(), locale="it_IT")
LANGUAGES = ("it", "en")
MAILS = tuple(name for name in TEMPLATES.names if name.startswith("email/"))
TASKS = tuple(name for name in TEMPLATES.names if name.startswith("task/"))
NOTES = tuple(name for name in TEMPLATES.names if name.startswith("note/"))
VOID = frozenset(("meta", "br", "img", "link", "hr", "input"))


def bare_context() -> dict[str, Any]:
    """As little as there can be: an event that says nothing, a customer without a name, no reward."""
    context = sample_context()
    context["shop"] |= dict.fromkeys(("phone", "website", "street", "postcode", "city", "region", "privacy"), "")
    context["customer"] = dict.fromkeys(context["customer"], "") | {"since": None}
    return context | {"event": {}, "score": {"tier": ""}, "reward": None}


class Page(HTMLParser):
    """What of a mail a reader sees, and what its program may not like."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.links: list[str] = []
        self.pieces: list[str] = []
        self.feed(html)
        self.text = "".join(self.pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "background")]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.pieces.append(data)


def said(text: str) -> str:
    """The words alone, so that both parts of a mail can be compared."""
    return " ".join(re.findall(r"\w+", text.replace("https://", "")))


def mail(name: str, language: str, context: dict[str, Any] | None = None) -> MailText:
    return TEMPLATES.email(name, language, context or sample_context())


def test_nothing_is_wrong_with_them() -> None:
    assert check(shipped(), locale="it_IT") == ()
    assert check(shipped(), locale="de_DE") == ()


def test_all_are_there_in_both_languages() -> None:
    assert set(TEMPLATES.names) == {
        "email/quote_followup_1",
        "email/quote_followup_2",
        "email/quote_followup_3",
        "email/service_thank_you",
        "email/anniversary",
        "email/delivery_checkin",
        "email/welcome_vip",
        "email/referral_ask",
        "email/referral_reward",
        "email/referral_welcome",
        "email/birthday",
        "email/cross_sell",
        "email/csat_ask",
        "email/delivery_delay",
        "email/easy_return",
        "email/maintenance_due_1",
        "email/maintenance_due_2",
        "email/points_expiring",
        "email/renewal_1",
        "email/renewal_2",
        "email/replenishment",
        "email/refund_apology",
        "email/review_request",
        "email/sunset",
        "email/win_back",
        "note/service_thank_you",
        "note/anniversary",
        "note/birthday",
        "note/positive_feedback_thanks",
        "note/refund_apology",
        "note/welcome_vip",
        "note/win_back",
        "task/complaint_recovery",
        "task/complaint_still_open",
        "task/csat_poor",
        "task/delivery_delay",
        "task/maintenance_due",
        "task/positive_feedback_thanks",
        "task/quote_followup",
        "task/renewal",
        "task/vip_care",
    }
    assert {TEMPLATES.tags(name) for name in TEMPLATES.names} == {("en", "it")}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MAILS)
@pytest.mark.parametrize("years", [1, 10])
def test_a_mail_reads_well_with_much_and_with_little(name: str, language: str, years: int) -> None:
    for context in (sample_context(), bare_context()):
        words = mail(name, language, context | {"years": years})
        page = Page(words.html)
        assert not re.search(r"None|\{[{%]|[ \n][,.:;]|,,|\.\.|\( *\)", words.subject + words.text + page.text)
        assert len(words.subject) <= 60
        assert not page.unbalanced
        assert not page.open


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MAILS)
def test_both_parts_of_a_mail_say_the_same(name: str, language: str) -> None:
    words = mail(name, language)
    in_html, in_text = said(" ".join(Page(words.html).pieces)), said(words.text)
    for button in ("Apra la pagina da condividere ", "Open the page to share "):
        in_html = in_html.replace(button, "")
    assert in_text.partition(" Marta e la squadra")[0] in in_html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MAILS)
def test_a_mail_loads_nothing_and_says_how_to_stop_it(name: str, language: str) -> None:
    words, context = mail(name, language), sample_context()
    page = Page(words.html)
    allowed = ("mailto:", "tel:", context["shop"]["website"])
    assert all(link.startswith(allowed) for link in page.links)
    assert not re.search(r"<(img|script|link|iframe)|url\(|@import", words.html)
    assert context["unsubscribe"]["mailto"] in page.links
    for part in (words.text, page.text):
        assert context["shop"]["street"] in part
        assert "Riceve questa e-mail perché" in part or "You receive this e-mail because" in part
    assert context["unsubscribe"]["mailto"] in words.text
    assert len(words.html.encode()) < 20_000  # a large web mailer cuts what is over 102 kB


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_says_its_language_and_suits_a_dark_screen(name: str) -> None:
    for language in LANGUAGES:
        html = mail(name, language).html
        assert f'<html lang="{language}">' in html
        assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize("name", [*MAILS, *NOTES])
def test_italian_greets_without_asking_for_a_gender(name: str) -> None:
    words = mail(name, "it").text if name in MAILS else TEMPLATES.text(name, "it", sample_context())
    assert words.startswith("Gentile Giulia D'Amico,\n")
    assert not re.search(r"\b(Car[oa]|Signora?|Benvenut[oa]\b(?! da)|Egregi[oa]|tuo|tua|ti)\b", words)


@pytest.mark.parametrize("name", [*MAILS, *NOTES])
def test_without_a_name_the_greeting_still_is_one(name: str) -> None:
    for language, greeting in (("it", "Buongiorno,"), ("en", "Hello,")):
        context = bare_context() | {"years": 3}
        words = mail(name, language, context).text if name in MAILS else TEMPLATES.text(name, language, context)
        assert words.startswith(greeting + "\n")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TASKS)
def test_a_task_says_for_whom_why_and_until_when(name: str, language: str) -> None:
    title, words = TEMPLATES.titled(name, language, sample_context())
    assert "Giulia D'Amico" in title
    assert len(title) <= 80
    for said in ("C-1042", "+39 0543 555123", "giulia@mail.example", "Thank the customer after a service call"):
        assert said in words
    assert ("lunedì 16 marzo" if language == "it" else "Monday, March 16") in words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TASKS)
def test_a_task_reads_well_with_little(name: str, language: str) -> None:
    context = bare_context()
    context["customer"]["ref"] = "C-7"
    context["task"] = {"why": "Call", "until": None}
    title, words = TEMPLATES.titled(name, language, context)
    assert not re.search(r"None|\{[{%]|[ \n][,.:;]|,,|\.\.|\( *\)", title + words)
    assert "C-7" in title
    assert "\n\n- " in words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NOTES)
def test_a_note_fits_the_card_and_the_hand(name: str, language: str) -> None:
    context = sample_context()
    context["customer"]["name"] = "Massimiliano Bartolomei Castracane"
    context["event"]["technician"] = "Gianfrancesco"
    for moment in (context, bare_context() | {"years": 1}):
        words = TEMPLATES.text(name, language, moment)
        assert len(words) <= 350
        assert re.fullmatch(r"[A-Za-zàèéìòùÈ0-9 ,.:;'\n]+", words)
        assert "\n\n" not in words
        assert context["shop"]["signature"] not in words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NOTES)
def test_the_hand_can_write_every_note_on_its_card(name: str, language: str, tmp_path: Path) -> None:
    place = Address(street="Via Verdi 1", postcode="47032", city="Bertinoro", region="FC", country="IT")
    note = Note(
        text=TEMPLATES.text(name, language, sample_context()),
        signature=sample_context()["shop"]["signature"],
        seed=name,
        recipient=sample_context()["customer"]["name"],
        address=place,
        sender=sample_context()["shop"]["name"],
        sender_address=place,
        locale=language,
    )
    NotePdf(tmp_path).check(Message(action="a", key="k", customer="C-1", body=note.to_json()))


def test_amounts_and_days_are_written_as_the_reader_does() -> None:
    assert "Importo:      3.480,00 €" in mail("email/quote_followup_1", "it").text
    assert "lunedì 9 marzo Le abbiamo" in mail("email/quote_followup_1", "it").text
    assert "Amount:     €3,480.00" in mail("email/quote_followup_1", "en").text
    assert "On Monday, March 9 we sent" in mail("email/quote_followup_1", "en").text


def test_one_point_is_one_point() -> None:
    context = sample_context() | {"reward": {"points": 1}}
    assert "1 punto al Suo" in mail("email/anniversary", "it", context).text
    assert "1 point to your" in mail("email/anniversary", "en", context).text
    assert "punt" not in mail("email/anniversary", "it", bare_context() | {"years": 2}).text


def test_what_a_customer_is_called_cannot_become_html() -> None:
    context = sample_context()
    context["customer"]["name"] = context["event"]["what"] = context["event"]["technician"] = (
        "<script>alert(1)</script>"
    )
    for name in MAILS:
        assert "<script" not in mail(name, "it", context).html
