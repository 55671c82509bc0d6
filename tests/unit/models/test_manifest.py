"""The manifest is read strictly."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.answers import to_predictions
from models.errors import ModelError
from models.fallback import Fallback
from models.manifest import Manifest, Output, ParitySample, Task, decode_manifest, encode_manifest
from models.parity import check_parity, coded_rows, make_sample
from models.preprocessing.declared import Preprocessing
from models.preprocessing.scale import Scale
from models.preprocessing.time_part import TimePart
from tests.unit.models.building import number_schema

MANIFEST = Manifest(
    name="churn",
    version="1",
    created="2026-01-01T00:00:00Z",
    schema=number_schema(2),
    output=Output(Task.BINARY, ("no", "yes")),
    parity_sample=ParitySample(rows=[[1.0, None]], expected=[[0.25, 0.75]]),
    libraries={"numpy": "2.4.6"},
    platform="x86_64",
    files={"estimator.skops": "00", "reference.json": "00"},
)


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(encode_manifest(MANIFEST)), **changes}).encode()


def test_it_comes_back_as_written() -> None:
    assert decode_manifest(encode_manifest(MANIFEST), "here") == MANIFEST


def test_a_runtime_comes_back_and_is_scikit_learn_where_none_is_named() -> None:
    onnx = msgspec.structs.replace(MANIFEST, runtime="onnx", estimator="estimator.onnx")
    assert decode_manifest(encode_manifest(onnx), "here") == onnx
    unnamed = {key: value for key, value in json.loads(encode_manifest(MANIFEST)).items() if key != "runtime"}
    assert decode_manifest(json.dumps(unnamed).encode(), "here").runtime == "sklearn"


def test_without_a_word_of_a_fallback_there_is_none() -> None:
    written = json.loads(encode_manifest(MANIFEST))
    del written["fallback"]
    manifest = decode_manifest(json.dumps(written).encode(), "here")
    assert manifest == MANIFEST
    assert not manifest.fallback


def test_a_fallback_comes_back_as_written() -> None:
    fallback = Fallback(previous=True, cache=True, rule="'yes' if f0 > 1 else 'no'", default="no")
    manifest = msgspec.structs.replace(MANIFEST, fallback=fallback)
    assert decode_manifest(encode_manifest(manifest), "here").fallback == fallback
    assert manifest.fallback
    assert manifest.digest != MANIFEST.digest


def test_preprocessing_comes_back_as_written_and_leaves_no_trace_where_there_is_none() -> None:
    assert b"preprocessing" not in encode_manifest(MANIFEST), "so digests of older manifests are what they were"
    steps = (Scale(("f0",), "standard", centers=(0.1,), scales=(3.3,)), TimePart("hour", "@time", "hour"))
    sample = ParitySample(rows=[[1.0, None, 1e12]], expected=[[0.25, 0.75]])
    declared = Preprocessing(steps, ("f0", "hour"))
    manifest = msgspec.structs.replace(MANIFEST, preprocessing=declared, parity_sample=sample)
    back = decode_manifest(encode_manifest(manifest), "here")
    assert back == manifest
    assert back.preparation.outputs.names == ("f0", "hour")


def test_another_format_is_refused_by_its_number() -> None:
    with pytest.raises(ModelError, match="manifest format 2 is not known"):
        decode_manifest(changed(format=2, something="new"), "here")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"something": 1}, "unknown field"),
        ({"preprocessing": {"steps": [{"step": "scale", "columns": ["f0"], "method": "robust"}]}}, "was not fitted"),
        (
            {"preprocessing": {"steps": [{"step": "clip", "columns": ["f9"], "low": 1}]}},
            "no column 'f9'",
        ),
        ({"preprocessing": {"steps": [{"step": "run", "code": "import os"}]}}, "Invalid value 'run'"),
        ({"preprocessing": {"columns": ["@time"]}}, "a parity row has not 3 values"),
        ({"fallback": {"rule": "'maybe'"}}, "none of the labels"),
        ({"fallback": {"rule": "open('/etc/passwd')"}}, "not part of the language"),
        ({"fallback": {"default": "maybe"}}, "none of the labels"),
        ({"fallback": {"default": 1}}, "none of the labels"),
        ({"fallback": {"defaults": "no"}}, "unknown field"),
        ({"output": {"task": "regression"}, "fallback": {"default": "no"}}, "no finite number"),
        ({"output": {"task": "regression"}, "fallback": {"default": True}}, "no finite number"),
        ({"tile_rows": "1024"}, "tile_rows"),
        ({"tile_rows": -1}, "tile_rows"),
        ({"runtime": "pickle"}, "runtime"),
        ({"name": "../x"}, "name '../x'"),
        ({"version": ""}, "version"),
        ({"estimator": "../../secret"}, "file name"),
        ({"files": {"/etc/passwd": "00"}}, "file name"),
        ({"schema": {"features": []}}, "at least one feature"),
        ({"parity_sample": {"rows": [], "expected": []}}, "needs rows"),
        ({"parity_sample": {"rows": [[1.0]], "expected": [[1.0]]}}, "has not 2 values"),
        ({"output": {"task": "binary", "labels": ["a"]}}, "two labels"),
        ({"output": {"task": "multiclass", "labels": ["a", "a", "b"]}}, "labels repeat"),
        ({"output": {"task": "regression", "labels": ["a", "b"]}}, "no labels"),
        ({"output": {"task": "binary", "labels": ["a", "b"], "threshold": 1.5}}, "threshold"),
        ({"output": {"task": "regression", "threshold": 0.5}}, "threshold"),
        ({"output": {"task": "regression", "decimals": -1}}, "decimals"),
    ],
)
def test_what_breaks_a_rule_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        decode_manifest(changed(**changes), "here")


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_any_other_bytes_give_the_named_error(data: bytes) -> None:
    with pytest.raises(ModelError):
        decode_manifest(data, "here")


def test_deep_nesting_gives_the_named_error() -> None:
    with pytest.raises(ModelError):
        decode_manifest(b'{"format":' + b"[" * 100_000, "here")


@given(st.lists(st.floats(allow_infinity=False, width=64), min_size=2, max_size=2), st.floats(-1e300, 1e300))
def test_parity_survives_json_to_the_bit(row: list[float], answer: float) -> None:
    sample = make_sample(np.array([row]), np.array([[answer]]))
    back = msgspec.json.decode(msgspec.json.encode(sample), type=ParitySample)
    assert np.array_equal(coded_rows(back), np.array([row]), equal_nan=True)
    check_parity(back, np.array([[answer]]), tolerance=0.0, where="here")


def test_ties_thresholds_and_rounding() -> None:
    raw = np.array([[0.5, 0.5], [0.3004, 0.6996], [0.9, 0.1]])
    assert to_predictions(Output(Task.BINARY, (0, 1)), raw).values == [0, 1, 0]  # a tie: the first, as scikit-learn
    found = to_predictions(Output(Task.BINARY, (0, 1), threshold=0.6997, decimals=2, class_scores=True), raw)
    assert found.values == [0, 0, 0]  # from the full score, not the rounded one
    assert found.scores == [0.5, 0.7, 0.1]
    assert found.class_scores is not None
    assert found.class_scores.tolist() == [[0.5, 0.5], [0.3, 0.7], [0.9, 0.1]]
    assert found.outputs.tolist() == [[0.5, 0.0], [0.6996, 0.0], [0.1, 0.0]]


def test_a_score_that_is_no_number_stays_visible() -> None:
    found = to_predictions(Output(Task.BINARY, (0, 1)), np.array([[np.nan, np.nan], [0.2, 0.8]]))
    assert np.isnan(found.scores[0])  # type: ignore[index]
    assert found.scores[1] == 0.8  # type: ignore[index]
