"""Post-processing: from the estimator's numbers to published answers and to the columns that drift watches. Pure.

In this order: calibrate, clip, choose the label, round. Only what is published is rounded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.manifest import Clip, Output, Task
from models.prediction import FloatMatrix, Predictions
from models.schema import Feature, Kind


def output_signals(output: Output) -> tuple[Feature, ...]:
    """What drift watches: `score` and `class` of a classifier, `prediction` of a regression."""
    if output.task is Task.REGRESSION:
        return (Feature("prediction"),)
    return (Feature("score"), Feature("class", Kind.CATEGORY, categories=output.names))


def to_predictions(output: Output, raw: FloatMatrix) -> Predictions:
    """Answers for n rows from n x classes probabilities, or n x 1 numbers of a regression.

    A row that is not finite keeps its NaN or infinity in `scores` or `values`: the pipeline rejects it.
    """
    if output.task is Task.REGRESSION:
        numbers = raw[:, :1].copy() if output.clip is None else _clipped(raw[:, :1], output.clip)
        return Predictions(_rounded(numbers[:, 0], output.decimals).tolist(), None, None, numbers)
    if output.calibration is not None:
        from models.calibrating import calibrate  # noqa: PLC0415  scipy, which most models do without

        raw = calibrate(output.calibration, raw)
    chosen = raw.argmax(axis=1) if output.threshold is None else (raw[:, 1] >= output.threshold).astype(np.intp)
    score = raw[:, 1] if output.task is Task.BINARY else raw[np.arange(len(raw)), chosen]
    labels = np.empty(len(output.labels), dtype=object)
    labels[:] = output.labels
    return Predictions(
        values=labels[chosen].tolist(),
        scores=_rounded(score, output.decimals).tolist(),
        class_scores=_rounded(raw, output.decimals) if output.class_scores else None,
        outputs=np.column_stack((score, chosen.astype(np.float64))),
    )


def without_probability(output: Output, answers: NDArray[np.float64]) -> Predictions:
    """Predictions of answers that no model gave: indices of labels, or the numbers of a regression. Where a model would
    give a probability there is NaN, which drift takes for a missing value."""
    if output.task is Task.REGRESSION:
        numbers = answers if output.clip is None else _clipped(answers, output.clip)
        return Predictions(_rounded(numbers, output.decimals).tolist(), None, None, numbers[:, np.newaxis].copy())
    unknown = np.full(len(answers), np.nan)
    return Predictions(
        values=[output.labels[code] for code in answers.astype(np.intp).tolist()],
        scores=unknown.tolist(),
        class_scores=np.full((len(answers), len(output.labels)), np.nan) if output.class_scores else None,
        outputs=np.column_stack((unknown, answers)),
    )


def _clipped(numbers: FloatMatrix, clip: Clip) -> FloatMatrix:
    return np.where(np.isfinite(numbers), np.clip(numbers, *clip), numbers)


def _rounded(numbers: FloatMatrix, decimals: int | None) -> FloatMatrix:
    return numbers if decimals is None else np.round(numbers, decimals)
