"""Messages on a text stream."""

from __future__ import annotations

import asyncio
import io
import os
from dataclasses import replace
from typing import TextIO

import pytest

from engine.adapters.console import WIDTH, Console, frame
from engine.core.facts import Address
from engine.core.messages import Email, Invite, Note, Plain, Reward
from engine.dispatch.port import Message
from engine.errors import DeliveryError

PLAIN = Plain(title="Richiamare la cliente", text="Il preventivo è scaduto.\n\nSentire se è ancora interessata.")


def message(plain: Plain = PLAIN) -> Message:
    return Message(action="0199-a1", key="k1", customer="C-42", body=plain.to_json())


def printed(stream: TextIO, plain: Plain = PLAIN) -> None:
    asyncio.run(Console(stream).send(message(plain)))


def test_a_message_is_framed() -> None:
    stream = io.StringIO()
    printed(stream)
    assert stream.getvalue().splitlines() == [
        "┌ Richiamare la cliente",
        "│ Il preventivo è scaduto.",
        "│",
        "│ Sentire se è ancora interessata.",
        "└ C-42 · 0199-a1",
    ]


def test_the_receipt_names_the_action() -> None:
    receipt = asyncio.run(Console(io.StringIO()).send(message()))
    assert (receipt.provider_ref, receipt.delivered) == ("0199-a1", True)


PLACE = Address(street="Via Verdi 1", city="Forlì")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            Email(
                sender_name="Bottega",
                sender_address="ciao@shop.example",
                to_name="Giulia",
                to_address="giulia@mail.example",
                subject="Grazie",
                text="Gentile Giulia,\ngrazie.\n",
                html="<p>Gentile Giulia</p>",
                message_id="<a@shop.example>",
                date="Sat, 14 Mar 2026 09:30:00 +0100",
            ),
            ["┌ Giulia · giulia@mail.example · Grazie", "│ Gentile Giulia,", "│ grazie."],
        ),
        (
            Note(
                text="Gentile Giulia,\ngrazie.",
                signature="Marta",
                seed="s",
                recipient="Giulia D'Amico",
                address=PLACE,
                sender="Bottega",
                sender_address=PLACE,
            ),
            ["┌ Giulia D'Amico", "│ Gentile Giulia,", "│ grazie.", "│ Marta"],
        ),
        (Reward(amount=50, unit="points", reason="Grazie"), ["┌ 50 · points", "│ Grazie"]),
        (Invite(code="7KQ2", link="https://shop.example/7KQ2"), ["┌ 7KQ2", "│ https://shop.example/7KQ2"]),
    ],
)
def test_other_channels_can_be_looked_at_too(body: Email | Note | Reward | Invite, expected: list[str]) -> None:
    shown = Message(action="a", key="k", customer="C", body=body.to_json())
    Console(io.StringIO()).check(shown)
    assert frame(shown).splitlines()[:-1] == expected


def test_long_lines_are_wrapped() -> None:
    lines = frame(message(Plain(title="t", text="parola " * 100))).splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= WIDTH


def test_a_name_cannot_steer_the_terminal() -> None:
    shown = frame(replace(message(Plain(title="\x1b[2Jgone", text="a\rb\tc\x07d")), customer="\x9b1\n2"))
    assert not {"\x1b", "\r", "\t", "\x07", "\x9b"} & set(shown)
    assert len(shown.splitlines()) == 3
    assert "?[2Jgone" in shown
    assert "a?b c?d" in shown


def test_a_terminal_of_another_age_gets_what_it_can_show() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    printed(stream)
    assert b"? Il preventivo ? scaduto." in raw.getvalue()


def test_a_closed_stream_is_worth_another_try() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(DeliveryError, match="closed") as failure:
        printed(stream)
    assert (failure.value.permanent, failure.value.ambiguous) == (False, False)


def test_a_pipe_that_nobody_reads_is_worth_another_try() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    with pytest.raises(DeliveryError, match="cannot be printed") as failure:
        printed(stream)
    assert not failure.value.permanent
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_message_that_says_nothing_is_refused() -> None:
    console = Console(io.StringIO())
    console.check(message())
    with pytest.raises(DeliveryError) as refusal:
        console.check(message(Plain(title=" ", text="\n")))
    assert refusal.value.permanent


def test_closing_leaves_the_stream_open() -> None:
    stream = io.StringIO()
    console = Console(stream)
    asyncio.run(console.close())
    asyncio.run(console.send(message()))
    assert stream.getvalue()
