"""No changed, damaged or crafted artifact is ever served, and no pickle opened."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

import models.artifact
from models.artifact import read_artifact
from models.conversion import convert
from models.errors import ModelError
from models.manifest import ParitySample
from models.registry import Registry
from models.trusted import load_trusted, save_estimator
from tests.unit.models.building import publish, replace_file, reseal, rows
from tests.unit.models.onnx_building import ONE, computing, external, file_of, graph_of, with_tensor

FILES = ("manifest.json", "manifest.sha256", "reference.json")


@pytest.fixture(params=["sklearn", "onnx"])
def artifact(request: pytest.FixtureRequest, registry_root: Path) -> Path:
    """The directory of a published logistic regression, `churn` version 1, for each runtime."""
    matrix = rows()
    estimator = LogisticRegression().fit(matrix, np.where(matrix[:, 0] > 0, "yes", "no"))
    assert publish(registry_root, "churn", estimator, matrix, runtime=request.param).runtime == request.param
    return registry_root / "churn" / "1"


@pytest.fixture(params=["estimator", *FILES])
def name(request: pytest.FixtureRequest, artifact: Path) -> str:
    """A file of the artifact; that of the estimator is another for each runtime."""
    return read_artifact(artifact).manifest.estimator if request.param == "estimator" else request.param


def refusal(directory: Path) -> str:
    with pytest.raises(ModelError) as caught:
        Registry(directory.parent.parent).load(directory.parent.name, directory.name)
    return str(caught.value)


def test_one_flipped_bit_is_refused(artifact: Path, name: str) -> None:
    data = bytearray((artifact / name).read_bytes())
    data[len(data) // 2] ^= 1
    replace_file(artifact / name, bytes(data))
    assert "sha256 is" in refusal(artifact)


def test_a_cut_file_is_refused(artifact: Path, name: str) -> None:
    replace_file(artifact / name, (artifact / name).read_bytes()[:-5])
    assert "sha256 is" in refusal(artifact)


def test_a_missing_file_is_refused_by_name(artifact: Path, name: str) -> None:
    (artifact / name).unlink()
    assert name in refusal(artifact)


def test_an_extra_file_is_refused_by_name(artifact: Path) -> None:
    (artifact / "extra.py").write_text("")
    assert "not in the manifest: extra.py" in refusal(artifact)


def test_a_link_is_refused_even_to_the_right_bytes(artifact: Path, tmp_path: Path, name: str) -> None:
    shutil.copy(artifact / name, tmp_path / "elsewhere")
    (artifact / name).unlink()
    (artifact / name).symlink_to(tmp_path / "elsewhere")
    assert "not a regular file" in refusal(artifact)


def test_a_linked_version_directory_is_refused(artifact: Path, tmp_path: Path) -> None:
    artifact.rename(tmp_path / "moved")
    artifact.symlink_to(tmp_path / "moved")
    assert "not a directory" in refusal(artifact)


def test_a_pipe_in_place_of_a_file_does_not_hang(artifact: Path) -> None:
    estimator = artifact / read_artifact(artifact).manifest.estimator
    estimator.unlink()
    os.mkfifo(estimator)
    assert "not a regular file" in refusal(artifact)


def test_a_file_over_the_cap_is_refused(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.artifact, "MAX_FILE_BYTES", 100)
    assert "over the cap of 100" in refusal(artifact)


def test_an_artifact_under_another_name_is_refused(artifact: Path) -> None:
    shutil.copytree(artifact, artifact.parent / "2")
    assert "holds churn 1" in refusal(artifact.parent / "2")


def test_another_estimator_with_right_digests_fails_parity(artifact: Path) -> None:
    other = rows(seed=1)
    estimator = LogisticRegression().fit(other, np.where(other[:, 1] > 0, "yes", "no"))
    manifest = read_artifact(artifact).manifest
    onnx = manifest.runtime == "onnx"
    bytes_ = convert(estimator, manifest.schema, "float64") if onnx else save_estimator(estimator)
    reseal(artifact, {manifest.estimator: bytes_})
    assert "parity rows have another answer" in refusal(artifact)


@pytest.mark.parametrize(
    ("crafted", "said"),
    [
        (with_tensor("attribute", external(ONE)), "outside of the file"),
        (file_of(graph_of([helper.make_node("Own", ["X"], ["Y"], domain="evil")])), "the domain 'evil'"),
        (computing("Identity", shape=(None, 4)), "has 4 columns"),
        (b"\x00\x00\x00\x00ORTM", "own format"),
        (pickle.dumps([1]), "not an ONNX file"),
    ],
)
def test_a_crafted_onnx_file_with_right_digests_is_refused(registry_root: Path, crafted: bytes, said: str) -> None:
    publish(registry_root, "churn", LogisticRegression().fit(rows(), rows()[:, 0] > 0), rows(), runtime="onnx")
    reseal(registry_root / "churn" / "1", {"estimator.onnx": crafted})
    assert said in refusal(registry_root / "churn" / "1")


def test_the_file_of_one_runtime_is_none_for_the_other(artifact: Path) -> None:
    manifest = read_artifact(artifact).manifest
    reseal(artifact, runtime="sklearn" if manifest.runtime == "onnx" else "onnx")
    assert "not an ONNX file" in refusal(artifact) or "added with scikit-learn none" in refusal(artifact)


def shift(sample: ParitySample, by: float) -> ParitySample:
    return msgspec.structs.replace(sample, expected=[[value + by for value in row] for row in sample.expected])


sklearn_only = pytest.mark.parametrize("artifact", ["sklearn"], indirect=True)


@sklearn_only
def test_parity_is_exact_here_and_within_a_tolerance_elsewhere(artifact: Path) -> None:
    manifest = read_artifact(artifact).manifest
    reseal(artifact, parity_sample=shift(manifest.parity_sample, 1e-12))
    assert "allowed 0" in refusal(artifact)
    reseal(artifact, libraries={**manifest.libraries, "numpy": "2.0.0"})
    Registry(artifact.parent.parent).load("churn")
    reseal(artifact, libraries=manifest.libraries, platform="another processor")
    Registry(artifact.parent.parent).load("churn")
    reseal(artifact, parity_sample=shift(manifest.parity_sample, 1e-6))
    assert "allowed 1e-09" in refusal(artifact)


@sklearn_only
def test_another_minor_version_of_scikit_learn_is_refused(artifact: Path) -> None:
    libraries = read_artifact(artifact).manifest.libraries
    reseal(artifact, libraries={**libraries, "scikit-learn": "1.2.3"})
    assert "added with scikit-learn 1.2.3" in refusal(artifact)


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.marker,)


@sklearn_only
def test_a_pickle_under_a_skops_name_is_refused_unopened(artifact: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    reseal(artifact, {"estimator.skops": pickle.dumps(Bomb(marker))})
    assert "not a skops file" in refusal(artifact)
    assert not marker.exists()


@sklearn_only
def test_foreign_code_inside_skops_is_refused_by_name(artifact: Path) -> None:
    matrix = rows()
    estimator = make_pipeline(FunctionTransformer(), LogisticRegression()).fit(matrix, matrix[:, 0] > 0)
    estimator[0].func = subprocess.check_output
    reseal(artifact, {"estimator.skops": save_estimator(estimator)})
    assert "types that are not trusted: subprocess.check_output" in refusal(artifact)


def test_a_zip_bomb_is_refused_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.trusted.MAX_UNPACKED_BYTES", 1000)
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", " " * 2000)
    with pytest.raises(ModelError, match="unpacks to 2000 bytes"):
        load_trusted(packed.getvalue(), "test")


def crafted_tree(left: int, feature: int) -> DecisionTreeClassifier:
    matrix = rows()
    estimator = DecisionTreeClassifier(max_depth=2).fit(matrix, matrix[:, 0] > 0.3)
    state = estimator.tree_.__getstate__()
    state["nodes"]["left_child"][0], state["nodes"]["feature"][0] = left, feature
    estimator.tree_.__setstate__(state)
    return estimator


@pytest.mark.parametrize(
    ("left", "feature", "said"),
    [(0, 0, "not below"), (10**9, 0, "not below"), (-7, 0, "not below"), (1, 10**9, "splits"), (1, -3, "splits")],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_crafted_tree_is_refused_before_it_is_walked(left: int, feature: int, said: str, wrapped: bool) -> None:
    estimator = crafted_tree(left, feature)
    if wrapped:
        matrix = rows()
        forest = RandomForestClassifier(2).fit(matrix, matrix[:, 0] > 0)
        forest.estimators_[1] = estimator
        estimator = forest
    with pytest.raises(ModelError, match=said):
        load_trusted(save_estimator(estimator), "test")


def test_a_tree_wider_than_its_forest_is_refused() -> None:
    narrow, wide = rows(columns=2), rows(columns=5)
    forest = RandomForestClassifier(2).fit(narrow, narrow[:, 0] > 0)
    forest.estimators_[0] = DecisionTreeClassifier().fit(wide, wide[:, 4] > 0)
    with pytest.raises(ModelError, match="not among its 2"):
        load_trusted(save_estimator(forest), "test")


@pytest.mark.parametrize("field", ["left", "right", "feature_idx"])
def test_a_crafted_histogram_tree_is_refused(field: str) -> None:
    matrix = rows()
    estimator = HistGradientBoostingClassifier(max_iter=2).fit(matrix, matrix[:, 0] > 0)
    estimator._predictors[1][0].nodes[field][0] = 10**6
    with pytest.raises(ModelError, match="a tree"):
        load_trusted(save_estimator(estimator), "test")


SKOPS = save_estimator(DecisionTreeClassifier(max_depth=2).fit(rows(20), [0, 1] * 10))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(SKOPS) - 1), st.binary(min_size=1, max_size=8)))
def test_any_bytes_give_an_estimator_or_the_named_error(data: bytes | tuple[int, bytes]) -> None:
    if isinstance(data, tuple):
        at, change = data
        data = SKOPS[:at] + change + SKOPS[at + len(change) :]
    with contextlib.suppress(ModelError):  # anything else, a crash included, fails the test
        load_trusted(data, "test")


def test_publishing_makes_files_read_only(artifact: Path) -> None:
    assert {path.stat().st_mode & 0o222 for path in artifact.iterdir()} == {0}
    assert publish(artifact.parent.parent, "other", LogisticRegression().fit(rows(), rows()[:, 0] > 0), rows()).files
