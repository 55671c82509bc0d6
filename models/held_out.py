"""Rows held apart from training, coded as the model's schema says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.declared_output import HeldOut
from models.errors import ModelError
from models.prediction import FloatMatrix, Label
from models.schema import UNSEEN, Feature, InputSchema, Kind, UnseenPolicy
from models.training_data import TrainingData, read_training


@dataclass(frozen=True, slots=True)
class RowsOfFile:
    """n rows, coded as a schema says; `refused` others were left out, since it would refuse them."""

    matrix: FloatMatrix
    target: list[Label | None] | None
    times_ms: NDArray[np.int64] | None
    keys: list[bytes | None] | None
    refused: int


def read_rows_of(
    path: Path,
    schema: InputSchema,
    *,
    target: str | None,
    time: str | None,
    key: str | None = None,
    optional: Collection[str | None] = (),
) -> RowsOfFile:
    """The rows of a file that events with this schema could bring. Of target, time and key those that are `optional`
    may be missing. Raises ModelError."""
    read = read_training(
        path, target=target, time=time, key=key, features=schema.names, known=schema, optional=optional
    )
    columns = [
        _recoded(due, found, read.matrix[:, at], str(path))
        for at, (due, found) in enumerate(zip(schema.features, read.schema.features, strict=True))
    ]
    taken = np.logical_and.reduce(
        [_taken(feature, column) for feature, column in zip(schema.features, columns, strict=True)]
    )
    return RowsOfFile(
        np.column_stack(columns)[taken],
        None if read.target is None else [read.target[row] for row in np.flatnonzero(taken).tolist()],
        None if read.times_ms is None else read.times_ms[taken],
        None if read.keys is None else [read.keys[row] for row in np.flatnonzero(taken).tolist()],
        int((~taken).sum()),
    )


def read_held_out(
    path: Path, training: TrainingData, target: str | None, time: str | None = None, key: str | None = None
) -> HeldOut:
    """The rows of a file that a model of this training data would answer. Raises ModelError, also for its own rows."""
    where = str(path)
    if target is None:
        raise ModelError(
            "rows to calibrate on, but no target",
            where=where,
            cause="--target was not given",
            fix="name the column that holds the class with --target; both files have it",
        )
    rows = read_rows_of(path, training.schema, target=target, time=time, key=key)
    if not rows.refused and np.array_equal(rows.matrix, training.matrix, equal_nan=True):
        raise ModelError(
            "these are the training rows",
            where=where,
            cause="one file was given twice",
            fix="split rows off before fitting: on rows it was fitted on, a model looks better than it is",
        )
    return HeldOut(rows.matrix, rows.target or (), rows.refused, rows.times_ms, rows.keys)


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
