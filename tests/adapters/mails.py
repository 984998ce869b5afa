"""A mail for tests."""

from __future__ import annotations

from engine.core.messages import Email

EMAIL = Email(
    sender_name="Bottega",
    sender_address="ciao@shop.example",
    to_name="Niccolò",
    to_address="nico@mail.example",
    subject="Perché no?",
    text="Gentile Niccolò,\n",
    html="<p>Gentile Niccolò</p>",
    message_id="<a1@shop.example>",
    date="Sat, 14 Mar 2026 09:30:00 +0100",
)
