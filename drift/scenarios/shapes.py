"""Changes of a number's shape: the mean stays, so a detector of means sees nothing."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from drift.scenarios.feature import OfFeature
from drift.scenarios.rows import Floats, Rows, ScenarioError, location


class Variance(OfFeature, frozen=True):
    """The variance is multiplied `by` a factor."""

    kind: ClassVar[str] = "variance"
    grows: ClassVar[bool] = True

    by: float

    def __post_init__(self) -> None:
        if not 0 < self.by < math.inf:
            raise ScenarioError(f"by={self.by:g}, a variance is multiplied by more than 0")

    def apply(self, rows: Rows, strength: Floats, _rng: np.random.Generator) -> Rows:
        values = rows.number(self.feature)
        mean, _ = location(values)
        return rows.with_values(self.feature, mean + (values - mean) * self.by ** (strength / 2), strength > 0)


class Bimodal(OfFeature, frozen=True):
    """Two humps, `separation` standard deviations left and right of the mean; the variance stays too."""

    kind: ClassVar[str] = "bimodal"
    grows: ClassVar[bool] = True

    separation: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.separation < 1:
            raise ScenarioError(f"separation={self.separation:g}, between 0 and 1 the variance can stay")

    def apply(self, rows: Rows, strength: Floats, rng: np.random.Generator) -> Rows:
        values = rows.number(self.feature)
        mean, sd = location(values)
        apart = self.separation * strength
        side = rng.choice((-1.0, 1.0), len(rows))
        moved = mean + sd * apart * side + (values - mean) * np.sqrt(1 - apart**2)
        return rows.with_values(self.feature, moved, strength > 0)


class Tails(OfFeature, frozen=True):
    """Heavy tails: normal values become Student's t with `df` degrees of freedom; the variance stays too."""

    kind: ClassVar[str] = "tails"
    grows: ClassVar[bool] = False

    df: float = 3.0

    def __post_init__(self) -> None:
        if not 2 < self.df < math.inf:
            raise ScenarioError(f"df={self.df:g}, above 2 the variance can stay")

    def apply(self, rows: Rows, strength: Floats, rng: np.random.Generator) -> Rows:
        values = rows.number(self.feature)
        mean, _ = location(values)
        stretched = np.sqrt((self.df - 2) / rng.chisquare(self.df, len(rows)))
        return rows.with_values(self.feature, mean + (values - mean) * stretched, strength > 0)
