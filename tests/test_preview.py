"""Previews: files to look at; nothing stored, nothing sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.preview import preview
from tests.shop import Shop


def test_a_mail_of_an_invented_customer(shop: Shop, tmp_path: Path) -> None:
    files = preview(shop.app, "email/anniversary", "", tmp_path / "look")

    assert {path.suffix for path in files} == {".eml", ".html"}
    page = next(path for path in files if path.suffix == ".html").read_text(encoding="utf-8")
    assert "Termoidraulica Bellini" in page
    assert shop.actions() == []


def test_a_card_of_a_real_customer(shop: Shop, tmp_path: Path) -> None:
    shop.customer(given_name="Niccolò")

    files = preview(shop.app, "note/welcome_vip", "C1", tmp_path / "look")

    assert sorted(path.suffix for path in files) == [".pdf", ".pdf", ".png", ".png"]
    assert all(path.stat().st_size > 1000 for path in files)
    assert shop.mails() == []


def test_a_template_that_is_not_there_lists_those_that_are(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no template 'letter'; there are email/anniversary"):
        preview(shop.app, "letter", "", tmp_path)
    with pytest.raises(UsageError, match="no template 'email/aniversary'; did you mean email/anniversary"):
        preview(shop.app, "email/aniversary", "", tmp_path)
    with pytest.raises(UsageError, match="0 customers are meant by 'Nobody'"):
        preview(shop.app, "email/anniversary", "Nobody", tmp_path)
