"""A challenger beside the version that answers: what is published, in which order, and what the label join is told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from drift.challenge import PAIRS
from models.prediction import FloatMatrix, Predictions
from models.preprocessing.declared import Preprocessing
from models.preprocessing.derive import Derive
from models.preprocessing.preparation import Preparation
from models.preprocessing.time_part import TimePart
from streams.contracts import Reason, ServedBy
from streams.decide.canary import in_share
from streams.decide.contest import Challenger
from streams.decide.predict import PredictDecider
from streams.decide.several import SeveralDecider
from streams.feature_rows import FeatureRows
from streams.joining.records import Answers as AnswerRecord
from streams.joining.records import decode_join
from streams.ladder.degradation import Degradation
from streams.model_call import Answers, Blame, no_predictions, predict
from streams.records import BatchReport, ChallengerUse, Decision, RecordBatch
from tests.unit.pipeline.fakes import NOW, SCHEMA, ToyModel, aged, batch_of
from tests.unit.pipeline.test_bad_input import FAMILIES
from tests.unit.pipeline.test_predict_decider import TOPICS, decide, fresh, observations, published, serving


def opposite(_matrix: FloatMatrix, answer: Predictions) -> Predictions:
    """What tells the challenger's answers from the champion's."""
    scores = [1.0 - score for score in answer.scores or []]
    values = ["yes" if score >= 0.5 else "no" for score in scores]
    outputs = np.column_stack((scores, [float(value == "yes") for value in values]))
    assert answer.class_scores is not None
    return Predictions(values, scores, answer.class_scores[:, ::-1], outputs)


def challenger(
    ask: Callable[[FloatMatrix], Answers | None] | None = None,
    share: float = 0.0,
    clock: Callable[[], float] = lambda: 0.0,
) -> Challenger:
    model = ToyModel(after=opposite)
    model.version = "8"  # type: ignore[misc]
    return Challenger("7", model, serving(model).encoder, share, ask or (lambda matrix: predict(model, matrix)), clock)


def role(against: Challenger | None, champion: ToyModel | None = None, **more: Any) -> PredictDecider:
    own = serving(champion or ToyModel(), joins=1, **more)
    return PredictDecider(
        lambda: own, dead_letters_topic=TOPICS.dead_letters, dedupe_window=100, challenger=lambda _serving: against
    )


def decided(of: PredictDecider, batch: RecordBatch) -> Decision:
    return decide(of, fresh(of, 0, 1, 2), batch)


def joined(decision: Decision) -> dict[str, tuple[Any, Any]]:
    """By event id what the champion answered, and the challenger."""
    found: dict[str, tuple[Any, Any]] = {}
    for record in decision.outbox:
        if record.topic == "joins":
            answers = decode_join(record.value or b"")
            assert isinstance(answers, AnswerRecord)
            assert answers.version == "7"
            others = answers.beside.predictions if answers.beside else [None] * len(answers.ids)
            assert answers.beside is None or answers.beside.version == "8"
            found |= {
                id_: (value, other) for id_, value, other in zip(answers.ids, answers.predictions, others, strict=True)
            }
    return found


MANY = batch_of([aged(n % 100, f"e{n}") for n in range(300)], partitions=[n % 3 for n in range(300)])


def report_of(decision: Decision) -> BatchReport:
    assert isinstance(decision.report, BatchReport)
    return decision.report


def test_a_shadow_publishes_nothing_but_what_the_join_is_told() -> None:
    alone, shadowed = decided(role(None), MANY), decided(role(challenger()), MANY)
    assert [each for each in shadowed.outbox if each.topic != "joins"] == [
        each for each in alone.outbox if each.topic != "joins"
    ]
    pairs = joined(shadowed)
    assert {id_: value for id_, (value, _) in pairs.items()} == {id_: own for id_, (own, _) in joined(alone).items()}
    assert all({value, other} == {"yes", "no"} for value, other in pairs.values())
    assert report_of(shadowed).challenger == ChallengerUse("8", 300, 0, 0, 0)
    assert replace(report_of(shadowed), challenger=None).served_by == report_of(alone).served_by


def test_a_canary_answers_its_keys_and_nobody_else() -> None:
    share = 0.3
    decision = decided(role(challenger(share=share)), MANY)
    expected = in_share("toy", [key or b"" for key in MANY.keys], share)
    told = published(decision, "predictions")
    assert [answer["event_id"] for answer in told] == [f"e{n}" for n in range(300)]
    assert [answer["version"] == "8" for answer in told] == expected.tolist()
    assert {(answer["served_by"], answer["degraded"]) for answer in told} == {("model", False)}
    own = {version: [a for a in told if a["version"] == version] for version in "78"}
    alone = {answer["event_id"]: answer for answer in published(decided(role(None), MANY), "predictions")}
    assert own["7"] == [alone[answer["event_id"]] for answer in own["7"]]
    for answer in own["8"]:
        assert answer["score"] == pytest.approx(1 - alone[answer["event_id"]]["score"])
        assert answer["id"] == alone[answer["event_id"]]["id"]
    assert report_of(decision).served_by == {
        ("7", ServedBy.MODEL): len(own["7"]), ("8", ServedBy.MODEL): len(own["8"])
    }  # fmt: skip
    assert report_of(decision).classes == Counter(answer["prediction"] for answer in told)
    assert sorted(report_of(decision).scores.tolist()) == sorted(answer["score"] for answer in told)


def test_what_drift_sees_and_what_is_compared_does_not_depend_on_the_share() -> None:
    alone, shadowed, canary = (decided(role(against), MANY) for against in (None, challenger(), challenger(share=0.5)))
    assert observations(canary) == observations(alone)
    assert joined(canary) == joined(shadowed)


def test_a_row_that_the_challenger_fails_on_is_the_champions() -> None:
    def fails_on_some(matrix: FloatMatrix) -> None:
        if (matrix[:, 0] % 7 == 0).any():
            raise ValueError("seven")

    broken = ToyModel(before=fails_on_some, after=opposite)
    of = role(challenger(lambda matrix: predict(broken, matrix), share=1.0))
    decision = decided(of, MANY)
    told = published(decision, "predictions")
    assert len(told) == 300
    assert {n for n, answer in enumerate(told) if answer["version"] == "7"} == {
        n for n in range(300) if n % 100 % 7 == 0
    }
    use = report_of(decision).challenger
    assert use == ChallengerUse("8", 255, 45, 0, 255)
    assert sum(other is None for _, other in joined(decision).values()) == 45


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_challenger_that_is_not_asked_changes_nothing(share: float) -> None:
    decision, alone = decided(role(challenger(lambda _matrix: None, share)), MANY), decided(role(None), MANY)
    assert decision.outbox == alone.outbox
    assert report_of(decision).challenger == ChallengerUse("8", 0, 0, 300, 0)


def test_it_is_asked_about_what_the_champion_itself_answered() -> None:
    """Not about dead letters, and not about what a rung answered: that would compare it with another version."""
    asked: list[int] = []

    def answer(rows: FeatureRows) -> Answers:
        matrix = rows.prepared
        answers = predict(ToyModel(), matrix)
        return replace(
            answers,
            rows=answers.rows[:-1],
            predictions=ToyModel().predict(matrix[:-1]),
            blamed=[Blame(len(matrix) - 1, Reason.MODEL_ERROR, "the last")],
            degraded={0: Degradation(ServedBy.PREVIOUS, "6", Reason.MODEL_ERROR)},
        )

    def ask(matrix: FloatMatrix) -> Answers:
        asked.append(len(matrix))
        return predict(ToyModel(after=opposite), matrix)

    decision = decided(role(challenger(ask, 1.0), answer=answer), batch_of([aged(n, f"e{n}") for n in range(10)]))
    assert asked == [8]
    assert [answer["served_by"] for answer in published(decision, "predictions")] == ["previous", *["model"] * 8]
    assert (
        len(published(decision, "predictions")) + len([r for r in decision.outbox if r.topic == "dead-letters"]) == 10
    )


def test_where_a_band_is_declared_drift_is_told_what_became_of_each_batch() -> None:
    def ask(matrix: FloatMatrix) -> Answers:
        whole = predict(ToyModel(after=opposite), matrix)
        return Answers(whole.rows[1:], ToyModel(after=opposite).predict(matrix[1:]), [Blame(0, Reason.MODEL_ERROR, "")])

    against = replace(challenger(ask), edges=np.array([0.4, 0.6]))
    batch = batch_of([aged(n, f"e{n % 20}") for n in range(30)], partitions=[n % 2 for n in range(30)], first_offset=7)
    decision = decided(role(against), batch)
    told = [own for own in observations(decision) if own.stream == PAIRS]
    [conducted] = told
    assert [own for own in observations(decision) if own.stream != PAIRS] == observations(decided(role(None), batch))
    conduct = conducted.conduct
    assert conduct is not None
    assert (conduct.champion, conducted.version, conduct.answered, conduct.missed) == ("7", "8", 29, 1)
    assert conduct.by_challenger == conduct.by_champion[::-1], "the scores are mirrored"
    assert (sum(conduct.by_champion), len(conduct.by_champion)) == (29, 3)
    assert (conducted.partition, conducted.first_offset, conducted.last_offset) == (0, 7, 21)


@pytest.mark.parametrize("unprepared", [False, True])
def test_of_a_batch_that_it_was_not_asked_about_drift_is_told_nothing(unprepared: bool) -> None:
    """An open circuit is no further failure, and rows that it cannot prepare are then but a part of the batch."""
    against = replace(challenger(lambda _matrix: None), edges=np.array([0.5]))
    if unprepared:
        steps = (Derive("log", ("age",), "log_age"),)
        against.model.preparation = Preparation(SCHEMA, Preprocessing(steps, ("log_age",)))  # type: ignore[misc]
    decision = decided(role(against), batch_of([aged(age, f"e{age}") for age in (0, 1, 90)]))
    assert [own for own in observations(decision) if own.stream == PAIRS] == []


def test_one_that_can_prepare_no_row_missed_them_all() -> None:
    against = replace(challenger(), edges=np.array([0.5]))
    steps = (Derive("log", ("age",), "log_age"),)
    against.model.preparation = Preparation(SCHEMA, Preprocessing(steps, ("log_age",)))  # type: ignore[misc]
    decision = decided(role(against), batch_of([aged(0, "a"), aged(0, "b")]))
    [own] = [own for own in observations(decision) if own.stream == PAIRS]
    assert own.conduct is not None
    assert (own.conduct.answered, own.conduct.missed) == (0, 2)


@pytest.mark.parametrize("together", [False, True])
def test_the_wait_for_it_is_told_apart(together: bool) -> None:
    """The lane makes batches smaller for a slow model, which does not help against a wait that has a budget."""
    now = [0.0]

    def ask(matrix: FloatMatrix) -> Answers:
        now[0] += 0.2
        return predict(ToyModel(after=opposite), matrix)

    of = role(challenger(ask, clock=lambda: now[0]))
    if not together:
        assert decided(of, MANY).waited_s == pytest.approx(0.2)
        return
    several = SeveralDecider({"first": of, "second": role(challenger(ask, clock=lambda: now[0]))})
    states = {partition: several.load(partition, {}) for partition in range(3)}
    assert several.decide(states, MANY, several.prepare(MANY)).waited_s == pytest.approx(0.4)


def test_it_prepares_rows_in_its_own_way() -> None:
    asked: list[FloatMatrix] = []

    def ask(matrix: FloatMatrix) -> Answers:
        asked.append(matrix)
        return predict(ToyModel(after=opposite), np.column_stack((matrix, np.zeros((len(matrix), 3)))))

    against = challenger(ask, 1.0)
    steps = (Derive("log", ("age",), "log_age"), TimePart("hour", "@time", "hour"))
    against.model.preparation = Preparation(SCHEMA, Preprocessing(steps, ("log_age", "hour")))  # type: ignore[misc]
    decision = decided(role(against), batch_of([aged(age, f"e{age}") for age in (0, 1, 90)]))
    [matrix] = asked
    hour = (NOW - 5) // 3_600_000 % 24
    assert matrix.tolist() == [[0.0, hour], [pytest.approx(np.log(90)), hour]]
    assert [answer["version"] for answer in published(decision, "predictions")] == ["7", "8", "8"], "log 0 is no number"
    assert report_of(decision).challenger == ChallengerUse("8", 2, 1, 0, 2)


def test_a_replay_does_not_ask_it() -> None:
    def ask(_matrix: FloatMatrix) -> Answers:
        raise AssertionError

    assert decided(role(challenger(ask)), replace(MANY, replay=True)).outbox == []


VALUES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(
            st.none(),
            st.sampled_from([value for value, _, _ in FAMILIES.values()]),
            st.builds(aged, st.integers(0, 90), st.sampled_from("abcdef")),
        ),
        st.sampled_from([None, b"", b"k1", b"k2", b"k3", b"k4"]),
    ),
    max_size=25,
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(VALUES, st.floats(0, 1), st.integers(2, 9))
def test_each_event_is_answered_once_in_order_by_the_version_that_its_key_says(
    records: list[tuple[int, bytes | None, bytes | None]], share: float, every: int
) -> None:
    """Repeated events too: what repeats another is marked so by the version that answers it."""

    def ask(matrix: FloatMatrix) -> Answers:
        answers = predict(ToyModel(after=opposite), matrix)
        kept = [row for row in answers.rows if row % every]
        if not kept:
            return Answers([], no_predictions(2), [Blame(row, Reason.MODEL_ERROR, "x") for row in answers.rows])
        return Answers(kept, ToyModel(after=opposite).predict(matrix[kept]), [])

    partitions, values = [p for p, _, _ in records], [value for _, value, _ in records]
    batch = batch_of(values, partitions=partitions, keys=[key for _, _, key in records]) if records else batch_of([])
    alone, decision = decided(role(None), batch), decided(role(challenger(ask, share)), batch)
    told, expected = published(decision, "predictions"), published(alone, "predictions")
    places = [
        [(each.topic, each.partition, each.key) for each in own.outbox if each.topic != "joins"]
        for own in (decision, alone)
    ]
    assert places[0] == places[1]
    for number, (answer, champions) in enumerate(zip(told, expected, strict=True)):
        place = answer["source"]
        row = next(r for r, at in enumerate(zip(batch.partitions, batch.offsets, strict=True))
                   if at == (place["partition"], place["offset"]))  # fmt: skip
        key = batch.keys[row] or answer["event_id"].encode()
        is_canary = bool(in_share("toy", [key], share)[0]) and number % every != 0
        assert answer["version"] == ("8" if is_canary else "7")
        assert answer.get("duplicate_of") == champions.get("duplicate_of")
        if is_canary:
            assert answer["prediction"] != champions["prediction"]
        else:
            assert answer == champions
    assert joined(decision).keys() == joined(alone).keys()


def test_a_share_is_stable_salted_and_grows_by_adding_keys() -> None:
    keys = [f"customer-{n}".encode() for n in range(20_000)]
    tenth, fifth = in_share("m", keys, 0.1), in_share("m", keys, 0.2)
    assert tenth.mean() == pytest.approx(0.1, abs=0.01)
    assert not (tenth & ~fifth).any()
    assert np.flatnonzero(tenth)[:5].tolist() == FIRST, "the same in every release: a key must not change sides"
    other = in_share("n", keys, 0.1)
    assert (tenth & other).mean() == pytest.approx(0.01, abs=0.005)
    assert not in_share("m", keys, 0.0).any()
    assert in_share("m", keys, 1.0).all()


FIRST = [5, 11, 14, 20, 23]


def test_json_of_a_canary_is_an_answer_as_any_other() -> None:
    [answer] = published(decided(role(challenger(share=1.0)), batch_of([aged(1, "e")])), "predictions")
    assert json.dumps(answer)
    assert answer["version"] == "8"
