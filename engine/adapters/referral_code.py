"""Referral codes of our own: the receipt carries the invite, which is stored in the transaction that completes it.

The code itself is a function of the workspace's key and the customer: a customer has one, however often invited. The
words with the link go out by mail or card; a newcomer's first transaction that carries the code is the conversion.
"""

from __future__ import annotations

from engine.core.messages import Invite
from engine.core.records import ReferralInvite
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError


class ReferralCode:
    """The referral programme that lives in the store."""

    capability = Capability(channel="referral", idempotency=Idempotency.KEY)

    def check(self, message: Message) -> None:
        """Refuse an invite whose link does not carry its code."""
        invite = Invite.from_json(message.body)
        if not invite.code or invite.code not in invite.link:
            raise DeliveryError("the link to share does not carry the code", permanent=True)

    async def send(self, message: Message) -> Receipt:
        """Hand back the invite to store."""
        invite = Invite.from_json(message.body)
        record = ReferralInvite(code=invite.code, link=invite.link)
        return Receipt(provider_ref=invite.code, delivered=True, detail=f"code {invite.code}", records=(record,))

    async def close(self) -> None:
        """Nothing to let go of."""
