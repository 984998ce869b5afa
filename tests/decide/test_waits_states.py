"""Events in any order, early, late and twice, with looks and restarts between: a few lines say what must come of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.decide.test_waits import CARE, DONE, REVIEW
from tests.shop import Shop

STOP = "service_call.reworked"
DAY_ZERO = datetime(2026, 3, 2, 8, tzinfo=UTC)
DEADLINE = 14  # days
STEP = "care.share"


@dataclass(frozen=True, slots=True)
class Happened:
    """An event: the day on which it happened, counted from the service call."""

    kind: str
    day: int
    rating: int


class Passage(RuleBasedStateMachine):
    """One service call, reviews and reworks around it. The model knows the days, and the order in which news came."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.shop = Shop(Path(self.folder.name) / "shop", rules={"care": CARE})
        self.shop.customer()
        self.today = 0
        self.heard: list[Happened] = []
        self.looked_at: set[Happened] = set()
        self.state = ""  # of the step; empty: the journey has not begun

    def teardown(self) -> None:
        self.shop.close()
        self.folder.cleanup()

    @rule(
        what=st.one_of(
            st.just(Happened(DONE, 0, 0)),
            st.builds(Happened, st.just(REVIEW), st.integers(-1, DEADLINE + 2), st.sampled_from([3, 5])),
            st.builds(Happened, st.just(STOP), st.integers(-1, 9), st.just(0)),
        )
    )
    def hear(self, what: Happened) -> None:
        moment = (DAY_ZERO + timedelta(days=what.day)).isoformat()
        more: dict[str, Any] = {"rating": what.rating} if what.rating else {}
        self.shop.event(what.kind, moment, id=f"{what.kind}:{what.day}:{what.rating}", **more)
        if what not in self.heard:
            self.heard.append(what)

    @rule(days=st.sampled_from([1, 4, 13]))
    def time_goes_by(self, days: int) -> None:
        self.today += days
        self.shop.at((DAY_ZERO + timedelta(days=self.today, hours=1)).replace(tzinfo=None).isoformat())

    @rule()
    def restart(self) -> None:
        self.shop.close()

    @rule()
    def look(self) -> None:
        self.shop.app.decide()
        for what in self.heard:  # in the order in which the news came
            if what.day > self.today or what in self.looked_at:
                continue
            self.looked_at.add(what)
            if what.kind == DONE:
                self.state = "waiting"
            elif what.kind == STOP and what.day >= 0 and self.state in ("waiting", "planned"):
                self.state = "cancelled"
        if self.state == "waiting":
            reviews = [one for one in self.looked_at if one.kind == REVIEW and 0 <= one.day <= DEADLINE]
            first = min(reviews, key=lambda one: (one.day, self.heard.index(one)), default=None)
            if first is not None:
                self.state = "planned" if first.rating >= 4 else "cancelled"
            elif self.today >= DEADLINE:
                self.state = "expired"

    @invariant()
    def the_step_stands_where_the_model_says(self) -> None:
        assert self.shop.states().get(STEP, "") == self.state


def test_a_passage() -> None:
    run_state_machine_as_test(
        Passage,
        settings=settings(
            max_examples=8, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
