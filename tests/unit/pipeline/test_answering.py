"""What the predict role writes for the label join."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.prediction import Predictions
from streams.decide.answering import AnswerWriter, confidences
from streams.joining.records import ENTRIES_PER_RECORD, Answers, decode_join, partition_of
from streams.pipeline import Outcomes
from tests.unit.pipeline.fakes import NOW, ToyModel


def outcomes(ids: list[str]) -> Outcomes:
    answers = ToyModel().predict(np.arange(5.0 * len(ids)).reshape(len(ids), 5))
    times = NOW + np.arange(len(ids), dtype=np.int64)
    return Outcomes(list(range(0, 2 * len(ids), 2)), ids, times, np.empty((len(ids), 5)), answers, [], [])


def written(of: Outcomes, duplicates: dict[int, int] | None = None, partitions: int = 3) -> dict[str, tuple[Any, ...]]:
    """By event id: partition, time, prediction, confidence."""
    found = {}
    for record in AnswerWriter(ToyModel(), joins_topic="joins", partitions=partitions).answers(of, duplicates or {}):
        answers = decode_join(record.value or b"")
        assert isinstance(answers, Answers)
        assert (answers.model, answers.version, record.topic) == ("toy", "7", "joins")
        columns = (answers.ids, answers.times, answers.predictions, answers.confidences or [])
        for id_, *rest in zip(*columns, strict=True):
            found[id_] = (record.partition, *rest)
    return found


def test_every_answer_is_told_where_its_label_will_come() -> None:
    of = outcomes([f"e{n}" for n in range(100)])
    found = written(of)
    for index, id_ in enumerate(of.event_ids):
        partition, time, prediction, confidence = found[id_]
        assert partition == partition_of(id_, 3)
        assert time == NOW + index
        assert prediction == of.predictions.values[index]
        score = (of.predictions.scores or [])[index]
        assert confidence == pytest.approx(score if prediction == "yes" else 1 - score, abs=1e-4)


def test_an_event_that_repeats_another_is_answered_once() -> None:
    of = outcomes(["a", "b", "c"])
    assert written(of, {2: 0}).keys() == {"a", "c"}


def test_long_ids_and_many_answers_stay_below_a_message() -> None:
    of = outcomes([f"{n:04d}" + "\x01" * 250 for n in range(3000)])
    records = AnswerWriter(ToyModel(), joins_topic="joins", partitions=1).answers(of, {})
    assert len(records) == 3
    assert max(len(record.value or b"") for record in records) < 200 * ENTRIES_PER_RECORD


def test_how_sure_a_model_of_three_classes_is_stands_in_its_score() -> None:
    class Three(ToyModel):
        classes = ("a", "b", "c")

    answer = Predictions(["a", "c"], [0.4, 0.9], None, np.array([[0.4, 0.0], [0.9, 2.0]]))
    found = confidences(Three(), answer)
    assert found is not None
    assert found.tolist() == [0.4, 0.9]


def test_a_regression_is_never_sure() -> None:
    class Number(ToyModel):
        classes = ()

    assert confidences(Number(), Predictions([1.5], None, None, np.array([[1.5]]))) is None
