"""What is published answers as the estimator itself does."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from models.errors import ModelError
from models.prediction import Model
from models.registry import Registry
from models.schema import UNSEEN, Feature, InputSchema, Kind
from tests.unit.models.building import REFERENCE, number_schema, publish, rows

MATRIX = rows()
THREE = np.digitize(MATRIX[:, 0], [-0.5, 0.5])
CLASSIFIERS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "histogram": HistGradientBoostingClassifier(max_iter=10),
    "boosting": GradientBoostingClassifier(n_estimators=5),
    "forest": RandomForestClassifier(10, n_jobs=2, random_state=0),
    "network": MLPClassifier((8,), max_iter=50, random_state=0, tol=1.0),
    "stack": StackingClassifier([("a", LogisticRegression())], RandomForestClassifier(5, random_state=0)),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifier_answers_as_fitted(registry_root: Path, name: str, classes: int) -> None:
    labels = np.array(["low", "mid", "high"])[THREE if classes == 3 else THREE // 2]
    estimator = clone(CLASSIFIERS[name]).fit(MATRIX, labels)
    due = estimator.predict_proba(MATRIX)
    expected = estimator.predict(MATRIX).tolist()
    publish(registry_root, name, estimator, MATRIX, class_scores=True)

    model: Model = Registry(registry_root).load(name)
    found = model.predict(MATRIX)

    assert found.values == expected
    assert model.classes == tuple(estimator.classes_)
    assert found.class_scores == pytest.approx(due, rel=1e-12, abs=1e-12)
    assert found.scores == pytest.approx(due[:, 1] if classes == 2 else due.max(axis=1), rel=1e-12)
    assert [signal.name for signal in model.output_signals] == ["score", "class"]
    assert model.output_signals[1].categories == model.classes
    assert [model.classes[int(code)] for code in found.outputs[:, 1]] == expected
    assert found.outputs[:, 0].tolist() == found.scores
    msgspec.json.encode([found.values, found.scores])


@pytest.mark.parametrize("estimator", [LinearRegression(), RandomForestRegressor(5, random_state=0)])
def test_a_regression_answers_as_fitted(registry_root: Path, estimator: LinearRegression) -> None:
    estimator.fit(MATRIX, MATRIX @ np.arange(5.0))
    publish(registry_root, "price", estimator, MATRIX, decimals=2)

    model = Registry(registry_root).load("price")
    found = model.predict(MATRIX)

    assert found.outputs[:, 0] == pytest.approx(estimator.predict(MATRIX), rel=1e-12, abs=1e-12)
    assert found.values == np.round(found.outputs[:, 0], 2).tolist()  # rounded to publish, full for drift
    assert (found.scores, found.class_scores, model.classes) == (None, None, ())
    assert model.output_signals == (Feature("prediction"),)


def test_the_manifest_and_the_reference_come_back(registry_root: Path) -> None:
    estimator = LogisticRegression().fit(MATRIX, THREE > 0)
    written = publish(registry_root, "churn", estimator, MATRIX, version="2024-07")

    model = Registry(registry_root).load("churn", "2024-07")

    assert model.manifest == written
    assert model.reference == REFERENCE
    assert (model.name, model.version, model.schema) == ("churn", "2024-07", number_schema(5))
    assert model.predict(MATRIX[:0]).values == []


@pytest.mark.parametrize(("labels", "expected"), [([False, True], bool), ([3, 7], int), ([1.0, 2.0], float)])
def test_labels_are_json_values(registry_root: Path, labels: list[object], expected: type) -> None:
    publish(registry_root, "m", LogisticRegression().fit(MATRIX, np.array(labels)[THREE // 2]), MATRIX)
    model = Registry(registry_root).load("m")
    assert {type(value) for value in model.predict(MATRIX).values} == {expected}
    assert model.classes == tuple(msgspec.json.encode(label).decode() for label in labels)


def test_labels_are_mapped_and_the_threshold_holds(registry_root: Path) -> None:
    estimator = LogisticRegression().fit(MATRIX, THREE // 2)
    publish(registry_root, "m", estimator, MATRIX, labels={"0": "keep", "1": "churn"}, threshold=0.9)
    found = Registry(registry_root).load("m").predict(MATRIX)
    due = estimator.predict_proba(MATRIX)[:, 1] >= 0.9
    assert found.values == np.where(due, "churn", "keep").tolist()


def test_a_tuned_threshold_is_kept(registry_root: Path) -> None:
    estimator = FixedThresholdClassifier(LogisticRegression(), threshold=0.2).fit(MATRIX, THREE // 2)
    written = publish(registry_root, "m", estimator, MATRIX)
    assert written.output.threshold == 0.2
    assert Registry(registry_root).load("m").predict(MATRIX).values == estimator.predict(MATRIX).tolist()


def test_categories_booleans_and_nulls_reach_the_estimator_as_in_training(registry_root: Path) -> None:
    schema = InputSchema(
        (
            Feature("plan", Kind.CATEGORY, nullable=True, categories=("free", "pro")),
            Feature("active", Kind.BOOLEAN),
            Feature("age"),
        )
    )
    trained = np.array([["free", True, 1.0], ["pro", False, 2.0], [None, True, 3.0], ["pro", True, 4.0]] * 20, object)
    coded = np.array([[0, 1, 1.0], [1, 0, 2.0], [np.nan, 1, 3.0], [1, 1, 4.0]] * 20)
    encode = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), [0, 1]), ("numbers", StandardScaler(), [2])]
    )
    estimator = make_pipeline(encode, LogisticRegression()).fit(trained, trained[:, 2] > 2)
    due = estimator.predict_proba(trained)[:, 1]
    publish(registry_root, "plan", estimator, coded, schema=schema)

    model = Registry(registry_root).load("plan")

    assert model.predict(coded).scores == pytest.approx(due.tolist(), rel=1e-12)
    unseen = np.array([["gold", True, 2.0]], object)
    assert model.predict(np.array([[UNSEEN, 1, 2.0]])).scores == pytest.approx(estimator.predict_proba(unseen)[:, 1])


def test_an_encoder_that_learnt_nan_for_null_gets_nan(registry_root: Path) -> None:
    schema = InputSchema((Feature("plan", Kind.CATEGORY, nullable=True, categories=("free", "pro")),))
    trained = np.array([["free"], ["pro"], [float("nan")]] * 20, object)
    coded = np.array([[0.0], [1.0], [np.nan]] * 20)
    estimator = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(trained, [0, 1, 1] * 20)
    due = estimator.predict_proba(trained)[:, 1]
    assert publish(registry_root, "plan", estimator, coded, schema=schema).null_category == "nan"
    assert Registry(registry_root).load("plan").predict(coded).scores == pytest.approx(due.tolist(), rel=1e-12)


@pytest.mark.parametrize(
    ("estimator", "target", "said"),
    [
        (LinearSVC().fit(MATRIX, THREE), None, "gives no probabilities"),
        (StandardScaler().fit(MATRIX), None, "neither a classifier nor a regressor"),
        (LogisticRegression().fit(MATRIX[:, :4], THREE), None, "fitted on 4 columns, the training data has 5"),
        (LogisticRegression().fit(MATRIX, THREE), [0, 1, 9], "the target holds 9"),
        (LinearRegression().fit(MATRIX, MATRIX[:, :2]), None, "gives 2 numbers a row"),
        (RandomForestClassifier(2).fit(MATRIX, MATRIX[:, :2] > 0), None, "cannot be published"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(
    registry_root: Path, estimator: object, target: list[int] | None, said: str
) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        publish(registry_root, "m", estimator, MATRIX, target=target)
    assert all(caught.value.as_dict().values())
    assert Registry(registry_root).names() == []


def test_an_estimator_that_cannot_take_its_own_training_rows_is_refused(registry_root: Path) -> None:
    with pytest.raises(ModelError, match="fails on its training rows: ValueError: Input X contains NaN"):
        publish(registry_root, "m", LogisticRegression().fit(MATRIX, THREE), np.where(MATRIX > 2, np.nan, MATRIX))
