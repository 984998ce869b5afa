"""The open workspace: its clock, its key, its verbs, and the right to dispatch."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from engine.app import App, open_app, store_url, system_clock, upgrade
from engine.config import parse
from engine.core.actions import State
from engine.dispatch.port import Message, Receipt
from engine.errors import ConfigError, LeaseError, RuleError, StoreError
from engine.store import actions, leases
from tests.dispatch.shop import ACCEPTED, Told
from tests.workspaces import FILES, SHOP, THANKS, drop_all, make

NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
Opener = Callable[..., App]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens workspaces under tmp_path; all are closed at the end."""
    apps: list[App] = []

    def get(settings: str = FILES, name: str = "shop", now: datetime = NOON) -> App:
        folder = tmp_path / name
        if not folder.exists():
            make(folder, settings)
        apps.append(open_app(folder, lambda: now, io.StringIO()))
        return apps[-1]

    yield get
    for app in apps:
        app.close()


def live_a_day(app: App, number: int) -> None:
    """All files of the inbox, through all stages."""
    drop_all(app.folder, number, at=app.clock() - timedelta(minutes=1))
    for path in sorted((app.folder / "inbox").iterdir()):
        app.ingest(path)
    app.decide()
    app.schedule()


def test_the_verbs_from_a_file_to_a_mail(opened: Opener) -> None:
    app = opened()
    live_a_day(app, 3)
    assert asdict(app.dispatch()) == {"frozen": 3, "held": 0, "states": {"delivered": 3}, "refused": ""}
    assert len(list((app.folder / "out" / "mail" / "new").iterdir())) == 3
    assert app.dispatch().states == {}


def test_the_clock_of_the_program_is_aware_and_utc() -> None:
    now = system_clock()
    assert now.utcoffset() == timedelta(0)


def test_the_screen_is_where_the_console_adapter_prints(opened: Opener) -> None:
    settings = '[channels]\nemail = "screen"\n[adapters.screen]\nkind = "console"\n'
    app = opened(settings)
    live_a_day(app, 1)
    app.dispatch()
    assert "Grazie, Giulia" in getattr(app.screen, "getvalue", str)()


def test_a_cap_of_the_configuration_holds_when_things_go_out(opened: Opener) -> None:
    app = opened(FILES + '[caps]\nmessages = 1\nwithin = "P30D"\n')
    assert (app.office.cap.messages, app.office.cap.within.days) == (1, 30)


def test_lead_days_are_those_of_the_adapters(opened: Opener) -> None:
    channels = '[channels]\nnote = "cards"\ntask = "screen"\n[adapters.screen]\nkind = "console"\n'
    app = opened(channels + '[adapters.cards]\nkind = "note_pdf"\nfolder = "c"\nlead_days = 4\n')
    assert app.lead_days == {"note": 4, "task": 0}


def test_what_a_run_could_not_write_down_is_settled_by_the_next_run_of_the_same_process(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("engine.dispatch.stage.send"), "PATIENCE", (0.01,))
    app = opened()
    live_a_day(app, 1)
    file = sqlite3.connect(app.folder / "premura.db", isolation_level=None)

    def lose_the_table(_message: Message) -> Receipt:
        file.execute("ALTER TABLE touchpoint RENAME TO lost")
        return ACCEPTED

    post = Told("email")
    post.deeds = [lose_the_table]
    app.__dict__["adapters"] = {"files": post, "screen": Told("task")}
    with pytest.raises(StoreError):
        app.dispatch()
    file.execute("ALTER TABLE lost RENAME TO touchpoint")
    file.close()

    app.dispatch()
    with app.store.read() as connection:
        assert [row["state"] for row in actions.listing(connection)] == [State.UNKNOWN]


# The right to dispatch


def test_one_process_dispatches_at_a_time_and_the_other_is_told_who(opened: Opener) -> None:
    first, second = opened(), opened()
    with first.dispatching():
        with pytest.raises(LeaseError, match=r"another premura dispatches on this store \(.+, process \d+\)"):
            second.dispatch()
        assert first.dispatch().states == {}, "within its own right"
        with pytest.raises(LeaseError):
            second.dispatch()
    assert second.dispatch().states == {}
    assert first.dispatch().states == {}


