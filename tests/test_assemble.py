"""From the configuration to what each room works with."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from engine import assemble, config
from engine.adapters.registry import OURS
from engine.core.facts import Address
from engine.dispatch.freeze import Sender
from engine.errors import ConfigError
from tests.workspaces import FILES, SHOP


def settings(more: str = "", shop: str = "") -> config.Settings:
    return config.parse(SHOP + shop + more)


def faults(more: str, folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        assemble.adapters(settings(more), folder, io.StringIO())
    return [f"{fault.code} {fault.text}" for fault in error.value.faults]


def test_the_adapters_that_the_channels_name_are_made_and_no_others(tmp_path: Path) -> None:
    more = FILES + '[adapters.spare]\nkind = "there is no such kind"\n'
    made = assemble.adapters(settings(more), tmp_path, io.StringIO())
    assert sorted(made) == ["files", "screen"]
    assert made["files"].capability.channel == "email"


def test_the_screen_serves_any_channel(tmp_path: Path) -> None:
    more = '[channels]\nemail = "screen"\nnote = "screen"\n[adapters.screen]\nkind = "console"\n'
    assert list(assemble.adapters(settings(more), tmp_path, io.StringIO())) == ["screen"]


def test_a_message_costs_what_the_shop_says_or_else_the_adapter(tmp_path: Path) -> None:
    more = """
[channels]
email = "screen"
note = "cards"
[adapters.screen]
kind = "console"
[adapters.cards]
kind = "note_pdf"
folder = "out"
unit_cost = "1.90"
[budgets]
note = 200
rules = { win_back = 50.5 }
"""
    adapters = assemble.adapters(settings(more), tmp_path, io.StringIO())
    assert assemble.costs(settings(more), adapters) == {"email": 0, "note": 1_900_000}
    said = settings(more + "[costs]\nemail = 0.001\nnote = 0\n")
    assert assemble.costs(said, adapters) == {"email": 1_000, "note": 0}
    assert assemble.costs(settings(more), {}) == {"email": 0, "note": 0}
    found = assemble.budgets(settings(more))
    assert (found.channels, found.rules, found.currency) == ({"note": 200 * 10**6}, {"win_back": 50_500_000}, "EUR")


def test_no_channels_are_no_adapters(tmp_path: Path) -> None:
    assert assemble.adapters(settings(), tmp_path, io.StringIO()) == {}


def test_everything_that_is_wrong_with_adapters_is_told_at_once(tmp_path: Path) -> None:
    more = """
[channels]
email = "cards"
note = "nowhere"
task = "pigeons"
reward = "files"
[adapters.cards]
kind = "note_pdf"
folder = "out"
[adapters.pigeons]
kind = "pigeon"
[adapters.files]
kind = "email_file"
"""
    assert faults(more, tmp_path) == [
        "P107 adapters.files: folder: Field required",
        f"P107 adapters.pigeons: there is no adapter of kind 'pigeon'; there are {', '.join(sorted(OURS))}",
        "P107 there is no [adapters.nowhere], which [channels] names",
        "P108 channels.email: the adapter 'cards' is for note, not for email",
    ]


SMTP = '[channels]\nemail = "smtp"\n[adapters.smtp]\nkind = "email_smtp"\nhost = "h"\nuser = "u"\npassword = {}\n'


def test_a_secret_comes_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("one\n", encoding="utf-8")
    assert assemble.adapters(settings(SMTP.format('{ file = "password" }')), tmp_path, io.StringIO())
    monkeypatch.setenv("SMTP_PASSWORD", "two")
    assert assemble.adapters(settings(SMTP.format('{ env = "SMTP_PASSWORD" }')), tmp_path, io.StringIO())


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ('{ env = "NOT_SET_ANYWHERE" }', "the environment variable NOT_SET_ANYWHERE is not set"),
        ('{ file = "gone" }', "the file gone cannot be read (No such file or directory)"),
        ('{ env = "A", file = "b" }', "a secret is kept in one place"),
        ('{ vault = "x" }', "vault: Extra inputs are not permitted"),
    ],
)
def test_a_secret_that_is_not_there_is_said_with_its_place(tmp_path: Path, place: str, said: str) -> None:
    (fault,) = faults(SMTP.format(place), tmp_path)
    assert fault.startswith("P107 adapters.smtp: ")
    assert said in fault


def test_the_sender_is_the_shop() -> None:
    shop = 'phone = "1"\nlocale = "en_GB"\ncurrency = "GBP"\n[shop.address]\nstreet = "High Street 1"\ncountry = "GB"\n'
    more = '[referrals]\nlink = "https://x.example/{code}"\n'
    assert assemble.sender(settings(more, shop), "key") == Sender(
        name="Bottega del Clima",
        email="ciao@bottega.example",
        phone="1",
        address=Address(street="High Street 1", country="GB"),
        locale="en_GB",
        currency="GBP",
        time_zone="Europe/Rome",
        referral_link="https://x.example/{code}",
        key="key",
    )


def test_what_a_rule_may_speak_of_includes_the_shops_own_words() -> None:
    more = '[attributes]\nboiler = "string"\n[events."inspection.done"]\nresult = "string"\n'
    words = assemble.vocabulary(settings(more))
    assert "customer.attributes.boiler" in words.plain.fields
    assert "event.result" in words.events["inspection.done"].fields


def test_a_word_that_cannot_be_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="P105"):
        assemble.vocabulary(settings('[events."quote.sent"]\namount = "string"\n'))


def test_files_are_read_as_the_configuration_says() -> None:
    more = '[ingest]\nunknown_customers = "reject"\n[ingest.transactions]\ndecimal = ","\n'
    more += 'columns = { amount = "Totale" }\n'
    more += '[attributes]\nboiler = "string"\n[events."inspection.done"]\nresult = "string"\n'
    found = settings(more)
    intake = assemble.intake(found, assemble.vocabulary(found))
    assert intake.reject_unknown_customers
    assert (intake.shop.currency, intake.shop.time_zone) == ("EUR", "Europe/Rome")
    assert intake.readings["transactions"].decimal == ","
    assert intake.readings["transactions"].columns == {"amount": "Totale"}
    assert intake.event_kinds["inspection.done"] == {"result": "string"}
    assert sorted(intake.readings) == ["consents", "customers", "events", "transactions"]
