"""From the coded float matrix back to what an estimator with categories was trained on. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.prediction import FloatMatrix
from models.schema import InputSchema, Kind

UNSEEN_TEXT = "\x00unseen"
"""Stands for a category that training never saw: no training value can be equal to it."""


def object_matrix(
    schema: InputSchema, matrix: FloatMatrix, null_category: float | None = None, unseen: str = UNSEEN_TEXT
) -> NDArray[Any]:
    """Strings for categories (`null_category` for null), True, False or None for booleans, floats for numbers."""
    decoded = np.empty(matrix.shape, dtype=object)
    for column, feature in enumerate(schema.features):
        values = matrix[:, column]
        if feature.kind is Kind.NUMBER:
            decoded[:, column] = values
            continue
        if feature.kind is Kind.BOOLEAN:
            words: tuple[object, ...] = (False, True, None)
        else:
            words = (*feature.categories, null_category, unseen)
        # index from the end: null -> the word before the last (or the last, for booleans), UNSEEN (-1) -> the last
        null = len(words) - 1 if feature.kind is Kind.BOOLEAN else len(words) - 2
        table = np.empty(len(words), dtype=object)
        table[:] = words
        decoded[:, column] = table[np.where(np.isnan(values), null, values).astype(np.intp)]
    return decoded
