"""A change of the joint distribution alone: every column keeps its values, and no marginal shows it."""

from __future__ import annotations

from statistics import NormalDist
from typing import ClassVar

import msgspec
import numpy as np

from drift.scenarios.rows import Floats, Rows, ScenarioError


class Dependence(msgspec.Struct, frozen=True, omit_defaults=True, rename={"partner": "with"}):
    """The values of `feature` among the changed rows are put in another order, so that their ranks correlate with those
    of `partner` as normal scores with this `correlation`; 0 shuffles them, and makes both independent.

    The order is that of Iman and Conover (1982), A distribution-free approach to inducing rank correlation.
    """

    kind: ClassVar[str] = "dependence"
    grows: ClassVar[bool] = False

    feature: str
    partner: str
    correlation: float = 0.0

    def __post_init__(self) -> None:
        if not -1 <= self.correlation <= 1:
            raise ScenarioError(f"correlation={self.correlation:g}, it must be from -1 to 1")
        if self.feature == self.partner:
            raise ScenarioError(f"{self.feature!r} cannot depend on itself: name another signal in with=")

    @property
    def signals(self) -> tuple[str, ...]:
        return (self.feature, self.partner)

    def apply(self, rows: Rows, strength: Floats, rng: np.random.Generator) -> Rows:
        changed = np.flatnonzero(strength > 0)
        values = rows.matrix[changed, rows.index(self.feature)]
        scores = _normal_scores(rows.matrix[changed, rows.index(self.partner)], rng)
        noise = rng.standard_normal(len(changed))
        wanted = self.correlation * scores + np.sqrt(1 - self.correlation**2) * noise
        column = rows.matrix[:, rows.index(self.feature)].copy()
        column[changed[np.argsort(wanted, kind="stable")]] = values[_ranking(values, rng)]
        return rows.with_values(self.feature, column, strength > 0)


def _ranking(values: Floats, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Indices by rising value, equal ones in random order: the order of rows must not come in by them."""
    return np.lexsort((rng.random(len(values)), values))


def _normal_scores(values: Floats, rng: np.random.Generator) -> Floats:
    """Each value's rank as a normal quantile."""
    quantile = NormalDist().inv_cdf
    scores = np.empty(len(values))
    scores[_ranking(values, rng)] = [quantile((rank + 0.5) / len(values)) for rank in range(len(values))]
    return scores
