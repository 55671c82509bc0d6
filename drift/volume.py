"""The signal `volume`: how many events a model gets in a window of event time, on a logarithmic scale.

A window counts as one value, log2(events + 1/2). So half and double are as far away, a burst weighs no more than its
logarithm, and the mean over windows is the level of a typical one.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

NAME = "volume"
KEY = f"metric/{NAME}"

LOGS, EVENTS = 1, 2
"""Cells: the sum of the windows' logarithms in fixed point, and their events."""
ONE = 1 << 10

FARTHEST = 4.0
"""No window is taken for farther from what is usual than a sixteenth, or sixteen times: one that is empty has no
logarithm, and one alone is not to outweigh an hour."""


class VolumeReference(msgspec.Struct, frozen=True):
    """What is watched; what is usual is learned from the stream (drift.usual)."""

    window_ms: int
    name: str = NAME
    role: Literal["volume"] = "volume"


def log_events(events: int) -> float:
    return math.log2(events + 0.5)


def typical(level: float) -> float:
    """The events of a window at a level."""
    return max(0.0, math.exp2(level) - 0.5)


def cells_of(events: int, usual: float | None = None) -> dict[int, int]:
    """Of one window; `usual` is the level that is expected, where known."""
    value = log_events(events)
    if usual is not None:
        value = min(max(value, usual - FARTHEST), usual + FARTHEST)
    return {LOGS: round(value * ONE), EVENTS: events}
