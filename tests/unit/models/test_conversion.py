"""An estimator becomes ONNX where no answer changes, at its thresholds least of all; else scikit-learn serves it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import models.conversion
from models.conversion import convert
from models.errors import ModelError
from models.estimator_task import make_output, task_of
from models.manifest import Output, Task
from models.prediction import FloatMatrix
from models.registry import Registry
from models.runtime_choice import Choice, choose, compare, comparison_rows
from models.runtime_onnx import ask, load_onnx
from models.runtime_sklearn import raw_predict
from models.threshold_rows import threshold_rows
from models.tiles import RawPredict
from tests.unit.models.building import number_schema, publish, rows

MATRIX = rows(600)
SCHEMA = number_schema(5)
HOLES = np.where(np.abs(MATRIX) > 1.5, np.nan, MATRIX)
TWO = np.where(MATRIX[:, 0] * MATRIX[:, 1] > 0.1, "yes", "no")
THREE = np.digitize(MATRIX[:, 0] + MATRIX[:, 1], [-0.5, 0.5])
NUMBER = np.abs(MATRIX @ np.arange(5.0)) + 1

ALIKE = {
    "logistic": (make_pipeline(StandardScaler(), LogisticRegression()), MATRIX, THREE),
    "network": (MLPClassifier((8,), max_iter=50, random_state=0, tol=1.0), MATRIX, TWO),
    "tree": (DecisionTreeClassifier(random_state=0), MATRIX, THREE),
    "tree with nulls": (DecisionTreeClassifier(max_depth=5, random_state=0), HOLES, TWO),
    "forest": (RandomForestClassifier(10, random_state=0), MATRIX, TWO),
    "forest of scaled columns": (make_pipeline(StandardScaler(), RandomForestClassifier(10)), MATRIX, THREE),
    "bagged": (BaggingClassifier(n_estimators=5, random_state=0), MATRIX, TWO),
    "extra trees": (ExtraTreesRegressor(10, random_state=0), MATRIX, NUMBER),
    "boosting": (GradientBoostingClassifier(n_estimators=10), MATRIX, TWO),
    "boosting of three": (GradientBoostingClassifier(n_estimators=5), MATRIX, THREE),
    "exponential boosting": (GradientBoostingClassifier(loss="exponential", n_estimators=10), MATRIX, TWO),
    "boosting from zero": (GradientBoostingRegressor(n_estimators=10, init="zero"), MATRIX, NUMBER),
    "huber": (GradientBoostingRegressor(loss="huber", n_estimators=10), MATRIX, NUMBER),
    "histogram": (HistGradientBoostingClassifier(max_iter=10), MATRIX, TWO),
    "histogram of three with nulls": (HistGradientBoostingClassifier(max_iter=5), HOLES, THREE),
    "poisson": (HistGradientBoostingRegressor(loss="poisson", max_iter=10), MATRIX, NUMBER),
    "quantile": (HistGradientBoostingRegressor(loss="quantile", quantile=0.8, max_iter=10), MATRIX, NUMBER),
}


def asked(estimator: Any, matrix: FloatMatrix) -> tuple[RawPredict, Output]:
    task, classes = task_of(estimator, "test")
    output = make_output(task, classes, {}, threshold=None, decimals=None, class_scores=False, where="test")
    return raw_predict(estimator, SCHEMA, task), output


def chosen(estimator: Any, matrix: FloatMatrix) -> Choice:
    raw, output = asked(estimator, matrix)
    return choose(estimator, raw, SCHEMA, output, matrix, where="test")


@pytest.mark.parametrize("name", ALIKE)
def test_no_answer_changes_on_training_rows_nor_at_thresholds(name: str) -> None:
    estimator, matrix, target = ALIKE[name]
    estimator.fit(matrix, target)
    choice = chosen(estimator, matrix)
    assert choice.raw is not None, choice.why
    assert choice.why.startswith("in float64")
    raw, _ = asked(estimator, matrix)
    assert choice.raw(matrix) == pytest.approx(raw(matrix), rel=1e-5, abs=1e-6)


def test_float32_flips_branches_that_training_rows_do_not_show() -> None:
    narrow = MATRIX.astype(np.float32).astype(np.float64)  # no training row is rounded
    estimator = HistGradientBoostingClassifier(max_iter=20).fit(narrow, TWO)
    raw, output = asked(estimator, narrow)
    converted = ask(load_onnx(convert(estimator, SCHEMA, "float32"), "test"), SCHEMA)
    assert compare(output, raw(narrow), converted(narrow)).rows == 0
    at_steps = threshold_rows(estimator, raw, SCHEMA, narrow)
    assert compare(output, raw(at_steps), converted(at_steps)).rows > 20


def test_where_float32_flips_a_branch_scikit_learn_stays(registry_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = HistGradientBoostingClassifier(max_iter=20).fit(MATRIX, TWO)
    assert publish(registry_root, "exact", estimator, MATRIX, runtime="auto").runtime == "onnx"
    monkeypatch.setattr(models.conversion, "PRECISIONS", ("float32",))
    assert publish(registry_root, "rounded", estimator, MATRIX, runtime="auto").runtime == "sklearn"
    assert Registry(registry_root).load("rounded").predict(MATRIX).values == estimator.predict(MATRIX).tolist()
    with pytest.raises(ModelError, match=r"in float32 .* rows differ by up to .* in their class"):
        publish(registry_root, "forced", estimator, MATRIX, runtime="onnx")


def test_what_exists_in_float32_only_stays_where_its_columns_are_scaled() -> None:
    estimator = make_pipeline(StandardScaler(), AdaBoostClassifier(n_estimators=20, random_state=0)).fit(MATRIX, TWO)
    choice = chosen(estimator, MATRIX)
    assert choice.data is None
    assert "in float64 it cannot be converted" in choice.why
    assert "in float32" in choice.why
    assert "rows differ" in choice.why


def test_a_step_is_found_whatever_lies_between_it_and_the_columns() -> None:
    matrix = np.ascontiguousarray(MATRIX[:, :1])
    estimator = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=1)).fit(matrix, matrix[:, 0] > 0.3)
    schema = number_schema(1)
    found = np.unique(threshold_rows(estimator, raw_predict(estimator, schema, Task.BINARY), schema, matrix))
    answers = estimator.predict(found[:, None])
    last = found[~answers].max()
    assert found[answers].min() == np.nextafter(last, np.inf)  # the two rows between which the branch changes


def test_a_tie_of_a_forest_falls_to_the_same_class() -> None:
    matrix = np.repeat(rows(40), 2, axis=0)
    estimator = RandomForestClassifier(10, max_features=1, random_state=0).fit(matrix, np.arange(80) % 2)
    ties = estimator.predict_proba(matrix)[:, 0] == 0.5
    assert ties.any()
    choice = chosen(estimator, matrix)
    assert choice.raw is not None, choice.why
    assert (choice.raw(matrix)[ties] == 0.5).all()


@pytest.mark.parametrize(
    ("estimator", "matrix", "said"),
    [
        (HistGradientBoostingClassifier(max_iter=5, categorical_features=[0]), np.abs(np.round(MATRIX)), "categories"),
        (GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()), MATRIX, "starts from an estimator"),
    ],
)
def test_what_onnx_cannot_say_stays_with_its_reason(estimator: Any, matrix: FloatMatrix, said: str) -> None:
    choice = chosen(estimator.fit(matrix, np.where(matrix[:, 0] == 1, "no", TWO)), matrix)
    assert choice.data is None
    assert said in choice.why


def test_without_the_packages_that_convert_scikit_learn_serves_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "models.conversion")
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    choice = chosen(LogisticRegression().fit(MATRIX, TWO), MATRIX)
    assert choice.data is None
    assert "pip install 'weir-streaming[convert]'" in choice.why


def test_labels_and_a_tuned_threshold_are_kept(registry_root: Path) -> None:
    estimator = LogisticRegression().fit(MATRIX, TWO)
    written = publish(registry_root, "m", estimator, MATRIX, labels={"yes": 1, "no": 0}, threshold=0.8, runtime="onnx")
    assert (written.output.labels, written.output.threshold) == ((0, 1), 0.8)
    due = estimator.predict_proba(MATRIX)[:, 1] >= 0.8
    assert Registry(registry_root).load("m").predict(MATRIX).values == due.astype(int).tolist()
    tuned = FixedThresholdClassifier(LogisticRegression(), threshold=0.2).fit(MATRIX, TWO == "yes")
    assert publish(registry_root, "t", tuned, MATRIX, runtime="onnx").output.threshold == 0.2
    assert Registry(registry_root).load("t").predict(MATRIX).values == tuned.predict(MATRIX).tolist()


def test_another_class_is_a_difference_however_near_the_numbers_are() -> None:
    output = Output(Task.BINARY, (0, 1))
    due, found = np.array([[0.5, 0.5], [0.3, 0.7]]), np.array([[0.4999999, 0.5000001], [0.3, 0.7]])
    assert (compare(output, due, found).rows, compare(output, due, found).classes) == (1, 1)
    assert compare(output, due, np.array([[0.5, np.nan], [0.3, 0.7]])).rows == 1
    assert compare(output, due, due[:, :1]).rows == 2


def test_the_rows_that_are_compared_hold_training_rows_and_thresholds() -> None:
    estimator = DecisionTreeClassifier(max_depth=2, random_state=0).fit(MATRIX, TWO)
    compared = comparison_rows(estimator, raw_predict(estimator, SCHEMA, Task.BINARY), SCHEMA, MATRIX)
    assert np.array_equal(compared[: len(MATRIX)], MATRIX)
    thresholds = estimator.tree_.threshold[estimator.tree_.feature >= 0]
    assert set(thresholds) <= set(compared[len(MATRIX) :].ravel())
