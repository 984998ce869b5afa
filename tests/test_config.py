"""The configuration: what is read, and every fault at once with its line."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from engine import config
from engine.decide.shape import CHANNELS
from engine.errors import ConfigError
from engine.workspace import shipped

EXAMPLE = (shipped() / "config.example.toml").read_text(encoding="utf-8")
SHOP = '[shop]\nname = "Bellini"\nemail = "ciao@bellini.example"\n'


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    return [str(fault) for fault in caught.value.faults]


def test_the_example_is_right_and_frozen() -> None:
    settings = config.parse(EXAMPLE)

    assert settings.shop.currency == "EUR"
    assert settings.score.tiers == {"gold": 0.9, "silver": 0.6, "bronze": 0.0}
    with pytest.raises(ValueError, match="frozen"):
        settings.shop.name = "x"  # type: ignore[misc]  # the very thing that must fail


def test_a_shop_is_enough() -> None:
    settings = config.parse(SHOP)

    assert settings.store == "sqlite:///premura.db"
    assert settings.caps.messages == 2


def test_costs_and_budgets_are_exact_and_of_every_channel() -> None:
    found = config.parse(
        SHOP + '[costs]\nemail = 0.1\nnote = "2.40"\n[budgets]\nnote = 200\nrules = { win_back = 50.5 }\n'
    )

    assert (found.costs.email, found.costs.note) == (Decimal("0.1"), Decimal("2.40"))
    assert (found.budgets.note, found.budgets.rules) == (Decimal(200), {"win_back": Decimal("50.5")})
    assert tuple(config.Costs.model_fields) == CHANNELS


def test_quiet_hours_may_go_over_midnight_and_are_none_unless_said() -> None:
    assert config.parse(SHOP + '[quiet]\nfrom = "21:00"\nto = "08:00"\n').quiet.hours == (time(21), time(8))
    assert config.parse(SHOP + '[quiet]\nfrom = "20:30"\nto = "00:00"\n').quiet.hours == (time(20, 30), time(0))
    for silent in (SHOP, EXAMPLE):
        start, end = config.parse(silent).quiet.hours
        assert start == end
        assert not config.parse(silent).quiet.holidays


def test_the_quiet_of_the_example_is_right_once_it_is_switched_on() -> None:
    text = EXAMPLE.replace('# from = "21:00"', 'from = "21:00"').replace('# to = "08:00"', 'to = "08:00"')

    assert config.parse(text).quiet.hours == (time(21), time(8))


def test_every_fault_at_once_with_line_and_hint() -> None:
    text = SHOP + 'curency = "EUR"\n[score]\ndiscount_rate = 10\nhorizon = "a year"\n[daemon]\nevery = 0\n'

    found = faults(text)

    assert found[0] == "premura.toml:4:1: P103 shop.curency: is not a known key (hint: did you mean 'currency'?)"
    assert [line.split(":")[1] for line in found] == ["4", "6", "7", "9"]
    assert "'a year' is not a duration" in found[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[shop\n", "premura.toml:1:6: P102"),
        ('[shop]\nname = "B"\n', "shop.email: Field required"),
        (SHOP + 'time_zone = "Rome"\n', "'Rome' is not a time zone such as Europe/Rome"),
        (SHOP + 'currency = "euro"\n', "shop.currency"),
        (SHOP + "[score]\ntiers = { gold = 0.9 }\n", "one tier must begin at 0.0"),
        (SHOP + '[adapters.a]\nfolder = "x"\n', "adapters.a.kind: Field required"),
        (SHOP + '[referrals]\nlink = "https://x.example"\n', "referrals.link"),
        (SHOP + '[quiet]\nfrom = "21:00"\n', "quiet: from and to go together"),
        (SHOP + '[quiet]\nfrom = "08:00"\nto = "08:00"\n', "from and to are the same"),
        (
            SHOP + '[quiet]\nfrom = "9pm"\nto = "08:00"\n',
            "premura.toml:5:1: P103 quiet.from: '9pm' is not a time of day",
        ),
        (SHOP + '[quiet]\nfrom = "21:00"\nto = "24:00"\n', "'24:00' is not a time of day such as 08:00 or 21:30"),
        (
            SHOP + '[quiet]\nform = "21:00"\n',
            "premura.toml:5:1: P103 quiet.form: is not a known key (hint: did you mean 'from'?)",
        ),
        (SHOP + "[holdout]\nshare = 0.6\n", "holdout.share"),
        (SHOP + "[holdout]\nshare = -0.1\n", "holdout.share"),
        (SHOP + "[caps]\nhousehold = 0\n", "caps.household"),
        (SHOP + "[costs]\nnote = -2.4\n", "costs.note"),
        (SHOP + "[costs]\nemail = 0.0000001\n", "costs.email"),
        (SHOP + "[costs]\nmail = 0.1\n", "costs.mail: is not a known key (hint: did you mean 'email'?)"),
        (SHOP + "[budgets]\nnote = nan\n", "budgets.note"),
        (SHOP + "[budgets.rules]\nwin_back = true\n", "budgets.rules.win_back"),
        (SHOP + '[quiet]\nholidays = "some"\n', "quiet.holidays"),
        ('key = { env = "A", file = "b" }\n' + SHOP, "a secret is kept in one place"),
        ('key = "inline"\n' + SHOP, "key"),
    ],
)
def test_a_wrong_value_is_named(text: str, said: str) -> None:
    assert any(said in line for line in faults(text)), faults(text)


def test_a_folder_without_a_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="premura init makes a workspace"):
        config.load(tmp_path)


def test_a_configuration_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / config.FILE).write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="P101"):
        config.load(tmp_path)


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREMURA_TEST_SECRET", "s3cret")
    (tmp_path / "key").write_text("from a file\n", encoding="utf-8")

    assert config.Secret(env="PREMURA_TEST_SECRET").read(tmp_path).get_secret_value() == "s3cret"
    assert config.Secret(file="key").read(tmp_path).get_secret_value() == "from a file"
    assert "s3cret" not in repr(config.Secret(env="PREMURA_TEST_SECRET").read(tmp_path))
    with pytest.raises(ValueError, match="PREMURA_NO_SUCH is not set"):
        config.Secret(env="PREMURA_NO_SUCH").read(tmp_path)
    with pytest.raises(ValueError, match="cannot be read"):
        config.Secret(file="no such file").read(tmp_path)


def test_what_is_sound_can_be_salvaged_for_checking() -> None:
    text = SHOP + 'curency = "EUR"\n[attributes]\nboiler = "string"\n'

    assert config.salvage(text).attributes == {"boiler": "string"}
    assert config.salvage("= nonsense").shop.name == "?"
