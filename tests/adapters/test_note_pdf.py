"""Notes as files: whole or not at all, the same for the same action, refused before they are queued."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.adapters.note_pdf import NotePdf, _slug
from engine.core.facts import Address
from engine.core.messages import Note
from engine.core.records import PrintJob
from engine.dispatch.port import Adapter, Idempotency, Message, Receipt
from engine.errors import DeliveryError

ACTION = "0192f7a0-4b1c-7d2e-9f30-5a6b7c8d9e0f"
NOTE = Note(
    text="Cara Letizia,\nè già un anno che sei con noi: qui c'è un buono da 15 € per te.\nA presto!",
    signature="Niccolò",
    seed=ACTION,
    recipient="Letizia D'Amico",
    address=Address(street="Via Carducci 115", postcode="40126", city="Bologna", region="BO", country="IT"),
    sender="Termica Romagna",
    sender_address=Address(street="Viale Roma 7", postcode="47121", city="Forlì", region="FC", country="IT"),
)
STEM = "letizia-d-amico-7c8d9e0f"
NAMES = [f"{STEM}-card.pdf", f"{STEM}-card.png", f"{STEM}-envelope.pdf", f"{STEM}-envelope.png"]


def message(note: Note = NOTE, action: str = ACTION) -> Message:
    return Message(action=action, key=f"key:{action}", customer="C-1", body=note.to_json())


def send(adapter: Adapter, what: Message) -> Receipt:
    return asyncio.run(adapter.send(what))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A disk that is full after `size` bytes of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_it_declares_what_it_is(tmp_path: Path) -> None:
    adapter: Adapter = NotePdf(tmp_path, lead_days=4, unit_cost_minor=190)
    found = adapter.capability
    assert (found.channel, found.idempotency) == ("note", Idempotency.KEY)
    assert (found.lead_days, found.unit_cost_minor) == (4, 190)
    assert adapter.capability == found


def test_a_note_becomes_a_card_and_an_envelope_with_previews(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "notes"
    receipt = send(NotePdf(folder), message())
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    for name, head in zip(NAMES, (b"%PDF-", b"\x89PNG"), strict=False):
        assert (folder / name).read_bytes().startswith(head)
    assert receipt.delivered
    assert receipt.provider_ref == STEM
    assert receipt.records == (PrintJob(files=tuple(f"notes/{name}" for name in NAMES), pages=2),)
    assert all((folder.parent / name).is_file() for name in receipt.records[0].files)


def test_sending_again_changes_nothing(tmp_path: Path) -> None:
    adapter = NotePdf(tmp_path)
    first = send(adapter, message())
    before = content(tmp_path)
    asyncio.run(adapter.close())
    assert send(adapter, message()) == first
    assert content(tmp_path) == before


def test_another_action_for_the_same_customer_is_another_file(tmp_path: Path) -> None:
    adapter = NotePdf(tmp_path)
    send(adapter, message())
    other = ACTION[:-4] + "0000"
    send(adapter, message(replace(NOTE, seed=other), other))
    assert len(content(tmp_path)) == 8
    cards = [body for name, body in content(tmp_path).items() if name.endswith("card.pdf")]
    assert cards[0] != cards[1]


def test_without_a_seed_the_action_is_the_seed(tmp_path: Path) -> None:
    seeded, unseeded = tmp_path / "a", tmp_path / "b"
    send(NotePdf(seeded), message())
    send(NotePdf(unseeded), message(replace(NOTE, seed="")))
    assert content(seeded) == content(unseeded)


def test_several_notes_at_once_are_all_written(tmp_path: Path) -> None:
    adapter = NotePdf(tmp_path)

    async def all_of_them() -> list[Receipt]:
        sends = (adapter.send(message(action=f"{ACTION[:-1]}{number}")) for number in range(5))
        return await asyncio.gather(*sends)

    receipts = asyncio.run(all_of_them())
    assert len({receipt.provider_ref for receipt in receipts}) == 5
    assert len(content(tmp_path)) == 20


def test_a_good_note_passes_the_check_without_a_file(tmp_path: Path) -> None:
    NotePdf(tmp_path / "notes").check(message())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (replace(NOTE, text="Bravo 👍"), r"cannot draw '👍' \(U\+1F44D\) in the text of the card"),
        (replace(NOTE, signature="Ελένη"), "in the signature"),
        (replace(NOTE, text=""), "the card has no text"),
        (replace(NOTE, text="Grazie di cuore per tutto. " * 60), "lines do not fit on the A6 card"),
        (
            replace(NOTE, address=replace(NOTE.address, postcode="")),
            "Letizia D'Amico: there is no postcode",
        ),
        (replace(NOTE, address=Address()), "there is no country"),
        (
            replace(NOTE, sender_address=replace(NOTE.sender_address, region="ZZ")),
            "sender's address: province 'ZZ'",
        ),
        (replace(NOTE, recipient="x" * 120), "mm wide in the smallest hand"),
    ],
)
def test_what_can_never_be_sent_is_refused_for_good(tmp_path: Path, note: Note, reason: str) -> None:
    adapter = NotePdf(tmp_path)
    with pytest.raises(DeliveryError, match=reason) as checked:
        adapter.check(message(note))
    with pytest.raises(DeliveryError, match=reason) as sent:
        send(adapter, message(note))
    assert checked.value.permanent
    assert sent.value.permanent
    assert not sent.value.ambiguous
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "body", [{}, {"text": "Ciao"}, {**NOTE.to_json(), "colour": "red"}, {**NOTE.to_json(), "address": None}]
)
def test_a_body_that_is_no_note_is_refused_for_good(tmp_path: Path, body: dict[str, object]) -> None:
    wrong = replace(message(), body=body)
    with pytest.raises(DeliveryError, match=f"action {ACTION}: its content is not a note") as refused:
        NotePdf(tmp_path).check(wrong)
    assert refused.value.permanent


def test_a_full_disk_leaves_nothing_behind_and_may_be_tried_again(tmp_path: Path) -> None:
    adapter = NotePdf(tmp_path)
    with files_no_larger_than(30_000), pytest.raises(DeliveryError, match="could not be written") as refused:
        send(adapter, message())
    assert not refused.value.permanent
    assert not refused.value.ambiguous
    assert list(tmp_path.iterdir()) == []
    send(adapter, message())
    assert sorted(content(tmp_path)) == NAMES


def test_a_full_disk_leaves_earlier_files_as_they_were(tmp_path: Path) -> None:
    adapter = NotePdf(tmp_path)
    send(adapter, message())
    before = content(tmp_path)
    with files_no_larger_than(30_000), pytest.raises(DeliveryError):
        send(adapter, message())
    assert content(tmp_path) == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DeliveryError, match=r"taken/notes: the note could not be written") as refused:
        send(NotePdf(tmp_path / "taken" / "notes"), message())
    assert not refused.value.permanent


def test_what_a_crash_left_half_written_is_written_over(tmp_path: Path) -> None:
    (tmp_path / f".{NAMES[0]}.part").write_bytes(b"%PDF-1.4 half")
    send(NotePdf(tmp_path), message())
    assert sorted(content(tmp_path)) == NAMES


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Letizia D'Amico", "letizia-d-amico"),
        ("Niccolò Già", "niccolo-gia"),
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "con"),
        ("Müller & Söhne GmbH", "muller-sohne-gmbh"),
        ("  ", "note"),
        ("漢字", "note"),
        ("a" * 80, "a" * 40),
        ("Maria Antonietta della Rovere di Montefeltro", "maria-antonietta-della-rovere-di-montefe"),
        ("x" * 39 + " y", "x" * 39),
    ],
)
def test_file_names_are_plain_and_safe(name: str, slug: str) -> None:
    assert _slug(name) == slug
