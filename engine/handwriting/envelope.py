"""Writes the envelope: the recipient where post offices read it, the sender small at the upper left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.core.facts import Address
from engine.errors import HandwritingError
from engine.handwriting.address import address_lines
from engine.handwriting.jitter import Wobble, generator
from engine.handwriting.layout import Line, ink_box, refuse_missing, set_line, stack, write_pieces
from engine.handwriting.paper import C6_ENVELOPE, Box, Page, Paper

_CALM = 0.6  # an address is written with more care than a text
_LEADING = 0.88
_RECIPIENT_SIZES = tuple(9.6 * 0.96**step for step in range(14))  # mm to the em
_SENDER_SIZES = tuple(6.6 * 0.96**step for step in range(7))
_STAMP = (74.0, 40.0)  # mm from the right and from the top that belong to the post


def write_envelope(
    *,
    recipient: str,
    address: Address,
    sender: str,
    sender_address: Address,
    seed: str,
    paper: Paper = C6_ENVELOPE,
) -> Page:
    """An envelope in the hand that `seed` gives.

    Raises HandwritingError naming the field that is missing or wrong, the signs that cannot be drawn, or the line that
    is too wide: a line of an address is made smaller, never broken.
    """
    home = sender_address.country.strip()
    from_lines = address_lines(sender, sender_address, sent_from=home, whose="the sender's address")
    whose = f"the address of {recipient.strip() or 'the recipient'}"
    to_lines = address_lines(recipient, address, sent_from=home, whose=whose)
    to_box, from_box = _boxes(paper)
    lines = [
        *_block(from_lines, f"{seed}\0sender", _SENDER_SIZES, from_box, right=False),
        *_block(to_lines, f"{seed}\0recipient", _RECIPIENT_SIZES, to_box, right=True),
    ]
    return Page(paper=paper, strokes=tuple(stroke for line in lines for stroke in line.strokes), seed=seed)


def _boxes(paper: Paper) -> tuple[Box, Box]:
    """Where the recipient may stand (clear of the stamp, 15 mm from the right and the lower edge) and the sender."""
    recipient = Box(left=paper.width - 125, top=_STAMP[1] + 4, right=paper.width - 15, bottom=paper.height - 15)
    inside = paper.inside
    return recipient, Box(left=inside.left, top=inside.top, right=paper.width - _STAMP[0] - 4, bottom=_STAMP[1] - 2)


def _block(lines: Sequence[str], seed: str, sizes: Sequence[float], box: Box, *, right: bool) -> list[Line]:
    """Address lines under each other in the largest size that fits the box, to its right or at its upper left."""
    for text in lines:
        refuse_missing(text, f"address line '{text}'")
    wobble = Wobble().calmer(_CALM)
    rows = [write_pieces(text, generator(seed, f"line {number}"), wobble) for number, text in enumerate(lines)]
    for em in sizes:
        rng = generator(seed, "lines")
        drawn = [set_line(row, em, rng, _CALM) for row in rows]
        placed = stack(drawn, em, _LEADING)
        ink = ink_box(np.concatenate([line.ink for line in placed]))
        if ink.width <= box.width and ink.height <= box.height:
            break
    else:
        widest = max(drawn, key=lambda line: line.box.width)
        if widest.box.width > box.width:
            raise HandwritingError(
                f"address line '{widest.text}' is {widest.box.width:.0f} mm wide in the smallest hand; "
                f"the envelope has {box.width:.0f} mm"
            )
        raise HandwritingError(f"an address of {len(lines)} lines, beginning with '{lines[0]}', is too high to fit")
    x, y = box.left, box.top
    if right:
        x = max(box.left, min(box.left + 0.3 * box.width, box.right - ink.width))
        y += 0.4 * (box.height - ink.height)
    return [line.moved(x - ink.left, y - ink.top) for line in placed]
