"""A value for nulls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

import msgspec
import numpy as np

from models.preprocessing.step import Given, Transform, Vector, in_place, known
from models.schema import Feature, Kind

Filling = float | str | bool


class Impute(
    msgspec.Struct, frozen=True, tag_field="step", tag="impute", forbid_unknown_fields=True, omit_defaults=True
):
    """Nulls of each column become its mean, median or most frequent value (the least one on a tie) among the training
    rows, or the constant `value`. Mean and median are of numbers. A feature that is read here may be null in events,
    also where training had none. `values`, one a column, are learnt."""

    columns: tuple[str, ...]
    strategy: Literal["mean", "median", "most_frequent", "constant"]
    value: Filling | None = None
    into: tuple[str, ...] = ()
    values: tuple[Filling, ...] = ()

    def __post_init__(self) -> None:
        if (self.value is not None) is not (self.strategy == "constant"):
            raise ValueError("a value belongs to the strategy constant, and this to a value")
        if len(self.values) not in (0, len(self.columns)) or (self.values and self.strategy == "constant"):
            raise ValueError("values are one a column, or left out to be learnt; a constant has none")
        if any(isinstance(value, float) and not math.isfinite(value) for value in (self.value, *self.values)):
            raise ValueError("a value for nulls is finite")

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns

    @property
    def is_fitted(self) -> bool:
        return len(self._fillings) == len(self.columns)

    @property
    def changes(self) -> tuple[str, ...]:
        return ()  # an imputed column is still the same one to the steps behind

    def admitting(self, feature: Feature) -> Feature:
        return msgspec.structs.replace(feature, nullable=True)

    @property
    def _fillings(self) -> tuple[Filling, ...]:
        return self.values if self.value is None else (self.value,) * len(self.columns)

    def gives(self, inputs: Sequence[Feature]) -> list[Given]:
        for feature in inputs:
            if self.strategy in ("mean", "median") and feature.kind is not Kind.NUMBER:
                raise ValueError(f"column {feature.name!r} is a {feature.kind}, a {self.strategy} is of numbers")
        for feature, filling in zip(inputs, self._fillings, strict=False):
            _code(feature, filling)
        filled = [msgspec.structs.replace(feature, nullable=False) for feature in inputs]
        return in_place(filled, self.into, inputs)

    def fit(self, inputs: Sequence[Feature], values: Sequence[Vector]) -> Self:
        if self.is_fitted:
            return self
        found = [
            self._learnt(feature, known(column, feature.name)) for feature, column in zip(inputs, values, strict=True)
        ]
        return msgspec.structs.replace(self, values=tuple(found))

    def _learnt(self, feature: Feature, values: Vector) -> Filling:
        if self.strategy == "mean":
            return float(np.mean(values))
        if self.strategy == "median":
            return float(np.median(values))
        different, counts = np.unique(
            values if feature.kind is not Kind.CATEGORY else values[values >= 0], return_counts=True
        )
        if not len(different):
            raise ValueError(f"column {feature.name!r} has no value to learn from")
        return _decoded(feature, float(different[counts.argmax()]))

    def transform(self, inputs: Sequence[Feature]) -> Transform:
        codes = [_code(feature, filling) for feature, filling in zip(inputs, self._fillings, strict=True)]
        return lambda columns: [
            np.where(np.isnan(column), code, column) for column, code in zip(columns, codes, strict=True)
        ]


def _code(feature: Feature, filling: Filling) -> float:
    """The filling as the column is coded. Raises ValueError where it is of another kind."""
    match feature.kind, filling:
        case Kind.CATEGORY, str() if filling in feature.categories:
            return float(feature.categories.index(filling))
        case Kind.BOOLEAN, bool():
            return float(filling)
        case Kind.NUMBER, float() | int() if not isinstance(filling, bool):
            return float(filling)
    among = f" among {', '.join(feature.categories[:10])}" if feature.kind is Kind.CATEGORY else ""
    raise ValueError(f"column {feature.name!r} is a {feature.kind}{among}, {filling!r} is none")


def _decoded(feature: Feature, code: float) -> Filling:
    if feature.kind is Kind.CATEGORY:
        return feature.categories[int(code)]
    return code > 0 if feature.kind is Kind.BOOLEAN else code
