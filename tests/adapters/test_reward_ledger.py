"""Rewards hand back what is to be booked."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.reward_ledger import RewardLedger
from engine.core.messages import Reward
from engine.core.records import LedgerPosting
from engine.dispatch.port import Idempotency, Message, Receipt
from engine.errors import DeliveryError


def message(amount: int = 50, unit: str = "points", reason: str = "Grazie") -> Message:
    return Message(
        action="0199-a1",
        key="care:C-1:2026:gift",
        customer="C-1",
        body=Reward(amount=amount, unit=unit, reason=reason).to_json(),
    )


def sent(wanted: Message) -> Receipt:
    return asyncio.run(RewardLedger().send(wanted))


def test_the_receipt_carries_the_posting_under_the_actions_name() -> None:
    receipt = sent(message())
    assert receipt == Receipt(
        provider_ref="0199-a1",
        delivered=True,
        detail="50 points granted",
        records=(LedgerPosting(amount=50, unit="points", kind="grant", memo="Grazie"),),
    )


def test_money_stays_minor_units() -> None:
    (posting,) = sent(message(1500, "EUR")).records
    assert isinstance(posting, LedgerPosting)
    assert (posting.amount, posting.unit) == (1500, "EUR")


@pytest.mark.parametrize(
    ("amount", "unit", "said"),
    [(0, "points", "0 points"), (-5, "EUR", "-5 EUR"), (5, "", "5 (no unit)")],
)
def test_a_reward_of_nothing_is_refused_for_good(amount: int, unit: str, said: str) -> None:
    with pytest.raises(DeliveryError) as refusal:
        RewardLedger().check(message(amount, unit))
    assert str(refusal.value) == f"a reward of {said} is none"
    assert (refusal.value.permanent, refusal.value.ambiguous) == (True, False)


@given(st.integers(1, 2**62), st.sampled_from(["points", "EUR", "JPY"]), st.text(max_size=50))
def test_what_is_granted_is_what_was_asked_however_often(amount: int, unit: str, reason: str) -> None:
    wanted = message(amount, unit, reason)
    adapter = RewardLedger()
    adapter.check(wanted)
    (posting,) = sent(wanted).records
    assert posting == LedgerPosting(amount=amount, unit=unit, kind="grant", memo=reason)
    assert sent(wanted) == sent(wanted)


def test_it_can_be_asked_again_after_a_doubt() -> None:
    assert RewardLedger().capability.idempotency is Idempotency.KEY
    assert RewardLedger().capability.channel == "reward"
