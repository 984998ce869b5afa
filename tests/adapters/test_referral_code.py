"""Invites hand back the code to keep."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.referral_code import ReferralCode
from engine.core.messages import Invite
from engine.core.records import ReferralInvite
from engine.dispatch.port import Idempotency, Message, Receipt
from engine.errors import DeliveryError

LINK = "https://shop.example/amici?invito=7KQ2M9XA"


def message(code: str = "7KQ2M9XA", link: str = LINK) -> Message:
    return Message(
        action="0199-a1", key="ask:C-1:2026:invite", customer="C-1", body=Invite(code=code, link=link).to_json()
    )


def sent(wanted: Message) -> Receipt:
    return asyncio.run(ReferralCode().send(wanted))


def test_the_receipt_carries_the_invite_under_its_code() -> None:
    assert sent(message()) == Receipt(
        provider_ref="7KQ2M9XA",
        delivered=True,
        detail="code 7KQ2M9XA",
        records=(ReferralInvite(code="7KQ2M9XA", link=LINK),),
    )


@pytest.mark.parametrize(
    ("code", "link"),
    [("", LINK), ("7KQ2M9XA", "https://shop.example/amici"), ("7KQ2M9XA", ""), ("7KQ2M9XA", LINK.lower())],
)
def test_a_link_that_does_not_bring_the_code_is_refused_for_good(code: str, link: str) -> None:
    with pytest.raises(DeliveryError, match="does not carry the code") as refusal:
        ReferralCode().check(message(code, link))
    assert (refusal.value.permanent, refusal.value.ambiguous) == (True, False)


@given(st.text("23456789ABCDEFGHJKMNPQRSTUVWXYZ", min_size=1, max_size=12), st.text(max_size=20))
def test_a_customer_who_is_asked_again_has_the_same_invite(code: str, before: str) -> None:
    wanted = message(code, f"{before}{code}")
    ReferralCode().check(wanted)
    assert sent(wanted) == sent(wanted)
    (record,) = sent(wanted).records
    assert record == ReferralInvite(code=code, link=f"{before}{code}")


def test_it_can_be_asked_again_after_a_doubt() -> None:
    assert ReferralCode().capability.idempotency is Idempotency.KEY
    assert ReferralCode().capability.channel == "referral"
