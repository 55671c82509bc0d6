"""What `weir model add`, `check` and `show` say of a model's output."""

from __future__ import annotations

import pytest

from models.calibration import Isotonic, Sigmoid, Temperature
from models.calibration_fit import CalibrationFit
from models.manifest import Output, Task
from streams.cli.output_words import fit_words, output_words


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (Output(Task.BINARY, (0, 1)), []),
        (
            Output(Task.BINARY, ("no", True), calibration=Sigmoid(0.5, -1.25), threshold=0.3, decimals=2),
            ["calibrated: sigmoid, slope 0.5, intercept -1.25", "true from 0.3 on", "published with 2 decimals"],
        ),
        (
            Output(Task.BINARY, (0, 1), class_scores=True, calibration=Isotonic((0.1, 0.9), (0.2, 0.7))),
            ["calibrated: isotonic, 2 breakpoints", "published with the probability of each class"],
        ),
        (Output(Task.MULTICLASS, (1, 2, 3), calibration=Temperature(1.5)), ["calibrated: temperature 1.5"]),
        (Output(Task.REGRESSION, clip=(0.0, 100.0)), ["clipped to 0 … 100"]),
        (Output(Task.REGRESSION, clip=(None, 2.5)), ["clipped to at most 2.5"]),
        (Output(Task.REGRESSION, clip=(-1.0, None)), ["clipped to at least -1"]),
    ],
)
def test_each_step_is_told_in_the_order_it_is_taken(output: Output, words: list[str]) -> None:
    assert output_words(output) == words


def test_rows_that_were_left_out_are_told() -> None:
    fit = CalibrationFit(Temperature(2.0), rows=1200, left_out=7, before=0.5, after=0.25)
    assert "on 1,200 held-out rows, 7 left out: log loss 0.5000 before, 0.2500 after" in fit_words(fit)
    without = CalibrationFit(Temperature(2.0), rows=60, left_out=0, before=0.5, after=0.25)
    assert "on 60 held-out rows: log loss" in fit_words(without)
