"""Preprocess: decoded features to the float64 matrix that models take (coded as models.schema says)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from models.prediction import FloatMatrix
from models.schema import UNSEEN, InputSchema, Kind


class Coding:
    """Codes feature Structs whose fields are in schema order."""

    def __init__(self, schema: InputSchema) -> None:
        self._width = len(schema.features)
        # None stands for null, which a category may be where the schema allows it.
        self._codes: dict[int, dict[str | None, float]] = {
            column: {None: np.nan, **{name: float(code) for code, name in enumerate(feature.categories)}}
            for column, feature in enumerate(schema.features)
            if feature.kind is Kind.CATEGORY
        }

    def matrix(self, features: Sequence[msgspec.Struct]) -> FloatMatrix:
        """n x features; null becomes NaN, a boolean 0 or 1, a category its index or UNSEEN."""
        matrix = np.empty((len(features), self._width), dtype=np.float64)
        for column, values in enumerate(zip(*map(msgspec.structs.astuple, features), strict=True)):
            codes = self._codes.get(column)
            matrix[:, column] = values if codes is None else [codes.get(value, UNSEEN) for value in values]
        return matrix
