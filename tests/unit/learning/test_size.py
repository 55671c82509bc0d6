"""What may learn stays one record that a producer takes, however long it learns."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.challenge import PairCounts
from models.errors import ModelError
from models.manifest import Output, Task
from models.online.declaration import OnlineDeclaration
from models.online.parameters import (
    ClassGaussians,
    GaussianNaiveBayes,
    LogisticRegression,
    Parameters,
    Scaler,
)
from streams.base_version import require_room
from streams.decide.lesson import MOST_VERSIONS
from streams.kafka.deliveries import MAX_MESSAGE_BYTES
from streams.learning.base import LearnerBase
from streams.learning.comparison import LearnerComparison
from streams.learning.size import most_bytes
from streams.learning.state import Base, Knowledge, encode_knowledge
from tests.unit.learning.lessons import base

LONGEST, SPREAD, COUNT = -2.2250738585072014e-308, 2.2250738585072014e-308, 2**63 - 1
NAME = "v" * 63


def grown(parameters: Parameters) -> Knowledge:
    """As long as these parameters can become, and all else beside."""
    width = len(parameters.columns)
    counts, numbers, spreads = [COUNT] * width, [LONGEST] * width, [SPREAD] * width
    model: LogisticRegression | GaussianNaiveBayes
    if isinstance(parameters.model, LogisticRegression):
        model = LogisticRegression(SPREAD, SPREAD, SPREAD, LONGEST, numbers)
    else:
        places = range(parameters.labels)
        model = GaussianNaiveBayes([ClassGaussians(place, COUNT, counts, numbers, spreads) for place in places])
    many = PairCounts(COUNT // 4, COUNT // 4, COUNT // 4)
    return Knowledge(
        base=Base("m" * 64, NAME + "b", "d" * 64),
        parameters=Parameters(
            format=1,
            columns=parameters.columns,
            labels=parameters.labels,
            learned=COUNT,
            scaler=parameters.scaler and Scaler(counts, numbers, spreads),
            model=model,
        ),
        versions={f"{NAME}{n}": LearnerComparison(many, many, "better", "better") for n in range(MOST_VERSIONS)},
        end=COUNT,
    )


declared = st.sampled_from(
    [
        OnlineDeclaration(model="logistic_regression"),
        OnlineDeclaration(model="logistic_regression", scaler="none"),
        OnlineDeclaration(model="gaussian_nb"),
        OnlineDeclaration(model="gaussian_nb", scaler="none"),
    ]
)
names = st.lists(st.text(max_size=20), min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(declaration=declared, columns=names, labels=st.integers(2, 30))
def test_nothing_that_is_learnt_outgrows_its_bound(
    declaration: OnlineDeclaration, columns: list[str], labels: int
) -> None:
    parameters = declaration.untrained(columns, 2 if declaration.model == "logistic_regression" else labels)
    assert len(encode_knowledge(grown(parameters))) <= most_bytes(parameters)


@pytest.mark.parametrize("name", ["c{}", "a-name-of-some-length-that-counts-too={}"])
@pytest.mark.parametrize(("model", "labels"), [("logistic_regression", 2), ("gaussian_nb", 2), ("gaussian_nb", 40)])
def test_the_largest_that_is_let_in_is_taken_by_a_producer(model: str, labels: int, name: str) -> None:
    def of(width: int) -> LearnerBase:
        declaration = msgspec.convert({"model": model}, OnlineDeclaration)
        parameters = declaration.untrained([name.format(n) for n in range(width)], labels)
        return replace(base(declaration, Output(Task.BINARY, labels=("no", "yes"))), parameters=parameters)

    def let_in(width: int) -> bool:
        try:
            require_room(of(width), "here")
        except ModelError:
            return False
        return True

    least, most = 1, 25_000
    assert let_in(least)
    assert not let_in(most)
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if let_in(middle) else (least, middle)
    size = len(encode_knowledge(grown(of(least).parameters)))
    assert 0.8 * MAX_MESSAGE_BYTES < size < MAX_MESSAGE_BYTES


def test_events_whose_features_would_outgrow_a_record_are_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The true bound is held to what producers take in test_learner.py; a schema of so many takes a minute to make."""
    own = base(OnlineDeclaration(model="gaussian_nb"))
    require_room(own, "here")
    monkeypatch.setattr("streams.base_version.VALUES_PER_RECORD", 2)
    with pytest.raises(ModelError, match="3 features"):
        require_room(own, "here")
