"""A calibration is found on rows held apart, and makes fresh rows' probabilities hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.naive_bayes import GaussianNB

from models.adding_onnx import make_onnx_candidate
from models.answers import to_predictions
from models.calibration import Isotonic, Sigmoid, Temperature
from models.calibration_fit import fit_calibration
from models.declared_output import DeclaredOutput, HeldOut
from models.errors import ModelError
from models.manifest import Output, Task
from models.registry import Registry
from models.runtime_choice import compare
from models.schema import InputSchema
from streams.modelling import publish_estimator
from tests.unit.models.building import number_schema, publish
from tests.unit.models.onnx_building import exported

RNG = np.random.default_rng(11)


def drawn(n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Four columns that tell the same: naive Bayes counts it four times, and is too sure."""
    base = RNG.normal(size=n)
    target = np.digitize(base + RNG.logistic(scale=0.8, size=n), [0.0] if classes == 2 else [-1.0, 1.0])
    return base[:, None] + RNG.normal(scale=0.1, size=(n, 4)), target


TRAIN, HELD, FRESH = ({classes: drawn(n, classes) for classes in (2, 3)} for n in (600, 1500, 3000))
SURE = {classes: GaussianNB().fit(*TRAIN[classes]) for classes in (2, 3)}


def held(classes: int, rows: slice = slice(None)) -> HeldOut:
    return HeldOut(HELD[classes][0][rows], HELD[classes][1][rows].tolist())


@pytest.mark.parametrize(("method", "classes"), [("sigmoid", 2), ("isotonic", 2), ("temperature", 3)])
def test_calibration_lowers_the_log_loss_of_fresh_rows(registry_root: Path, method: str, classes: int) -> None:
    matrix, _ = TRAIN[classes]
    options: dict[str, Any] = {"calibration": method, "held_out": held(classes), "class_scores": True}
    publish(registry_root, "m", SURE[classes], matrix, **options)
    model = Registry(registry_root).load("m")
    fresh, truth = FRESH[classes]
    raw, found = model.predict_raw(fresh), model.predict(fresh).class_scores
    assert np.array_equal(raw, SURE[classes].predict_proba(fresh))  # the parity sample is about the estimator's own
    assert found is not None
    assert log_loss(truth, found) < 0.9 * log_loss(truth, raw)


def test_scikit_learn_itself_agrees() -> None:
    raw = SURE[2].predict_proba
    scores = raw(HELD[2][0])[:, 1]
    isotonic = fit_calibration("isotonic", (0, 1), raw, held(2), "here").calibration
    due = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, HELD[2][1])
    fresh = raw(FRESH[2][0])
    found = to_predictions(Output(Task.BINARY, (0, 1), calibration=isotonic), fresh).scores
    assert found == pytest.approx(due.predict(fresh[:, 1]), rel=1e-12)


def test_what_was_found_is_told_with_the_loss_and_the_rows() -> None:
    target = [None, *HELD[2][1][1:].tolist()]
    fit = fit_calibration("sigmoid", (0, 1), SURE[2].predict_proba, HeldOut(HELD[2][0], target, refused=7), "here")
    assert (fit.rows, fit.left_out) == (1499, 8)
    assert isinstance(fit.calibration, Sigmoid) and 0.1 < fit.calibration.slope < 0.7  # a quarter to a half as sure
    assert fit.after < fit.before == pytest.approx(log_loss(HELD[2][1][1:], SURE[2].predict_proba(HELD[2][0][1:])))


def test_a_class_is_known_by_its_name_in_a_file_too() -> None:
    as_text = HeldOut(HELD[2][0], [str(label) for label in HELD[2][1].tolist()])
    raw = SURE[2].predict_proba
    assert fit_calibration("sigmoid", (0, 1), raw, as_text, "here") == fit_calibration(
        "sigmoid", (0, 1), raw, held(2), "here"
    )


