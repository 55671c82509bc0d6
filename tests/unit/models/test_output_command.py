"""`weir model add --output`, `check --output` and what `show` tells of it, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB
from typer.testing import CliRunner

from models.registry import Registry
from streams.cli.model_serving import model_app
from tests.unit.models.onnx_building import exported

DATA = ("--data", "train.csv", "--target", "left")
DECLARED = """
threshold = 0.3
decimals = 4
class_scores = true
calibration = "sigmoid"
calibration_data = "held_out.csv"

[labels]
0 = "stays"
1 = "leaves"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Naive Bayes, which is too sure, as skops, pickle and ONNX, with training rows and rows held apart."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEIR_MODEL__REGISTRY", raising=False)
    rng = np.random.default_rng(4)
    for name, n in (("held_out.csv", 800), ("train.csv", 400)):
        base = rng.normal(size=n)
        matrix = base[:, None] + rng.normal(scale=0.1, size=(n, 3))
        left = (base + rng.logistic(scale=0.8, size=n) > 0).astype(int)
        lines = (f"{a},{b},{c},{target}" for (a, b, c), target in zip(matrix.tolist(), left.tolist(), strict=True))
        (tmp_path / name).write_text("\n".join(["a,b,c,left", *lines]))
    estimator = GaussianNB().fit(matrix, left)
    skops.io.dump(estimator, tmp_path / "model.skops")
    joblib.dump(estimator, tmp_path / "model.joblib")
    skops.io.dump(LinearRegression().fit(matrix, left), tmp_path / "line.skops")
    (tmp_path / "model.onnx").write_bytes(exported(estimator, 3))
    (tmp_path / "output.toml").write_text(DECLARED)
    return tmp_path


def weir(*arguments: str) -> Any:
    return CliRunner().invoke(model_app, list(arguments))


@pytest.mark.parametrize("file", [("model.skops",), ("model.joblib", "--trust"), ("model.onnx",)])
def test_what_is_declared_is_published_and_told(folder: Path, file: tuple[str, ...]) -> None:
    added = weir("add", *file, "--name", "churn", *DATA, "--output", "output.toml")
    assert added.exit_code == 0, added.stderr
    assert "calibration fitted on 800 held-out rows: log loss" in added.stderr
    assert "leaves from 0.3 on\npublished with 4 decimals\n" in added.stderr
    model = Registry(folder / "registry").load("churn")
    found = model.predict(np.array([[-2.0, -2.0, -2.0], [0.1, 0.1, 0.1]]))
    raw = model.predict_raw(np.array([[-2.0, -2.0, -2.0]]))[0, 1]
    assert found.values == ["stays", "leaves"]
    assert found.scores is not None and found.scores[0] > raw  # less sure
    assert found.scores == np.round(found.outputs[:, 0], 4).tolist()
    told = json.loads(weir("show", "churn", "--json").stdout)
    assert told["calibration"]["method"] == "sigmoid"
    assert (told["threshold"], told["decimals"], told["class_scores"], told["clip"]) == (0.3, 4, True, None)
    words = weir("show", "churn").stdout
    assert "\n  calibrated: sigmoid, slope " in words
    assert (
        "\n  leaves from 0.3 on\n  published with 4 decimals\n  published with the probability of each class" in words
    )


def test_check_tries_it_and_writes_nothing(folder: Path) -> None:
    good = weir("check", "model.skops", *DATA, "--output", "output.toml")
    assert good.exit_code == 0, good.stderr
    assert "calibration fitted on 800 held-out rows" in good.stderr
    (folder / "output.toml").write_text("clip = [0, 1]")
    bad = weir("check", "line.skops", "model.skops", *DATA, "--output", "output.toml", "--json")
    assert bad.exit_code == 4
    assert [one["ok"] for one in json.loads(bad.stdout)] == [True, False]
    assert "clipped to 0 … 1" in bad.stderr
    assert "clip belongs to a regression" in bad.stderr
    untried = weir("check", "model.skops", "--output", "output.toml")
    assert (untried.exit_code, "--output was given without --data" in untried.stderr) == (4, True)
    assert not (folder / "registry").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("treshold = 0.3", "did you mean threshold?"),
        ('[labels]\n3 = "x"', "the label map names 3, no class of the estimator"),
        ('calibration = "isotonic"', "'isotonic' has no rows to be fitted on"),
        ('calibration = "isotonic"\ncalibration_data = "train.csv"', "these are the training rows"),
        ('calibration = "isotonic"\ncalibration_data = "nowhere.csv"', "cannot be read"),
        ('calibration_data = "held_out.csv"', "nothing to fit"),
        ('calibration = "temperature"\ncalibration_data = "held_out.csv"', "a binary model is calibrated by"),
        ("threshold = 3", "a threshold lies in 0 to 1"),
    ],
)
def test_what_does_not_hold_publishes_nothing(folder: Path, text: str, said: str) -> None:
    (folder / "output.toml").write_text(text)
    refused = weir("add", "model.onnx", "--name", "churn", *DATA, "--output", "output.toml")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert said in refused.stderr
    assert all(f"\n  {part}  " in refused.stderr for part in ("where", "cause", "fix"))
    assert not (folder / "registry").exists()


def test_what_was_fitted_is_told_to_a_program(folder: Path) -> None:
    told = json.loads(weir("add", "model.onnx", "--name", "churn", *DATA, "--output", "output.toml", "--json").stdout)
    fit = told["calibration_fit"]
    assert (fit["rows"], fit["left_out"], fit["before"] > fit["after"]) == (800, 0, True)
    assert fit["calibration"] == told["output"]["calibration"]
    assert told["output"]["labels"] == ["stays", "leaves"]


def test_calibration_takes_the_target_column(folder: Path) -> None:
    refused = weir("add", "model.skops", "--name", "churn", "--data", "train.csv", "--output", "output.toml")
    assert refused.exit_code == 1
    assert "--target was not given" in refused.stderr
