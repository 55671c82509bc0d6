"""A trace as the path of a line: a step a block, or where blocks are too many to see, their extremes by column."""

from __future__ import annotations

import math
from collections.abc import Sequence

from streams.trial.drawing.scale import DistanceScale, RowScale

LEAST_STEP = 2.0
"""Narrower than so many units no step can be seen."""


def trace_path(
    starts: Sequence[int], ends: Sequence[int], distances: Sequence[float], x: RowScale, y: DistanceScale
) -> str:
    """`starts` and `ends` are the rows of the blocks. Where a distance is not known the line has a gap."""
    if not len(distances):
        return ""
    if x.width / len(distances) < LEAST_STEP:
        return _extremes(starts, distances, x, y)
    parts, open_ = [], False
    for start, end, distance in zip(starts, ends, distances, strict=True):
        if not math.isfinite(distance):
            open_ = False
            continue
        parts.append(f"{'V' if open_ else f'M{x(start):.1f} '}{y(distance):.1f}H{x(end):.1f}")
        open_ = True
    return "".join(parts)


def _extremes(starts: Sequence[int], distances: Sequence[float], x: RowScale, y: DistanceScale) -> str:
    """Every column's first, lowest, highest and last value, in that order: no alarm is thinned out."""
    columns: dict[int, list[float]] = {}
    for start, distance in zip(starts, distances, strict=True):
        if math.isfinite(distance):
            columns.setdefault(int(x(start)), []).append(distance)
    points = [(column, value) for column, own in columns.items() for value in (own[0], min(own), max(own), own[-1])]
    return "M" + "L".join(f"{column} {y(value):.1f}" for column, value in points) if points else ""
