"""Calibration applied: from the estimator's probabilities to calibrated ones, row by row."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit, softmax  # type: ignore[import-untyped]

from models.calibration import Calibration, Isotonic, Sigmoid
from models.prediction import FloatMatrix

CLOSEST = 1e-6
"""No score counts as nearer to 0 or 1: a forest says 0 and 1, whose log-odds are infinite."""

_BESIDE = 1e-5  # single precision, and sums of shares, step over 0 and 1 by a little


def calibrate(calibration: Calibration, raw: FloatMatrix) -> FloatMatrix:
    """Probabilities of n rows, n x classes. A row with a number that is no probability stays as it is, for the pipeline
    to reject."""
    # Contiguous: another stride may take another loop of numpy's, and with it other last bits.
    raw = np.ascontiguousarray(raw)
    sound = np.logical_and.reduce((raw >= -_BESIDE) & (raw <= 1.0 + _BESIDE), axis=1)
    if isinstance(calibration, (Sigmoid, Isotonic)):
        score = np.ascontiguousarray(raw[:, 1])
        positive = _sigmoid(calibration, score) if isinstance(calibration, Sigmoid) else _isotonic(calibration, score)
        found = np.column_stack((1.0 - positive, positive))
    else:
        found = softmax(np.log(np.clip(raw, CLOSEST, 1.0)) / calibration.temperature, axis=1)
    return np.where(sound[:, np.newaxis], found, raw)


def log_odds(score: FloatMatrix) -> FloatMatrix:
    """Finite for every probability."""
    odds: FloatMatrix = logit(np.clip(score, CLOSEST, 1.0 - CLOSEST))
    return odds


def _sigmoid(calibration: Sigmoid, score: FloatMatrix) -> FloatMatrix:
    positive: FloatMatrix = expit(calibration.slope * log_odds(score) + calibration.intercept)
    return positive


def _isotonic(calibration: Isotonic, score: FloatMatrix) -> FloatMatrix:
    return np.interp(score, calibration.scores, calibration.probabilities)