@pytest.mark.parametrize(
    ("rows", "target", "said"),
    [
        (HELD[2][0], 1 - HELD[2][1], "the scores cannot be calibrated"),
        (HELD[2][0][:49], HELD[2][1][:49], "49 held-out rows can be used"),
        (HELD[2][0][:80], np.ones(80, int), "none of class 0"),
        (HELD[2][0], np.full(1500, 5), "the target holds 5"),
        (np.full((60, 4), np.nan), np.arange(60) % 2, "fails on the held-out rows"),
    ],
)
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_rows_that_teach_nothing_are_refused(method: Any, rows: np.ndarray, target: np.ndarray, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        fit_calibration(method, (0, 1), SURE[2].predict_proba, HeldOut(rows, target.tolist()), "here")


@pytest.mark.parametrize(
    ("estimator", "options", "said"),
    [
        (SURE[2], {"calibration": "sigmoid"}, "'sigmoid' has no rows to be fitted on"),
        (SURE[2], {"calibration": Sigmoid(1.0, 0.0), "held_out": held(2)}, "nothing to fit"),
        (SURE[2], {"held_out": held(2)}, "nothing to fit"),
        (SURE[2], {"calibration": "temperature"}, "temperature does not fit: a binary model"),
        (SURE[2], {"calibration": Temperature(2.0)}, "temperature does not fit: a binary model"),
        (SURE[2], {"clip": (0.0, 1.0)}, "clip belongs to a regression"),
        (
            FixedThresholdClassifier(GaussianNB(), threshold=0.2).fit(*TRAIN[2]),
            {"calibration": Sigmoid(1.0, 0.0)},
            "threshold 0.2 is not one of calibrated scores",
        ),
        (LinearRegression().fit(*TRAIN[2]), {"calibration": "sigmoid"}, "a regression model is not calibrated"),
    ],
)
def test_what_does_not_fit_the_estimator_is_refused(
    registry_root: Path, estimator: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        publish(registry_root, "m", estimator, TRAIN[2][0], **options)
    assert not registry_root.exists()


def test_a_tuned_estimator_is_calibrated_where_the_threshold_is_declared(registry_root: Path) -> None:
    tuned = FixedThresholdClassifier(GaussianNB(), threshold=0.2).fit(*TRAIN[2])
    manifest = publish(registry_root, "m", tuned, TRAIN[2][0], calibration=Sigmoid(0.5, 0.0), threshold=0.4)
    assert manifest.output.threshold == 0.4


def test_an_estimator_in_memory_takes_the_same(tmp_path: Path) -> None:
    matrix, target = TRAIN[2]
    schema: InputSchema = number_schema(4)
    publish_estimator(tmp_path, "m", SURE[2], schema, matrix, calibration="isotonic", held_out=held(2), threshold=0.3)
    output = Registry(tmp_path).load("m").manifest.output
    assert isinstance(output.calibration, Isotonic) and output.threshold == 0.3
    line = LinearRegression().fit(matrix, target)
    publish_estimator(tmp_path, "line", line, schema, matrix, clip=(0.0, None), decimals=2)
    values = Registry(tmp_path).load("line").predict(matrix).values
    assert min(values) == 0.0 and line.predict(matrix).min() < 0  # type: ignore[type-var]


def test_answers_that_calibration_drives_apart_are_not_alike() -> None:
    due, found = np.array([[0.5, 0.5]]), np.array([[0.5 - 1e-12, 0.5 + 1e-12]])
    output = Output(Task.BINARY, (0, 1), threshold=0.05)
    assert compare(output, due, found).rows == 0
    steep = Isotonic((0.0, 0.5, 0.5 + 1e-13, 1.0), (0.0, 0.1, 0.8, 1.0))
    calibrated = compare(msgspec.structs.replace(output, calibration=steep), due, found)
    assert (calibrated.rows, calibrated.classes) == (1, 0)


def test_a_ready_onnx_file_takes_labels_threshold_and_calibration() -> None:
    matrix, target = TRAIN[2]
    candidate = make_onnx_candidate(
        exported(SURE[2], 4),
        number_schema(4),
        matrix,
        name="m",
        created="2026-01-01T00:00:00Z",
        where="test",
        target=target.tolist(),
        declared=DeclaredOutput(labels={"0": "stays"}, threshold=0.3, decimals=3, calibration="sigmoid"),
        held_out=held(2),
    )
    assert candidate.fit is not None and candidate.fit.after < candidate.fit.before
    found = candidate.model.predict(FRESH[2][0])
    assert set(found.values) == {"stays", 1}
    assert found.values == [1 if score >= 0.3 else "stays" for score in found.outputs[:, 0].tolist()]
    assert found.scores == np.round(found.outputs[:, 0], 3).tolist()
