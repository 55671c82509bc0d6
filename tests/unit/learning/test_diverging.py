"""A learner whose weights grow by themselves: it is seen, its verdicts end, and it learns no more."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from models.online.declaration import OnlineDeclaration
from models.online.learner import FURTHEST, OnlineLearner
from models.online.parameters import FURTHEST_WEIGHT, LogisticRegression, Parameters
from streams.decide.learner import LearnerDecider
from streams.learner_role import learner_role
from streams.learning.base import LearnerBase
from streams.learning.report import ExampleFate, LearnerReport
from streams.records import Decision
from streams.settings import Settings
from streams.telemetry.metrics import Metrics
from tests.unit.learning.lessons import answered, base, batch_of, labelled, told, truth


def penalized(l2: float, *, learning_rate: float = 1.0) -> LearnerBase:
    """As a version that was declared before `l2` was bounded may be."""
    own = base(OnlineDeclaration(model="logistic_regression", learning_rate=learning_rate, scaler="none"))
    assert isinstance(own.parameters.model, LogisticRegression)
    model = msgspec.structs.replace(own.parameters.model, l2=l2)
    return replace(own, parameters=msgspec.structs.replace(own.parameters, model=model))


def weights(parameters: Parameters) -> list[float]:
    assert isinstance(parameters.model, LogisticRegression)
    return parameters.model.weights


def taught(of: LearnerDecider, cuts: list[int]) -> tuple[Any, list[LearnerReport]]:
    state, reports = of.load(0, {}), []
    told(of, state, answered(range(cuts[-1])))
    for begin, end in pairwise([0, *cuts]):
        numbers = range(begin, end)
        decision = told(of, state, labelled(numbers, [truth(n) for n in numbers], [False] * len(numbers)))
        assert isinstance(decision.report, LearnerReport)
        reports.append(decision.report)
        state = of.load(0, state.dump())
    return state, reports


def test_labels_that_a_diverged_learner_takes_nothing_from_are_counted_as_that() -> None:
    of = LearnerDecider(penalized(3.0), most=5000)
    state, reports = taught(of, [300, 1500, 1600])
    first, second, third = reports
    assert (first.fates, first.diverged) == ({ExampleFate.LEARNT: 300}, False)
    assert first.comparisons["1"].verdict == "better"
    assert second.diverged
    assert second.fates[ExampleFate.LEARNT] + second.fates[ExampleFate.DIVERGED] == 1200
    assert third.fates == {ExampleFate.DIVERGED: 100}
    assert state.knowledge.parameters.learned == 300 + second.fates[ExampleFate.LEARNT]
    assert second.comparisons == third.comparisons == state.knowledge.versions == {}
    assert np.isfinite(weights(state.knowledge.parameters)).all()


def test_where_it_stops_does_not_depend_on_how_records_are_batched() -> None:
    of = LearnerDecider(penalized(3.0), most=5000)
    assert taught(of, [1000])[0].dump() == taught(of, [*range(50, 1001, 50)])[0].dump()


def test_what_was_infinite_almost_before_does_not_learn_on() -> None:
    own = penalized(3.0)
    assert isinstance(own.parameters.model, LogisticRegression)
    model = msgspec.structs.replace(own.parameters.model, weights=[-9.6e299, 0.0, 0.0, 0.0])
    learner = OnlineLearner(msgspec.structs.replace(own.parameters, model=model))
    assert learner.diverged
    assert not learner.learn(np.zeros(4), 1)
    assert learner.learned == 0


@pytest.mark.parametrize("l2", [0.0, 0.99e-3])
def test_no_rows_lead_a_model_that_may_be_declared_there(l2: float) -> None:
    """The largest rate, numbers as large as they may be, and labels that are always the other one."""
    learner = OnlineLearner(
        OnlineDeclaration(model="logistic_regression", learning_rate=1000.0, l2=l2, scaler="none").untrained("ab", 2)
    )
    for number in range(500):
        row = np.array([FURTHEST, -FURTHEST]) * (-1) ** (number // 7)
        assert learner.learn(row, int(learner.predict(row)[1] < 0.5))
    assert not learner.diverged
    assert 0 < max(map(abs, weights(learner.parameters()))) < FURTHEST_WEIGHT


def test_it_is_logged_once_with_cause_and_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    own = penalized(3.0)
    monkeypatch.setattr("streams.learner_role.read_base", lambda _settings: own)
    nothing: Any = None
    role = learner_role(Settings(), Metrics(CollectorRegistry()), nothing)
    assert role is not None
    of = LearnerDecider(own, most=5000)
    _, reports = taught(of, [300, 1500, 1600])
    with capture_logs() as logs:
        for each in reports:
            role.on_committed(batch_of([]), Decision([], {}, each))
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert "diverged" in line["event"]
    assert "l2" in line["cause"]
    assert "below 1" in line["fix"]
