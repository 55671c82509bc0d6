"""A model's answers to rows: each in its place, whatever was refused before it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from drift.scenarios import Rows
from models.registry import Registry
from models.schema import Feature, InputSchema
from streams.limits import Limits
from streams.modelling import publish_estimator
from streams.pipeline import Pipeline
from streams.trial.answering import answer
from streams.trial.watching import ROWS_AT_ONCE
from tests.unit.trial.building import START, rows


def test_answers_keep_the_numbers_and_times_of_their_rows(tmp_path: Path) -> None:
    own = rows(ROWS_AT_ONCE + 500)
    target = (own.matrix[:, 0] > 50).astype(int)
    sizes = own.matrix[:, :1].copy()
    publish_estimator(tmp_path, "m", LogisticRegression().fit(sizes, target), InputSchema((Feature("size"),)), sizes)
    model = Registry(tmp_path).load("m")
    refused = [3, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 7]
    own.matrix[refused, 0] = np.nan
    answered = answer(Pipeline(model, Limits()), Rows(own.specs[:1], own.matrix[:, :1], own.times_ms))
    left = np.setdiff1d(np.arange(len(own)), refused)
    assert np.array_equal(answered.rows.rows, left)
    assert np.array_equal(answered.rows.times_ms, START + left * 5)
    assert np.array_equal(answered.rows.matrix[:, 0], own.matrix[left, 0])
    assert np.array_equal(answered.rows.matrix[:, 1:], model.predict(own.matrix[left, :1]).outputs)
    assert answered.rejected == {"feature_null": 4}
