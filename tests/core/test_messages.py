"""Frozen contents: what is stored as JSON comes back as it was, byte for byte."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.facts import Address
from engine.core.keys import canonical_json
from engine.core.messages import Email, Invite, Note, Plain, Reward, Task

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ADDRESSES = st.builds(Address, **dict.fromkeys(("street", "postcode", "city", "region", "country"), TEXT))
MAIL_TEXTS = ("sender_name", "sender_address", "to_name", "to_address", "subject", "text", "html", "message_id", "date")
NOTE_TEXTS = ("text", "signature", "seed", "recipient", "sender", "locale")
TASK_TEXTS = tuple(field.name for field in fields(Task))
CONTENTS = st.one_of(
    st.builds(
        Email,
        **dict.fromkeys(MAIL_TEXTS, TEXT),
        reply_to=TEXT,
        headers=st.dictionaries(TEXT, TEXT, max_size=2),
    ),
    st.builds(Note, **dict.fromkeys(NOTE_TEXTS, TEXT), address=ADDRESSES, sender_address=ADDRESSES),
    st.builds(Reward, amount=st.integers(-1000, 1000), unit=TEXT, reason=TEXT),
    st.builds(Invite, code=TEXT, link=TEXT),
    st.builds(Task, **dict.fromkeys(TASK_TEXTS, TEXT)),
    st.builds(Plain, title=TEXT, text=TEXT),
)


@given(CONTENTS)
def test_a_content_comes_back_as_it_was(content: Email | Note | Reward | Invite | Task | Plain) -> None:
    stored = canonical_json(content.to_json())
    again = type(content).from_json(json.loads(stored))
    assert again == content
    assert canonical_json(again.to_json()) == stored


def test_a_note_has_its_addresses_back_as_addresses() -> None:
    there, here = Address(city="Forlì"), Address(city="Roma")
    note = Note(text="Ciao", signature="Marta", seed="s", recipient="L", address=there, sender="M", sender_address=here)
    again = Note.from_json(note.to_json())
    assert (again.address, again.sender_address) == (there, here)


@pytest.mark.parametrize(
    ("kind", "lacking"), [(Reward, {"amount": 1}), (Invite, {}), (Plain, {"title": "", "more": ""})]
)
def test_a_content_that_lacks_something_or_has_too_much_is_none(kind: Any, lacking: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        kind.from_json(lacking)
