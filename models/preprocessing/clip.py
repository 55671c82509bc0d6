"""Bounds for numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import msgspec
import numpy as np

from models.preprocessing.step import Given, Transform, Vector, in_place, require_numbers
from models.schema import Feature


class Clip(msgspec.Struct, frozen=True, tag_field="step", tag="clip", forbid_unknown_fields=True, omit_defaults=True):
    """Numbers below `low` become `low`, those above `high` become `high`; None is no bound."""

    columns: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    into: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if not bounds or not all(map(math.isfinite, bounds)) or bounds != sorted(set(bounds)):
            raise ValueError(f"low and a higher high, one of them may be left out, not {self.low} and {self.high}")

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns

    @property
    def is_fitted(self) -> bool:
        return True

    @property
    def changes(self) -> tuple[str, ...]:
        return () if self.into else self.columns

    def admitting(self, feature: Feature) -> Feature:
        return feature

    def gives(self, inputs: Sequence[Feature]) -> list[Given]:
        require_numbers(inputs)
        return in_place([Feature(each.name, nullable=each.nullable) for each in inputs], self.into, inputs)

    def fit(self, inputs: Sequence[Feature], values: Sequence[Vector]) -> Self:  # noqa: ARG002  the protocol's
        return self

    def transform(self, inputs: Sequence[Feature]) -> Transform:  # noqa: ARG002  the same
        return lambda columns: [np.clip(column, self.low, self.high) for column in columns]
