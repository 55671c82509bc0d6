"""What detectors are fed: which values may come, and which ones a fresh detector has seen already."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from drift.detectors.contract import UnfitValue

# Normal quantiles in a fixed, well mixed order (37 and 100 have no common factor): no randomness, no trend.
PRIME = tuple(NormalDist().inv_cdf((index * 37 % 100 + 0.5) / 100) for index in range(100))


@dataclass(frozen=True, slots=True)
class Feed:
    """`admits` tells what `fits` decides; `prime` comes before the first value, `trial` tries parameters out."""

    admits: str
    fits: Callable[[float], bool]
    prime: tuple[float, ...]
    trial: tuple[float, ...] = ()

    def check(self, detector: str, value: float) -> None:
        """Raises UnfitValue."""
        if not self.fits(value):
            raise UnfitValue(detector, value, self.admits)


BLOCK_VALUES = Feed("finite block values", math.isfinite, PRIME)
"""Around 0 with variance about 1 while nothing changes. Primed, so that a stream that is off its reference from the
first block is a change too."""

ERRORS = Feed("0 (right) or 1 (wrong)", lambda value: value in (0, 1), (), (0.0, 1.0) * 60)
"""One value an answer. Not primed: the error rate to keep is learnt from the stream itself."""
