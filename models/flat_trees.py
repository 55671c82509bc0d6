"""Fitted trees of both kinds that scikit-learn has, as one kind of arrays, and these as attributes of an ONNX node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper


@dataclass(frozen=True, slots=True)
class FlatTree:
    """One tree, an entry a node. `leaves` is nodes x numbers, added to the targets from `first_target` on."""

    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: NDArray[Any]
    null_goes_left: NDArray[Any]
    is_leaf: NDArray[Any]
    leaves: NDArray[Any]
    first_target: int = 0


def flat_tree(tree: Any, factor: float = 1.0, first_target: int = 0) -> FlatTree:
    """Of `sklearn.tree._tree.Tree`, with one output; leaves are multiplied by `factor`."""
    is_leaf = tree.children_left < 0
    return FlatTree(
        np.where(is_leaf, 0, tree.children_left),
        np.where(is_leaf, 0, tree.children_right),
        np.where(is_leaf, 0, tree.feature),
        np.where(is_leaf, 0.0, tree.threshold),
        tree.missing_go_to_left,
        is_leaf,
        tree.value[:, 0, :] * factor,
        first_target,
    )


def histogram_trees(estimator: Any) -> Iterator[FlatTree]:
    """Of a fitted histogram boosting. Raises NotImplementedError where it splits on categories."""
    for stage in estimator._predictors:
        for target, predictor in enumerate(stage):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise NotImplementedError("histogram boosting that splits on categories")
            yield FlatTree(
                nodes["left"],
                nodes["right"],
                nodes["feature_idx"],
                nodes["num_threshold"],
                nodes["missing_go_to_left"],
                nodes["is_leaf"] != 0,
                nodes["value"].reshape(-1, 1),
                target,
            )


def tree_attributes(trees: Sequence[FlatTree]) -> dict[str, Any]:
    """Of TreeEnsembleRegressor in version 3 of ai.onnx.ml, but for the number of targets."""
    sizes = [len(tree.is_leaf) for tree in trees]

    def whole(parts: list[NDArray[Any]]) -> list[int]:
        flat: list[int] = np.concatenate(parts).astype(np.int64).tolist()
        return flat

    leaves = [np.flatnonzero(tree.is_leaf) for tree in trees]
    widths = [tree.leaves.shape[1] for tree in trees]
    return {
        "nodes_treeids": whole([np.full(size, number) for number, size in enumerate(sizes)]),
        "nodes_nodeids": whole([np.arange(size) for size in sizes]),
        "nodes_featureids": whole([tree.feature for tree in trees]),
        "nodes_modes": ["LEAF" if leaf else "BRANCH_LEQ" for tree in trees for leaf in tree.is_leaf],
        "nodes_truenodeids": whole([tree.left for tree in trees]),
        "nodes_falsenodeids": whole([tree.right for tree in trees]),
        "nodes_missing_value_tracks_true": whole([tree.null_goes_left for tree in trees]),
        "nodes_values_as_tensor": _doubles([tree.threshold for tree in trees]),
        "target_treeids": whole(
            [np.full(len(at) * width, number) for number, (at, width) in enumerate(zip(leaves, widths, strict=True))]
        ),
        "target_nodeids": whole([np.repeat(at, width) for at, width in zip(leaves, widths, strict=True)]),
        "target_ids": whole(
            [
                np.tile(np.arange(width) + tree.first_target, len(at))
                for tree, at, width in zip(trees, leaves, widths, strict=True)
            ]
        ),
        "target_weights_as_tensor": _doubles([tree.leaves[at] for tree, at in zip(trees, leaves, strict=True)]),
    }


def _doubles(parts: list[NDArray[Any]]) -> TensorProto:
    return numpy_helper.from_array(np.concatenate([np.ravel(part) for part in parts]).astype(np.float64))
