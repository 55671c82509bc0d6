"""Rows at which rounding changes an answer, if it does anywhere: on the very steps of an estimator.

Training rows seldom lie within a rounding of a tree's threshold, so answers that agree on them prove little.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.tree._tree import Tree

from models.estimator_parts import parts
from models.prediction import FloatMatrix
from models.schema import UNSEEN, InputSchema, Kind, UnseenPolicy
from models.tiles import RawPredict

SPLITS = 512
"""Thresholds that are read out of trees, spread evenly over all of them."""

STEPS = 512
"""Pairs of training rows between which a step is searched for, whatever the estimator consists of."""

_HALVINGS = 64  # down to neighbouring numbers


def threshold_rows(estimator: Any, raw: RawPredict, schema: InputSchema, matrix: FloatMatrix) -> FloatMatrix:
    """Training rows with one number moved onto a step of the estimator, or right beside it; and, where unseen
    categories are accepted, training rows with one. `matrix` is n x features, coded."""
    rows = [*_at_splits(estimator, schema, matrix), *_at_steps(raw, schema, matrix)]
    for at, feature in enumerate(schema.features):
        if feature.kind is Kind.CATEGORY and feature.unseen is UnseenPolicy.ACCEPT:
            unseen = matrix[:SPLITS].copy()
            unseen[:, at] = UNSEEN
            rows.append(unseen)
    return np.concatenate(rows) if rows else matrix[:0]


def _at_splits(estimator: Any, schema: InputSchema, matrix: FloatMatrix) -> list[FloatMatrix]:
    """As if trees saw the columns as they are. Where they do not, these are rows as good as others."""
    found: set[tuple[int, float]] = set()
    for part in parts(estimator):
        for held in vars(part).values():
            for tree in _trees(held):
                feature, threshold = _splits(tree)
                found.update(zip(feature.tolist(), threshold.tolist(), strict=True))
    numbers = {at for at, feature in enumerate(schema.features) if feature.kind is Kind.NUMBER}
    usable = sorted(split for split in found if split[0] in numbers and np.isfinite(split[1]))
    if not usable:
        return []
    chosen = [usable[int(at)] for at in np.unique(np.linspace(0, len(usable) - 1, min(SPLITS, len(usable))))]
    columns, values = np.array([at for at, _ in chosen]), np.array([value for _, value in chosen])
    base = matrix[np.arange(len(chosen)) * 7919 % len(matrix)]  # a prime, so that rows are taken from everywhere
    return [_with(base, columns, near) for near in _near(values)]


def _trees(held: Any) -> list[Any]:
    if isinstance(held, Tree):
        return [held]
    if isinstance(held, list) and held and isinstance(held[0], list):
        return [tree for stage in held for tree in stage if isinstance(tree, TreePredictor)]
    return []


def _splits(tree: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    if isinstance(tree, Tree):
        inner = tree.children_left >= 0
        return tree.feature[inner], tree.threshold[inner]
    inner = (tree.nodes["is_leaf"] == 0) & (tree.nodes["is_categorical"] == 0)
    return tree.nodes["feature_idx"][inner].astype(np.intp), tree.nodes["num_threshold"][inner]


def _at_steps(raw: RawPredict, schema: InputSchema, matrix: FloatMatrix) -> list[FloatMatrix]:
    """By halving: from a row with one number of another row, towards where the answer changes."""
    numbers = np.array([at for at, feature in enumerate(schema.features) if feature.kind is Kind.NUMBER], dtype=np.intp)
    if not len(numbers) or len(matrix) < 2:
        return []
    at = np.arange(STEPS)
    base, columns = matrix[at * 7919 % len(matrix)], numbers[at % len(numbers)]
    low, high = base[at, columns], matrix[(at * 104729 + 1) % len(matrix), columns]
    usable = np.isfinite(low) & np.isfinite(high) & (low != high)
    base, columns, low, high = base[usable], columns[usable], low[usable], high[usable]
    if not len(base):
        return []
    due = raw(np.ascontiguousarray(base))
    for _ in range(_HALVINGS):
        middle = low / 2 + high / 2
        same = (raw(_with(base, columns, middle)) == due).all(axis=1)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return [_with(base, columns, near) for near in (low, high, *_near(high))]


def _near(values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The values, their neighbours, and what float32 makes of them."""
    narrow = values.astype(np.float32)
    below, above = (np.nextafter(narrow, np.float32(end)).astype(np.float64) for end in (-np.inf, np.inf))
    beside = [np.nextafter(values, end) for end in (-np.inf, np.inf)]
    return [values, *beside, narrow.astype(np.float64), below, above]


def _with(base: FloatMatrix, columns: NDArray[np.intp], values: NDArray[np.float64]) -> FloatMatrix:
    rows = base.copy()
    rows[np.arange(len(rows)), columns] = values
    return rows
