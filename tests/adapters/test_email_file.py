"""Mail into a maildir, read back with the standard library's mailbox."""

from __future__ import annotations

import asyncio
import mailbox
from dataclasses import replace
from pathlib import Path

import pytest

from engine.adapters.email_file import EmailFile
from engine.core.messages import Email
from engine.dispatch.mime import to_bytes
from engine.dispatch.port import Message, Receipt
from engine.errors import DeliveryError
from tests.adapters.mails import EMAIL


def send(folder: Path, email: Email = EMAIL, key: str = "k1") -> Receipt:
    return asyncio.run(EmailFile(folder).send(Message(action="a1", key=key, customer="C-1", body=email.to_json())))


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.eml*"))


def test_a_mail_lies_in_new_under_a_name_that_says_when_and_to_whom(tmp_path: Path) -> None:
    receipt = send(tmp_path / "out" / "mail")
    assert receipt.delivered
    path = tmp_path / "out" / "mail" / receipt.provider_ref
    assert path.parent.name == "new"
    assert path.name.startswith("2026-03-14T0830Z.nico@mail.example.")
    assert path.name.endswith(".eml")
    assert path.read_bytes() == to_bytes(EMAIL)


def test_any_mail_program_can_read_the_folder(tmp_path: Path) -> None:
    send(tmp_path)
    (found,) = mailbox.Maildir(tmp_path, create=False)
    assert found["Message-ID"] == EMAIL.message_id
    assert not list((tmp_path / "tmp").iterdir())


def test_the_same_action_is_one_file_and_another_is_another(tmp_path: Path) -> None:
    assert send(tmp_path) == send(tmp_path)
    assert len(names(tmp_path)) == 1
    send(tmp_path, key="k2")
    assert len(names(tmp_path)) == 2


def test_a_mail_that_was_read_does_not_come_again(tmp_path: Path) -> None:
    name = send(tmp_path).provider_ref.removeprefix("new/")
    (tmp_path / "new" / name).rename(tmp_path / "cur" / f"{name}:2,S")
    assert send(tmp_path).provider_ref == f"cur/{name}:2,S"
    assert names(tmp_path) == [f"cur/{name}:2,S"]


def test_files_sort_by_time(tmp_path: Path) -> None:
    later = replace(EMAIL, date="Sat, 14 Mar 2026 08:31:00 +0000")
    refs = [send(tmp_path, later, "a").provider_ref, send(tmp_path, EMAIL, "b").provider_ref]
    assert sorted(refs) == refs[::-1]


def test_an_address_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    send(tmp_path / "mail", replace(EMAIL, to_address="/etc/b*'?@mail.example"))
    assert [path.name for path in tmp_path.iterdir()] == ["mail"]
    assert "Z._etc_b_@mail.example" in names(tmp_path)[0]


def test_a_disk_that_refuses_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file where the folder should be")
    with pytest.raises(DeliveryError, match=r"cannot be written to .*mail") as failure:
        send(tmp_path / "mail")
    assert (failure.value.permanent, failure.value.ambiguous) == (False, False)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    name = send(tmp_path).provider_ref.removeprefix("new/")
    (tmp_path / "new" / name).unlink()
    (tmp_path / "new" / name).mkdir()  # a file cannot take the place of a folder
    with pytest.raises(DeliveryError):
        send(tmp_path)
    assert not list((tmp_path / "tmp").iterdir())


def test_what_cannot_be_written_is_refused_before_a_folder_exists(tmp_path: Path) -> None:
    adapter = EmailFile(tmp_path / "mail")
    adapter.check(Message(action="a1", key="k1", customer="C-1", body=EMAIL.to_json()))
    bad = replace(EMAIL, subject="a\nBcc: x@y.it")
    with pytest.raises(DeliveryError) as refusal:
        adapter.check(Message(action="a1", key="k1", customer="C-1", body=bad.to_json()))
    assert refusal.value.permanent
    assert not list(tmp_path.iterdir())
