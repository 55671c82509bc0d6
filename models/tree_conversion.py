"""Trees as ONNX that follow the very branches which scikit-learn follows, for skl2onnx to call.

skl2onnx keeps thresholds and leaves in float32: rows at a threshold change their branch, a forest's ties fall to the
other class. Here they stay float64, and what is compared is rounded exactly where scikit-learn rounds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from sklearn.base import is_classifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

_ML, _ML_VERSION, _VERSION = "ai.onnx.ml", 3, 18


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


def converters() -> dict[type, Callable[..., None]]:
    """For `custom_conversion_functions` of skl2onnx."""
    single = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)
    forests = (RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor)
    histogram = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
    return {**dict.fromkeys((*single, *forests), _convert_forest), **dict.fromkeys(histogram, _convert_histogram)}


def _convert_forest(scope: Any, operator: Any, container: Any) -> None:
    estimator = operator.raw_operator
    if estimator.n_outputs_ != 1:
        raise NotImplementedError("several outputs")
    members = getattr(estimator, "estimators_", [estimator])
    graph = _Graph(scope, container)
    # these trees see their input as float32, and their thresholds as float64
    rounded = graph.cast(graph.cast(operator.inputs[0].full_name, TensorProto.FLOAT), TensorProto.DOUBLE)
    total = graph.trees(rounded, [_flat(member.tree_) for member in members], np.shape(members[0].tree_.value)[2])
    mean = graph.node("Div", [total, graph.constant([float(len(members))])])
    graph.publish(operator, mean)


def _convert_histogram(scope: Any, operator: Any, container: Any) -> None:
    estimator = operator.raw_operator
    if getattr(estimator, "_preprocessor", None) is not None:
        raise NotImplementedError("histogram boosting that splits on categories")
    graph = _Graph(scope, container)
    given = graph.cast(operator.inputs[0].full_name, TensorProto.DOUBLE)
    trees = list(_flat_histogram(estimator))
    baseline = np.ravel(estimator._baseline_prediction).astype(np.float64)
    score = graph.node("Add", [graph.trees(given, trees, len(baseline)), graph.constant(baseline)])
    graph.publish(operator, graph.node(*_link(estimator, graph, score)))


def _link(estimator: Any, graph: _Graph, score: str) -> tuple[str, list[str]]:
    """The last node: from scores to probabilities, or to the scale of a regression's target."""
    if is_classifier(estimator):
        if len(estimator.classes_) > 2:
            return "Softmax", [score]
        return "Concat", [graph.node("Sigmoid", [graph.node("Neg", [score])]), graph.node("Sigmoid", [score])]
    link = type(estimator._loss.link).__name__
    if link not in ("IdentityLink", "LogLink"):
        raise NotImplementedError(f"histogram boosting with {link}")
    return ("Exp" if link == "LogLink" else "Identity"), [score]


class _Graph:
    """Adds nodes to skl2onnx's container."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope, self._container = scope, container

    def node(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        named = output or self._scope.get_unique_variable_name(kind.lower())
        if kind == "Concat":
            attributes["axis"] = 1
        version = 13 if kind in ("Neg", "Sigmoid", "Concat", "Cast", "Softmax", "Exp", "ArgMax", "Gather") else 14
        attributes["name"] = self._scope.get_unique_operator_name(kind)
        self._container.add_node(kind, inputs, named, op_version=version, **attributes)
        return named

    def cast(self, name: str, to: int) -> str:
        return self.node("Cast", [name], to=to)

    def constant(self, values: Any) -> str:
        return self._initializer(np.atleast_1d(np.asarray(values, dtype=np.float64)))

    def trees(self, given: str, trees: list[FlatTree], targets: int) -> str:
        """The sum of the trees' leaves: rows x targets, in float64 but rounded to float32 at the end."""
        named = self._scope.get_unique_variable_name("trees")
        self._container.add_node(
            "TreeEnsembleRegressor",
            [given],
            named,
            op_domain=_ML,
            op_version=_ML_VERSION,
            name=self._scope.get_unique_operator_name("trees"),
            n_targets=targets,
            **_attributes(trees),
        )
        return self.cast(named, TensorProto.DOUBLE)

    def publish(self, operator: Any, numbers: str) -> None:
        """`numbers` (rows x classes, or x 1) as the operator's outputs, of the types that skl2onnx declared."""
        declared = {"DoubleTensorType": TensorProto.DOUBLE, "FloatTensorType": TensorProto.FLOAT}
        last = operator.outputs[-1]
        self.node("Cast", [numbers], last.full_name, to=declared[type(last.type).__name__])
        if len(operator.outputs) == 2:
            classes = operator.raw_operator.classes_
            words = self._initializer(classes.astype(object if classes.dtype.kind in "OU" else np.int64))
            chosen = self.node("ArgMax", [numbers], axis=1, keepdims=0)
            self.node("Gather", [words, chosen], operator.outputs[0].full_name)

    def _initializer(self, values: NDArray[Any]) -> str:
        named = self._scope.get_unique_variable_name("constant")
        self._container.initializers.append(numpy_helper.from_array(values, named))
        return str(named)


def _flat(tree: Any) -> FlatTree:
    is_leaf = tree.children_left < 0
    return FlatTree(
        np.where(is_leaf, 0, tree.children_left),
        np.where(is_leaf, 0, tree.children_right),
        np.where(is_leaf, 0, tree.feature),
        np.where(is_leaf, 0.0, tree.threshold),
        tree.missing_go_to_left,
        is_leaf,
        tree.value[:, 0, :],
    )


def _flat_histogram(estimator: Any) -> Iterator[FlatTree]:
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


def _attributes(trees: list[FlatTree]) -> dict[str, Any]:
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
