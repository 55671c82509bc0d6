"""Rows that the model is to blame for go down the ladder, and only these; what no rung answers is rejected."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fallback import Fallback
from models.manifest import Manifest, Output, Parity, ParitySample, Task
from models.prediction import FloatMatrix, ModelDeadline, Predictions
from streams.contracts import Reason, ServedBy
from streams.decide.predict import PredictDecider
from streams.joining.records import decode_join
from streams.ladder.breaker import FAILURES, FIRST_BACKOFF_S, PROBE_ROWS, Breaker, State
from streams.ladder.building import can_stand_in, make_ladder
from streams.ladder.ladder import Ladder
from streams.limits import Limits
from streams.model_call import Answers, predict
from streams.pipeline import Pipeline
from tests.unit.pipeline.fakes import SCHEMA, ToyModel, aged, batch_of, unprepared
from tests.unit.pipeline.test_blame import refusing, rows_of
from tests.unit.pipeline.test_predict_decider import decide, fresh, observations, published, serving

RULE = "'yes' if age / feature['monthly income/€'] > 0 else 'no'"
"""Has no answer where the income is null or 0."""


def manifest(fallback: Fallback, parity: Parity = Parity.BITS) -> Manifest:
    row = [41.0, None, 1.0, 1.0, 0.0]
    return Manifest(
        name="toy",
        version="7",
        created="2026-01-01T00:00:00Z",
        schema=SCHEMA,
        output=Output(Task.BINARY, ("no", "yes"), class_scores=True),
        parity_sample=ParitySample(rows=[row], expected=[[0.5, 0.5]]),
        libraries={},
        platform="",
        parity=parity,
        fallback=fallback,
    )


@dataclass
class World:
    """A model of which rows can be made bad, its ladder, and time."""

    fallback: Fallback
    parity: Parity = Parity.BITS
    bad: set[int] = field(default_factory=set)
    previous_bad: set[int] | None = None
    now: float = 100.0
    turns: list[State] = field(default_factory=list)
    fail: Callable[[FloatMatrix], None] | None = None

    def __post_init__(self) -> None:
        self.model = ToyModel(before=self._before)
        self.previous = ToyModel(before=self._previous_before, after=_mirrored)
        self.previous.version = "6"  # type: ignore[misc]
        self.breaker = Breaker(lambda state, _why: self.turns.append(state))
        self.asked = make_ladder(
            self.model,
            manifest(self.fallback, self.parity),
            previous=None if self.previous_bad is None else self.previous,
            clock=lambda: self.now,
            breaker=self.breaker,
        )

    def ladder(self, matrix: FloatMatrix) -> Answers:
        return self.asked(unprepared(matrix))

    def _before(self, matrix: FloatMatrix) -> None:
        (self.fail or refusing(self.bad))(matrix)

    def _previous_before(self, matrix: FloatMatrix) -> None:
        refusing(self.previous_bad or set())(matrix)


def _mirrored(_matrix: FloatMatrix, answer: Predictions) -> Predictions:
    """Other answers than the active version's."""
    assert answer.scores is not None and answer.class_scores is not None
    scores = 1.0 - np.array(answer.scores)
    outputs = np.column_stack((scores, 1.0 - answer.outputs[:, 1]))
    return Predictions([{"no": "yes", "yes": "no"}[str(v)] for v in answer.values], scores.tolist(), None, outputs)


def rich(total: int) -> FloatMatrix:
    """Rows that carry their number first, and every third an income of 0."""
    matrix = rows_of(total)
    matrix[:, 1] = np.arange(total) % 3
    return matrix


ROWS = st.integers(1, 60)


