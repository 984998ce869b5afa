"""Sheets to write on; all lengths in millimetres, origin at the top left, y downwards."""

from __future__ import annotations

from dataclasses import dataclass

from engine.handwriting.fonts import Stroke


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of paper."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Right minus left."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Bottom minus top."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A sheet by its trimmed size; no ink comes nearer to its edge than `margin`."""

    name: str
    width: float
    height: float
    margin: float

    @property
    def inside(self) -> Box:
        """Where ink may be."""
        return Box(left=self.margin, top=self.margin, right=self.width - self.margin, bottom=self.height - self.margin)


A6_CARD = Paper(name="A6 card", width=148, height=105, margin=9)
C6_ENVELOPE = Paper(name="C6 envelope", width=162, height=114, margin=8)  # ISO 269


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A written sheet: pen strokes in millimetres, y downwards; `seed` is what they were drawn from."""

    paper: Paper
    strokes: tuple[Stroke, ...]
    seed: str
