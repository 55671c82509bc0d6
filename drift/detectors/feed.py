"""What detectors are fed: which values may come, and which ones a fresh detector has seen already."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from drift.detectors.contract import UnfitValue

# Normal quantiles in a fixed, well mixed order (37 and 100 have no common factor): no randomness, no trend.
PRIME = tuple(NormalDist().inv_cdf((index * 37 % 100 + 0.5) / 100) for index in range(100))


LARGEST = 1e12
"""Standard errors that are as good as any more; detectors add up values and squares, which must stay finite."""


@dataclass(frozen=True, slots=True)
class Feed:
    """`admits` tells what `fits` decides; `prime` comes before the first value, `trial` tries detectors out."""

    admits: str
    fits: Callable[[float], bool]
    prime: tuple[float, ...]
    trial: tuple[float, ...]

    def checked(self, detector: str, value: float) -> float:
        """The value as a detector may have it. Raises UnfitValue."""
        if not self.fits(value):
            raise UnfitValue(detector, value, self.admits)
        return max(-LARGEST, min(LARGEST, float(value)))


BLOCK_VALUES = Feed("finite block values", math.isfinite, PRIME, (*PRIME, *(value + 6 for value in PRIME)))
"""Around 0 with variance about 1 while nothing changes. Primed, so that a stream that is off its reference from the
first block is a change too."""

ERRORS = Feed("0 (right) or 1 (wrong)", lambda value: value in (0, 1), (), (0.0, 1.0) * 60 + (1.0,) * 60)
"""One value an answer. Not primed: the error rate to keep is learnt from the stream itself."""
