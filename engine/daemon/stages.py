"""What a daemon does in turn, by its role and as long as it leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from time import monotonic
from typing import Any

from engine.app import App
from engine.daemon import systemd
from engine.daemon.inbox import score_if_due, take_inbox
from engine.daemon.life import Life, Stopped
from engine.daemon.logs import sends_to
from engine.daemon.reload import Watch
from engine.tidy import tidy_if_due


def stages_of(app: App, life: Life, watch: Watch) -> dict[str, Callable[[], Any]]:
    """What this daemon does in turn; what one does for all is done while we lead, and ends soon when we do no more."""

    def led(stage: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: stage() if app.leads() else None

    def go_on(done: int) -> None:
        life.go_on(done)
        if not app.leads():
            raise Stopped

    stages: dict[str, Callable[[], Any]] = {
        "reload": lambda: _look(watch, life),
        "ingest": lambda: {"files": take_inbox(app, life.go_on)},
        "score": led(lambda: score_if_due(app)),
        "decide": led(lambda: asdict(app.decide(progress=go_on))),
        "schedule": led(lambda: asdict(app.schedule())),
        "dispatch": lambda: _dispatch(app, life),
        "tidy": led(lambda: tidy_if_due(app, stopping=life.turn_of_a_stage(), progress=go_on)),
    }
    does = {"all": stages.keys(), "dispatch": {"reload", "dispatch"}, "web": set[str]()}[life.role]
    return {name: stage for name, stage in stages.items() if name in does}


def _dispatch(app: App, life: Life) -> dict[str, Any]:
    """One turn of dispatch; that something stands still since a restore is said once."""
    stopping, told = life.turn_of_a_stage(), sends_to(life.log)
    done = asdict(app.dispatch(stopping=stopping, progress=lambda _sent: life.sign(), told=told))
    why = done.pop("refused")
    if why != life.refused:
        life.log.error("dispatch.refused", why=why) if why else life.log.info("dispatch.released")
    life.refused, life.status.stands_still = why, bool(why)
    return done


def _look(watch: Watch, life: Life) -> None:
    """What became of changed rules and templates, in the log."""
    news = watch.look(monotonic())
    if news is not None:
        life.status.refused = news.event == "refused"
        systemd.ready(
            f"{len(watch.app.rules)} rules in force" + ("; those in the files are faulty" * life.status.refused)
        )
        tell = life.log.error if news.event == "refused" else life.log.info
        tell(f"rules.{news.event}", **news.said)