@settings(max_examples=150, deadline=None)
@given(
    total=ROWS,
    bad=st.sets(st.integers(0, 59)),
    previous_bad=st.none() | st.sets(st.integers(0, 59)),
    rule=st.booleans(),
    default=st.sampled_from([None, "no", "yes"]),
)
def test_each_row_is_answered_or_rejected_once_in_order_and_healthy_rows_keep_their_bits(
    total: int, bad: set[int], previous_bad: set[int] | None, rule: bool, default: str | None
) -> None:
    fallback = Fallback(previous=True, rule=RULE if rule else None, default=default)
    world = World(fallback, bad=bad, previous_bad=previous_bad)
    matrix = rich(total)
    answers = world.ladder(matrix)
    blamed = [blame.row for blame in answers.blamed]
    assert sorted([*answers.rows, *blamed]) == list(range(total))
    assert answers.rows == sorted(answers.rows)
    assert set(answers.degraded) == bad & set(answers.rows)
    assert {blame.reason for blame in answers.blamed} <= {Reason.MODEL_ERROR}
    expected = ToyModel().predict(matrix)
    for index, row in enumerate(answers.rows):
        how = answers.degraded.get(row)
        value, score = answers.predictions.values[index], (answers.predictions.scores or [])[index]
        by_class, outputs = answers.predictions.class_scores, answers.predictions.outputs[index]
        assert outputs[1] == ["no", "yes"].index(str(value))
        if how is None:
            assert (value, score) == (expected.values[row], (expected.scores or [])[row])
            assert (outputs == expected.outputs[row]).all()
            assert by_class is not None and (by_class[index] == expected.class_scores[row]).all()
            continue
        assert how.reason is Reason.MODEL_ERROR
        known = row % 3 != 0
        if previous_bad is not None and row not in previous_bad:
            assert (how.served_by, how.version, value != expected.values[row]) == (ServedBy.PREVIOUS, "6", True)
        elif rule and known:
            assert (how.served_by, how.version, value) == (ServedBy.RULE, "7", "yes" if row else "no")
        else:
            assert (how.served_by, how.version, value) == (ServedBy.DEFAULT, "7", default)
        assert np.isnan(score) != how.scored
        assert np.isnan(outputs[0]) != how.scored
    for row in blamed:
        assert default is None and (previous_bad is None or row in previous_bad) and not (rule and row % 3)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda scores: scores * np.nan, Reason.MODEL_OUTPUT),
        (lambda scores: scores + 1.0, Reason.MODEL_OUTPUT),
        (lambda scores: scores - 1.1, Reason.MODEL_OUTPUT),
        (lambda scores: scores[1:], Reason.MODEL_OUTPUT),
    ],
    ids=["NaN", "above 1", "below 0", "too few"],
)
def test_bad_output_is_a_failure_of_the_model(spoil: Callable[[Any], Any], reason: Reason) -> None:
    def after(_matrix: FloatMatrix, answer: Predictions) -> Predictions:
        scores = spoil(np.array(answer.scores))
        return Predictions(answer.values, scores.tolist(), answer.class_scores, answer.outputs)

    model = ToyModel(after=after)
    declared = manifest(Fallback(default="no"))
    ladder = make_ladder(model, declared, previous=None, clock=lambda: 0.0, breaker=Breaker())
    answers = ladder(unprepared(rows_of(4)))
    assert [answers.degraded[row].reason for row in range(4)] == [reason] * 4
    assert answers.predictions.values == ["no"] * 4


def test_a_probability_that_is_off_by_rounding_is_one() -> None:
    def after(_matrix: FloatMatrix, answer: Predictions) -> Predictions:
        return Predictions(answer.values, [1.0 + 3e-7] * len(answer.values), answer.class_scores, answer.outputs)

    assert predict(ToyModel(after=after), rows_of(3)).blamed == []


def test_rows_that_no_rung_answers_keep_the_reason_of_the_model() -> None:
    def hang(matrix: FloatMatrix) -> None:
        if (matrix[:, 0] == 3).any():
            raise ModelDeadline("no answer within 9 ms")

    answers = World(Fallback(rule=RULE), fail=hang).ladder(rich(6))
    assert [(b.row, b.reason, b.error) for b in answers.blamed] == [(3, Reason.MODEL_DEADLINE, "no answer within 9 ms")]


def failing(world: World, batches: int, rows: int = 20) -> None:
    world.fail = refusing(set(range(1000)))
    for _ in range(batches):
        world.ladder(rich(rows))


