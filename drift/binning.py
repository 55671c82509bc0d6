"""Bin edges and clip ranges of a reference column: frozen with the profile, so that counts of any batch add up."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

BINS = 32
TAIL = 0.001  # share of the reference beyond each end of the clip range, before it is widened


def bin_edges(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Rising, distinct inner edges; a value x belongs to bin ``searchsorted(edges, x, side="right")``.

    Few distinct values get a bin each, a constant one of its own between "below" and "above"; else quantiles.
    """
    if not values.size:
        return ()
    distinct = np.unique(values)
    if distinct.size == 1:
        only = float(distinct[0])
        return tuple(edge for edge in (only, math.nextafter(only, math.inf)) if math.isfinite(edge))
    if distinct.size <= BINS:
        # Halved before the sum, which may overflow.
        return tuple(np.unique(distinct[:-1] / 2 + distinct[1:] / 2).tolist())
    # An order statistic, not a mean of two: exact, and it cannot overflow.
    inner = np.quantile(values, np.arange(1, BINS) / BINS, method="inverted_cdf")
    return tuple(np.unique(inner).tolist())


def clip_range(values: NDArray[np.float64]) -> tuple[float, float]:
    """Robust bounds: the 0.1 % and 99.9 % quantiles, widened by a tenth of their distance and more for a small sample.

    Equal bounds say that the column is constant but for rare values; it then counts as out of range what differs.
    """
    if not values.size:
        return 0.0, 0.0
    low, high = np.quantile(values, [TAIL, 1 - TAIL], method="inverted_cdf").tolist()
    margin = (high - low) * (0.1 + 2 / math.sqrt(values.size))
    if not math.isfinite(margin):
        return low, high
    bound = float(np.finfo(np.float64).max)
    return max(low - margin, -bound), min(high + margin, bound)
