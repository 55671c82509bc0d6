"""Trees as ONNX that follow the very branches which scikit-learn follows, for skl2onnx to call.

skl2onnx keeps thresholds and leaves in float32: rows at a threshold change their branch, a forest's ties fall to the
other class. Here they stay float64, and what is compared is rounded exactly where scikit-learn rounds it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from models.flat_trees import flat_tree, histogram_trees
from models.graph_builder import GraphBuilder

_FORESTS = (
    *(DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor),
    *(RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor),
)
_BOOSTED = (GradientBoostingClassifier, GradientBoostingRegressor)
_HISTOGRAM = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def converters() -> dict[type, Callable[..., None]]:
    """For `custom_conversion_functions` of skl2onnx."""
    return {
        **dict.fromkeys(_FORESTS, _convert_forest),
        **dict.fromkeys(_BOOSTED, _convert_boosted),
        **dict.fromkeys(_HISTOGRAM, _convert_histogram),
    }


def _convert_forest(scope: Any, operator: Any, container: Any) -> None:
    estimator = operator.raw_operator
    if estimator.n_outputs_ != 1:
        raise NotImplementedError("several outputs")
    members = getattr(estimator, "estimators_", [estimator])
    graph = GraphBuilder(scope, container)
    trees = [flat_tree(member.tree_) for member in members]
    total = graph.trees(_rounded(graph, operator), trees, trees[0].leaves.shape[1])
    graph.publish(operator, graph.node("Div", [total, graph.constant([float(len(members))])]))


def _convert_boosted(scope: Any, operator: Any, container: Any) -> None:
    estimator = operator.raw_operator
    if not (estimator.init_ == "zero" or isinstance(estimator.init_, (DummyClassifier, DummyRegressor))):
        raise NotImplementedError("boosting that starts from an estimator")
    graph = GraphBuilder(scope, container)
    start = np.ravel(estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32)))
    trees = [
        flat_tree(member.tree_, estimator.learning_rate, target)
        for stage in estimator.estimators_
        for target, member in enumerate(stage)
    ]
    score = graph.node("Add", [graph.trees(_rounded(graph, operator), trees, len(start)), graph.constant(start)])
    if is_classifier(estimator):
        if estimator.loss == "exponential":
            score = graph.node("Add", [score, score])  # its probabilities are those of twice the score
        score = _probabilities(graph, score, len(estimator.classes_))
    graph.publish(operator, score)


def _convert_histogram(scope: Any, operator: Any, container: Any) -> None:
    estimator = operator.raw_operator
    if getattr(estimator, "_preprocessor", None) is not None:
        raise NotImplementedError("histogram boosting that splits on categories")
    graph = GraphBuilder(scope, container)
    given = graph.cast(operator.inputs[0].full_name, TensorProto.DOUBLE)
    start = np.ravel(estimator._baseline_prediction)
    trees = list(histogram_trees(estimator))
    score = graph.node("Add", [graph.trees(given, trees, len(start)), graph.constant(start)])
    if is_classifier(estimator):
        score = _probabilities(graph, score, len(estimator.classes_))
    elif estimator.loss in ("poisson", "gamma"):
        score = graph.node("Exp", [score])
    graph.publish(operator, score)


def _rounded(graph: GraphBuilder, operator: Any) -> str:
    """These trees see their input as float32, and their thresholds as float64."""
    return graph.cast(graph.cast(operator.inputs[0].full_name, TensorProto.FLOAT), TensorProto.DOUBLE)


def _probabilities(graph: GraphBuilder, score: str, classes: int) -> str:
    if classes > 2:
        return graph.node("Softmax", [score], axis=1)
    return graph.node("Concat", [graph.node("Sigmoid", [graph.node("Neg", [score])]), graph.node("Sigmoid", [score])])
