"""Rewards into our own ledger: the receipt carries the posting, booked in the transaction that completes the action."""

from __future__ import annotations

from engine.core.messages import Reward
from engine.core.records import LedgerPosting
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError


class RewardLedger:
    """The loyalty programme that lives in the store."""

    capability = Capability(channel="reward", idempotency=Idempotency.KEY)

    def check(self, message: Message) -> None:
        """Refuse a reward of nothing."""
        reward = Reward.from_json(message.body)
        if reward.amount <= 0 or not reward.unit:
            raise DeliveryError(f"a reward of {reward.amount} {reward.unit or '(no unit)'} is none", permanent=True)

    async def send(self, message: Message) -> Receipt:
        """Hand back the posting to book."""
        reward = Reward.from_json(message.body)
        posting = LedgerPosting(amount=reward.amount, unit=reward.unit, kind="grant", memo=reward.reason)
        detail = f"{reward.amount} {reward.unit} granted"
        return Receipt(provider_ref=message.action, delivered=True, detail=detail, records=(posting,))

    async def close(self) -> None:
        """Nothing to let go of."""
