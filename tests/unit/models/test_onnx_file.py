"""An ONNX file is looked through before the runtime sees it, and refused with a reason."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

import models.onnx_file
from models.adding_onnx import make_onnx_candidate
from models.errors import ModelError
from models.onnx_file import read_onnx_file
from models.onnx_graph import check_onnx
from models.runtime_onnx import load_onnx
from tests.unit.models.building import number_schema, rows
from tests.unit.models.onnx_building import (
    ONE,
    PLACES,
    computing,
    exported,
    external,
    file_of,
    graph_of,
    with_tensor,
)

MATRIX = rows()
SOUND = exported(LogisticRegression().fit(MATRIX, MATRIX[:, 0] > 0), 5)


def refusal(data: bytes, target: list[str] | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        make_onnx_candidate(
            data, number_schema(5), MATRIX, name="m", created="2026-01-01T00:00:00Z", where="test", target=target
        )
    assert all(caught.value.as_dict().values())
    return str(caught.value)


@pytest.mark.parametrize("place", PLACES)
def test_data_outside_of_the_file_is_refused_wherever_it_is_named(place: str) -> None:
    check_onnx(with_tensor(place, ONE), "test")
    with pytest.raises(ModelError, match="data lies outside of the file"):
        check_onnx(with_tensor(place, external(ONE)), "test")


def test_external_data_that_only_a_location_gives_away_is_refused() -> None:
    half = external(ONE)
    half.ClearField("data_location")
    with pytest.raises(ModelError, match="outside of the file"):
        check_onnx(with_tensor("initializer", half), "test")
    half = external(ONE)
    half.ClearField("external_data")
    with pytest.raises(ModelError, match="outside of the file"):
        check_onnx(with_tensor("initializer", half), "test")


def test_the_last_of_repeated_fields_is_not_the_only_one_that_counts() -> None:
    outside, sound = with_tensor("initializer", external(ONE)), with_tensor("initializer", ONE)
    for first, second in ((outside, sound), (sound, outside)):
        with pytest.raises(ModelError):  # a parser merges the two
            check_onnx(first + second, "test")


def test_operators_of_another_domain_are_refused() -> None:
    node = helper.make_node("Mystery", ["X"], ["Y"], domain="com.example")
    assert "domain 'com.example'" in refusal(file_of(graph_of([node]), domains=("com.example",)))
    assert "domain 'com.example'" in refusal(file_of(graph_of([node])))
    inner = helper.make_node("If", ["X"], ["Y"], then_branch=graph_of([node]), else_branch=graph_of([node]))
    assert "domain 'com.example'" in refusal(file_of(graph_of([inner])))
    microsoft = helper.make_node("Gelu", ["X"], ["Y"], domain="com.microsoft")
    assert "com.microsoft" in refusal(file_of(graph_of([microsoft]), domains=("com.microsoft",)))


def test_the_runtimes_own_format_is_refused() -> None:
    assert "own format" in refusal(b"\x18\x00\x00\x00ORTM" + bytes(100))


def test_nesting_without_end_is_refused() -> None:
    graph = graph_of([helper.make_node("Identity", ["X"], ["Y"])])
    for _ in range(20):
        graph = graph_of([helper.make_node("If", ["X"], ["Y"], then_branch=graph)])
    assert "deep" in refusal(file_of(graph))


def test_a_link_a_pipe_an_oversized_and_a_missing_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(SOUND)
    assert read_onnx_file(file) == SOUND
    (tmp_path / "link.onnx").symlink_to(file)
    os.mkfifo(tmp_path / "pipe.onnx")
    for name, said in (("link", "a link"), ("pipe", "a link"), ("nothing", "cannot be read")):
        with pytest.raises(ModelError, match=said):
            read_onnx_file(tmp_path / f"{name}.onnx")
    monkeypatch.setattr(models.onnx_file, "MAX_FILE_BYTES", len(SOUND) - 1)
    with pytest.raises(ModelError, match="over the cap"):
        read_onnx_file(file)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (computing("Identity", shape=(None, 4)), "input 'X' has 4 columns, the training data has 5"),
        (computing("Identity", shape=(1, 5)), "takes 1 rows at a time"),
        (computing("Identity", shape=(None, 5, 1)), "has 3 dimensions"),
        (computing("Identity"), "numbers that are no probabilities"),
        (computing("Log"), "rows not finite"),
        (computing("Transpose"), "for 400 rows"),
        (computing("Mystery"), "ONNX Runtime does not load it"),
        (computing("Softmax"), "5 classes, of which 0 are known by name"),
        (to_onnx(LogisticRegression().fit(MATRIX, MATRIX[:, 0] > 0), MATRIX[:1]).SerializeToString(), "no tensor"),
        (exported(LogisticRegression().fit(MATRIX[:, :4], MATRIX[:, 0] > 0), 4), "has 4 columns"),
        (b"", "0 graphs"),
        (SOUND[:-9], "not an ONNX file"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(data: bytes, said: str) -> None:
    assert said in refusal(data)


def test_labels_that_the_model_does_not_know_are_refused() -> None:
    words = np.where(MATRIX[:, 0] > 0, "yes", "no")
    data = exported(LogisticRegression().fit(MATRIX, words), 5)
    assert "the target holds 'maybe'" in refusal(data, [*words[:-1], "maybe"])
    assert "labels (no, yes)" in refusal(_row_sums(), list(words))


def _row_sums() -> bytes:
    axes = onnx.numpy_helper.from_array(np.array([1]), "axes")
    return file_of(graph_of([helper.make_node("ReduceSum", ["X", "axes"], ["Y"])], (axes,)))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(SOUND) - 1), st.binary(min_size=1, max_size=8)))
def test_any_bytes_give_a_model_or_the_named_error(data: bytes | tuple[int, bytes]) -> None:
    if isinstance(data, tuple):
        at, change = data
        data = SOUND[:at] + change + SOUND[at + len(change) :]
    with contextlib.suppress(ModelError):  # anything else, a crash included, fails the test
        load_onnx(data, "test")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30),
    st.lists(st.floats(width=32), max_size=30),
    st.lists(st.binary(max_size=40), max_size=30),
)
def test_values_of_an_attribute_hide_nothing_behind_them(
    whole: list[int], real: list[float], texts: list[bytes]
) -> None:
    node = helper.make_node("Identity", ["X"], ["Y"])
    node.attribute.add(name="n", ints=whole, floats=real, strings=texts)
    check_onnx(file_of(graph_of([node])), "test")
    outside = onnx.AttributeProto(sparse_tensor=onnx.SparseTensorProto(values=external(ONE)))
    node.attribute[0].MergeFrom(outside)  # which is written behind them
    with pytest.raises(ModelError, match="outside of the file"):
        check_onnx(file_of(graph_of([node])), "test")
