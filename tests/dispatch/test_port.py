"""What adapters and dispatch hand to each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, get_args

import pytest

from engine.core.records import LedgerPosting, PrintJob, ReferralInvite
from engine.dispatch.port import Adapter, Capability, Idempotency, Message, Receipt, Record, lacking
from engine.errors import DeliveryError
from tests.dispatch.shop import Told


def test_an_adapter_that_says_little_is_taken_at_its_most_careful() -> None:
    modest = Capability(channel="email", idempotency=Idempotency.NONE)
    assert (modest.concurrency, modest.lead_days, modest.unit_cost_minor) == (1, 0, 0)
    assert (modest.batch, modest.rate, modest.window, modest.cancellable) == (1, None, None, False)
    assert modest.lag >= timedelta(minutes=15)


def test_a_receipt_that_says_little_promises_little() -> None:
    receipt = Receipt(provider_ref="Q1")
    assert (receipt.delivered, receipt.detail, receipt.records) == (False, "", ())


@pytest.mark.parametrize("kind", [Capability, Message, Receipt])
def test_what_is_handed_over_cannot_be_changed(kind: type) -> None:
    values = {field.name: "x" for field in dataclasses.fields(kind)}
    made = kind(**values)
    for name in values:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, name, "y")
    with pytest.raises(TypeError):
        kind(*values.values())


def test_equal_receipts_are_one_so_that_a_replay_can_be_recognised() -> None:
    one, two = (
        Receipt(provider_ref="Q1", records=(LedgerPosting(amount=1, unit="points", kind="grant"),)) for _ in "ab"
    )
    assert {one, two} == {one}


def test_dispatch_stores_each_kind_of_record_that_there_is() -> None:
    assert set(get_args(Record)) == {LedgerPosting, PrintJob, ReferralInvite}


def test_the_words_for_idempotency_are_those_of_the_documentation() -> None:
    assert [str(one) for one in Idempotency] == ["key", "search", "none"]


class Boaster:
    """It says of itself what the test says."""

    def __init__(self, **said: Any) -> None:
        self.capability = Capability(**{"channel": "email", "idempotency": Idempotency.NONE, **said})

    def check(self, message: Message) -> None:
        """Refuse nothing."""

    async def send(self, _message: Message) -> Receipt:
        """Send nothing."""
        return Receipt(provider_ref="")

    async def close(self) -> None:
        """Nothing to let go of."""


class Able(Boaster):
    """It can do all that one may declare."""

    async def find(self, _message: Message) -> Receipt | None:
        """Find nothing."""
        return None

    async def send_many(self, _key: str, _messages: Sequence[Message]) -> Sequence[Receipt | DeliveryError]:
        """Send nothing."""
        return ()

    async def cancel(self, _message: Message, _provider_ref: str) -> bool:
        """Take nothing back."""
        return False


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, ""),
        ({"idempotency": Idempotency.KEY, "batch": 1}, ""),
        ({"idempotency": Idempotency.SEARCH}, "declares SEARCH and has no find()"),
        ({"batch": 50}, "declares batches of 50 and has no send_many()"),
        ({"cancellable": True}, "declares that it is cancellable and has no cancel()"),
    ],
)
def test_who_declares_what_it_cannot_do_is_found_out(said: dict[str, Any], words: str) -> None:
    assert lacking(Boaster(**said)) == words
    assert lacking(Able(**said)) == ""


def test_a_class_of_its_own_is_an_adapter_by_its_shape() -> None:
    adapter: Adapter = Told("email")
    assert adapter.capability.channel == "email"
