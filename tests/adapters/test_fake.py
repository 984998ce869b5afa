"""The provider that does as it is told: each thing that it can be told, by what the sender hears and what it has."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.adapters.fake import Fake
from engine.adapters.wire.fate import CANCEL, FIND, SEND, read
from engine.core.messages import Plain, Reward
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError

T = TypeVar("T")
HELLO = Plain(title="Ciao", text="Come va?").to_json()
KEY, SEARCH, NONE = Idempotency.KEY, Idempotency.SEARCH, Idempotency.NONE


def fake(folder: Path, *send: Any, kind: Idempotency = KEY, file: Path | None = None, **told: Any) -> Fake:
    can = Capability(channel="console", idempotency=kind, batch=10)
    return Fake(folder, can, script=read({**({"send": list(send)} if send else {}), **told}), file=file)


def message(number: int = 1, **change: Any) -> Message:
    plain = Message(action=f"0199-a{number}", key=f"hello:C-{number}:1:say", customer=f"C-{number}", body=HELLO)
    return replace(plain, **change)


def heard(work: Coroutine[Any, Any, T]) -> T | DeliveryError | str:
    """What the sender hears within a moment: an answer, a DeliveryError, ``broke`` or ``silence``."""

    async def moment() -> T:
        return await asyncio.wait_for(work, 0.3)

    try:
        return asyncio.run(moment())
    except DeliveryError as error:
        return error
    except TimeoutError:
        return "silence"
    except RuntimeError:
        return "broke"


def delivered(folder: Path, name: str = "deliveries") -> list[str]:
    """The actions that the provider has, one for each time that it got them."""
    path = folder / f"{name}.jsonl"
    return [json.loads(line)["action"] for line in path.read_text().splitlines()] if path.exists() else []


SURELY_NOT, REFUSED, DOUBT = (False, False), (True, False), (False, True)


@pytest.mark.parametrize(
    ("fate", "says", "has"),
    [
        ("ok", "receipt", 1),
        ("slow", "receipt", 1),
        ("again", "receipt", 1),
        ("refuse", REFUSED, 0),
        ("later", SURELY_NOT, 0),
        ("lost_before", DOUBT, 0),
        ("lost_after", DOUBT, 1),
        ("broken_before", "broke", 0),
        ("broken_after", "broke", 1),
        ("hang_before", "silence", 0),
        ("hang_after", "silence", 1),
    ],
)
def test_it_does_what_it_is_told(tmp_path: Path, fate: str, says: Any, has: int) -> None:
    said = heard(fake(tmp_path, fate).send(message()))
    if isinstance(said, DeliveryError):
        assert (said.permanent, said.ambiguous) == says
    else:
        assert says == (said if isinstance(said, str) else "receipt")
    assert len(delivered(tmp_path)) == has


def test_every_word_is_put_to_the_test() -> None:
    (marks,) = [mark for mark in test_it_does_what_it_is_told.pytestmark if mark.name == "parametrize"]
    assert {row[0] for row in marks.args[1]} | {"crash_before", "crash_after"} == set(SEND)


def test_the_documentation_lists_every_word_with_its_meaning() -> None:
    text = (Path(__file__).parents[2] / "docs" / "adding-an-adapter.md").read_text(encoding="utf-8")
    assert [word for word, meaning in SEND.items() if f"| `{word}` | {meaning} |" not in text] == []
    assert [word for word in (*FIND, *CANCEL) if f"`{word}`" not in text] == []


CRASHES = """
import asyncio, sys
from pathlib import Path
from tests.adapters.test_fake import fake, message
asyncio.run(fake(Path(sys.argv[1]), sys.argv[2], "ok").send(message()))
"""


@pytest.mark.parametrize(("fate", "has"), [("crash_before", 0), ("crash_after", 1)])
def test_it_can_take_the_whole_process_with_it_and_knows_the_key_afterwards(
    tmp_path: Path, fate: str, has: int
) -> None:
    died = subprocess.run([sys.executable, "-c", CRASHES, str(tmp_path), fate], check=False)
    assert died.returncode == -9
    assert len(delivered(tmp_path)) == has
    assert isinstance(heard(fake(tmp_path, fate, "ok").send(message())), Receipt)
    assert len(delivered(tmp_path)) == 1


def test_how_long_to_wait_is_told(tmp_path: Path) -> None:
    said = heard(fake(tmp_path, "later", wait=90).send(message()))
    assert isinstance(said, DeliveryError)
    assert said.retry_after == 90


@pytest.mark.parametrize(("kind", "has"), [(KEY, 1), (SEARCH, 2), (NONE, 2)])
def test_only_who_takes_keys_takes_each_once(tmp_path: Path, kind: Idempotency, has: int) -> None:
    first, second = fake(tmp_path, "lost_after", "ok", kind=kind), fake(tmp_path, "lost_after", "ok", kind=kind)
    assert isinstance(heard(first.send(message())), DeliveryError)
    assert isinstance(heard(second.send(message())), Receipt)
    assert len(delivered(tmp_path)) == has


def test_a_key_that_was_forgotten_delivers_again(tmp_path: Path) -> None:
    provider = fake(tmp_path, "ok", "again")
    for _ in range(2):
        assert isinstance(heard(provider.send(message())), Receipt)
    assert len(delivered(tmp_path)) == 2


def test_what_it_has_already_can_be_put_off_too(tmp_path: Path) -> None:
    provider = fake(tmp_path, "lost_after", "later", "ok")
    assert [isinstance(heard(provider.send(message())), Receipt) for _ in range(3)] == [False, False, True]
    assert len(delivered(tmp_path)) == 1


def test_a_key_is_for_the_same_bytes_only(tmp_path: Path) -> None:
    provider = fake(tmp_path)
    heard(provider.send(message()))
    said = heard(provider.send(message(body={**HELLO, "text": "Come stai?"})))
    assert str(said) == "this key was used for something else"
    assert len(delivered(tmp_path)) == 1


def test_a_script_in_a_file_is_read_for_every_call(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    provider = fake(tmp_path / "out", file=script)
    assert isinstance(heard(provider.send(message(1))), Receipt)
    script.write_text(json.dumps({"send": ["later"], "only": {"C-3": {"send": ["refuse"]}}}))
    assert str(heard(provider.send(message(2)))) == "the provider does not take it now"
    assert str(heard(provider.send(message(3)))) == "the provider refuses it"
    script.write_text("{")
    assert "the script script.json cannot be read" in str(heard(provider.send(message(4))))
    script.unlink()
    assert isinstance(heard(provider.send(message(2))), Receipt)
    assert delivered(tmp_path / "out") == ["0199-a1", "0199-a2"]


def test_a_folder_that_cannot_be_written_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    said = heard(fake(tmp_path / "out").send(message()))
    assert isinstance(said, DeliveryError)
    assert (said.permanent, said.ambiguous) == SURELY_NOT


def test_what_it_writes_down_says_nothing_of_what_a_customer_reads(tmp_path: Path) -> None:
    heard(fake(tmp_path).send(message()))
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "C-1" in written
    assert not any(word in written for word in ("Ciao", "Come va"))


# Batches


def batch(provider: Fake, key: str, messages: Sequence[Message]) -> list[str]:
    """What the sender hears of each, or of all."""
    said = heard(provider.send_many(key, messages))
    if isinstance(said, DeliveryError | str):
        return [str(said)]
    return [answer.provider_ref if isinstance(answer, Receipt) else str(answer) for answer in said]


def test_a_batch_is_answered_in_its_order(tmp_path: Path) -> None:
    provider = fake(tmp_path, only={"C-2": {"send": ["refuse"]}, "C-3": {"send": ["later"]}})
    assert batch(provider, "b1", [message(number) for number in (4, 2, 1, 3)]) == [
        "fake-0199-a4",
        "the provider refuses it",
        "fake-0199-a1",
        "the provider does not take it now",
    ]
    assert delivered(tmp_path) == ["0199-a4", "0199-a1"]


@pytest.mark.parametrize(
    ("fate", "says", "has"),
    [
        ("refuse", "the provider refuses it", 0),
        ("later", "the provider does not take it now", 0),
        ("lost_before", "the provider did not say whether it took it", 0),
        ("lost_after", "the provider did not say whether it took it", 2),
        ("hang_after", "silence", 2),
        ("broken_before", "broke", 0),
    ],
)
def test_a_batch_can_fail_as_a_whole(tmp_path: Path, fate: str, says: str, has: int) -> None:
    provider = fake(tmp_path, call=[fate, "ok"])
    pair = [message(1), message(2)]
    assert batch(provider, "b1", pair) == [says]
    assert len(delivered(tmp_path)) == has
    assert batch(provider, "b1", pair) == ["fake-0199-a1", "fake-0199-a2"]
    assert len(delivered(tmp_path)) == 2


def test_a_batch_that_was_put_together_anew_is_found_out(tmp_path: Path) -> None:
    provider = fake(tmp_path)
    batch(provider, "b1", [message(1), message(2)])
    assert batch(provider, "b1", [message(1), message(3)]) == ["this key was used for something else"]
    assert batch(provider, "b2", [message(1), message(2)]) == ["fake-0199-a1", "fake-0199-a2"]
    assert len(delivered(tmp_path)) == 4, "the provider knows the key of the call, and no other"


def test_what_a_batch_did_not_take_is_not_taken_by_its_replay(tmp_path: Path) -> None:
    provider = fake(tmp_path, call=["lost_after", "ok"], only={"C-2": {"send": ["later", "ok"]}})
    pair = [message(1), message(2)]
    batch(provider, "b1", pair)
    assert batch(provider, "b1", pair) == ["fake-0199-a1", "the provider does not take it now"]
    assert delivered(tmp_path) == ["0199-a1"]


# Asking, and taking back


@pytest.mark.parametrize(
    ("fate", "says"),
    [
        ("ok", "fake-0199-a1"),
        ("slow", "fake-0199-a1"),
        ("nothing", "None"),
        ("away", "the provider cannot be asked now"),
        ("hang_before", "silence"),
    ],
)
def test_it_can_be_asked(tmp_path: Path, fate: str, says: str) -> None:
    provider = fake(tmp_path, find=[fate], kind=SEARCH)
    heard(provider.send(message()))
    said = heard(provider.find(message()))
    assert (said.provider_ref if isinstance(said, Receipt) else str(said)) == says
    assert len(delivered(tmp_path)) == 1, "asking delivers nothing"


def test_it_finds_late_what_it_has_and_never_what_it_has_not(tmp_path: Path) -> None:
    provider = fake(tmp_path, find=["nothing", "ok"], kind=SEARCH)
    heard(provider.send(message(1)))
    assert [heard(provider.find(message(1))) is None for _ in "ab"] == [True, False]
    assert [heard(provider.find(message(2))) for _ in "ab"] == [None, None]


@pytest.mark.parametrize(("fate", "says", "has"), [("ok", True, 1), ("late", False, 0), ("away", "error", 0)])
def test_it_can_take_back(tmp_path: Path, fate: str, says: Any, has: int) -> None:
    provider = fake(tmp_path, cancel=[fate])
    heard(provider.send(message()))
    for _ in range(2):
        said = heard(provider.cancel(message(), "fake-0199-a1"))
        assert says == ("error" if isinstance(said, DeliveryError) else said)
    assert len(delivered(tmp_path, "cancelled")) == has
    assert heard(fake(tmp_path).cancel(message(), "another")) is False


def test_what_is_no_message_of_the_channel_is_refused(tmp_path: Path) -> None:
    provider = fake(tmp_path)
    provider.check(message())
    with pytest.raises(DeliveryError, match="this is no console") as refusal:
        provider.check(message(body=Reward(amount=5, unit="points", reason="").to_json()))
    assert refusal.value.permanent
    assert not list(tmp_path.iterdir())


WORDS = st.lists(st.sampled_from(["ok", "later", "lost_before", "lost_after", "broken_before", "broken_after"]))


@settings(max_examples=30, deadline=None)
@given(WORDS)
def test_replayed_until_it_is_heard_of_each_key_is_delivered_once(
    tmp_path_factory: pytest.TempPathFactory, fates: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("fake")
    provider = fake(folder, *fates, "ok")
    while not isinstance(heard(provider.send(message())), Receipt):
        pass
    assert len(delivered(folder)) == 1
