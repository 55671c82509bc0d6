"""The parity sample: rows and the answers they had when the model was added, compared at every load."""

from __future__ import annotations

import math

import numpy as np

from models.errors import ModelError
from models.manifest import ParitySample
from models.prediction import FloatMatrix

SAMPLE_ROWS = 32


def sample_rows(matrix: FloatMatrix) -> FloatMatrix:
    """A few dozen rows, evenly spread over the training rows, the first one included."""
    return matrix[np.unique(np.linspace(0, len(matrix) - 1, min(SAMPLE_ROWS, len(matrix))).astype(np.intp))]


def make_sample(rows: FloatMatrix, raw: FloatMatrix) -> ParitySample:
    """The sample as the manifest keeps it."""
    coded = [[None if math.isnan(value) else value for value in row] for row in rows.tolist()]
    return ParitySample(rows=coded, expected=raw.tolist())


def coded_rows(sample: ParitySample) -> FloatMatrix:
    """The sample's rows as a matrix."""
    return np.array([[math.nan if value is None else value for value in row] for row in sample.rows], dtype=np.float64)


def check_parity(sample: ParitySample, raw: FloatMatrix, *, tolerance: float, where: str) -> None:
    """Raises ModelError when the answers `raw` to the sample's rows are not the expected ones, within a tolerance that
    is relative and absolute."""
    expected = np.array(sample.expected, dtype=np.float64)
    if raw.shape != expected.shape:
        unequal, detail = len(expected), f"shape {raw.shape} for {expected.shape}"
    else:
        same = np.isclose(raw, expected, rtol=tolerance, atol=tolerance) if tolerance else raw == expected
        unequal = int((~same.all(axis=1)).sum())
        detail = f"largest difference {np.abs(raw - expected).max():.3g}, allowed {tolerance:g}"
    if unequal:
        raise ModelError(
            f"{unequal} of {len(expected)} parity rows have another answer ({detail})",
            where=where,
            cause="the estimator, or the libraries below it, do not compute what they did when the model was added",
            fix="serve with the library versions of the manifest, or add the model again with these",
        )
