"""Changes of a rate: how many rows have a category, one that was never seen, or no value at all."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from drift.scenarios.feature import OfFeature
from drift.scenarios.rows import Floats, Rows, ScenarioError

UNSEEN = -1.0


def _check(share: float) -> None:
    if not 0 < share <= 1:
        raise ScenarioError(f"share={share:g}, it must be above 0 and at most 1")


class Share(OfFeature, frozen=True):
    """A `share` of the rows turns to the category `to`, whatever it was."""

    kind: ClassVar[str] = "share"
    grows: ClassVar[bool] = True

    to: str
    share: float

    def __post_init__(self) -> None:
        _check(self.share)

    def apply(self, rows: Rows, strength: Floats, rng: np.random.Generator) -> Rows:
        categories = rows.categories(self.feature)
        if self.to not in categories:
            raise ScenarioError(f"{self.feature!r} has no category {self.to!r}; it has {', '.join(categories[:20])}")
        code = float(categories.index(self.to))
        return rows.with_values(self.feature, code, rng.random(len(rows)) < self.share * strength)


class Unseen(OfFeature, frozen=True):
    """A `share` of the rows gets a category that was never seen."""

    kind: ClassVar[str] = "unseen"
    grows: ClassVar[bool] = True

    share: float

    def __post_init__(self) -> None:
        _check(self.share)

    def apply(self, rows: Rows, strength: Floats, rng: np.random.Generator) -> Rows:
        rows.categories(self.feature)  # a number has none to be unseen
        return rows.with_values(self.feature, UNSEEN, rng.random(len(rows)) < self.share * strength)


class Nulls(OfFeature, frozen=True):
    """A `share` of the rows loses its value."""

    kind: ClassVar[str] = "nulls"
    grows: ClassVar[bool] = True

    share: float

    def __post_init__(self) -> None:
        _check(self.share)

    def apply(self, rows: Rows, strength: Floats, rng: np.random.Generator) -> Rows:
        return rows.with_values(self.feature, math.nan, rng.random(len(rows)) < self.share * strength)
