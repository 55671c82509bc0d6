"""Online models: River's own numbers, from a file that is no pickle, learning on as if nothing had happened."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import compose, linear_model, naive_bayes, optim, preprocessing

from models.adding_river import make_river_candidate
from models.errors import ModelError
from models.online.declaration import OnlineDeclaration, read_declaration
from models.online.design import column_names, design
from models.online.learner import OnlineLearner
from models.online.parameters import Parameters, decode_parameters, encode_parameters
from models.online.probabilities import probabilities
from models.registry import Registry
from models.schema import UNSEEN, Feature, InputSchema, Kind
from tests.unit.models.building import REFERENCE, reseal

KINDS = [
    OnlineDeclaration(model="logistic_regression", learning_rate=0.1, l2=0.01),
    OnlineDeclaration(model="logistic_regression", scaler="none", intercept_learning_rate=0.05),
    OnlineDeclaration(model="gaussian_nb"),
    OnlineDeclaration(model="gaussian_nb", scaler="none"),
]
COLUMNS = ("a", "b", "c")

value = st.one_of(st.just(math.nan), st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0, -1.0]))
stream = st.lists(st.tuples(st.tuples(value, value, value), st.integers(0, 1)), min_size=1, max_size=60)


def rivers_own(declared: OnlineDeclaration) -> Any:
    """The pipeline as a user of River writes it."""
    model: Any = naive_bayes.GaussianNB()
    if declared.model == "logistic_regression":
        model = linear_model.LogisticRegression(
            optim.SGD(declared.learning_rate or 0.01),
            l2=declared.l2 or 0.0,
            intercept_lr=0.01 if declared.intercept_learning_rate is None else declared.intercept_learning_rate,
        )
    return compose.Pipeline(preprocessing.StandardScaler(), model) if declared.scaler == "standard" else model


@pytest.mark.parametrize("declared", KINDS, ids=str)
@settings(max_examples=60, deadline=None)
@given(rows=stream)
def test_answers_are_those_of_rivers_own_pipeline(declared: OnlineDeclaration, rows: list[Any]) -> None:
    own, learner = rivers_own(declared), OnlineLearner(declared.untrained(COLUMNS, 2))
    for values, place in rows:
        given_row = {name: number for name, number in zip(COLUMNS, values, strict=True) if not math.isnan(number)}
        due = own.predict_proba_one(given_row) or {0: 0.5, 1: 0.5}
        row = np.array(values)
        expected = [due.get(0, 0.0), due.get(1, 0.0)]
        assert learner.predict(row) == pytest.approx(expected, abs=1e-9)
        found = probabilities(learner.parameters(), row[np.newaxis])
        assert found[0].tolist() == pytest.approx(expected, abs=1e-9)
        own.learn_one(given_row, place)
        assert learner.learn(row, place)


@pytest.mark.parametrize("declared", KINDS, ids=str)
@settings(max_examples=60, deadline=None)
@given(rows=stream, cut=st.integers(0, 60))
def test_learning_goes_on_from_a_file_bit_for_bit(declared: OnlineDeclaration, rows: list[Any], cut: int) -> None:
    undisturbed = OnlineLearner(declared.untrained(COLUMNS, 2))
    restarted = OnlineLearner(declared.untrained(COLUMNS, 2))
    for number, (values, place) in enumerate(rows):
        if number == cut:
            restarted = OnlineLearner(decode_parameters(encode_parameters(restarted.parameters()), "test"))
        row = np.array(values)
        assert restarted.predict(row) == undisturbed.predict(row)
        undisturbed.learn(row, place)
        restarted.learn(row, place)
    assert encode_parameters(restarted.parameters()) == encode_parameters(undisturbed.parameters())


@pytest.mark.parametrize("declared", KINDS, ids=str)
def test_a_restart_after_each_row_loses_no_bit(declared: OnlineDeclaration) -> None:
    rng = np.random.default_rng(6)
    undisturbed = OnlineLearner(declared.untrained(COLUMNS, 2))
    restarted = OnlineLearner(undisturbed.parameters())
    for row in rng.normal(size=(300, 3)) / 3:
        place = int(row[0] > 0.1)
        undisturbed.learn(row, place)
        restarted.learn(row, place)
        restarted = OnlineLearner(decode_parameters(encode_parameters(restarted.parameters()), "test"))
    assert restarted.parameters() == undisturbed.parameters()


@pytest.mark.parametrize("declared", KINDS, ids=str)
def test_a_row_has_the_same_bits_wherever_it_stands(declared: OnlineDeclaration) -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(999, 3))
    rows[rng.random(rows.shape) < 0.1] = math.nan
    learner = OnlineLearner(declared.untrained(COLUMNS, 2))
    for row in rows[:200]:
        learner.learn(row, int(row[0] > 0))
    parameters = learner.parameters()
    whole = probabilities(parameters, rows)
    alone = np.vstack([probabilities(parameters, rows[at : at + 1]) for at in range(len(rows))])
    assert (whole == alone).all()
    assert whole.sum(axis=1) == pytest.approx(1.0)


def test_several_classes_in_any_order_of_appearance() -> None:
    declared = OnlineDeclaration(model="gaussian_nb")
    rng = np.random.default_rng(2)
    own, learner = rivers_own(declared), OnlineLearner(declared.untrained(COLUMNS, 4))
    for _ in range(300):
        place = int(rng.integers(1, 4))  # the first is never seen
        row = rng.normal(loc=place, size=3)
        own.learn_one(dict(zip(COLUMNS, row.tolist(), strict=True)), place)
        learner.learn(row, place)
    rows = rng.normal(loc=2, size=(50, 3))
    found = probabilities(decode_parameters(encode_parameters(learner.parameters()), "test"), rows)
    for row, answer in zip(rows, found, strict=True):
        due = own.predict_proba_one(dict(zip(COLUMNS, row.tolist(), strict=True)))
        assert answer.tolist() == pytest.approx([due.get(place, 0.0) for place in range(4)], abs=1e-9)
    assert (found[:, 0] == 0).all()


def test_a_number_that_would_end_the_model_is_not_learnt() -> None:
    learner = OnlineLearner(OnlineDeclaration(model="logistic_regression").untrained(COLUMNS, 2))
    assert learner.learn(np.array([1.0, 2.0, 3.0]), 1)
    before = learner.parameters()
    assert not learner.learn(np.array([1e200, 2.0, 3.0]), 1)
    assert learner.parameters() == before


SCHEMA = InputSchema(
    (
        Feature("age", nullable=True),
        Feature("plan", Kind.CATEGORY, nullable=True, categories=("free", "pro", "team")),
        Feature("new", Kind.BOOLEAN),
    )
)


def test_categories_become_columns_and_null_is_in_none_of_them() -> None:
    assert column_names(SCHEMA) == ("age", "plan=free", "plan=pro", "plan=team", "new")
    rows = np.array([[30.0, 1.0, 1.0], [math.nan, math.nan, 0.0], [5.0, UNSEEN, 0.0]])
    none = math.nan
    due = [[30.0, 0.0, 1.0, 0.0, 1.0], [none, none, none, none, 0.0], [5.0, 0.0, 0.0, 0.0, 0.0]]
    np.testing.assert_array_equal(design(SCHEMA, rows), np.array(due))


def labelled(rows: int = 600) -> Iterator[Any]:
    rng = np.random.default_rng(4)
    age, plan, new = rng.normal(40, 9, rows), rng.integers(0, 3, rows), rng.integers(0, 2, rows)
    age[rng.random(rows) < 0.05] = math.nan
    yield np.column_stack((age, plan, new)).astype(float)
    yield ["yes" if a + 10 * (p == 1) > 43 else "no" for a, p in zip(age, plan, strict=True)]


def candidate(declared: OnlineDeclaration, **more: Any) -> Any:
    matrix, target = labelled()
    named = {"name": "churn", "created": "2026-01-01T00:00:00Z", "where": "test", "target": target}
    return make_river_candidate(declared, SCHEMA, matrix, **(named | more))


@pytest.mark.parametrize("declared", [KINDS[0], *KINDS[2:]], ids=str)  # unscaled ages are too much for the second
def test_it_is_a_version_like_any_other(declared: OnlineDeclaration, tmp_path: Path) -> None:
    made = candidate(declared)
    assert 0.5 < made.prequential <= 1
    registry = Registry(tmp_path)
    registry.publish(made.manifest, made.files(REFERENCE))
    model = registry.load("churn")
    assert (model.manifest.runtime, model.manifest.estimator) == ("river", "estimator.json")
    assert model.classes == ("no", "yes")
    matrix, target = labelled()
    answers = model.predict(matrix)
    assert answers.values == made.model.predict(matrix).values
    assert np.mean([a == t for a, t in zip(answers.values, target, strict=True)]) > 0.6


def test_prequential_accuracy_is_of_answers_from_before_learning() -> None:
    """Labels that alternate are always answered wrong by a model that counts what it has seen."""
    matrix = np.ones((100, 1))
    declared = OnlineDeclaration(model="logistic_regression", scaler="none", learning_rate=1.0)
    made = make_river_candidate(
        declared,
        InputSchema((Feature("x"),)),
        matrix,
        name="m",
        created="2026-01-01T00:00:00Z",
        where="test",
        target=[True, False] * 50,
    )
    assert made.prequential < 0.1


def test_three_classes_need_a_model_that_knows_them() -> None:
    target = ["a", "b", "c"] * 200
    with pytest.raises(ModelError, match="two classes") as refused:
        candidate(KINDS[0], target=target)
    assert "gaussian_nb" in refused.value.fix
    assert candidate(KINDS[2], target=target).manifest.output.names == ("a", "b", "c")


@pytest.mark.parametrize(("target", "words"), [(None, "nothing to learn"), (["yes"] * 600, "1 different")])
def test_a_target_to_learn_is_needed(target: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        candidate(KINDS[0], target=target)


def test_numbers_as_labels_are_in_their_order() -> None:
    _, target = labelled()
    made = candidate(KINDS[2], target=[10 if label == "yes" else 9 for label in target])
    assert made.manifest.output.labels == (9, 10)


def good() -> dict[str, Any]:
    learner = OnlineLearner(KINDS[2].untrained(COLUMNS, 2))
    learner.learn(np.array([1.0, 2.0, 3.0]), 1)
    written: dict[str, Any] = json.loads(encode_parameters(learner.parameters()))
    return written


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"columns": ["a", "b"]},
        {"columns": []},
        {"labels": 1},
        {"learned": -1},
        {"surplus": 1},
        {"scaler": {"counts": [1, 1, 1], "means": [0, 0, 0], "variances": [0, 0, -1]}},
        {"scaler": {"counts": [1, 1, 1], "means": [0, None, 0], "variances": [0, 0, 0]}},
        {"model": {"kind": "GaussianNaiveBayes", "classes": [{"label": 2, "rows": 1}]}},
        {"model": {"kind": "Pickle"}},
    ],
)
def test_what_is_no_model_is_refused(change: dict[str, Any]) -> None:
    assert decode_parameters(json.dumps(good()).encode(), "here").learned == 1
    with pytest.raises(ModelError, match="do not hold"):
        decode_parameters(json.dumps(good() | change).encode(), "here")


@settings(max_examples=200, deadline=None)
@given(data=st.one_of(st.binary(max_size=200), st.integers(0, 300).map(lambda at: json.dumps(good()).encode()[:at])))
def test_no_bytes_lead_to_another_error(data: bytes) -> None:
    with pytest.raises(ModelError):
        decode_parameters(data, "here")


def test_parameters_of_another_model_are_refused(tmp_path: Path) -> None:
    made = candidate(KINDS[0])
    registry = Registry(tmp_path)
    registry.publish(made.manifest, made.files(REFERENCE))
    strange = OnlineLearner(KINDS[0].untrained(("other",), 2)).parameters()
    reseal(tmp_path / "churn" / "1", {"estimator.json": encode_parameters(strange)})
    with pytest.raises(ModelError, match="columns"):
        registry.load("churn")


def test_a_declaration_is_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    file.write_text('model = "logistic_regression"\nlearning_rate = 0.5\n')
    assert read_declaration(file) == OnlineDeclaration(model="logistic_regression", learning_rate=0.5)
    for text, word in [
        ('model = "logistic_regression"\nlearning_rat = 1', "did you mean learning_rate"),
        ('model = "forest"', "forest"),
        ('model = "gaussian_nb"\nl2 = 0.5', "no rates"),
        ('model = "logistic_regression"\nl2 = -1', "l2"),
        ('model = "logistic_regression"\nlearning_rate = 1\nl2 = 1', "smaller l2"),
        ('model = "logistic_regression"\nl2 = 100', "learning_rate times l2 is 1"),
        ("model =", "cannot be read"),
    ]:
        file.write_text(text)
        with pytest.raises(ModelError, match=word):
            read_declaration(file)
    with pytest.raises(ModelError):
        read_declaration(tmp_path / "absent.toml")


def test_floats_keep_their_bits() -> None:
    learner = OnlineLearner(KINDS[0].untrained(COLUMNS, 2))
    rng = np.random.default_rng(9)
    for row in rng.normal(size=(50, 3)) / 3:
        learner.learn(row, int(row[0] > 0))
    own = learner.parameters()
    again: Parameters = decode_parameters(encode_parameters(own), "test")
    assert msgspec.to_builtins(again) == msgspec.to_builtins(own)
