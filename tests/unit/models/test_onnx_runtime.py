"""A ready ONNX file answers as what it was exported from, in the worker and in a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from models.adding_onnx import classes_of, make_onnx_candidate
from models.conversion import convert
from models.errors import ModelError
from models.isolated import isolated_model
from models.manifest import Task, decode_manifest, encode_manifest
from models.registry import Registry
from models.runtime_onnx import ask, load_onnx
from models.schema import Feature, InputSchema, Kind
from tests.unit.models.building import REFERENCE, number_schema, publish, reseal, rows
from tests.unit.models.onnx_building import exported

MATRIX = rows()
WORDS = np.array(["low", "mid", "high"])[np.digitize(MATRIX[:, 0], [-0.5, 0.5])]
FLOAT32 = 1e-5


def bring(root: Path, data: bytes, target: list[object] | None = None) -> Registry:
    candidate = make_onnx_candidate(
        data, number_schema(5), MATRIX, name="m", created="2026-01-01T00:00:00Z", where="test", target=target
    )
    registry = Registry(root)
    registry.publish(candidate.manifest, candidate.files(REFERENCE))
    return registry


@pytest.mark.parametrize("labels", [WORDS, WORDS == "low", np.digitize(MATRIX[:, 0], [-0.5, 0.5]) * 7])
def test_a_ready_classifier_answers_as_what_it_was_exported_from(registry_root: Path, labels: np.ndarray) -> None:
    estimator = LogisticRegression().fit(MATRIX, labels)
    model = bring(registry_root, exported(estimator, 5), labels.tolist()).load("m")
    found = model.predict(MATRIX)
    expected = estimator.predict(MATRIX)
    assert found.values == expected.tolist()
    assert model.predict_raw(MATRIX) == pytest.approx(estimator.predict_proba(MATRIX), abs=FLOAT32)
    assert model.manifest.runtime == "onnx"
    assert set(model.manifest.files) == {"estimator.onnx", "reference.json"}
    assert set(model.manifest.libraries) == {"numpy", "onnxruntime"}
    assert decode_manifest(encode_manifest(model.manifest), "test") == model.manifest
    assert model.predict(MATRIX[:0]).values == []


def test_a_ready_regression_answers_as_what_it_was_exported_from(registry_root: Path) -> None:
    estimator = LinearRegression().fit(MATRIX, MATRIX @ np.arange(5.0))
    model = bring(registry_root, exported(estimator, 5)).load("m")
    assert model.manifest.output.task is Task.REGRESSION
    assert model.predict(MATRIX).values == pytest.approx(estimator.predict(MATRIX).tolist(), abs=FLOAT32)


def test_a_process_of_its_own_answers_with_the_same_bits(registry_root: Path) -> None:
    registry = bring(registry_root, exported(LogisticRegression().fit(MATRIX, WORDS), 5))
    here = registry.load("m").predict_raw(MATRIX)
    model, close = isolated_model(registry, registry.artifact("m"), deadline_s=30.0, on_loss=lambda loss: None)
    try:
        assert np.array_equal(model.predict_raw(MATRIX), here)
        assert np.array_equal(model.predict_raw(MATRIX[7:8]), here[7:8])
    finally:
        close()


def test_a_row_has_the_same_bits_at_every_place(registry_root: Path) -> None:
    bring(registry_root, exported(RandomForestClassifier(20, random_state=0).fit(MATRIX, WORDS), 5))
    raw = Registry(registry_root).load("m").predict_raw
    whole = raw(MATRIX)
    assert all(np.array_equal(raw(MATRIX[at : at + 3]), whole[at : at + 3]) for at in range(0, 300, 17))


def test_parity_is_exact_here_and_within_float32_elsewhere(registry_root: Path) -> None:
    manifest = bring(registry_root, exported(LogisticRegression().fit(MATRIX, WORDS), 5)).load("m").manifest
    directory, sample = registry_root / "m" / "1", manifest.parity_sample

    def shifted(by: float) -> object:
        return type(sample)(sample.rows, [[value + by for value in row] for row in sample.expected])

    reseal(directory, parity_sample=shifted(1e-7))
    with pytest.raises(ModelError, match="allowed 0"):
        Registry(registry_root).load("m")
    reseal(directory, libraries={**manifest.libraries, "onnxruntime": "1.0.0"})
    Registry(registry_root).load("m")
    reseal(directory, parity_sample=shifted(1e-4))
    with pytest.raises(ModelError, match="allowed 1e-05"):
        Registry(registry_root).load("m")


def test_a_number_that_float32_cannot_hold_is_an_error_and_no_answer(registry_root: Path) -> None:
    raw = bring(registry_root, exported(LogisticRegression().fit(MATRIX, WORDS), 5)).load("m").predict_raw
    far = MATRIX[:3].copy()
    far[1, 2] = 1e300
    with pytest.raises(ValueError, match="beyond the range of float32"):
        raw(far)


def test_one_thread_computes() -> None:
    model = load_onnx(exported(LogisticRegression().fit(MATRIX, WORDS), 5), "test")
    options = model.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert model.session.get_providers() == ["CPUExecutionProvider"]


def test_nulls_reach_the_model_as_nan() -> None:
    holes = np.where(MATRIX > 1, np.nan, MATRIX)
    estimator = HistGradientBoostingClassifier(max_iter=10).fit(holes, MATRIX[:, 0] > 0.2)
    raw = ask(load_onnx(convert(estimator, number_schema(5), "float64"), "test"), number_schema(5))
    assert raw(holes) == pytest.approx(estimator.predict_proba(holes), abs=FLOAT32)


def test_categories_go_in_as_words_by_the_name_of_their_column(registry_root: Path) -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    schema = InputSchema((Feature("plan", Kind.CATEGORY, categories=("free", "pro")), Feature("age")))
    coded = np.column_stack([np.arange(400) % 2, MATRIX[:, 0]])
    trained = np.empty((400, 2), object)
    trained[:, 0], trained[:, 1] = np.array(["free", "pro"])[coded[:, 0].astype(int)], coded[:, 1]
    encode = ColumnTransformer([("p", OneHotEncoder(), [0]), ("a", StandardScaler(), [1])])
    estimator = make_pipeline(encode, LogisticRegression()).fit(trained, (coded[:, 0] > 0) ^ (coded[:, 1] > 0.4))
    due = estimator.predict_proba(trained)
    written = publish(registry_root, "m", estimator, coded, schema=schema, runtime="onnx")
    assert written.runtime == "onnx"
    assert Registry(registry_root).load("m").predict_raw(coded) == pytest.approx(due, abs=FLOAT32)


def test_classes_come_from_the_models_labels_and_then_from_the_target() -> None:
    at = np.array([0, 1, 1, 2])
    assert classes_of(at, ["b", "a", "a", "c"], None, 3, "test") == ["b", "a", "c"]
    assert classes_of(at, [], ["x", "z", "y", None], 3, "test") == ["x", "y", "z"]
    assert classes_of(at[:3], ["x", "y", "y"], ["x", "z", "y"], 3, "test") == ["x", "y", "z"]
    for labels, target in (([], None), (["x", "y", "y"], None), (["z", "y", "y"], ["x", "z", "y"])):
        with pytest.raises(ModelError, match="known by name"):
            classes_of(at[:3], labels, target, 3, "test")
