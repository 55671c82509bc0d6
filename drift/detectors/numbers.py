"""River's running statistics from and to plain numbers. JSON has no infinity: None stands for it."""

from __future__ import annotations

import math
from typing import Any

from river import stats


def mean_of(n: float, mean: float) -> Any:
    """A running mean as it was after `n` values."""
    return stats.Mean._from_state(n, mean)


def finite(value: float) -> float | None:
    """None for either infinity."""
    return value if math.isfinite(value) else None


def infinite(value: float | None, sign: int = 1) -> float:
    """The infinity of this sign for None."""
    return sign * math.inf if value is None else value
