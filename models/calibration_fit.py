"""A calibration found from held-out rows, with scikit-learn's tools and scipy's minimiser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from models.calibrating import calibrate, log_odds
from models.calibration import Calibration, Isotonic, Method, Sigmoid, Temperature
from models.declared_output import HeldOut
from models.errors import ModelError
from models.estimator_task import check_target
from models.manifest import label_name
from models.prediction import FloatMatrix, Label
from models.tiles import RawPredict

LEAST_ROWS = 50

SURER, LESS_SURE = 0.1, 10.0
"""Temperatures that are tried. Where every held-out row is right, the best one would be 0."""

_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class CalibrationFit:
    """What was found on `rows` rows, and the log loss on these very rows without and with it. `left_out` rows have no
    class, or would be refused by the model's schema."""

    calibration: Calibration
    rows: int
    left_out: int
    before: float
    after: float


def fit_calibration(
    method: Method, classes: Sequence[Label], raw: RawPredict, held_out: HeldOut, where: str
) -> CalibrationFit:
    """`method` fits the task. Raises ModelError for rows that teach nothing."""
    check_target(classes, held_out.target, where)
    named = np.array([label is not None for label in held_out.target], dtype=bool)
    truth = _places(classes, held_out.target)[named]
    _check_rows(classes, truth, where)
    scores = _answers(raw, held_out.matrix[named], where)
    try:
        calibration = _FITS[method](scores, truth)
    except ValueError as error:
        raise ModelError(
            f"the scores cannot be calibrated: {error}",
            where=where,
            cause="on the held-out rows a higher score does not mean more of the second class",
            fix="check that the target column means the same in both files, and that the model is better than chance",
        ) from error
    return CalibrationFit(
        calibration=calibration,
        rows=len(truth),
        left_out=held_out.refused + int((~named).sum()),
        before=_loss(truth, scores),
        after=_loss(truth, calibrate(calibration, scores)),
    )


def _sigmoid(scores: FloatMatrix, truth: NDArray[np.intp]) -> Calibration:
    found = LogisticRegression().fit(log_odds(scores[:, 1])[:, np.newaxis], truth)
    return Sigmoid(slope=float(found.coef_[0, 0]), intercept=float(found.intercept_[0]))


def _isotonic(scores: FloatMatrix, truth: NDArray[np.intp]) -> Calibration:
    found = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    found.fit(np.clip(scores[:, 1], 0.0, 1.0), truth.astype(np.float64))
    return Isotonic(tuple(found.X_thresholds_.tolist()), tuple(found.y_thresholds_.tolist()))


def _temperature(scores: FloatMatrix, truth: NDArray[np.intp]) -> Calibration:
    def loss(logarithm: float) -> float:
        return _loss(truth, calibrate(Temperature(math.exp(logarithm)), scores))

    found = minimize_scalar(loss, bounds=(math.log(SURER), math.log(LESS_SURE)), method="bounded")
    return Temperature(math.exp(float(found.x)))


_FITS = {"sigmoid": _sigmoid, "isotonic": _isotonic, "temperature": _temperature}


def _loss(truth: NDArray[np.intp], scores: FloatMatrix) -> float:
    shares = np.clip(scores, 0.0, 1.0)
    shares /= shares.sum(axis=1, keepdims=True)  # of single precision they do not quite sum to one
    return float(log_loss(truth, shares, labels=list(range(scores.shape[1]))))


def _places(classes: Sequence[Label], target: Sequence[Label | None]) -> NDArray[np.intp]:
    """The column of each row's class, -1 for none. A class is itself, or its name as in a file of text."""
    by_value = {label: place for place, label in enumerate(classes)}
    by_name = {label_name(label): place for place, label in enumerate(classes)}
    return np.array(
        [-1 if label is None else by_value.get(label, by_name.get(label_name(label), -1)) for label in target],
        dtype=np.intp,
    )


def _check_rows(classes: Sequence[Label], truth: NDArray[np.intp], where: str) -> None:
    missing = [label_name(label) for place, label in enumerate(classes) if not (truth == place).any()]
    if missing or len(truth) < LEAST_ROWS:
        raise ModelError(
            f"{len(truth)} held-out rows can be used"
            + (f", none of class {', '.join(missing[:5])}" if missing else ""),
            where=where,
            cause="too few rows were held apart, or the model's schema refuses them",
            fix=f"hold {LEAST_ROWS} rows or more apart, for isotonic 1,000, and some of each class",
        )


def _answers(raw: RawPredict, matrix: FloatMatrix, where: str) -> FloatMatrix:
    parts = [np.ascontiguousarray(matrix[at : at + _ROWS_AT_ONCE]) for at in range(0, len(matrix), _ROWS_AT_ONCE)]
    try:
        answers = np.concatenate([raw(part) for part in parts])
        if not np.isfinite(answers).all():
            raise ValueError("an answer is not finite")
    except Exception as error:  # any estimator, any fault
        raise ModelError(
            f"the model fails on the held-out rows: {type(error).__name__}: {str(error)[:300]}",
            where=where,
            cause="values that training rows never had",
            fix="hold rows apart that are like the training rows",
        ) from error
    return answers
