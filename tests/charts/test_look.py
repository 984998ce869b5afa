"""The colours hold for every eye: what differs in colour differs in lightness, and text stands out from paper."""

from __future__ import annotations

from itertools import pairwise

from engine.charts.look import ACTUAL, BAR, DARKER, INK, MUTED, PREDICTED
from tests.charts.numbers import picture


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_and_lines_be_seen_on_white() -> None:
    assert min(contrast(colour, "#ffffff") for colour in (INK, MUTED)) >= 4.5
    assert min(contrast(colour, "#ffffff") for colour in (ACTUAL, PREDICTED)) >= 3


def test_what_happened_and_what_was_predicted_differ_in_lightness() -> None:
    assert contrast(ACTUAL, PREDICTED) > 2
    assert contrast(BAR, PREDICTED) > 1.5


def test_a_higher_probability_is_always_darker() -> None:
    assert all(luminance(low) > 1.15 * luminance(high) for low, high in pairwise(DARKER))


def test_dash_and_shape_say_what_colour_says() -> None:
    lines = picture("tracking", "en")["layer"][-1]["encoding"]
    points = picture("deciles", "en")["layer"][0]["encoding"]

    assert lines["strokeDash"]["field"] == lines["color"]["field"]
    assert points["shape"]["field"] == points["color"]["field"]
