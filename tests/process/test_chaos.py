"""A small crash run: it must come to its end, keep every promise, and notice when one is broken."""

from __future__ import annotations

from bench.chaos.run import run


def test_killed_at_random_and_nothing_is_lost_or_sent_twice() -> None:
    found = run(actions=45, kills=8, seed=3, rate=0.1)

    assert found["broken"] == []
    assert (found["actions"], found["kills"]) == (45, 8)
    counts = [one for shop in found["shops"] for one in shop["counts"]]
    assert {one["twice"] + one["lost"] for one in counts} == {0}
    assert sum(one["once"] for one in counts if one["promise"] in ("key", "search", "store")) == 25
