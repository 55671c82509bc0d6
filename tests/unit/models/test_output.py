"""What becomes of an estimator's numbers: each rule, each refusal, and the order in which the steps are taken."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.answers import to_predictions
from models.calibrating import CLOSEST
from models.calibration import Calibration, Isotonic, Sigmoid, Temperature, method_of
from models.manifest import Manifest, Output, ParitySample, Task, decode_manifest, encode_manifest
from tests.unit.models.building import number_schema

TWO, THREE = (0, 1), ("a", "b", "c")
STEPS = Isotonic(scores=(0.1, 0.4, 0.9), probabilities=(0.0, 0.5, 0.6))


def two_columns(*positive: float) -> np.ndarray:
    return np.column_stack((1.0 - np.array(positive), positive))


def manifest(output: Output) -> Manifest:
    return Manifest(
        name="m",
        version="1",
        created="2026-01-01T00:00:00Z",
        schema=number_schema(1),
        output=output,
        parity_sample=ParitySample(rows=[[1.0]], expected=[[0.5]]),
        libraries={},
        platform="x86_64",
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"labels": (0, np.inf)}, "a label is finite"),
        ({"clip": (0.0, 1.0)}, "clip belongs to a regression"),
        ({"task": "regression", "clip": (None, None)}, "clip is the lowest"),
        ({"task": "regression", "clip": (1.0, 1.0)}, r"not \[1.0, 1.0\]"),
        ({"task": "regression", "clip": (2.0, 1.0)}, r"not \[2.0, 1.0\]"),
        ({"task": "regression", "clip": (-np.inf, 1.0)}, "clip is the lowest"),
        ({"task": "regression", "clip": (np.nan, None)}, "clip is the lowest"),
        ({"task": "regression", "clip": (0.0, 0.25), "decimals": 1}, "more than 1 decimals"),
        ({"calibration": Temperature(2.0)}, "a binary model is calibrated by sigmoid or isotonic"),
        ({"task": "multiclass", "labels": THREE, "calibration": STEPS}, "a multiclass model is calibrated by temper"),
        ({"task": "regression", "calibration": Sigmoid(1.0, 0.0)}, "a regression model is not calibrated"),
    ],
)
def test_what_does_not_fit_the_task_is_refused(fields: dict[str, Any], said: str) -> None:
    task = Task(fields.pop("task", "binary"))
    with pytest.raises(ValueError, match=said):
        Output(task, **{"labels": TWO if task is Task.BINARY else (), **fields})


@pytest.mark.parametrize(
    ("kind", "numbers", "said"),
    [
        (Sigmoid, (0.0, 0.0), "a slope lies above 0"),
        (Sigmoid, (-1.0, 0.0), "not at -1.0"),
        (Sigmoid, (np.nan, 0.0), "not at nan"),
        (Sigmoid, (1001.0, 0.0), "up to 1000"),
        (Sigmoid, (1.0, np.inf), "an intercept"),
        (Sigmoid, (1.0, np.nan), "an intercept"),
        (Temperature, (0.0,), "a temperature"),
        (Temperature, (101.0,), "a temperature"),
        (Temperature, (np.nan,), "a temperature"),
        (Isotonic, ((0.5,), (0.5,)), "two breakpoints or more"),
        (Isotonic, ((0.1, 0.2, 0.3), (0.0, 1.0)), "3 scores and 2 probabilities"),
        (Isotonic, ((0.1, 1.1), (0.0, 1.0)), "lie in 0 to 1"),
        (Isotonic, ((0.1, 0.2), (-0.1, 1.0)), "lie in 0 to 1"),
        (Isotonic, ((0.1, np.nan), (0.0, 1.0)), "lie in 0 to 1"),
        (Isotonic, ((0.1, 0.1), (0.0, 1.0)), "0.1 follows 0.1"),
        (Isotonic, ((0.1, 0.2), (0.4, 0.3)), "0.3 follows 0.4"),
        (Isotonic, ((0.1, 0.2), (0.4, 0.4)), "rise somewhere"),
        (Isotonic, ((0.0, 5e-324), (0.0, 1.0)), "too near"),
    ],
)
def test_numbers_that_do_not_calibrate_are_refused(kind: Any, numbers: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        kind(*numbers)


@pytest.mark.parametrize(
    "output",
    [
        Output(Task.BINARY, TWO, calibration=Sigmoid(0.1 + 0.2, -1 / 3), threshold=0.3),
        Output(Task.BINARY, TWO, calibration=STEPS),
        Output(Task.MULTICLASS, THREE, calibration=Temperature(1.7)),
        Output(Task.REGRESSION, clip=(0.0, None), decimals=2),
        Output(Task.REGRESSION, clip=(None, 1 / 3)),
    ],
)
def test_a_manifest_keeps_it_to_the_bit(output: Output) -> None:
    written = encode_manifest(manifest(output))
    assert decode_manifest(written, "here").output == output
    if output.calibration is not None:
        assert json.loads(written)["output"]["calibration"]["method"] == method_of(output.calibration)


def test_manifests_of_before_and_for_releases_of_before_say_nothing_of_it() -> None:
    written = json.loads(encode_manifest(manifest(Output(Task.BINARY, TWO))))
    assert written["output"] == {"task": "binary", "labels": [0, 1]}
    before = {"task": "binary", "labels": [0, 1], "threshold": None, "decimals": None, "class_scores": False}
    read = decode_manifest(json.dumps({**written, "output": before}).encode(), "here").output
    assert read == Output(Task.BINARY, TWO)


def test_the_sigmoid_is_a_line_of_log_odds() -> None:
    found = to_predictions(Output(Task.BINARY, TWO, calibration=Sigmoid(2.0, 1.0)), two_columns(0.5, 0.8, 0.0, 1.0))
    due = np.array([0.0, np.log(4.0), np.log(CLOSEST / (1 - CLOSEST)), np.log((1 - CLOSEST) / CLOSEST)]) * 2 + 1
    assert found.scores == pytest.approx((1 / (1 + np.exp(-due))).tolist(), rel=1e-9)


def test_isotonic_runs_straight_between_its_breakpoints_and_level_beyond() -> None:
    found = to_predictions(Output(Task.BINARY, TWO, calibration=STEPS), two_columns(0.0, 0.1, 0.25, 0.4, 0.65, 1.0))
    assert found.scores == pytest.approx([0.0, 0.0, 0.25, 0.5, 0.55, 0.6], abs=1e-15)


def test_a_temperature_makes_all_classes_less_sure_by_one_measure() -> None:
    raw = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]])
    output = Output(Task.MULTICLASS, THREE, class_scores=True, calibration=Temperature(2.0))
    found = to_predictions(output, raw).class_scores
    assert found is not None
    roots = np.sqrt(np.maximum(raw, CLOSEST))
    assert found == pytest.approx(roots / roots.sum(axis=1, keepdims=True), rel=1e-12)


def test_calibration_comes_before_the_threshold_and_rounding_last() -> None:
    # Scores 0.2 and 0.7 become 0.1666… and 0.56: the threshold lies between the calibrated ones, above none of the raw.
    output = Output(Task.BINARY, TWO, threshold=0.56, decimals=1, class_scores=True, calibration=STEPS)
    found = to_predictions(output, two_columns(0.2, 0.699, 0.71))
    assert found.values == [0, 0, 1]  # 0.5598 is published as 0.6, and is below the threshold
    assert found.scores == [0.2, 0.6, 0.6]
    assert found.outputs[:, 0] == pytest.approx([1 / 6, 0.5598, 0.562], rel=1e-12)  # what drift and labels see
    assert found.outputs[:, 1].tolist() == [0.0, 0.0, 1.0]
    assert found.class_scores is not None
    assert found.class_scores[:, 0].tolist() == [0.8, 0.4, 0.4]


def test_without_a_threshold_the_likelier_class_after_calibration_is_chosen() -> None:
    raw = two_columns(0.39, 0.4, 0.41)
    assert to_predictions(Output(Task.BINARY, TWO), raw).values == [0, 0, 0]
    assert to_predictions(Output(Task.BINARY, TWO, calibration=STEPS), raw).values == [0, 0, 1]  # 0.5 is a tie


def test_a_regression_is_clipped_in_full_and_rounded_to_publish() -> None:
    output = Output(Task.REGRESSION, clip=(0.0, 10.0), decimals=1)
    found = to_predictions(output, np.array([[-3.0], [3.14159], [9.96], [12.0]]))
    assert found.values == [0.0, 3.1, 10.0, 10.0]
    assert found.outputs.tolist() == [[0.0], [3.14159], [9.96], [10.0]]
    open_ended = Output(Task.REGRESSION, clip=(None, 5.0))
    assert to_predictions(open_ended, np.array([[-1e300], [6.0]])).values == [-1e300, 5.0]


def test_what_is_no_number_or_no_probability_stays_for_the_pipeline_to_reject() -> None:
    clipped = to_predictions(Output(Task.REGRESSION, clip=(0.0, 1.0)), np.array([[np.nan], [np.inf], [-np.inf]]))
    assert np.array_equal(clipped.outputs[:, 0], [np.nan, np.inf, -np.inf], equal_nan=True)
    raw = np.array([[np.nan, np.nan], [-np.inf, np.inf], [-0.5, 1.5], [-1e-7, 1.0 + 1e-7]])
    for calibration in (Sigmoid(0.5, 0.0), STEPS):
        scores = to_predictions(Output(Task.BINARY, TWO, calibration=calibration), raw).outputs[:, 0]
        assert np.array_equal(scores[:3], [np.nan, np.inf, 1.5], equal_nan=True)
        assert 0.5 < scores[3] <= 1.0  # single precision is forgiven
    output = Output(Task.MULTICLASS, THREE, class_scores=True, calibration=Temperature(2.0))
    kept = to_predictions(output, np.array([[np.nan, 0.5, 0.5], [1.2, -0.1, -0.1]])).class_scores
    assert np.array_equal(kept, [[np.nan, 0.5, 0.5], [1.2, -0.1, -0.1]], equal_nan=True)


probabilities = st.floats(0.0, 1.0, width=32)
rising = st.lists(probabilities, min_size=2, max_size=40, unique=True).map(sorted)
calibrations = st.one_of(
    st.builds(Sigmoid, st.floats(0.01, 50.0), st.floats(-20.0, 20.0)),
    rising.map(lambda scores: Isotonic(tuple(scores), tuple(np.linspace(0.1, 0.8, len(scores)).tolist()))),
    st.builds(Temperature, st.floats(0.01, 100.0)),
)


@settings(max_examples=150, deadline=None)
@given(calibrations, st.integers(0, 2**32 - 1), st.integers(1, 70), st.data())
def test_a_row_has_the_same_bits_in_every_batch(
    calibration: Calibration, seed: int, n: int, data: st.DataObject
) -> None:
    binary = not isinstance(calibration, Temperature)
    raw = np.random.default_rng(seed).dirichlet(np.full(2 if binary else 5, 0.3), size=n)
    output = Output(
        Task.BINARY if binary else Task.MULTICLASS,
        TWO if binary else (*THREE, "d", "e"),
        class_scores=True,
        calibration=calibration,
    )
    whole = to_predictions(output, raw)
    start = data.draw(st.integers(0, n - 1))
    stop = data.draw(st.integers(start + 1, n))
    for part in (raw[start:stop].copy(), raw[start:stop], np.asfortranarray(raw)[start:stop]):
        found = to_predictions(output, part)
        assert found.outputs.tobytes() == whole.outputs[start:stop].tobytes()
        assert found.class_scores is not None and whole.class_scores is not None
        assert found.class_scores.tobytes() == whole.class_scores[start:stop].tobytes()
        assert found.values == whole.values[start:stop]


@given(
    st.one_of(calibrations.filter(lambda one: not isinstance(one, Temperature))), st.lists(probabilities, min_size=1)
)
def test_a_higher_score_is_never_a_lower_probability(calibration: Calibration, scores: list[float]) -> None:
    found = to_predictions(Output(Task.BINARY, TWO, calibration=calibration), two_columns(*sorted(scores))).scores
    assert found is not None
    assert all(0.0 <= score <= 1.0 for score in found)
    assert (np.diff(found) >= 0.0).all()


def test_no_rows_give_no_answers() -> None:
    for output, columns in (
        (Output(Task.BINARY, TWO, calibration=Sigmoid(1.0, 0.0)), 2),
        (Output(Task.MULTICLASS, THREE, calibration=Temperature(2.0)), 3),
        (Output(Task.REGRESSION, clip=(0.0, 1.0)), 1),
    ):
        assert to_predictions(output, np.empty((0, columns))).values == []


def test_what_is_not_declared_costs_no_copy() -> None:
    raw = two_columns(0.25, 0.75)
    scores = to_predictions(Output(Task.BINARY, TWO, class_scores=True), raw).class_scores
    assert scores is raw
    assert msgspec.json.encode(scores.tolist()) == b"[[0.75,0.25],[0.25,0.75]]"
