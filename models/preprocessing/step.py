"""What every preprocessing step is to the code that checks, fits and applies it: columns in, columns out.

A column of n rows is a contiguous float64 vector, coded as models.schema says. NaN is a null: it stays one unless a
step says what becomes of it. Infinite is what a step gives where it has no answer; that row then fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.schema import Feature, Kind

Vector: TypeAlias = NDArray[np.float64]
Transform: TypeAlias = Callable[[Sequence[Vector]], list[Vector]]
"""The columns that a step reads -> those that it gives. Whatever it computes of a row depends on that row only."""


@dataclass(frozen=True, slots=True)
class Given:
    """A column that a step gives. It takes the place of the column `instead_of`; without one it comes last."""

    feature: Feature
    instead_of: str | None = None


class Step(Protocol):
    """A declared step; a fitted one holds the numbers that it learnt."""

    @property
    def reads(self) -> tuple[str, ...]: ...

    @property
    def is_fitted(self) -> bool: ...

    @property
    def changes(self) -> tuple[str, ...]:
        """Of the columns that it reads, those that mean something else from then on."""
        ...

    def admitting(self, feature: Feature) -> Feature:
        """A feature that it reads as events have brought it, with the nulls and unseen categories that it has a place
        for."""
        ...

    def gives(self, inputs: Sequence[Feature]) -> list[Given]:
        """What becomes of the columns that it reads. Raises ValueError where it does not fit them."""
        ...

    def fit(self, inputs: Sequence[Feature], values: Sequence[Vector]) -> Self:
        """Learn from training rows, where there is something to learn. Raises ValueError."""
        ...

    def transform(self, inputs: Sequence[Feature]) -> Transform:
        """How it is applied; it is fitted, and fits `inputs`."""
        ...


def in_place(features: Sequence[Feature], into: Sequence[str], inputs: Sequence[Feature]) -> list[Given]:
    """One column for each input, in its place, or under another name as well. Raises ValueError."""
    if not into:
        return [Given(feature, each.name) for feature, each in zip(features, inputs, strict=True)]
    if len(into) != len(inputs):
        raise ValueError(f"it names {len(into)} columns to write and {len(inputs)} to read")
    return [
        Given(Feature(name, feature.kind, feature.nullable, categories=feature.categories, unseen=feature.unseen))
        for name, feature in zip(into, features, strict=True)
    ]


def require_numbers(inputs: Sequence[Feature]) -> None:
    """A boolean counts as 0 or 1. Raises ValueError for a category."""
    for feature in inputs:
        if feature.kind is Kind.CATEGORY:
            raise ValueError(f"column {feature.name!r} is a category, a number is due")


def known(values: Vector, name: str) -> Vector:
    """The values that are no nulls, to learn from. Raises ValueError when there is none."""
    found: Vector = values[~np.isnan(values)]
    if not len(found):
        raise ValueError(f"column {name!r} has no value to learn from")
    return found
