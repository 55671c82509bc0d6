"""Every object inside a fitted estimator: made serial, made free of data frames, and its trees checked.

skops proves that an object is of a trusted type, not that its content is sane: scikit-learn follows the indices in a
tree's nodes without looking, so a crafted tree crashes the process or never ends. Hence the check of all trees.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (
    BaseHistGradientBoosting,
)
from sklearn.tree._tree import Tree

_LEAF = -1


def parts(estimator: Any) -> Iterator[Any]:
    """The estimator and every object with attributes inside it, each once."""
    seen: set[int] = set()
    waiting = [estimator]
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, (str, bytes, int, float, type, type(None))):
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, (list, tuple, set, frozenset)):
            waiting.extend(part)
        elif isinstance(part, np.ndarray):
            if part.dtype.hasobject:
                waiting.extend(part.flat)
        elif hasattr(part, "__dict__"):
            yield part
            waiting.extend(vars(part).values())


def check_trees(estimator: Any) -> None:
    """Raises ValueError when a tree points outside of itself or of its input, or not strictly downwards."""
    for part in parts(estimator):
        held = vars(part)
        if isinstance(held.get("tree_"), Tree):
            _check_tree(part.tree_, part.n_features_in_)
        # these check the input against their own width, then walk their members' trees directly
        if isinstance(part, (BaseForest, BaseGradientBoosting)):
            for member in np.asarray(held.get("estimators_", ()), dtype=object).flat:
                _check_tree(member.tree_, part.n_features_in_)
        if isinstance(part, BaseHistGradientBoosting):
            for predictor in (predictor for stage in held.get("_predictors", ()) for predictor in stage):
                _check_histogram_tree(predictor, part.n_features_in_)


def make_portable(estimator: Any) -> None:
    """In place. One thread (a forest adds up its trees in the order its threads end: other bits every time; workers
    are the unit of parallelism), and columns by number instead of by name (serving has no data frames)."""
    for part in parts(estimator):
        held = vars(part)
        if held.get("n_jobs") not in (None, 1):
            part.n_jobs = 1
        if isinstance(part, ColumnTransformer) and hasattr(part, "transformers_"):
            at = getattr(part, "_transformer_to_input_indices", {})
            part.transformers_ = [(name, step, at.get(name, columns)) for name, step, columns in part.transformers_]
        held.pop("feature_names_in_", None)


def null_is_nan(estimator: Any) -> bool:
    """Whether an encoder or an imputer of strings knows a null as NaN (as data frames have it), not as None."""
    for part in parts(estimator):
        held = vars(part)
        categories = held.get("categories_")
        for known in categories if isinstance(categories, list) else ():
            if isinstance(known, np.ndarray) and known.dtype.hasobject and any(map(_is_nan, known)):
                return True
        filled = held.get("statistics_")
        if isinstance(filled, np.ndarray) and filled.dtype.hasobject and _is_nan(held.get("missing_values")):
            return True
    return False


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124


def _check_tree(tree: Any, columns: int) -> None:
    if not 0 < tree.node_count <= tree.capacity:
        raise ValueError(f"a tree claims {tree.node_count} nodes and holds {tree.capacity}")
    inner = tree.children_left != _LEAF
    _check_nodes(inner, tree.children_left, tree.children_right, tree.feature, columns)


def _check_histogram_tree(predictor: Any, columns: int) -> None:
    nodes = predictor.nodes
    inner = nodes["is_leaf"] == 0
    _check_nodes(inner, nodes["left"], nodes["right"], nodes["feature_idx"], columns)
    sets = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    bitsets = predictor.raw_left_cat_bitsets
    if len(sets) and (bitsets.ndim != 2 or bitsets.shape[1] != 8 or sets.max() >= len(bitsets)):
        raise ValueError("a tree points to a set of categories that it does not hold")


def _check_nodes(inner: Any, left: Any, right: Any, feature: Any, columns: int) -> None:
    if len(inner) == 0:
        raise ValueError("a tree has no nodes")
    at = np.flatnonzero(inner)
    for child in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        if np.any(child <= at) or np.any(child >= len(inner)):
            raise ValueError("a tree has a node whose child is not below it")
    if np.any(feature[inner] < 0) or np.any(feature[inner] >= columns):
        raise ValueError(f"a tree splits on a column that is not among its {columns}")
