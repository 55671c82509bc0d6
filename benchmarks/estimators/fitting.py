"""Every classifier and regressor of scikit-learn, fitted with its defaults on rows that it takes."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.utils import all_estimators

from models.prediction import FloatMatrix

Kind: TypeAlias = Literal["classifier", "regressor"]

ROWS, COLUMNS, SEED = 600, 10, 20260101

_INSIDE: dict[Kind, Any] = {"classifier": LogisticRegression(), "regressor": LinearRegression()}
_OPTIONS: dict[str, dict[str, Any]] = {
    "VotingClassifier": {"voting": "soft"},
    "RadiusNeighborsClassifier": {"radius": 100.0},
    "RadiusNeighborsRegressor": {"radius": 100.0},
}
_SEVERAL_TARGETS = ("MultiOutput", "MultiTask", "ClassifierChain", "RegressorChain", "CCA", "PLSCanonical")


def names() -> Iterator[tuple[Kind, str, type]]:
    kinds: tuple[Kind, ...] = ("classifier", "regressor")
    for kind in kinds:
        for name, made in all_estimators(type_filter=kind):
            yield kind, name, made


def fitted(kind: Kind, name: str, made: type) -> tuple[Any, FloatMatrix]:
    """The estimator, and the rows it was fitted on. Raises what it raises."""
    matrix, labels, numbers = training()
    if name == "IsotonicRegression":
        matrix = np.ascontiguousarray(matrix[:, :1])
    if name == "CategoricalNB":
        matrix = np.minimum(np.floor(matrix), 3.0)
    target: Any = labels if kind == "classifier" else numbers
    if name == "SelfTrainingClassifier":
        target = labels.astype(object)
    if name.startswith(_SEVERAL_TARGETS):
        target = np.column_stack([target, target[::-1]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = made(**_arguments(kind, name, made))
        if "random_state" in estimator.get_params():
            estimator.set_params(random_state=0)
        return estimator.fit(matrix, target), matrix


def training() -> tuple[FloatMatrix, NDArray[Any], FloatMatrix]:
    """Rows that are positive, as some estimators need them, two classes, and positive numbers."""
    generator = np.random.default_rng(SEED)
    matrix = generator.gamma(2.0, size=(ROWS, COLUMNS))
    score = matrix[:, 0] * matrix[:, 1] - matrix[:, 2] + generator.normal(size=ROWS)
    return matrix, np.where(score > np.median(score), "yes", "no"), np.abs(score) + 0.1


def _arguments(kind: Kind, name: str, made: type) -> dict[str, Any]:
    wanted = inspect.signature(made).parameters
    due = {key for key, parameter in wanted.items() if parameter.default is inspect.Parameter.empty}
    arguments = dict(_OPTIONS.get(name, {}))
    if "estimators" in due:
        arguments["estimators"] = [("one", _INSIDE[kind])]
    if "estimator" in due or name == "SelfTrainingClassifier":
        arguments["estimator"] = _INSIDE[kind]
    return arguments
