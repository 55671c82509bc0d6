"""Categories as numbers. What is to become of an unseen category, or of a null, is declared, or cannot occur."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

import msgspec
import numpy as np

from models.preprocessing.step import Given, Transform, Vector, in_place
from models.schema import UNSEEN, Feature, Kind, UnseenPolicy

Place = Literal["zeros", "column"]


class OneHot(
    msgspec.Struct, frozen=True, tag_field="step", tag="one_hot", forbid_unknown_fields=True, omit_defaults=True
):
    """A column for each category, 1 where it is this one and else 0, named as scikit-learn does: ``plan_free``. They
    take the place of the category. For `unseen` and `null` all are 0 (``zeros``), or there is one more column
    (``column``: ``plan_unseen``, ``plan_null``). What is declared is let in: such events are answered."""

    columns: tuple[str, ...]
    unseen: Place | None = None
    null: Place | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns

    @property
    def is_fitted(self) -> bool:
        return True

    @property
    def changes(self) -> tuple[str, ...]:
        return self.columns

    def admitting(self, feature: Feature) -> Feature:
        return _admitting(feature, unseen=self.unseen is not None, null=self.null is not None)

    def gives(self, inputs: Sequence[Feature]) -> list[Given]:
        _require_places(inputs, self.unseen, null_has_place=self.null is not None)
        return [
            Given(Feature(f"{feature.name}_{value}"), instead_of=feature.name)
            for feature in inputs
            for value in (*feature.categories, *self._further)
        ]

    @property
    def _further(self) -> tuple[str, ...]:
        return ("unseen",) * (self.unseen == "column") + ("null",) * (self.null == "column")

    def fit(self, inputs: Sequence[Feature], values: Sequence[Vector]) -> Self:  # noqa: ARG002  the protocol's
        return self

    def transform(self, inputs: Sequence[Feature]) -> Transform:
        codes = [range(len(feature.categories)) for feature in inputs]

        def apply(columns: Sequence[Vector]) -> list[Vector]:
            found = []
            for column, own in zip(columns, codes, strict=True):
                found += [column == code for code in own]
                found += [column == UNSEEN] * (self.unseen == "column")
                found += [np.isnan(column)] * (self.null == "column")
            return [each.astype(np.float64) for each in found]

        return apply


class Ordinal(
    msgspec.Struct, frozen=True, tag_field="step", tag="ordinal", forbid_unknown_fields=True, omit_defaults=True
):
    """The place of a category in `order` (of one column, with the categories of its training rows and no others), or
    else among its categories sorted: 0, 1, 2 … `unseen` and `null` are the numbers for these; what is declared is let
    in. Without `null` a null stays one."""

    columns: tuple[str, ...]
    order: tuple[str, ...] = ()
    unseen: float | None = None
    null: float | None = None
    into: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.order and (len(self.columns) != 1 or len(set(self.order)) != len(self.order)):
            raise ValueError("an order is of one column, and names each category once")
        if not all(math.isfinite(place) for place in (self.unseen, self.null) if place is not None):
            raise ValueError("places are finite")

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
        return _admitting(feature, unseen=self.unseen is not None, null=self.null is not None)

    def gives(self, inputs: Sequence[Feature]) -> list[Given]:
        _require_places(inputs, self.unseen, null_has_place=True)
        for feature in inputs:
            missing = sorted(set(feature.categories) - set(self.order)) if self.order else []
            if missing:
                raise ValueError(f"the order of column {feature.name!r} lacks {', '.join(map(repr, missing[:10]))}")
        numbers = [Feature(each.name, nullable=each.nullable and self.null is None) for each in inputs]
        return in_place(numbers, self.into, inputs)

    def fit(self, inputs: Sequence[Feature], values: Sequence[Vector]) -> Self:  # noqa: ARG002  the protocol's
        for feature in inputs:
            further = [category for category in self.order if category not in feature.categories]
            if further:  # it would not get its place: the schema does not know it
                raise ValueError(
                    f"the order of column {feature.name!r} has {', '.join(map(repr, further[:10]))}, which no training "
                    "row has: leave it out, `unseen` says what becomes of it"
                )
        return self

    def transform(self, inputs: Sequence[Feature]) -> Transform:
        tables = [self._table(feature) for feature in inputs]

        def apply(columns: Sequence[Vector]) -> list[Vector]:
            found = []
            for column, table in zip(columns, tables, strict=True):
                null = len(table) - 2  # the last is UNSEEN, which is -1
                found.append(table[np.where(np.isnan(column), null, column).astype(np.intp)])
            return found

        return apply

    def _table(self, feature: Feature) -> Vector:
        order = self.order or feature.categories
        null, unseen = (np.nan if place is None else place for place in (self.null, self.unseen))
        return np.array([*(order.index(category) for category in feature.categories), null, unseen], dtype=np.float64)


def _admitting(feature: Feature, *, unseen: bool, null: bool) -> Feature:
    if unseen and feature.kind is Kind.CATEGORY:
        feature = msgspec.structs.replace(feature, unseen=UnseenPolicy.ACCEPT)
    return msgspec.structs.replace(feature, nullable=True) if null else feature


def _require_places(inputs: Sequence[Feature], unseen: object, *, null_has_place: bool) -> None:
    for feature in inputs:
        if feature.kind is not Kind.CATEGORY:
            raise ValueError(f"column {feature.name!r} is a {feature.kind}, a category is due")
        if feature.unseen is UnseenPolicy.ACCEPT and unseen is None:
            raise ValueError(f"column {feature.name!r} takes unseen categories: say what becomes of them with unseen")
        if feature.nullable and not null_has_place:
            raise ValueError(
                f"column {feature.name!r} may be null: say what becomes of that with null, or impute first"
            )