def test_an_open_breaker_spares_the_model_and_the_ladder_answers_all_rows() -> None:
    world = World(Fallback(default="no"))
    failing(world, FAILURES)
    assert world.turns == [State.OPEN]
    world.model.calls.clear()
    answers = world.ladder(rich(20))
    assert world.model.calls == []
    assert {how.served_by for how in answers.degraded.values()} == {ServedBy.DEFAULT}
    assert {how.reason for how in answers.degraded.values()} == {Reason.MODEL_ERROR}
    assert len(answers.degraded) == 20


def test_it_recovers_by_itself_after_few_rows_were_tried() -> None:
    world = World(Fallback(default="no"))
    failing(world, FAILURES)
    world.model.calls.clear()
    world.now += FIRST_BACKOFF_S
    world.ladder(rich(500))
    assert max(world.model.calls) <= PROBE_ROWS, "half open, only a few rows are risked"
    assert world.turns == [State.OPEN, State.HALF_OPEN, State.OPEN]
    world.fail = None
    world.now += FIRST_BACKOFF_S
    assert len(world.ladder(rich(20)).degraded) == 20, "the pause is twice as long"
    world.now += FIRST_BACKOFF_S
    answers = world.ladder(rich(500))
    assert world.turns[3:] == [State.HALF_OPEN, State.CLOSED]
    assert not answers.degraded
    assert answers.rows == list(range(500))
    assert answers.predictions.scores == ToyModel().predict(rich(500)).scores


def test_a_batch_without_a_row_is_no_trial() -> None:
    world = World(Fallback(default="no"))
    failing(world, FAILURES)
    world.now += FIRST_BACKOFF_S
    assert world.ladder(rich(0)).rows == []
    assert world.turns == [State.OPEN]


def test_a_model_that_was_given_up_is_spared_from_the_next_batch_on() -> None:
    def hang(_matrix: FloatMatrix) -> None:
        raise ModelDeadline("no answer", hopeless=True)

    world = World(Fallback(default="no"), fail=hang)
    world.ladder(rich(20))
    assert world.turns == [State.OPEN]


def test_where_something_else_answers_a_model_that_hangs_is_given_up_soon() -> None:
    def hang(_matrix: FloatMatrix) -> None:
        raise ModelDeadline("no answer")

    world = World(Fallback(default="no"), fail=hang)
    answers = world.ladder(rich(1000))
    assert world.model.calls == [1000, 500, 250, 1, 1, 1]
    assert len(answers.degraded) == 1000
    assert world.turns == [State.OPEN]


def test_a_row_that_it_hangs_on_is_found_all_the_same() -> None:
    def hang(matrix: FloatMatrix) -> None:
        if (matrix[:, 0] == 7).any():
            raise ModelDeadline("no answer")

    world = World(Fallback(default="no"), fail=hang)
    assert list(world.ladder(rich(1000)).degraded) == [7]
    assert world.turns == []


def test_rows_to_blame_never_open_it() -> None:
    world = World(Fallback(default="no"), bad={3, 4})
    for _ in range(5 * FAILURES):
        world.ladder(rich(20))
    assert world.turns == []


def test_no_row_is_lost_by_a_breaker_where_no_rung_has_an_answer() -> None:
    world = World(Fallback(rule=RULE))
    failing(world, FAILURES)
    world.fail = None
    answers = world.ladder(rich(9))
    assert (answers.blamed, answers.rows) == ([], list(range(9)))
    assert sorted(set(range(9)) - set(answers.degraded)) == [0, 3, 6], "the model was asked about these after all"
    assert world.turns[-1] is State.CLOSED


@pytest.mark.parametrize(
    ("changes", "can"),
    [
        ({}, True),
        ({"output": Output(Task.BINARY, ("no", "yes"), threshold=0.9, class_scores=True)}, True),
        ({"output": Output(Task.BINARY, ("no", "yes"))}, False),
        ({"output": Output(Task.BINARY, ("yes", "no"), class_scores=True)}, False),
        ({"schema": type(SCHEMA)(tuple(reversed(SCHEMA.features)))}, False),
    ],
)
def test_only_a_version_of_the_same_features_and_labels_stands_in(changes: dict[str, Any], can: bool) -> None:
    active = manifest(Fallback(previous=True))
    assert can_stand_in(msgspec.structs.replace(active, **changes), active) is can


