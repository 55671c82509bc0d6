"""Answers about parts of a matrix, put together in the order of its rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.prediction import FloatMatrix, Model, Predictions
from streams.model_call import Answers, no_predictions


def merged(model: Model, parts: Sequence[tuple[Sequence[int], Answers]]) -> Answers:
    """One of several, each about the rows of the matrix that are named beside it."""
    predictions = in_row_order(model, [([rows[i] for i in each.rows], each.predictions) for rows, each in parts])
    return Answers(
        *predictions,
        sorted(
            (replace(blame, row=rows[blame.row]) for rows, each in parts for blame in each.blamed),
            key=lambda blame: blame.row,
        ),
        given_up=any(each.given_up for _, each in parts),
    )


def in_row_order(model: Model, parts: Sequence[tuple[Sequence[int], Predictions]]) -> tuple[list[int], Predictions]:
    """The rows, rising, and their predictions. Where some have scores, those of the others are NaN."""
    parts = [part for part in parts if part[0]]
    if not parts:
        return [], no_predictions(len(model.output_signals))
    rows = np.concatenate([np.asarray(rows, dtype=np.intp) for rows, _ in parts])
    order = np.argsort(rows)
    ordered = order.tolist()
    values = [value for _, part in parts for value in part.values]
    scores: list[float] | None = None
    if any(part.scores is not None for _, part in parts):
        scores = [score for _, part in parts for score in part.scores or [float("nan")] * len(part.values)]
        scores = [scores[index] for index in ordered]
    class_scores: FloatMatrix | None = None
    if any(part.class_scores is not None for _, part in parts):
        class_scores = np.concatenate([_class_scores(part, len(model.classes)) for _, part in parts])[order]
    outputs = np.concatenate([part.outputs for _, part in parts])[order]
    return rows[order].tolist(), Predictions([values[index] for index in ordered], scores, class_scores, outputs)


def _class_scores(part: Predictions, classes: int) -> FloatMatrix:
    return np.full((len(part.values), classes), np.nan) if part.class_scores is None else part.class_scores
