"""What adapters and dispatch hand to each other."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from engine.core.records import LedgerPosting, PrintJob, ReferralInvite
from engine.dispatch.port import Adapter, Capability, Idempotency, Message, Receipt, Record
from tests.dispatch.shop import Told


def test_an_adapter_that_says_little_is_taken_at_its_most_careful() -> None:
    modest = Capability(channel="email", idempotency=Idempotency.NONE)
    assert (modest.concurrency, modest.lead_days, modest.unit_cost_minor) == (1, 0, 0)


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


def test_a_class_of_its_own_is_an_adapter_by_its_shape() -> None:
    adapter: Adapter = Told("email")
    assert adapter.capability.channel == "email"
