"""Which adapters can be had, from us and from others, and what is said about options that are wrong."""

from __future__ import annotations

import asyncio
import io
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters import registry
from engine.adapters.registry import GROUP, OURS, Around, kinds, make
from engine.core.rate import Rate
from engine.dispatch.port import Idempotency, Message
from engine.errors import DeliveryError
from tests.adapters.distribution import documented, install
from tests.adapters.tasks import TASK

Install = Callable[[Mapping[str, str], Mapping[str, str]], None]
PASSWORD = "s3cret-Pässword"


def around(folder: Path, **secrets: str) -> Around:
    def secret(place: Mapping[str, Any]) -> str:
        if place.get("env") not in secrets:
            raise ValueError(f"the environment variable {place.get('env')} is not set")
        return secrets[place["env"]]

    return Around(folder=folder, currency="EUR", screen=io.StringIO(), secret=secret)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs somebody else's package for the length of a test."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))

    def put(modules: Mapping[str, str], points: Mapping[str, str]) -> None:
        install(site, modules, points)

    yield put
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]


# Ours

HOOK = {"url": "https://desk.shop.example/tasks", "secret": {"env": "HERE"}}
GOOD: dict[str, dict[str, Any]] = {
    "console": {},
    "email_file": {"folder": "out/mail"},
    "email_smtp": {"host": "smtp.shop.example", "user": "shop", "password": {"env": "SMTP_PASSWORD"}},
    "fake": {
        "channel": "email",
        "folder": "out/fake",
        "idempotency": "search",
        "window": "P1D",
        "lag": "PT5M",
        "batch": 50,
        "rate": {"number": 100, "seconds": 60},
        "send": ["lost_after", {"later": 0.1}],
    },
    "note_pdf": {"folder": "out/cards", "lead_days": 3, "unit_cost": "1.90"},
    "referral_code": {},
    "reward_ledger": {},
    "task_email": {"host": "smtp.shop.example", "to": "marta@shop.example"},
    "task_file": {"folder": "out/tasks"},
    "task_webhook": {"url": "https://desk.shop.example/tasks", "secret": {"env": "SMTP_PASSWORD"}},
}


def test_each_kind_of_ours_can_be_made_from_its_section(tmp_path: Path) -> None:
    assert GOOD.keys() == OURS.keys()
    for kind, options in GOOD.items():
        made = make(kind, options, around(tmp_path, SMTP_PASSWORD=PASSWORD))
        channel = options.get("channel", kind.partition("_")[0])
        assert made.capability.channel == channel
    assert not list(tmp_path.iterdir()), "making an adapter touches nothing"


def test_a_card_costs_what_the_section_says_in_minor_units(tmp_path: Path) -> None:
    card = make("note_pdf", GOOD["note_pdf"], around(tmp_path)).capability
    assert (card.unit_cost_minor, card.lead_days) == (190, 3)


def test_the_fake_is_whatever_it_is_told_to_be(tmp_path: Path) -> None:
    can = make("fake", GOOD["fake"], around(tmp_path)).capability
    assert (can.idempotency, can.batch, can.rate) == (Idempotency.SEARCH, 50, Rate(number=100, seconds=60))
    assert (can.window, can.lag) == (timedelta(days=1), timedelta(minutes=5))


def test_the_example_configuration_can_be_made(tmp_path: Path) -> None:
    example = tomllib.loads((Path(__file__).parents[2] / "config.example.toml").read_text(encoding="utf-8"))
    for options in example["adapters"].values():
        make(options.pop("kind"), options, around(tmp_path))


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("console", {"folder": "x"}, "folder: Extra inputs are not permitted"),
        ("email_file", {}, "folder: Field required"),
        ("email_file", {"folder": ""}, "folder: String should have at least 1 character"),
        ("email_smtp", {"host": "h", "port": 0}, "port: Input should be greater than or equal to 1"),
        ("email_smtp", {"host": "h", "tls": "perhaps"}, "tls: Input should be 'starttls', 'implicit' or 'none'"),
        ("email_smtp", {"host": "h", "password": {"env": "NOWHERE"}}, "the environment variable NOWHERE is not set"),
        ("email_smtp", {"host": "h", "user": "me", "tls": "none"}, "a password goes over TLS only"),
        ("email_smtp", {"host": "h", "ca_file": "none.pem"}, "ca_file: 'none.pem' holds no certificates"),
        ("email_smtp", {"host": "h", "ca_file": "empty.pem"}, "ca_file: 'empty.pem' holds no certificates"),
        ("fake", {"folder": "x"}, "channel: Field required"),
        ("fake", {"folder": "x", "channel": "pigeon"}, "channel: Input should be 'email', 'note', "),
        ("fake", {"folder": "x", "channel": "email", "window": "P1M"}, "window: 'P1M' has months"),
        ("fake", {"folder": "x", "channel": "email", "lag": "soon"}, "'soon' is not a duration"),
        ("fake", {"folder": "x", "channel": "email", "send": ["never"]}, "send: 'never' is none of ok, refuse"),
        ("fake", {"folder": "x", "channel": "email", "rate": {"number": 0}}, "rate.number: Input should be"),
        ("task_email", {"host": "h"}, "to: Field required"),
        ("task_email", {"host": "h", "to": "marta"}, "to: 'marta' is not an e-mail address"),
        ("task_file", {}, "folder: Field required"),
        ("task_webhook", {"url": "https://x.example"}, "secret: Field required"),
        ("task_webhook", {**HOOK, "url": "http://x.example/"}, "must begin with https://"),
        ("task_webhook", {**HOOK, "url": "x.example"}, "must begin with https://"),
        ("task_webhook", {**HOOK, "url": "https://"}, "must begin with https://"),
        ("task_webhook", {**HOOK, "url": "https://x.example:port/"}, "is no address"),
        ("task_webhook", {**HOOK, "secret": {"env": "NOWHERE"}}, "the environment variable NOWHERE is not set"),
        ("note_pdf", {"folder": "x", "lead_days": -1}, "lead_days: Input should be greater than or equal to 0"),
        ("note_pdf", {"folder": "x", "unit_cost": "much"}, "'much' is not an amount"),
        ("note_pdf", {"folder": "x", "unit_cost": "1.905"}, "more decimals"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, kind: str, options: dict[str, Any], said: str) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(ValueError, match=re.escape(said)) as fault:
        make(kind, options, around(tmp_path, HERE="shared"))
    assert "\n" not in str(fault.value)


