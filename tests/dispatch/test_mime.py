"""Mails as bytes, read back with the standard library's parser: another reading of the same RFCs."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core.messages import Email
from engine.dispatch.mime import ascii_address, to_bytes
from engine.errors import DeliveryError

MAIL = Email(
    sender_name="Bottega del Sole",
    sender_address="ciao@shop.example",
    to_name="Niccolò D'Amico",
    to_address="nico@mail.example",
    subject="Il Suo preventivo è pronto",
    text="Gentile Niccolò,\n\nperché no?\n",
    html="<!DOCTYPE html>\n<p>Gentile Niccolò,</p>\n",
    message_id="<0199.a1@shop.example>",
    date="Sat, 14 Mar 2026 09:30:00 +0100",
    reply_to="ciao@shop.example",
    headers={"List-Unsubscribe": "<mailto:stop@shop.example?subject=stop-abc>"},
)
LONG_LINK = "<https://shop.example/u/" + "a1B2" * 60 + ">"

LINES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"))
BODIES = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def parsed(mail: Email) -> EmailMessage:
    message = message_from_bytes(to_bytes(mail), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def header(mail: Email, name: str) -> str:
    """The header as the older reading of RFC 2047 gives it: the newer one misreads names split over several words."""
    raw = message_from_bytes(to_bytes(mail))[name]
    return str(make_header(decode_header(re.sub(r"\r\n[ \t]", " ", raw))))


def content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


def as_sent(text: str) -> str:
    """What must arrive: line ends are one kind, and the last line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def test_a_mail_reads_back() -> None:
    message = parsed(MAIL)
    assert message["subject"] == MAIL.subject
    assert message["from"].addresses[0].display_name == "Bottega del Sole"
    assert message["to"].addresses[0].addr_spec == "nico@mail.example"
    assert message["to"].addresses[0].display_name == "Niccolò D'Amico"
    assert message["reply-to"] == "ciao@shop.example"
    assert message["message-id"] == "<0199.a1@shop.example>"
    assert message["date"].datetime.isoformat() == "2026-03-14T09:30:00+01:00"
    assert message["auto-submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert content(message, "plain") == MAIL.text
    assert content(message, "html") == MAIL.html
    assert not message.defects


def test_the_same_mail_is_the_same_bytes() -> None:
    assert to_bytes(MAIL) == to_bytes(replace(MAIL))
    assert to_bytes(MAIL) != to_bytes(replace(MAIL, message_id="<0199.a2@shop.example>"))


def test_everything_is_seven_bit_in_short_lines() -> None:
    data = to_bytes(replace(MAIL, subject="è" * 300, to_name="ñ" * 200, text="perché " * 500))
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 78
    assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r")


def test_a_long_list_unsubscribe_is_neither_encoded_nor_folded() -> None:
    data = to_bytes(replace(MAIL, headers={"List-Unsubscribe": LONG_LINK}))
    assert f"\r\nList-Unsubscribe: {LONG_LINK}\r\n".encode() in data


def test_reply_to_is_left_out_when_there_is_none() -> None:
    assert parsed(replace(MAIL, reply_to=""))["reply-to"] is None


def test_short_bodies_stay_readable_and_dense_ones_are_packed() -> None:
    assert b"perch=C3=A9 no?" in to_bytes(MAIL)
    packed = to_bytes(replace(MAIL, text="çöß€" * 40))
    assert b"Content-Transfer-Encoding: base64" in packed


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a@b.it", "a@b.it"),
        ("n@bücher.example", "n@xn--bcher-kva.example"),
        ("n@BÜCHER.example", "n@xn--bcher-kva.example"),
        ("n@straße.example", "n@xn--strae-oqa.example"),
        ("first.last+tag@mail.example", "first.last+tag@mail.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_addresses(address: str, expected: str) -> None:
    assert ascii_address(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@b.it",
        "a@",
        "a@@b.it",
        "a b@b.it",
        "a..b@b.it",
        ".a@b.it",
        "è@b.it",
        "a@b..it",
        "a@-b.it",
        "a@[127.0.0.1]",
        "a@b.it\r\nRCPT TO:<evil@b.it>",
        "a@b.it>",
        "a@b.it, c@d.it",
        "x" * 65 + "@b.it",
        "a@" + "b" * 64 + ".it",
        "a@" + ".".join(["b" * 60] * 5),
        "a@\u2603\ufffe.it",
    ],
)
def test_addresses_that_cannot_be_written_to(address: str) -> None:
    with pytest.raises(DeliveryError) as refusal:
        ascii_address(address)
    assert refusal.value.permanent
    assert not refusal.value.ambiguous


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\nBcc: evil@b.it\r\n"])
@pytest.mark.parametrize("field", ["subject", "to_name", "sender_name", "to_address", "message_id", "date", "reply_to"])
def test_line_breaks_and_nul_are_refused_in_every_header(field: str, bad: str) -> None:
    value = getattr(MAIL, field)
    with pytest.raises(DeliveryError, match=re.compile(r"\\[rnx]")) as refusal:
        to_bytes(replace(MAIL, **{field: value[:3] + bad + value[3:]}))
    assert refusal.value.permanent


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "a\r\nBcc: evil@b.it"},
        {"X-A": "a\0"},
        {"X-A": "perché"},
        {"X-A": "a\tb"},
        {"X-A": "a" * 1000},
        {"X A": "a"},
        {"X:A": "a"},
        {"": "a"},
        {"Bcc": "evil@b.it"},
        {"SUBJECT": "another"},
        {"Content-Language": "it"},
        {"X-A": "a", "x-a": "b"},
    ],
)
def test_headers_that_cannot_be_given(headers: dict[str, str]) -> None:
    with pytest.raises(DeliveryError) as refusal:
        to_bytes(replace(MAIL, headers=headers))
    assert refusal.value.permanent


