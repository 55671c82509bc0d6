"""What an online model sees of a coded row: numbers, and a column of 0 or 1 for each category. Pure.

Null is NaN in every column of its feature: it is learnt nothing from, and takes no part in the answer. A category that
the schema does not know is 0 in all of them.
"""

from __future__ import annotations

import numpy as np

from models.prediction import FloatMatrix
from models.schema import InputSchema, Kind


def column_names(schema: InputSchema) -> tuple[str, ...]:
    """The columns of `design`, in their order."""
    names: list[str] = []
    for feature in schema.features:
        if feature.kind is Kind.CATEGORY:
            names += [f"{feature.name}={category}" for category in feature.categories]
        else:
            names.append(feature.name)
    return tuple(names)


def design(schema: InputSchema, matrix: FloatMatrix) -> FloatMatrix:
    """n x columns from n x features, coded as models.schema says."""
    if all(feature.kind is not Kind.CATEGORY for feature in schema.features):
        return matrix
    parts = []
    for column, feature in enumerate(schema.features):
        values = matrix[:, column : column + 1]
        if feature.kind is Kind.CATEGORY:
            chosen = (values == np.arange(len(feature.categories))).astype(np.float64)
            values = np.where(np.isnan(values), np.nan, chosen)
        parts.append(values)
    return np.hstack(parts)
