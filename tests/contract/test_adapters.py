"""What dispatch relies on, asked of every adapter (those of cases.py)."""

from __future__ import annotations

import asyncio
import copy
import os
import re
import socket
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar, get_args

import pytest

from engine.adapters import registry
from engine.adapters.registry import OURS
from engine.dispatch.port import Adapter, Capability, Idempotency, Message, Receipt, Record, lacking
from engine.errors import DeliveryError
from tests.contract.cases import CASES, FAULTS, SECRET, Case, Fault

T = TypeVar("T")
CHANNELS = frozenset(("email", "note", "reward", "referral", "task", "console"))
every_adapter = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def sent(case: Case, folder: Path, *messages: Message, close_between: bool = False) -> tuple[list[Receipt], int]:
    """The receipts for these messages, and how many things came out."""

    async def scenario() -> tuple[list[Receipt], int]:
        async with case.open(folder) as it:
            receipts = []
            for message in messages:
                receipts.append(await it.adapter.send(message))
                if close_between:
                    await it.adapter.close()
            await it.adapter.close()
            return receipts, it.outcomes(receipts)

    return asyncio.run(scenario())


def checked(case: Case, folder: Path, message: Message) -> int:
    """How many things came out of a check, which cannot reach anything while it looks."""

    async def scenario() -> int:
        async with case.open(folder) as it:
            with pytest.MonkeyPatch.context() as cut:
                cut.setattr(socket.socket, "connect", unreachable)
                cut.setattr(Path, "open", unreachable)
                cut.setattr(os, "open", unreachable)
                it.adapter.check(message)
            return it.outcomes([])

    return asyncio.run(scenario())


def unreachable(*_about: object, **_more: object) -> None:
    """What a check may not do."""
    raise AssertionError("a check does no I/O")


def at_work(case: Case, folder: Path, work: Callable[[Any], Coroutine[Any, Any, T]]) -> tuple[T, int]:
    """What comes of some work with an adapter, and how many things came out."""

    async def scenario() -> tuple[T, int]:
        async with case.open(folder) as it:
            came = await work(it.adapter)
            await it.adapter.close()
            return came, it.outcomes([])

    return asyncio.run(scenario())


def messages(case: Case, number: int) -> list[Message]:
    """So many messages of their own."""
    return [case.message(action=f"0199-a{n}", key=f"rule:C-{n}:2026:step", customer=f"C-{n}") for n in range(number)]


def capability(case: Case, folder: Path) -> tuple[Capability, Capability]:
    """What an adapter declares before and after a send."""

    async def scenario() -> tuple[Capability, Capability]:
        async with case.open(folder) as it:
            before = it.adapter.capability
            await it.adapter.send(case.message())
            return before, it.adapter.capability

    return asyncio.run(scenario())


ASKED = ["fake, asked"]
BATCHED = ["fake, in batches"]
REVOCABLE = ["fake", "fake, asked", "fake, in batches", "fake, neither"]


def test_who_can_do_more_is_asked_for_more(tmp_path: Path) -> None:
    can = {name: capability(case, tmp_path / name)[0] for name, case in CASES.items()}
    assert [name for name, one in can.items() if one.idempotency is Idempotency.SEARCH] == ASKED
    assert [name for name, one in can.items() if one.batch > 1] == BATCHED
    assert [name for name, one in can.items() if one.cancellable] == REVOCABLE


def test_every_adapter_that_can_be_configured_is_here() -> None:
    assert {name.partition(",")[0] for name in CASES} == set(OURS)


@every_adapter
def test_what_it_declares_stays_as_it_is(case: Case, tmp_path: Path) -> None:
    before, after = capability(case, tmp_path)
    assert before == after
    assert before.channel in CHANNELS
    assert before.concurrency >= 1
    assert before.lead_days >= 0
    assert before.unit_cost_minor >= 0


@every_adapter
def test_it_can_do_what_it_declares(case: Case, tmp_path: Path) -> None:
    async def scenario() -> str:
        async with case.open(tmp_path) as it:
            return lacking(it.adapter)

    assert asyncio.run(scenario()) == ""


@every_adapter
def test_check_lets_a_good_message_pass_and_does_nothing(case: Case, tmp_path: Path) -> None:
    assert checked(case, tmp_path, case.message()) == 0
    assert not list(tmp_path.iterdir())


