"""A failing model: the rows to blame are found with few calls, the others keep their answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.prediction import FloatMatrix, ModelDeadline, ModelProcessDied, ModelRaised, Predictions
from streams.contracts import Reason, Stage
from streams.limits import Limits
from streams.model_call import predict
from streams.pipeline import Pipeline
from tests.unit.pipeline.fakes import NOW, ToyModel, aged


def rows_of(total: int) -> FloatMatrix:
    """Rows that carry their number as the first feature."""
    matrix = np.zeros((total, 5))
    matrix[:, 0] = np.arange(total)
    return matrix


def refusing(bad: set[int]) -> Callable[[FloatMatrix], None]:
    def before(matrix: FloatMatrix) -> None:
        if not bad.isdisjoint(matrix[:, 0].astype(int).tolist()):
            raise ArithmeticError("no answer for this row")

    return before


def call_limit(total: int, bad: int) -> float:
    """Twice the rows at the worst, about 2 log2 n a bad row where they are few."""
    return min(2 * total, (bad + 1) * 2 * math.log2(max(total, 2))) + math.log2(max(total, 2)) + 2


@settings(max_examples=400, deadline=None)
@given(total=st.integers(1, 300), data=st.data())
def test_exactly_the_bad_rows_are_blamed_with_few_calls(total, data):
    bad = data.draw(st.sets(st.integers(0, total - 1)) | st.just(set(range(total))) | st.just(set(range(0, total, 2))))
    model = ToyModel(before=refusing(bad))
    matrix = rows_of(total)
    answers = predict(model, matrix)
    assert [blame.row for blame in answers.blamed] == sorted(bad)
    assert {blame.reason for blame in answers.blamed} <= {Reason.MODEL_ERROR}
    assert answers.rows == [row for row in range(total) if row not in bad]
    expected = ToyModel().predict(matrix)
    assert answers.predictions.values == [expected.values[row] for row in answers.rows]
    if answers.rows:
        assert answers.predictions.scores == [expected.scores[row] for row in answers.rows]
        assert (answers.predictions.class_scores == expected.class_scores[answers.rows]).all()
    assert (answers.predictions.outputs == expected.outputs[answers.rows]).all()
    assert len(model.calls) <= call_limit(total, len(bad))


@pytest.mark.parametrize(
    ("bad", "at_most"),
    [
        (set(), 1),
        ({0}, 40),
        ({4095}, 40),
        (set(range(4096)), 4096 + 13),
        (set(range(0, 4096, 2)), 2 * 4096),
        (set(range(2048, 4096)), 2 * 4096),
        (set(range(0, 4096, 100)), 41 * 12),
    ],
    ids=["none", "first", "last", "all", "every second", "second half", "one in a hundred"],
)
def test_calls_of_a_large_batch_are_bounded(bad, at_most):
    model = ToyModel(before=refusing(bad))
    answers = predict(model, rows_of(4096))
    assert {blame.row for blame in answers.blamed} == bad
    assert len(model.calls) <= at_most


def test_rows_that_fail_only_in_company_are_all_answered():
    def before(matrix: FloatMatrix) -> None:
        if {3, 11} <= set(matrix[:, 0].astype(int).tolist()):
            raise MemoryError

    model = ToyModel(before=before)
    answers = predict(model, rows_of(16))
    assert answers.blamed == []
    assert answers.rows == list(range(16))
    assert answers.predictions.scores == ToyModel().predict(rows_of(16)).scores


def test_a_model_that_takes_rows_only_one_by_one_answers_all():
    def before(matrix: FloatMatrix) -> None:
        if len(matrix) > 1:
            raise ValueError("one row at a time, please")

    answers = predict(ToyModel(before=before), rows_of(33))
    assert answers.rows == list(range(33)) and answers.blamed == []


@pytest.mark.parametrize(
    ("error", "reason"), [(ModelDeadline, Reason.MODEL_DEADLINE), (ModelProcessDied, Reason.MODEL_ERROR)]
)
def test_when_it_is_hopeless_all_that_is_left_is_blamed_at_once(error, reason):
    def before(matrix: FloatMatrix) -> None:
        if (matrix[:, 0] >= 700).any():
            raise error("no answer", hopeless=len(model.calls) >= 6)

    model = ToyModel(before=before)
    answers = predict(model, rows_of(1000))
    assert model.calls == [1000, 500, 250, 125, 62, 31, 1], "and the last row, to see whether it hangs on everything"
    assert answers.rows == list(range(687))  # 500, 125 and 62 rows were answered before, and stay so
    assert [(blame.row, blame.reason) for blame in answers.blamed] == [(row, reason) for row in range(687, 1000)]
    assert answers.predictions.scores == ToyModel().predict(rows_of(687)).scores


def test_without_an_answer_and_yet_not_hopeless_the_one_row_is_searched():
    def before(matrix: FloatMatrix) -> None:
        if (matrix[:, 0] == 700).any():
            raise ModelDeadline("no answer")

    answers = predict(ToyModel(before=before), rows_of(1000))
    assert [(blame.row, blame.reason, blame.error) for blame in answers.blamed] == [
        (700, Reason.MODEL_DEADLINE, "no answer")
    ]


def test_what_a_model_in_another_process_raised_reads_as_if_raised_here():
    def before(_matrix: FloatMatrix) -> None:
        raise ModelRaised("KeyError", "'thirteen'")

    assert predict(ToyModel(before=before), rows_of(1)).blamed[0].error == "the model raised KeyError: 'thirteen'"


def test_the_pipeline_tells_what_the_model_raised_and_answers_the_rest():
    def before(matrix: FloatMatrix) -> None:
        if (matrix[:, 0] == 13).any():
            raise KeyError("thirteen\nis unlucky")

    values = [aged(age, f"e{age}") for age in (12, 13, 14, 13)]
    outcomes = Pipeline(ToyModel(before=before), Limits()).run([*values, b"{"], [NOW] * 5)
    assert outcomes.event_ids == ["e12", "e14"]
    assert outcomes.matrix[:, 0].tolist() == [12.0, 14.0]
    assert [(r.row, r.stage, r.reason) for r in outcomes.rejections] == [
        (1, Stage.PREDICT, Reason.MODEL_ERROR),
        (3, Stage.PREDICT, Reason.MODEL_ERROR),
        (4, Stage.DECODE, Reason.JSON),
    ]
    assert outcomes.rejections[0].error == r"the model raised KeyError: 'thirteen\nis unlucky'"


def spoil(**columns: Callable[[FloatMatrix, Predictions], object]) -> Callable[[FloatMatrix, Predictions], Predictions]:
    """Change columns of an answer where the first feature is 13."""

    def after(matrix: FloatMatrix, answer: Predictions) -> Predictions:
        if not (matrix[:, 0] == 13).any():
            return answer
        return replace(answer, **{name: column(matrix, answer) for name, column in columns.items()})

    return after


def at_13(value: object) -> Callable[[FloatMatrix, list[object]], list[object]]:
    return lambda matrix, column: [value if age == 13 else one for age, one in zip(matrix[:, 0], column, strict=True)]


SPOILT = {
    "NaN score": spoil(scores=lambda m, a: at_13(math.nan)(m, a.scores)),
    "infinite score": spoil(scores=lambda m, a: at_13(math.inf)(m, a.scores)),
    "None for a score": spoil(scores=lambda m, a: at_13(None)(m, a.scores)),
    "NaN class score": spoil(class_scores=lambda m, a: np.where(m[:, :1] == 13, math.nan, a.class_scores)),
    "NaN output": spoil(outputs=lambda m, a: np.where(m[:, :1] == 13, math.nan, a.outputs)),
    "NaN value": spoil(values=lambda m, a: at_13(math.nan)(m, a.values)),
    "None for a value": spoil(values=lambda m, a: at_13(None)(m, a.values)),
    "numpy value": spoil(values=lambda m, a: at_13(np.float64(1.0))(m, a.values)),
    "a list for a value": spoil(values=lambda m, a: at_13([1])(m, a.values)),
    "a row too few": spoil(values=lambda m, a: a.values[1:]),
    "a score too many": spoil(scores=lambda m, a: [*a.scores, 0.5]),
    "flat outputs": spoil(outputs=lambda m, a: a.outputs.ravel()),
    "a class too many": spoil(class_scores=lambda m, a: np.hstack((a.class_scores, a.class_scores))),
    "text for outputs": spoil(outputs=lambda m, a: [["x"]]),
    "no values": spoil(values=lambda m, a: None),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_spoilt_answer_is_the_models_fault_for_its_row_alone(fault):
    values = [aged(age, f"e{age}") for age in (11, 12, 13, 14, 15)]
    outcomes = Pipeline(ToyModel(after=SPOILT[fault]), Limits()).run(values, [NOW] * 5)
    assert [(r.row, r.stage, r.reason) for r in outcomes.rejections] == [(2, Stage.POSTPROCESS, Reason.MODEL_OUTPUT)]
    assert outcomes.event_ids == ["e11", "e12", "e14", "e15"]
    good = Pipeline(ToyModel(), Limits()).run([values[i] for i in (0, 1, 3, 4)], [NOW] * 4)
    assert outcomes.predictions.scores == good.predictions.scores
    assert outcomes.predictions.values == good.predictions.values


def test_an_answer_of_no_sort_blames_every_row():
    outcomes = Pipeline(ToyModel(after=lambda _m, _a: None), Limits()).run([aged(1, "a"), aged(2, "b")], [NOW] * 2)
    assert [r.reason for r in outcomes.rejections] == [Reason.MODEL_OUTPUT] * 2


def test_a_regressor_has_no_scores_and_its_infinite_answer_is_refused():
    class Regressor(ToyModel):
        classes = ()
        output_signals = ToyModel.output_signals[:1]

        def predict(self, matrix: FloatMatrix) -> Predictions:
            with np.errstate(divide="ignore"):
                numbers = 1.0 / matrix[:, 0]
            return Predictions(numbers.tolist(), None, None, np.zeros((len(matrix), 1)))

    outcomes = Pipeline(Regressor(), Limits()).run([aged(2, "a"), aged(0, "b"), aged(4, "c")], [NOW] * 3)
    assert outcomes.predictions.values == [0.5, 0.25] and outcomes.predictions.scores is None
    assert [(r.row, r.reason) for r in outcomes.rejections] == [(1, Reason.MODEL_OUTPUT)]


def hanging(hangs: Callable[[FloatMatrix], bool]) -> ToyModel:
    """Without an answer where `hangs` says so; from 16 calls in a row on it says that it is hopeless."""
    in_a_row = 0

    def before(matrix: FloatMatrix) -> None:
        nonlocal in_a_row
        in_a_row = in_a_row + 1 if hangs(matrix) else 0
        if in_a_row:
            raise ModelDeadline("no answer", hopeless=in_a_row >= 16)

    return ToyModel(before=before)


def test_a_clump_of_rows_that_hang_costs_no_neighbour_its_answer():
    model = hanging(lambda matrix: bool(((matrix[:, 0] >= 100) & (matrix[:, 0] < 105)).any()))
    answers = predict(model, rows_of(2048))
    assert [(blame.row, blame.reason) for blame in answers.blamed] == [
        (row, Reason.MODEL_DEADLINE) for row in range(100, 105)
    ]


def test_a_model_that_hangs_on_all_but_the_last_row_does_not_cost_a_deadline_a_row():
    model = hanging(lambda matrix: bool((matrix[:, 0] < 2047).any()))
    answers = predict(model, rows_of(2048))
    assert len(model.calls) < 200
    assert len(answers.blamed) + len(answers.rows) == 2048
