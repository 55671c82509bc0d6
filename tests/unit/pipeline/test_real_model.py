"""A fitted scikit-learn model behind the pipeline."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.prediction import FloatMatrix, Predictions
from models.preprocessing.preparation import Preparation
from models.schema import Feature, InputSchema, Kind
from streams.contracts import Reason
from streams.limits import Limits
from streams.pipeline import Pipeline
from tests.unit.pipeline.fakes import NOW


class Fitted:
    """A binary LogisticRegression as models.prediction.Model; it takes no NaN, and raises for the whole call."""

    name, version, classes = "fitted", "1", ("0", "1")
    output_signals = (Feature("score"), Feature("class", Kind.CATEGORY, categories=("0", "1")))
    schema = InputSchema(tuple(Feature(name, nullable=True) for name in ("a", "b", "c")))
    preparation = Preparation(schema)
    keyed = None

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        rows = rng.normal(size=(500, 3))
        self.estimator = LogisticRegression().fit(rows, (rows @ [1.0, -2.0, 0.5] > 0).astype(int))

    def predict(self, matrix: FloatMatrix) -> Predictions:
        score = self.estimator.predict_proba(matrix)[:, 1]
        chosen = (score >= 0.5).astype(int)
        return Predictions(chosen.tolist(), score.tolist(), None, np.column_stack((score, chosen)))


def test_rows_with_null_are_blamed_and_the_others_answered_as_scikit_learn_does():
    model = Fitted()
    rows = np.random.default_rng(8).normal(size=(200, 3))
    values = [
        json.dumps({"id": f"e{i}", "features": dict(zip("abc", row, strict=True))}).encode()
        for i, row in enumerate(rows.tolist())
    ]
    for row in (0, 57, 58, 199):
        values[row] = json.dumps({"id": "n", "features": {"a": None, "b": 1.0, "c": 1.0}}).encode()
    outcomes = Pipeline(model, Limits()).run(values, [NOW] * len(values))
    assert [(r.row, r.reason) for r in outcomes.rejections] == [(row, Reason.MODEL_ERROR) for row in (0, 57, 58, 199)]
    assert "ValueError: Input X contains NaN" in outcomes.rejections[0].error
    expected = model.estimator.predict_proba(rows[outcomes.rows])[:, 1]
    assert outcomes.predictions.scores == pytest.approx(expected, abs=1e-12)
    assert outcomes.predictions.values == (expected >= 0.5).astype(int).tolist()