def role(model: ToyModel, ladder: Ladder) -> PredictDecider:
    own = serving(model, ladder)
    return PredictDecider(lambda: own, dead_letters_topic="dead-letters", dedupe_window=100)


def test_each_output_says_who_served_it_and_why_and_is_observed_like_others() -> None:
    world = World(Fallback(previous=True, rule=RULE), bad={2, 3, 4, 5}, previous_bad={3, 4, 5})
    values = [aged(age, f"e{age}") for age in range(6)]
    values[5] = aged(5, "e4")  # a duplicate, degraded
    values[3] = json.dumps({"id": "e3", "features": {**json.loads(values[3])["features"], "monthly income/€": None}})
    values[3] = values[3].encode()
    of = role(world.model, world.asked)
    decision = decide(of, fresh(of, 0), batch_of(values))
    answers = {answer["source"]["offset"]: answer for answer in published(decision, "predictions")}
    assert list(answers) == [0, 1, 2, 4, 5], "in the order of the events"
    told = {
        offset: (a["served_by"], a["version"], a["degraded"], a.get("reason"), "score" in a, "scores" in a)
        for offset, a in answers.items()
    }
    model = ("model", "7", False, None, True, True)
    by_rule = ("rule", "7", True, "model_error", False, False)
    previous = ("previous", "6", True, "model_error", True)
    assert told == {0: model, 1: model, 2: (*previous, True), 4: by_rule, 5: by_rule}
    assert answers[5]["duplicate_of"] == "events/0/4/toy"
    (letter,) = [dict(record.headers or ()) for record in decision.outbox if record.topic == "dead-letters"]
    assert letter["weir-reason"] == b"model_error"
    assert sum(each.events for each in observations(decision)) == 4
    report: Any = decision.report
    assert report.served_by == {
        ("7", ServedBy.MODEL): 2, ("6", ServedBy.PREVIOUS): 1, ("7", ServedBy.RULE): 2,
    }  # fmt: skip
    assert report.reasons == {Reason.MODEL_ERROR: 3}
    assert len(report.scores) == 3 and np.isfinite(report.scores).all()


def test_a_degraded_answer_that_fits_into_no_message_is_a_dead_letter_and_counted_as_nothing_else() -> None:
    world = World(Fallback(default="no"), bad={1})
    of = role(world.model, world.asked)
    batch = batch_of([aged(age, f"e{age}") for age in range(3)], keys=[b"k", b"k" * 1_000_000, b"k"])
    report: Any = decide(of, fresh(of, 0), batch).report
    assert report.served_by == {("7", ServedBy.MODEL): 2}
    assert (report.reasons, sum(report.rejected.values())) == ({}, 1)


def test_the_previous_version_is_always_asked_where_nothing_stands_below_it() -> None:
    for default, asked in ((None, True), ("no", False)):
        everything = set(range(20))
        world = World(Fallback(previous=True, default=default), bad=everything, previous_bad=everything)
        for _ in range(2 * FAILURES):
            world.ladder(rich(20))
        world.previous.calls.clear()
        world.ladder(rich(20))
        assert bool(world.previous.calls) is asked


def test_the_label_join_is_told_the_version_that_answered_and_no_confidence_where_there_is_none() -> None:
    world = World(Fallback(previous=True, default="no"), bad={2, 3}, previous_bad={3})
    own = serving(world.model, world.asked, joins=1)
    of = PredictDecider(lambda: own, dead_letters_topic="dead-letters", dedupe_window=100)
    decision = decide(of, fresh(of, 0), batch_of([aged(age, f"e{age}") for age in range(4)]))
    told = [decode_join(record.value or b"") for record in decision.outbox if record.topic == "joins"]
    assert {(each.version, *each.ids): each.confidences is not None for each in told} == {  # type: ignore[union-attr]
        ("7", "e0", "e1"): True, ("6", "e2"): True, ("7", "e3"): False,
    }  # fmt: skip


def test_the_pipeline_alone_has_no_ladder() -> None:
    outcomes = Pipeline(ToyModel(), Limits()).run([aged(1, "e")], [0])
    assert (outcomes.degraded, outcomes.cache) == ({}, None)