@every_adapter
def test_check_refuses_for_good_and_says_why(case: Case, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as refusal:
        checked(case, tmp_path, case.message(body={**case.body, **case.spoiled}))
    assert (refusal.value.permanent, refusal.value.ambiguous) == (True, False)
    assert str(refusal.value).strip()
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


@every_adapter
def test_a_receipt_can_be_stored_and_shown(case: Case, tmp_path: Path) -> None:
    (receipt,), outcomes = sent(case, tmp_path, case.message())
    assert outcomes == 1
    assert receipt.provider_ref
    for text in (receipt.provider_ref, receipt.detail):
        assert text.encode("utf-8").decode() == text
        assert text.isprintable()
    assert all(isinstance(record, get_args(Record)) for record in receipt.records)


@every_adapter
def test_the_message_is_left_as_it_was(case: Case, tmp_path: Path) -> None:
    message = case.message(body=copy.deepcopy(dict(case.body)))
    sent(case, tmp_path, message)
    assert message.body == case.body


@every_adapter
def test_sending_again_is_what_it_declares(case: Case, tmp_path: Path) -> None:
    receipts, outcomes = sent(case, tmp_path, case.message(), case.message())
    declared, _ = capability(case, tmp_path / "other")
    if declared.idempotency is Idempotency.KEY:
        assert receipts[0] == receipts[1]
        assert outcomes == 1
    else:
        assert outcomes == 2


@every_adapter
def test_after_close_it_works_again(case: Case, tmp_path: Path) -> None:
    receipts, _ = sent(case, tmp_path, case.message(), case.message(), close_between=True)
    assert len(receipts) == 2


@every_adapter
def test_as_many_at_once_as_it_says(case: Case, tmp_path: Path) -> None:
    async def work(adapter: Adapter) -> list[Receipt]:
        many = messages(case, adapter.capability.concurrency + 1)
        return await asyncio.gather(*(adapter.send(message) for message in many))

    receipts, _ = at_work(case, tmp_path, work)
    assert all(receipt.provider_ref for receipt in receipts)


@every_adapter
def test_a_send_that_is_broken_off_leaves_it_able_to_work(case: Case, tmp_path: Path) -> None:
    async def work(adapter: Adapter) -> tuple[Receipt, Capability]:
        under_way = asyncio.ensure_future(adapter.send(case.message()))
        await asyncio.sleep(0)
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)
        await adapter.close()
        return await adapter.send(case.message()), adapter.capability

    (receipt, can), outcomes = at_work(case, tmp_path, work)
    assert receipt.provider_ref
    if can.idempotency is Idempotency.KEY:
        assert outcomes <= 1


@pytest.mark.parametrize("name", ASKED)
def test_what_was_sent_is_found_and_what_was_not_is_not(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    one, other = messages(case, 2)

    async def work(adapter: Any) -> list[Receipt | None]:
        found = [await adapter.find(one), await adapter.send(one)]
        return [*found, await adapter.find(one), await adapter.find(one), await adapter.find(other)]

    (before, receipt, after, again, never), outcomes = at_work(case, tmp_path, work)
    assert before is never is None
    assert after == again == receipt
    assert outcomes == 1, "asking sends nothing"


@pytest.mark.parametrize("name", BATCHED)
def test_a_batch_is_answered_in_order_and_its_replay_delivers_nothing(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    many = list(reversed(messages(case, 3)))

    async def work(adapter: Any) -> list[Any]:
        assert adapter.capability.batch >= len(many)
        first = await adapter.send_many("batch 1", many)
        await adapter.close()
        return [first, await adapter.send_many("batch 1", many), await adapter.send_many("batch 2", many[:1])]

    (first, again, another), outcomes = at_work(case, tmp_path, work)
    assert len({answer.provider_ref for answer in first}) == len(many)
    assert [answer.provider_ref for answer in another] == [first[0].provider_ref]
    assert list(again) == list(first)
    assert outcomes == len(many) + 1


@pytest.mark.parametrize("name", REVOCABLE)
def test_what_was_accepted_can_be_taken_back_and_what_was_not_cannot(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    one, _ = messages(case, 2)

    async def work(adapter: Any) -> list[bool]:
        receipt = await adapter.send(one)
        asked = [(one, receipt.provider_ref), (one, receipt.provider_ref), (one, "no reference of theirs")]
        return [await adapter.cancel(*about) for about in asked]

    cancelled, _ = at_work(case, tmp_path, work)
    assert cancelled == [True, True, False]


# When its world fails


def failure(fault: Fault, folder: Path) -> tuple[DeliveryError, int]:
    """What an adapter says, and how many things came out."""

    async def scenario() -> tuple[DeliveryError, int]:
        async with fault.open(folder) as it:
            with pytest.raises(DeliveryError) as said:
                await it.adapter.send(CASES[fault.case].message())
            return said.value, it.outcomes([])

    return asyncio.run(scenario())


every_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@every_fault
def test_what_fails_is_told_for_what_it_is(fault: Fault, tmp_path: Path) -> None:
    said, outcomes = failure(fault, tmp_path)
    assert (said.permanent, said.ambiguous) == (fault.permanent, fault.ambiguous)
    if not fault.ambiguous:
        assert fault.case == "task_webhook" or outcomes == 0  # the desk has heard of what it refused


@every_fault
def test_what_fails_says_why_in_a_line_and_keeps_secrets(fault: Fault, tmp_path: Path) -> None:
    said, _ = failure(fault, tmp_path)
    assert str(said).strip()
    assert str(said).isprintable()
    assert SECRET not in "".join(traceback.format_exception(said)) + repr(vars(said))


def test_whoever_speaks_over_a_line_is_tried_with_one_that_drops() -> None:
    modules = {kind: Path(registry.__file__).with_name(f"{kind}.py").read_text(encoding="utf-8") for kind in OURS}
    speaking = {kind for kind, text in modules.items() if re.search(r"wire\.(smtp|http)\b", text)}
    assert speaking <= {name.partition(",")[0] for name, fault in FAULTS.items() if fault.ambiguous}