def test_nothing_is_written_by_who_has_no_right(opened: Opener) -> None:
    first, second = opened(), opened()
    live_a_day(first, 1)
    first.take_dispatch_right()
    with pytest.raises(LeaseError):
        second.dispatch()
    with first.store.read() as connection:
        assert [row["state"] for row in actions.listing(connection)] == [State.PLANNED]


def test_a_right_that_was_lost_to_another_machine_is_not_given_back(opened: Opener) -> None:
    first = opened()
    assert first.take_dispatch_right()
    assert not first.take_dispatch_right(), "renewed"
    later = NOON + timedelta(seconds=30)
    with first.store.write() as connection:
        assert leases.take(connection, "dispatcher", "X", "elsewhere, process 7", later, later + timedelta(1)) is None
    with pytest.raises(LeaseError, match=r"\(elsewhere, process 7\).*on another machine, its right ends within 30 sec"):
        first.take_dispatch_right()
    first.close()
    with first.store.read() as connection:
        assert leases.owner(connection, "dispatcher") == "X", "nobody gives back what is not theirs"


def test_who_was_closed_without_giving_it_back_holds_up_nobody(opened: Opener) -> None:
    first, second = opened(), opened()
    first.take_dispatch_right()
    first.close()
    assert second.take_dispatch_right()


@pytest.mark.any_store
def test_on_a_server_any_number_dispatch_and_one_leads(tmp_path: Path, database: str) -> None:
    folder = make(tmp_path / "shop", FILES, database=database)
    first, second = (open_app(folder, lambda: NOON, io.StringIO()) for _ in range(2))
    live_a_day(first, 1)
    with first.dispatching():
        if database:
            assert second.dispatch().states == {"delivered": 1}
            assert first.right.take() is None
            assert second.right.take() is not None
            assert (first.leads(), second.leads()) == (True, False)
        else:
            with pytest.raises(LeaseError):
                second.dispatch()
            assert (first.leads(), second.leads()) == (True, True), "nobody else is there to be led"
    first.close()
    second.close()


def test_an_error_gives_the_right_back(opened: Opener) -> None:
    first, second = opened(), opened()
    with pytest.raises(ZeroDivisionError), first.dispatching():
        raise ZeroDivisionError
    assert second.take_dispatch_right()


# What is wrong is said


@pytest.mark.parametrize(("text", "said"), [(None, "cannot be read"), ("", "is empty"), ("\n", "is empty")])
def test_a_workspace_without_its_key_says_so(opened: Opener, text: str | None, said: str) -> None:
    app = opened()
    if text is None:
        (app.folder / "premura.key").unlink()
    else:
        (app.folder / "premura.key").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=f"P104 key: .*{said}.*premura init makes one"):
        app.dispatch()


def test_ready_tells_before_anything_was_done(opened: Opener) -> None:
    app = opened()
    app.ready()
    (app.folder / "rules" / "thanks.toml").write_text(THANKS.replace("email/thanks", "email/thank"), encoding="utf-8")
    again = opened()
    with pytest.raises(RuleError, match=r"rules/thanks\.toml:16:12: R021 unknown template 'email/thank'"):
        again.ready()


def test_ready_tells_of_adapters_too(opened: Opener) -> None:
    with pytest.raises(ConfigError, match=r"there is no \[adapters.files\]"):
        opened('[channels]\nemail = "files"\n').ready()


def test_there_is_no_workspace_here(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="P100 there is no workspace here"):
        open_app(tmp_path)


def test_there_is_no_database_yet_until_it_is_made(tmp_path: Path) -> None:
    folder = make(tmp_path / "shop")
    (folder / "premura.db").unlink()
    with pytest.raises(StoreError, match="premura init, or premura db upgrade"):
        open_app(folder)
    upgrade(folder)
    upgrade(folder)
    open_app(folder).close()


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("sqlite:///premura.db", "sqlite:///{folder}/premura.db"),
        ("sqlite:///data/x.db", "sqlite:///{folder}/data/x.db"),
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("postgresql://shop@db/premura", "postgresql://shop@db/premura"),
    ],
)
def test_a_relative_store_lies_in_the_workspace(tmp_path: Path, said: str, url: str) -> None:
    settings = parse(f'store = "{said}"\n{SHOP}')
    assert store_url(tmp_path, settings) == url.format(folder=tmp_path)
