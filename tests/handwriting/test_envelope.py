"""Envelopes: the recipient where sorting machines read it, the sender small above; lines are never broken."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.facts import Address
from engine.errors import HandwritingError
from engine.handwriting.envelope import write_envelope
from engine.handwriting.fonts import Stroke
from engine.handwriting.paper import C6_ENVELOPE, Page, Paper
from engine.handwriting.pdf import write_pdf
from tests.handwriting.samples import BERLIN, BOLOGNA, HOME, few, seeds

WIDTH, HEIGHT = C6_ENVELOPE.width, C6_ENVELOPE.height


def envelope(
    recipient: str = "Letizia D'Amico",
    address: Address = BOLOGNA,
    sender: str = "Termica Romagna",
    sender_address: Address = HOME,
    seed: str = "a",
    paper: Paper = C6_ENVELOPE,
) -> Page:
    return write_envelope(
        recipient=recipient, address=address, sender=sender, sender_address=sender_address, seed=seed, paper=paper
    )


def blocks(page: Page) -> tuple[Stroke, Stroke]:
    """The ink of the sender (which ends above 40 mm) and of the recipient."""
    sender = [stroke for stroke in page.strokes if stroke[:, 1].max() < 40]
    return np.concatenate(sender), np.concatenate([stroke for stroke in page.strokes if stroke[:, 1].max() >= 40])


def check_zones(page: Page) -> None:
    sender, recipient = blocks(page)
    assert recipient[:, 1].min() >= 40  # below the stamp and its cancellation
    assert recipient[:, 0].max() <= WIDTH - 15
    assert recipient[:, 1].max() <= HEIGHT - 15
    assert recipient[:, 0].min() >= WIDTH - 140
    assert sender[:, 0].min() >= page.paper.margin - 1e-6
    assert sender[:, 1].min() >= page.paper.margin - 1e-6
    assert sender[:, 0].max() <= WIDTH - 74  # the stamp's place


@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
@pytest.mark.parametrize("address", [BOLOGNA, BERLIN])
def test_both_addresses_are_where_the_post_expects_them(address: Address, seed: str) -> None:
    page = envelope(address=address, seed=seed)
    assert page.paper is C6_ENVELOPE
    check_zones(page)


def test_the_recipient_is_on_the_lower_right_and_larger() -> None:
    sender, recipient = blocks(envelope(recipient="Termica Romagna", address=HOME))
    assert recipient[:, 0].min() > WIDTH * 0.35
    assert recipient[:, 1].mean() > HEIGHT / 2
    assert sender[:, 0].mean() < WIDTH / 3
    assert np.ptp(recipient[:, 0]) > 1.3 * np.ptp(sender[:, 0])


@few
@given(
    st.text("abcdefghilmnopqrstuvzàèìòù ABCDEFGHILMNOPQRSTUVZ'.", min_size=1, max_size=45).filter(str.strip),
    st.text("abcdefghilmnopqrstuvz 0123456789/,.", min_size=1, max_size=60).filter(str.strip),
    seeds,
)
def test_an_address_is_in_its_place_or_refused_with_its_line(name: str, street: str, seed: str) -> None:
    try:
        page = envelope(recipient=name, address=replace(BOLOGNA, street=street), seed=seed)
    except HandwritingError as refused:
        assert "mm wide in the smallest hand" in str(refused)  # noqa: PT017 - both ends are right
    else:
        check_zones(page)


def test_a_longer_line_makes_the_address_smaller_and_is_not_broken() -> None:
    short = envelope(recipient="Letizia Bianchi")
    long = envelope(recipient="Gent.ma Prof.ssa Letizia D'Amico Bianchi Montanari")
    heights = [np.ptp(blocks(page)[1][:, 1]) for page in (short, long)]
    assert heights[1] < heights[0]
    check_zones(long)


def test_a_line_that_is_too_long_is_named_with_its_width() -> None:
    street = "Via Giosuè Carducci 115, scala B, terzo piano, interno 12, citofono Bianchi e Montanari"
    with pytest.raises(HandwritingError, match=rf"'{street}' is 1\d\d mm wide in the smallest hand; .* 110 mm"):
        envelope(address=replace(BOLOGNA, street=street))


def test_too_many_lines_are_refused() -> None:
    street = "\n".join(f"riga {number}" for number in range(12))
    with pytest.raises(HandwritingError, match=r"an address of 14 lines, beginning with 'Letizia D'Amico'"):
        envelope(address=replace(BOLOGNA, street=street))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"address": replace(BOLOGNA, postcode="")}, r"the address of Letizia D'Amico: there is no postcode"),
        ({"address": replace(BOLOGNA, region="RM")}, r"postcode '40126' does not exist in RM"),
        ({"sender_address": replace(HOME, city="")}, r"the sender's address: there is no city"),
        ({"sender_address": Address()}, r"the sender's address: .*country"),
        ({"sender": " "}, r"the sender's address: there is no name"),
        ({"recipient": ""}, r"the address of the recipient: there is no name"),
        ({"recipient": "Летиция"}, r"cannot draw 'Л' .* in the address line 'Летиция'"),
        ({"address": replace(BOLOGNA, city="Αθήνα")}, r"cannot draw 'Α' .* in the address line '40126 Αθήνα BO'"),
    ],
)
def test_what_is_wrong_is_refused_by_name(wrong: dict[str, str | Address], reason: str) -> None:
    with pytest.raises(HandwritingError, match=reason):
        envelope(**wrong)  # type: ignore[arg-type]  # the table mixes the types of the arguments


def test_the_same_seed_writes_the_same_bytes_and_another_one_others() -> None:
    assert write_pdf([envelope()]) == write_pdf([envelope()])
    assert write_pdf([envelope(seed="a")]) != write_pdf([envelope(seed="b")])


def test_a_larger_envelope_keeps_the_same_places_from_its_edges() -> None:
    large = Paper(name="DL envelope", width=220, height=110, margin=8)
    page = envelope(paper=large)
    recipient = np.concatenate([stroke for stroke in page.strokes if stroke[:, 1].max() >= 40])
    assert recipient[:, 0].max() <= large.width - 15
    assert recipient[:, 0].min() >= large.width - 140
    assert recipient[:, 1].max() <= large.height - 15


def test_lines_of_an_address_begin_below_each_other() -> None:
    _, recipient = blocks(envelope(recipient="Nnnnn Nnnnn", address=replace(BOLOGNA, street="Nnnn 3")))
    rows = np.histogram(recipient[:, 1], bins=3)[1]
    starts = [
        recipient[(recipient[:, 1] >= top) & (recipient[:, 1] <= bottom), 0].min() for top, bottom in pairwise(rows)
    ]
    assert np.ptp(starts) < 4
