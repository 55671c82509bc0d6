"""How rare is what was hardly ever seen."""

from __future__ import annotations

import math


def upper_bound(count: int, confidence: float = 0.95) -> float:
    """The exact upper confidence bound of a Poisson mean of which `count` were seen (Garwood, 1936)."""
    low, high = 0.0, 10.0 + 2.0 * count + 10.0 * math.sqrt(count)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, middle) > 1 - confidence else (low, middle)
    return high


def _at_most(count: int, mean: float) -> float:
    """Probability of `count` or fewer. Summed from logarithms, as exp(-mean) is 0 for a large mean."""
    if mean == 0:
        return 1.0
    logs = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1)]
    return math.fsum(map(math.exp, logs))
