"""Scores of a number's bins that see its shape: mean 0, variance 1 and no correlation among them in the reference.

Neyman's smooth test (1937) on the reference's own bins: polynomials of a value's rank. The first is its rank itself,
the second is large at both ends (spread), the third tells the ends apart, the fourth the shoulders from the rest. They
are bounded, so an outlier weighs no more than any value of the last bin, and a block's mean of them adds up exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

Scores: TypeAlias = tuple[float, ...]
"""One a bin."""

LEAST_VARIANCE = 1e-9
"""A polynomial that varies less over the bins than this, relative to its size, says nothing that lower ones do not."""


def smooth_scores(counts: Sequence[int], degrees: Sequence[int]) -> dict[int, Scores]:
    """The polynomials of these degrees, for bins with such counts in the reference. Few bins have few of them."""
    total = sum(counts)
    if not total:
        return {}
    shares = [count / total for count in counts]
    ranks, below = [], 0.0
    for share in shares:
        ranks.append(2 * (below + share / 2) - 1)
        below += share
    lower: list[Scores] = [(1.0,) * len(shares)]
    for degree in range(1, max(degrees) + 1):
        power = [rank**degree for rank in ranks]
        # Twice: the first pass leaves rounding errors along the lower ones.
        for _ in range(2):
            for known in lower:
                along = _product(shares, power, known)
                power = [value - along * other for value, other in zip(power, known, strict=True)]
        size = _product(shares, power, power)
        if size < LEAST_VARIANCE:
            break
        lower.append(tuple(value / math.sqrt(size) for value in power))
    return {degree: lower[degree] for degree in degrees if degree < len(lower)}


def _product(shares: Sequence[float], left: Sequence[float], right: Sequence[float]) -> float:
    # fsum: the same on every machine, whatever its vector units.
    return math.fsum(share * a * b for share, a, b in zip(shares, left, right, strict=True))