@pytest.mark.parametrize(
    "change",
    [
        {"message_id": "0199@shop.example"},
        {"message_id": "<a b@shop.example>"},
        {"message_id": "<" + "a" * 300 + "@b.it>"},
        {"date": "2026-03-14"},
        {"date": "Sat, 14 Mar 2026 09:30:00"},
        {"text": "a\0b"},
        {"html": "<p>\ud800</p>"},
        {"subject": "half \udc80"},
        {"message_id": "<\udc80@shop.example>"},
    ],
)
def test_what_else_cannot_be_written(change: dict[str, Any]) -> None:
    with pytest.raises(DeliveryError) as refusal:
        to_bytes(replace(MAIL, **change))
    assert refusal.value.permanent


@given(subject=LINES)
@example("plain =?utf-8?q?not_encoded?= text")
@example(" spaces around ")
@example("x" * 61)
@example("tab\tand \x0b and \x85 and \u2028")
@example("")
def test_every_subject_comes_back(subject: str) -> None:
    assert header(replace(MAIL, subject=subject), "Subject") == subject


@given(name=LINES)
@example('Rossi, "Mario" \\ Figli')
@example("=?x?=")
@example("a@b.it")
@example("è" * 100)
def test_every_name_comes_back(name: str) -> None:
    mail = replace(MAIL, to_name=name)
    raw = message_from_bytes(to_bytes(mail))["To"].replace("\r\n", "")
    shown, address = parseaddr(raw)
    assert address == MAIL.to_address
    assert str(make_header(decode_header(shown))) == name


@given(text=BODIES, html=BODIES)
@example("white space at the end of a long line" + " " * 60 + "\n", "x" * 75 + " \ny")
@example("a\rb\r\nc\nd", ".\n..\nFrom here\n-- \n--=_\n")
@example("", "\n\n\n")
@example("x" * 2000, "=" * 77)
def test_every_body_comes_back(text: str, html: str) -> None:
    mail = replace(MAIL, text=text, html=html)
    message = parsed(mail)
    assert content(message, "plain") == as_sent(text)
    if html:
        assert content(message, "html") == as_sent(html)
    else:
        assert message.get_body(("html",)) is None, "what has no pages is plain"
    assert max(map(len, to_bytes(mail).split(b"\r\n"))) <= 78


@given(mail=st.builds(replace, st.just(MAIL), to_address=LINES | st.text(), message_id=st.text(), date=st.text()))
def test_anything_else_is_refused_in_one_way(mail: Email) -> None:
    try:
        data = to_bytes(mail)
    except DeliveryError as refusal:
        assert refusal.permanent  # noqa: PT017 - either outcome is right, but the refusal must be for good
    else:
        assert data.isascii()