def test_all_wrong_options_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"host: Field required; port: .*; tls: "):
        make("email_smtp", {"port": "x", "tls": "x"}, around(tmp_path))


def test_a_password_that_stands_in_the_open_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="password: Input should be a valid dictionary") as fault:
        make("email_smtp", {"host": "h", "user": "u", "password": PASSWORD}, around(tmp_path))
    assert PASSWORD not in str(fault.value)


def test_an_authority_of_ones_own_can_be_trusted(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    assert make("email_smtp", {"host": "h", "ca_file": "ca.pem"}, around(tmp_path))


def test_an_unknown_kind_is_told_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no adapter of kind 'pigeon'; there are console, email_file, "):
        make("pigeon", {}, around(tmp_path))


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.integers() | st.text(max_size=8)))
def test_whatever_stands_in_a_section_is_either_good_or_said_in_one_line(options: dict[str, Any]) -> None:
    for kind in OURS:
        said = "good"
        try:
            make(kind, options, around(Path("/nowhere")))
        except ValueError as error:
            said = str(error)
        assert said
        assert "\n" not in said


# Others'


def test_the_adapter_of_the_documentation_works_as_it_stands_there(tmp_path: Path, installed: Install) -> None:
    points = tomllib.loads(documented("toml"))["project"]["entry-points"][GROUP]
    section = tomllib.loads(documented("toml", 1))["adapters"]["tasks"]
    installed({"task_text": documented("python")}, points)
    assert kinds() == sorted([*OURS, "task_text"])

    adapter = make(section.pop("kind"), section, around(tmp_path))
    assert (adapter.capability.channel, adapter.capability.idempotency) == ("task", Idempotency.KEY)
    task = replace(TASK, title="Chiamare Giulia", text="Sentire come va.")
    message = Message(action="0199-a1", key="k", customer="C-1", body=task.to_json())
    adapter.check(message)
    receipts = {asyncio.run(adapter.send(message)) for _ in range(2)}
    assert {receipt.provider_ref for receipt in receipts} == {"0199-a1.txt"}
    (file,) = (tmp_path / "out" / "tasks").iterdir()
    assert file.read_text(encoding="utf-8") == "Chiamare Giulia\n\nSentire come va.\n"
    with pytest.raises(DeliveryError, match="no title"):
        adapter.check(Message(action="a", key="k", customer="C-1", body=replace(TASK, title="").to_json()))
    with pytest.raises(ValueError, match="it takes one option: folder"):
        make("task_text", {"colour": "red"}, around(tmp_path))


BROKEN = {
    "absent": ("", "my_package.absent:build fails: AttributeError"),
    "unreadable": ("def build(", "my_package.unreadable:build fails: SyntaxError"),
    "needy": ("import a_package_that_is_not_there", "my_package.needy:build fails: ModuleNotFoundError"),
    "careless": ("def build(options, around):\n    return options['host']", "fails: KeyError: 'host'"),
    "empty": ("def build(options, around):\n    return None", "my_package.empty:build fails: AttributeError"),
    "boasting": (
        "class It:\n    capability = 'everything'\ndef build(options, around):\n    return It()",
        "my_package.boasting:build makes something whose capability is none",
    ),
    "hasty": (
        """from engine.dispatch.port import Capability
class It:
    capability = Capability(channel='email', idempotency='none', batch=9)
def build(options, around):
    return It()""",
        "kind 'hasty' declares batches of 9 and has no send_many()",
    ),
    "honest": ("def build(options, around):\n    raise ValueError('the moon\\nis full')", "the moon is full"),
}


@pytest.mark.parametrize(("module", "said"), [(name, said) for name, (_, said) in BROKEN.items()], ids=BROKEN)
def test_what_goes_wrong_in_somebody_elses_package_is_said_with_its_name(
    tmp_path: Path, installed: Install, module: str, said: str
) -> None:
    installed({name: text for name, (text, _) in BROKEN.items()}, {name: f"my_package.{name}:build" for name in BROKEN})
    with pytest.raises(ValueError, match=re.escape(said)) as fault:
        make(module, {}, around(tmp_path))
    assert "\n" not in str(fault.value)


def test_nobody_takes_the_name_of_one_of_ours(tmp_path: Path, installed: Install) -> None:
    installed({"thief": "def build(options, around):\n    raise SystemExit"}, {"console": "my_package.thief:build"})
    assert type(make("console", {}, around(tmp_path))).__module__ == "engine.adapters.console"
    assert kinds().count("console") == 1


def test_a_package_is_not_loaded_before_it_is_asked_for(tmp_path: Path, installed: Install) -> None:
    installed({"eager": "raise SystemExit"}, {"eager": "my_package.eager:build"})
    assert "eager" in registry.kinds()
    make("console", {}, around(tmp_path))
    assert "my_package.eager" not in sys.modules
