"""A probability for each class from the parameters of an online model, for whole batches. Pure.

The same numbers as River's `predict_proba_one`, but for rounding; a row's bits do not depend on its neighbours.
"""

from __future__ import annotations

import math

import numpy as np

from models.online.parameters import ClassGaussians, GaussianNaiveBayes, LogisticRegression, Parameters, Scaler
from models.prediction import FloatMatrix

_LEAST_DENSITY = 1e-9
"""River adds it, so that one far value rules no class out."""


def probabilities(parameters: Parameters, columns: FloatMatrix) -> FloatMatrix:
    """n x labels from n x columns (models.online.design), NaN for what a row lacks."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        values = columns if parameters.scaler is None else _scaled(parameters.scaler, columns)
        if isinstance(parameters.model, LogisticRegression):
            return _logistic(parameters.model, values)
        return _bayes(parameters.model, parameters.labels, values)


def _scaled(scaler: Scaler, columns: FloatMatrix) -> FloatMatrix:
    deviation = np.sqrt(np.array(scaler.variances))
    moved = columns - np.array(scaler.means)
    # A column that never varied says nothing; one that a row lacks stays NaN.
    scaled: FloatMatrix = np.where(deviation > 0, moved / np.where(deviation > 0, deviation, 1.0), moved * 0.0)
    return scaled


def _logistic(model: LogisticRegression, values: FloatMatrix) -> FloatMatrix:
    # Not a matrix product: BLAS gives a row other bits in another batch.
    logits = np.where(np.isnan(values), 0.0, values * np.array(model.weights)).sum(axis=1) + model.intercept
    small = np.exp(-np.abs(logits))
    positive = np.where(logits >= 0, 1.0 / (1.0 + small), small / (1.0 + small))
    return np.column_stack((1.0 - positive, positive))


def _bayes(model: GaussianNaiveBayes, labels: int, values: FloatMatrix) -> FloatMatrix:
    likelihoods = np.full((len(values), labels), -np.inf)
    if not model.classes:
        return np.full_like(likelihoods, 1.0 / labels)
    rows = sum(each.rows for each in model.classes)
    for each in model.classes:
        likelihoods[:, each.label] = math.log(each.rows / rows) + _log_densities(each, values).sum(axis=1)
    weights = np.exp(likelihoods - likelihoods.max(axis=1, keepdims=True))
    answers: FloatMatrix = weights / weights.sum(axis=1, keepdims=True)
    return answers


def _log_densities(own: ClassGaussians, values: FloatMatrix) -> FloatMatrix:
    """n x columns; 0 where a row lacks a value."""
    variances = np.array(own.squares) / np.maximum(np.array(own.counts, dtype=np.float64), 1.0)
    varies = variances > 0
    deviations = np.sqrt(np.where(varies, variances, 1.0))
    densities = np.exp(-0.5 * ((values - np.array(own.means)) / deviations) ** 2) / (math.sqrt(math.tau) * deviations)
    logs = np.log(_LEAST_DENSITY + np.where(varies, densities, 0.0))
    return np.where(np.isnan(values), 0.0, logs)
