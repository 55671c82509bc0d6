"""Declared output is read strictly, and rows held apart as training rows are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.calibration import Isotonic, Sigmoid, Temperature
from models.declared_output import DeclaredOutput
from models.errors import ModelError
from models.held_out import read_held_out
from models.output_file import read_output
from models.training_data import TrainingData, read_training


def read(folder: Path, text: str) -> DeclaredOutput:
    (folder / "output.toml").write_text(text)
    return read_output(folder / "output.toml")


def test_no_file_declares_nothing() -> None:
    assert read_output(None) == DeclaredOutput()


def test_every_option_is_read(tmp_path: Path) -> None:
    written = """
threshold = 0.3
decimals = 4
class_scores = true
clip = [0, 100]
calibration = "sigmoid"
calibration_data = "held_out.csv"

[labels]
0 = "stays"
1 = 7
"""
    assert read(tmp_path, written) == DeclaredOutput(
        labels={"0": "stays", "1": 7},
        threshold=0.3,
        decimals=4,
        class_scores=True,
        clip=(0.0, 100.0),
        calibration="sigmoid",
        calibration_data=str(tmp_path / "held_out.csv"),  # beside the file, wherever the command runs
    )
    assert read(tmp_path, 'calibration_data = "/held.csv"').calibration_data == "/held.csv"


@pytest.mark.parametrize(
    ("text", "calibration"),
    [
        ('calibration = {method = "sigmoid", slope = 1, intercept = -0.5}', Sigmoid(1.0, -0.5)),
        ('[calibration]\nmethod = "temperature"\ntemperature = 1.5', Temperature(1.5)),
        (
            '[calibration]\nmethod = "isotonic"\nscores = [0, 0.5]\nprobabilities = [0.1, 1]',
            Isotonic((0.0, 0.5), (0.1, 1.0)),
        ),
    ],
)
def test_a_calibration_is_given_by_its_numbers(tmp_path: Path, text: str, calibration: object) -> None:
    assert read(tmp_path, text).calibration == calibration


def test_an_open_end_is_written_as_infinity(tmp_path: Path) -> None:
    assert read(tmp_path, "clip = [0, inf]").clip == (0.0, None)
    assert read(tmp_path, "clip = [-inf, 3]").clip == (None, 3.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("treshold = 0.3", r"no treshold; did you mean threshold\?"),
        ("x = 1", "no x; there are labels, threshold, decimals"),
        ('calibration = "sigmiod"', r"no calibration sigmiod; did you mean calibration sigmoid\?"),
        ('calibration = {method = "platt"}', "a method: sigmoid, isotonic, temperature, not 'platt'"),
        ("calibration = {slope = 1}", "not None"),
        ('calibration = {method = ["sigmoid"]}', r"not \['sigmoid'\]"),
        (
            'calibration = {method = "sigmoid", slop = 1, intercept = 0}',
            r"no calibration.slop; did you mean calibration.slope\?",
        ),
        ('calibration = {method = "sigmoid", slope = 1}', "intercept"),
        ('calibration = {method = "sigmoid", slope = -1, intercept = 0}', "a slope lies above 0"),
        ("calibration = 1", "calibration"),
        ('threshold = "0.3"', "threshold"),
        ("decimals = 1.5", "decimals"),
        ("clip = [0]", "clip"),
        ("clip = 3", "clip"),
        ("labels = [1]", "labels"),
        ("[labels]\n0 = 1979-05-27", "labels"),
        ("= =", "cannot be read"),
    ],
)
def test_what_is_no_option_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        read(tmp_path, text)
    assert caught.value.where == str(tmp_path / "output.toml")


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"labels = '\xe9'")
    for name in ("nowhere.toml", ".", "latin.toml"):
        with pytest.raises(ModelError, match="the output options cannot be read"):
            read_output(tmp_path / name)


@pytest.fixture
def training(tmp_path: Path) -> TrainingData:
    (tmp_path / "train.csv").write_text("age,plan,on,way\n1.5,b,true,up\n2.5,a,false,down\n,c,true,up\n")
    return read_training(tmp_path / "train.csv", target="way")


def test_held_out_rows_are_coded_as_the_training_rows(tmp_path: Path, training: TrainingData) -> None:
    lines = [
        "way,age,on,plan,note",
        "up,3,true,c,x",
        "down,,false,b,x",
        "up,4,true,zzz,x",
        "down,5,,a,x",
        ",6,true,a,x",
    ]
    (tmp_path / "held.csv").write_text("\n".join(lines))
    held = read_held_out(tmp_path / "held.csv", training, "way")
    # A category that training never saw, and a null where it had none: no worker would answer these rows.
    due = [[3.0, 2.0, 1.0], [np.nan, 1.0, 0.0], [6.0, 0.0, 1.0]]
    assert np.array_equal(held.matrix, due, equal_nan=True)
    assert (list(held.target), held.refused) == (["up", "down", None], 2)


def test_rows_that_cannot_serve_as_held_out_are_refused(tmp_path: Path, training: TrainingData) -> None:
    with pytest.raises(ModelError, match="these are the training rows"):
        read_held_out(tmp_path / "train.csv", training, "way")
    with pytest.raises(ModelError, match="no target"):
        read_held_out(tmp_path / "train.csv", training, None)
    (tmp_path / "held.csv").write_text("age,plan,on,way\nold,b,true,up\n")
    with pytest.raises(ModelError, match="column 'age' is a category, in training it was a number"):
        read_held_out(tmp_path / "held.csv", training, "way")
    (tmp_path / "held.csv").write_text("age,plan,way\n1,b,up\n")
    with pytest.raises(ModelError, match="no column 'on'"):
        read_held_out(tmp_path / "held.csv", training, "way")
