"""A column computed from one or two others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Self

import msgspec
import numpy as np

from models.preprocessing.step import Given, Transform, Vector, require_numbers
from models.schema import Feature

Formula = Literal["ratio", "difference", "product", "log", "log1p"]

OPERANDS: Mapping[Formula, int] = {"ratio": 2, "difference": 2, "product": 2, "log": 1, "log1p": 1}


class Derive(
    msgspec.Struct, frozen=True, tag_field="step", tag="derive", forbid_unknown_fields=True, omit_defaults=True
):
    """The column `into`, by a formula of the columns `of`: the first divided by the second (`when_zero` where the
    second is 0; None: null), less the second, or times it; its natural logarithm, or that of 1 + x. A row whose
    logarithm does not exist, or whose number is too large for a float, fails."""

    formula: Formula
    of: tuple[str, ...]
    into: str
    when_zero: float | None = None

    def __post_init__(self) -> None:
        if len(self.of) != OPERANDS[self.formula]:
            raise ValueError(f"a {self.formula} is of {OPERANDS[self.formula]} columns, not {len(self.of)}")
        if self.when_zero is not None and (self.formula != "ratio" or not math.isfinite(self.when_zero)):
            raise ValueError("when_zero is a finite number and belongs to a ratio")

    @property
    def reads(self) -> tuple[str, ...]:
        return self.of

    @property
    def is_fitted(self) -> bool:
        return True

    @property
    def changes(self) -> tuple[str, ...]:
        return ()

    def admitting(self, feature: Feature) -> Feature:
        return feature

    def gives(self, inputs: Sequence[Feature]) -> list[Given]:
        require_numbers(inputs)
        may_be_null = self.formula == "ratio" and self.when_zero is None
        return [Given(Feature(self.into, nullable=may_be_null or any(each.nullable for each in inputs)))]

    def fit(self, inputs: Sequence[Feature], values: Sequence[Vector]) -> Self:  # noqa: ARG002  the protocol's
        return self

    def transform(self, inputs: Sequence[Feature]) -> Transform:  # noqa: ARG002  the same
        if self.formula == "ratio":
            otherwise = math.nan if self.when_zero is None else self.when_zero
            return lambda columns: [_ratio(columns[0], columns[1], otherwise)]
        compute = _COMPUTE[self.formula]
        return lambda columns: [compute(*columns)]


def _ratio(dividend: Vector, divisor: Vector, otherwise: float) -> Vector:
    null = np.isnan(dividend)  # stays null, whatever it would be divided by
    return np.where((divisor == 0) & ~null, otherwise, dividend / divisor)


_COMPUTE: Mapping[Formula, Callable[..., Vector]] = {
    "difference": np.subtract,
    "product": np.multiply,
    # of infinity both are infinite: no answer
    "log": lambda column: np.log(np.where(column <= 0, np.inf, column)),
    "log1p": lambda column: np.log1p(np.where(column <= -1, np.inf, column)),
}
