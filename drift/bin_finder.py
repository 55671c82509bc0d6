"""Which bin each value of many columns is in, faster than a binary search: a fine grid tells where to look.

The way to a value's grid cell is monotone, so an edge in a lower cell is below the value and one in a higher cell above
it. Only the edges of its own cell are compared, and where those are few a fixed number of steps finds the bin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GRID = 1024
MOST_STEPS = 3
"""A column with more edges than this in one cell of the grid is searched instead."""

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


class BinFinder:
    """Finds ``searchsorted(edges, x, side="right")`` for k columns of finite edges, rising and distinct."""

    def __init__(self, edges: Sequence[Floats]) -> None:
        self._edges = edges
        longest = max(map(len, edges), default=0)
        self._low, self._high, self._per_unit = (np.zeros((len(edges), 1)) for _ in range(3))
        # Behind a column's last edge nothing is greater or equal: comparisons with NaN are false.
        self._padded = np.full((len(edges), longest + 1), np.nan)
        self._below = np.zeros((len(edges), GRID + 2), dtype=np.intp)
        self._steps = 0
        self._searched: list[int] = []
        for column, own in enumerate(edges):
            if len(own):
                self._add(column, own)
        self._cell_bases = np.arange(len(edges), dtype=np.intp).reshape(-1, 1) * (GRID + 2)
        self._edge_bases = np.arange(len(edges), dtype=np.intp).reshape(-1, 1) * (longest + 1)

    def __call__(self, values: Floats) -> Integers:
        """Bins of k columns x n values without NaN, C-contiguous."""
        cells = self._cells(values, self._low, self._high, self._per_unit)
        cells += self._cell_bases
        bins = self._below.ravel().take(cells)
        padded = self._padded.ravel()
        for _ in range(self._steps):
            bins += values >= padded.take(bins + self._edge_bases)
        for column in self._searched:
            bins[column] = self._edges[column].searchsorted(values[column], side="right")
        return bins

    def _add(self, column: int, edges: Floats) -> None:
        with np.errstate(over="ignore", divide="ignore"):
            span = edges[-1] - edges[0]
            per_unit = GRID / span
        if not np.isfinite(span):
            self._searched.append(column)
            return
        if not np.isfinite(per_unit):
            per_unit = 0.0  # one edge, or some next to each other: all in one cell
        cells = self._cells(edges, edges[0], edges[-1], per_unit)
        counts = np.bincount(cells, minlength=GRID + 2)
        if counts.max() > MOST_STEPS:
            self._searched.append(column)
            return
        self._steps = max(self._steps, int(counts.max()))
        self._low[column], self._high[column], self._per_unit[column] = edges[0], edges[-1], per_unit
        self._padded[column, : len(edges)] = edges
        self._below[column] = np.cumsum(counts) - counts

    @staticmethod
    def _cells(values: Floats, low: Floats, high: Floats, per_unit: Floats | float) -> Integers:
        inside = np.minimum(np.maximum(values, low), high)
        inside -= low
        inside *= per_unit
        return inside.astype(np.intp)
