"""Changes of a number's level. A standard deviation is that of the column, clipped as a reference is."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from drift.scenarios.feature import OfFeature
from drift.scenarios.rows import Floats, Rows, ScenarioError, location


class Shift(OfFeature, frozen=True):
    """`size` standard deviations are added."""

    kind: ClassVar[str] = "shift"
    grows: ClassVar[bool] = True

    size: float

    def apply(self, rows: Rows, strength: Floats, _rng: np.random.Generator) -> Rows:
        values = rows.number(self.feature)
        _, sd = location(values)
        return rows.with_values(self.feature, values + self.size * sd * strength, strength > 0)


class Factor(OfFeature, frozen=True):
    """Another unit: values are multiplied `by` a factor."""

    kind: ClassVar[str] = "factor"
    grows: ClassVar[bool] = True

    by: float

    def __post_init__(self) -> None:
        if not 0 < self.by < math.inf:
            raise ScenarioError(f"by={self.by:g}, a factor between two units is greater than 0")

    def apply(self, rows: Rows, strength: Floats, _rng: np.random.Generator) -> Rows:
        values = rows.number(self.feature)
        return rows.with_values(self.feature, values * self.by**strength, strength > 0)


class Constant(OfFeature, frozen=True, omit_defaults=True):
    """A dead feature: it stays at `value`, or at the last one before it died."""

    kind: ClassVar[str] = "constant"
    grows: ClassVar[bool] = False

    value: float | None = None

    def apply(self, rows: Rows, strength: Floats, _rng: np.random.Generator) -> Rows:
        values = rows.number(self.feature)
        value = self.value
        if value is None:
            before = values[: int(np.argmax(strength > 0))]
            known = before[np.isfinite(before)]
            value = float(known[-1]) if known.size else location(values)[0]
        return rows.with_values(self.feature, value, strength > 0)


class Season(OfFeature, frozen=True):
    """A cycle is added: a sine of `size` standard deviations and `period` ms, that rises at every full period of
    event time."""

    kind: ClassVar[str] = "season"
    grows: ClassVar[bool] = True

    size: float
    period: int

    def __post_init__(self) -> None:
        if self.period < 1:
            raise ScenarioError(f"period={self.period}, it must be at least 1 ms")

    def apply(self, rows: Rows, strength: Floats, _rng: np.random.Generator) -> Rows:
        values = rows.number(self.feature)
        _, sd = location(values)
        cycle = np.sin(rows.times_ms % self.period * (2 * math.pi / self.period))
        return rows.with_values(self.feature, values + self.size * sd * cycle * strength, strength > 0)
