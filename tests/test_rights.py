"""A right is one process's at a time, until it is given back, has ended, or its holder is known to be dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rights import Proof, Right
from engine.store import leases
from engine.store.session import Store, open_store
from tests.store.seed import NOON

LASTS = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


class World:
    """A store that several processes use, and their clock."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder, self.now = store, folder, NOON

    def right(self, owner: str, *, proof: bool = True, clock: Callable[[], datetime] | None = None) -> Right:
        return Right(
            store=self.store,
            name="dispatcher",
            owner=owner,
            lasts=LASTS,
            clock=clock or (lambda: self.now),
            proof=Proof(path=self.folder / "shop.db.lock") if proof else None,
        )

    @property
    def owner(self) -> str | None:
        with self.store.read() as connection:
            return leases.owner(connection, "dispatcher")


@pytest.fixture
def world(tmp_path: Path, database: str, blank_sqlite: Callable[[], str]) -> Iterator[World]:
    store = open_store(database or blank_sqlite())
    yield World(store, tmp_path)
    store.close()


@pytest.mark.any_store
@pytest.mark.parametrize("proof", [False, True])
def test_one_has_it_and_the_others_are_told_who(world: World, proof: bool) -> None:
    first, second = world.right("A", proof=proof), world.right("B", proof=proof)
    assert first.take() is None
    assert first.take() is None, "renewed"
    assert ", process " in (second.take() or "")
    assert (first.is_ours(), second.is_ours()) == (True, False)

    second.let_go()
    first.give_back()
    assert not first.is_ours()
    assert second.take() is None
    assert ", process " in (first.take() or "")
    second.give_back()


@pytest.mark.any_store
def test_without_being_renewed_it_ends_and_its_holder_knows_without_asking(world: World) -> None:
    first, second = world.right("A", proof=False), world.right("B", proof=False)
    assert first.take() is None
    world.now += LASTS - SECOND
    assert first.is_ours()
    assert second.take() is not None
    world.now += SECOND
    assert not first.is_ours()
    assert second.take() is None
    assert first.take() is not None
    assert not first.is_ours()


def test_a_dead_holder_of_this_machine_is_not_waited_for(world: World) -> None:
    dead, next_one = world.right("A"), world.right("B")
    assert dead.take() is None
    assert next_one.take() is not None
    dead.let_go()  # what the kernel does when the process is gone
    assert next_one.take() is None
    assert world.owner == "B"
    next_one.let_go()


def test_a_living_holder_keeps_it_whatever_the_clocks_say(world: World) -> None:
    first = world.right("A")
    assert first.take() is None
    world.now += timedelta(days=1)  # the clock was set forward; or it was stopped for long
    assert world.right("B").take() is not None
    assert first.take() is None
    assert first.is_ours()
    first.let_go()


@pytest.mark.parametrize(
    "signed", ["another-boot A", "", "A", " A", "one two three"], ids=["another machine", "empty", "old", "bare", "odd"]
)
def test_a_death_that_the_file_does_not_prove_is_waited_for(world: World, signed: str) -> None:
    dead, next_one = world.right("A"), world.right("B")
    assert dead.take() is None
    dead.let_go()
    (world.folder / "shop.db.lock").write_text(signed, encoding="ascii")
    assert next_one.take() is not None
    world.now += LASTS
    assert next_one.take() is None
    next_one.let_go()


def test_a_death_of_somebody_else_proves_nothing(world: World) -> None:
    dead, elsewhere = world.right("A"), world.right("X", proof=False)
    assert dead.take() is None
    dead.let_go()
    world.now += LASTS
    assert elsewhere.take() is None
    assert world.right("B").take() is not None


def test_a_file_that_was_taken_away_leaves_the_lease(world: World) -> None:
    first = world.right("A")
    assert first.take() is None
    (world.folder / "shop.db.lock").unlink()
    second = world.right("B")
    assert second.take() is not None
    assert first.take() is None
    first.let_go()
    second.let_go()


def test_where_no_file_can_be_locked_the_lease_decides_alone(world: World) -> None:
    world.folder /= "no-such-folder"
    first, second = world.right("A"), world.right("B")
    assert first.take() is None
    assert second.take() is not None
    first.let_go()
    assert second.take() is not None
    world.now += LASTS
    assert second.take() is None


def test_a_lock_without_a_lease_says_that_somebody_is_there(world: World) -> None:
    lock = Proof(path=world.folder / "shop.db.lock")
    assert lock.hold()
    assert lock.hold()
    assert world.right("B").take() == "another process on this machine"
    lock.let_go()
    right = world.right("B")
    assert right.take() is None
    right.let_go()


STEPS = st.tuples(st.sampled_from(["take", "give back", "die", "wait"]), st.sampled_from("AB"), st.integers(1, 40))


@settings(max_examples=25)
@given(steps=st.lists(STEPS, max_size=10))
def test_there_is_never_more_than_one_and_the_dead_hold_up_nobody(
    steps: list[tuple[str, str, int]], tmp_path_factory: pytest.TempPathFactory, blank_sqlite: Callable[[], str]
) -> None:
    store = open_store(blank_sqlite())
    world, holder, number = World(store, tmp_path_factory.mktemp("world")), "", 0
    rights = {name: world.right(name) for name in "AB"}
    for verb, name, seconds in steps:
        if verb == "wait":
            world.now += seconds * SECOND
        elif verb == "take":
            assert (rights[name].take() is None) == (holder in ("", name)), "who is dead or gone is not waited for"
            holder = holder or name
        elif verb == "give back" and holder == name:
            rights[name].give_back()
            holder = ""
        elif verb == "die":
            number += 1
            rights[name].let_go()
            rights[name] = world.right(f"{name}{number}")  # it begins anew, under another id
            holder = "" if holder == name else holder
        assert [one for one in rights if rights[one].is_ours()] in ([], [holder])
    for right in rights.values():
        right.let_go()
    store.close()
