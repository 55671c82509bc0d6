"""Rows held apart from training, coded as the model's schema says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.declared_output import HeldOut
from models.errors import ModelError
from models.prediction import FloatMatrix
from models.schema import UNSEEN, Feature, Kind, UnseenPolicy
from models.training_data import TrainingData, read_training


def read_held_out(path: Path, training: TrainingData, target: str | None, time: str | None = None) -> HeldOut:
    """The rows of a file that a model of this training data would answer. Raises ModelError, also for its own rows."""
    where = str(path)
    if target is None:
        raise ModelError(
            "rows to calibrate on, but no target",
            where=where,
            cause="--target was not given",
            fix="name the column that holds the class with --target; both files have it",
        )
    schema = training.schema
    read = read_training(path, target=target, time=time, features=schema.names)
    columns = [
        _recoded(due, found, read.matrix[:, at], where)
        for at, (due, found) in enumerate(zip(schema.features, read.schema.features, strict=True))
    ]
    matrix = np.column_stack(columns)
    taken = np.logical_and.reduce(
        [_taken(feature, column) for feature, column in zip(schema.features, columns, strict=True)]
    )
    if np.array_equal(matrix, training.matrix, equal_nan=True):
        raise ModelError(
            "these are the training rows",
            where=where,
            cause="one file was given twice",
            fix="split rows off before fitting: on rows it was fitted on, a model looks better than it is",
        )
    labels = [label for label, keep in zip(read.target or (), taken.tolist(), strict=True) if keep]
    times_ms = None if read.times_ms is None else read.times_ms[taken]
    return HeldOut(matrix[taken], labels, int((~taken).sum()), times_ms)


def _recoded(due: Feature, found: Feature, codes: FloatMatrix, where: str) -> FloatMatrix:
    """A column coded by its own categories, coded by those of training."""
    if due.kind is not found.kind:
        raise ModelError(
            f"column {due.name!r} is a {found.kind}, in training it was a {due.kind}",
            where=where,
            cause="the files were written in different ways",
            fix="write both files alike",
        )
    if due.kind is not Kind.CATEGORY:
        return codes
    places = {category: float(place) for place, category in enumerate(due.categories)}
    known = np.array([places.get(category, UNSEEN) for category in found.categories])
    null = np.isnan(codes)
    recoded = np.full(len(codes), np.nan)
    recoded[~null] = known[codes[~null].astype(np.intp)]
    return recoded


def _taken(feature: Feature, codes: FloatMatrix) -> NDArray[np.bool_]:
    """The rows whose value the schema lets through."""
    taken = ~np.isnan(codes) | feature.nullable
    if feature.kind is Kind.CATEGORY and feature.unseen is UnseenPolicy.REJECT:
        taken &= codes != UNSEEN
    return taken
