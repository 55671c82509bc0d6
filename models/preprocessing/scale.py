"""Numbers brought to a common scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

import msgspec
import numpy as np

from models.preprocessing.step import Given, Transform, Vector, in_place, known, require_numbers
from models.schema import Feature


class Scale(msgspec.Struct, frozen=True, tag_field="step", tag="scale", forbid_unknown_fields=True, omit_defaults=True):
    """Each number less `center`, divided by `scale`, as they are learnt from the column's training rows: `standard`
    mean and standard deviation (of n, not n - 1), `min_max` the least value and the range, `robust` the median and the
    range of the middle half. A column without spread is divided by 1. As scikit-learn's scalers have it.
    """

    columns: tuple[str, ...]
    method: Literal["standard", "min_max", "robust"]
    into: tuple[str, ...] = ()
    centers: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.centers) != len(self.scales) or len(self.centers) not in (0, len(self.columns)):
            raise ValueError("centers and scales are one a column, or both left out to be learnt")
        if not all(map(math.isfinite, self.centers)) or not all(0 < scale < math.inf for scale in self.scales):
            raise ValueError("centers are finite, and scales above 0")

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns

    @property
    def is_fitted(self) -> bool:
        return len(self.centers) == len(self.columns)

    @property
    def changes(self) -> tuple[str, ...]:
        return () if self.into else self.columns

    def admitting(self, feature: Feature) -> Feature:
        return feature

    def gives(self, inputs: Sequence[Feature]) -> list[Given]:
        require_numbers(inputs)
        return in_place([Feature(each.name, nullable=each.nullable) for each in inputs], self.into, inputs)

    def fit(self, inputs: Sequence[Feature], values: Sequence[Vector]) -> Self:
        if self.is_fitted:
            return self
        found = [self._learnt(known(column, each.name)) for each, column in zip(inputs, values, strict=True)]
        return msgspec.structs.replace(
            self, centers=tuple(center for center, _ in found), scales=tuple(scale for _, scale in found)
        )

    def _learnt(self, values: Vector) -> tuple[float, float]:
        if self.method == "standard":
            center, scale = float(np.mean(values)), float(np.std(values))
            # Rounding alone gives a constant column a spread of this size.
            noise = len(values) * np.finfo(np.float64).eps * abs(center)
            return center, scale if scale > noise else 1.0
        if self.method == "min_max":
            low, high = float(values.min()), float(values.max())
            return low, high - low or 1.0
        first, median, third = (float(quartile) for quartile in np.percentile(values, (25.0, 50.0, 75.0)))
        return median, third - first or 1.0

    def transform(self, inputs: Sequence[Feature]) -> Transform:  # noqa: ARG002  the protocol's
        numbers = list(zip(self.centers, self.scales, strict=True))
        return lambda columns: [
            (column - center) / scale for column, (center, scale) in zip(columns, numbers, strict=True)
        ]
