"""Stage 3: rules are asked about what happened; every answer is kept with its reasons, every yes becomes actions.

An event is new until the transaction that writes what came of it: a crash in between changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.decide.stage.asking import Asking
from engine.decide.stage.on_calendar import ask_calendar
from engine.decide.stage.on_events import ask_events, give_up
from engine.decide.stage.on_purchases import stop_bought
from engine.decide.stage.on_removal import end_removed
from engine.decide.stage.on_scores import ask_scores
from engine.decide.stage.policy import Policy, Summary
from engine.store.session import Store

__all__ = ["Policy", "Summary", "decide"]


def decide(
    store: Store, policy: Policy, *, now: datetime, progress: Callable[[int], None] = lambda _done: None
) -> Summary:
    """Ask the rules about every new event, score and date up to `now`."""
    stage = Asking(store=store, policy=policy, now=now, summary=Summary())
    end_removed(stage)
    ask_events(stage, progress)
    ask_scores(stage)
    ask_calendar(stage)
    stop_bought(stage)
    give_up(stage)
    return stage.summary
