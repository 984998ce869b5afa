"""Who may be written to: consent, suppression and complaints together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.permission import (
    ANY,
    INTERNAL_CHANNELS,
    PURPOSES,
    SILENT_CHANNELS,
    Consent,
    Standing,
    Suppression,
    refusal,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHANNELS = ("email", "note", "phone", "sms", *sorted(SILENT_CHANNELS | INTERNAL_CHANNELS))
CONSENTS = st.builds(
    Consent,
    purpose=st.sampled_from(["relationship", "marketing", ANY]),
    channel=st.sampled_from(["email", "note", ANY]),
    given=st.booleans(),
    at=st.integers(0, 3).map(lambda days: NOON + timedelta(days=days)),
)
STANDINGS = st.builds(
    Standing,
    consents=st.lists(CONSENTS, max_size=5).map(tuple),
    suppressions=st.lists(
        st.builds(Suppression, channel=st.sampled_from(["email", ANY]), reason=st.just("asked us to stop")), max_size=1
    ).map(tuple),
    open_complaint=st.booleans(),
)


def said(text: str) -> Standing:
    """A standing from lines such as ``3 marketing email yes``: day, purpose, channel, answer."""
    consents = []
    for line in text.strip().splitlines():
        day, purpose, channel, answer = line.split()
        at = NOON + timedelta(days=int(day))
        consents.append(Consent(purpose=purpose, channel=channel, given=answer == "yes", at=at))
    return Standing(consents=tuple(consents))


def may(standing: Standing, purpose: str, channel: str) -> bool:
    return refusal(standing, purpose=purpose, channel=channel) is None


class TestConsent:
    def test_silence_is_a_no(self) -> None:
        assert refusal(Standing(), purpose="marketing", channel="email") == "no consent for marketing by email"
        assert refusal(Standing(), purpose="relationship", channel="reward") == "no consent for relationship"

    def test_what_was_ordered_needs_none(self) -> None:
        assert may(Standing(), "transactional", "email")

    @pytest.mark.parametrize(
        ("lines", "purpose", "channel", "expected"),
        [
            ("0 marketing email yes", "marketing", "email", True),
            ("0 marketing email yes", "marketing", "note", False),
            ("0 marketing email yes", "relationship", "email", False),
            ("0 any any yes", "marketing", "note", True),
            ("0 any any yes\n1 marketing any no", "marketing", "email", False),
            ("0 any any yes\n1 marketing any no", "relationship", "email", True),
            ("0 marketing email yes\n1 any any no", "marketing", "email", False),  # the newer covers it
            ("0 any any no\n1 marketing email yes", "marketing", "email", True),
            ("1 marketing email yes\n0 any any no", "marketing", "email", True),  # whatever the order of the rows
            ("0 any any yes\n0 any email no", "marketing", "email", False),  # one form: everything but mail
            ("0 any any no\n0 any email yes", "marketing", "email", True),  # one form: nothing but mail
            ("0 any any no\n0 any email yes", "marketing", "note", False),
            ("0 any email yes\n0 any email no", "marketing", "email", False),  # yes and no at once
            ("0 marketing any yes\n0 any email no", "marketing", "email", False),
        ],
    )
    def test_the_newest_word_that_covers_it_decides(
        self, lines: str, purpose: str, channel: str, expected: bool
    ) -> None:
        assert may(said(lines), purpose, channel) is expected

    def test_a_withdrawal_is_dated(self) -> None:
        why = refusal(said("0 any any yes\n1 any email no"), purpose="marketing", channel="email")
        assert why == "consent for marketing by email was withdrawn on 2026-03-03"

    @given(STANDINGS, st.sampled_from(PURPOSES), st.sampled_from(CHANNELS), st.randoms(use_true_random=False))
    def test_the_order_of_the_records_says_nothing(
        self, standing: Standing, purpose: str, channel: str, chance: st.DrawFn
    ) -> None:
        turned = list(standing.consents)
        chance.shuffle(turned)  # type: ignore[attr-defined] # hypothesis gives a random.Random
        again = replace(standing, consents=tuple(turned))
        assert refusal(again, purpose=purpose, channel=channel) == refusal(standing, purpose=purpose, channel=channel)

    @given(STANDINGS, st.sampled_from(PURPOSES), st.sampled_from(CHANNELS))
    def test_a_no_to_everything_ends_everything_that_needs_a_yes(
        self, standing: Standing, purpose: str, channel: str
    ) -> None:
        end = Consent(purpose=ANY, channel=ANY, given=False, at=NOON + timedelta(days=9))
        ended = replace(standing, consents=(*standing.consents, end))
        assert may(ended, purpose, channel) == (
            channel in INTERNAL_CHANNELS or (purpose == "transactional" and may(standing, purpose, channel))
        )

    @given(STANDINGS, st.sampled_from(["relationship", "marketing"]), st.sampled_from(["email", "note"]))
    def test_more_consent_never_hurts(self, standing: Standing, purpose: str, channel: str) -> None:
        more = Consent(purpose=purpose, channel=channel, given=True, at=NOON + timedelta(days=9))
        after = replace(standing, consents=(*standing.consents, more))
        assert may(after, purpose, channel) == (not standing.open_complaint and not covers(standing, channel))
        assert may(after, purpose, channel) or not may(standing, purpose, channel)


def covers(standing: Standing, channel: str) -> bool:
    """Whether a suppression covers the channel."""
    return any(one.channel in (channel, ANY) for one in standing.suppressions)


class TestSilentChannels:
    def test_one_yes_on_any_channel_is_enough(self) -> None:
        assert may(said("0 relationship note yes"), "relationship", "reward")
        assert may(said("0 any any yes\n1 any email no"), "relationship", "referral")
        assert not may(said("0 marketing note yes"), "relationship", "reward")

    def test_a_yes_that_was_taken_back_is_none(self) -> None:
        assert not may(said("0 any email yes\n1 any email no"), "relationship", "reward")
        assert not may(said("0 any email yes\n1 any any no"), "relationship", "reward")
        assert may(said("0 any email yes\n1 any any no\n2 any note yes"), "relationship", "reward")

    @given(STANDINGS, st.sampled_from(["relationship", "marketing"]))
    def test_whoever_may_be_written_to_may_be_given_something(self, standing: Standing, purpose: str) -> None:
        if may(standing, purpose, "email") and may(standing, purpose, "note"):
            assert may(standing, purpose, "reward")


class TestSuppressionAndComplaint:
    def test_no_purpose_passes_a_suppression(self) -> None:
        standing = replace(said("0 any any yes"), suppressions=(Suppression(channel="email", reason="bounced"),))
        for purpose in PURPOSES:
            assert refusal(standing, purpose=purpose, channel="email") == "the address is suppressed (bounced)"
            assert may(standing, purpose, "note")

    def test_a_suppression_of_any_channel_is_one_of_all(self) -> None:
        standing = replace(said("0 any any yes"), suppressions=(Suppression(channel=ANY, reason="asked"),))
        assert not any(
            may(standing, purpose, channel) for purpose in PURPOSES for channel in ("email", "note", "reward")
        )

    def test_an_open_complaint_leaves_what_was_ordered(self) -> None:
        standing = replace(said("0 any any yes"), open_complaint=True)
        assert refusal(standing, purpose="relationship", channel="email") == "a complaint is open"
        assert may(standing, "transactional", "email")

    @given(STANDINGS, st.sampled_from(PURPOSES), st.sampled_from(sorted(INTERNAL_CHANNELS)))
    def test_our_own_people_may_always_be_told(self, standing: Standing, purpose: str, channel: str) -> None:
        assert may(standing, purpose, channel)
