"""Rows on their way to a model: as events bring them, and as its estimator takes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.prediction import FloatMatrix
from models.preprocessing.computed import Computed
from models.preprocessing.preparation import Preparation


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """n rows. `features`: n x features, coded, which rules and drift see. `computed`: columns beside them, n each.
    `prepared`: n x the estimator's columns, which the model and the cache of its answers see."""

    features: FloatMatrix
    computed: Computed
    prepared: FloatMatrix

    def __len__(self) -> int:
        return len(self.features)

    def taking(self, rows: Sequence[int] | NDArray[np.intp]) -> FeatureRows:
        """Some of the rows, by their numbers."""
        return FeatureRows(
            self.features[rows], {name: column[rows] for name, column in self.computed.items()}, self.prepared[rows]
        )


def prepare_rows(
    preparation: Preparation, features: FloatMatrix, computed: Computed
) -> tuple[FeatureRows, Sequence[int], Mapping[int, str]]:
    """The rows that preprocessing has an answer for, their numbers, and the others with what went wrong."""
    prepared = preparation(preparation.inputs_of(features, computed))
    rows, numbers = FeatureRows(features, computed, prepared.matrix), range(len(features))
    if not prepared.failures:
        return rows, numbers, {}
    kept = prepared.kept
    return rows.taking(kept), kept, prepared.failures
