"""What predict and the join tell a learner: each answered event once, its features as answered, its label as joined."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.keyed.definitions import NO_KEYED, KeyedFeature, KeyedFeatures
from models.manifest import Output, Task
from models.online.declaration import OnlineDeclaration
from models.online.design import column_names
from models.preprocessing.declared import Preprocessing
from models.preprocessing.preparation import Preparation
from models.schema import Feature, InputSchema
from streams.decide.answering import AnswerWriter
from streams.decide.examples import FeatureWriter, LabelWriter
from streams.decide.labels import LabelsDecider
from streams.decide.lesson import LearnerBase
from streams.decide.outcome_writer import OutcomeWriter
from streams.joining.key_index import keys_of
from streams.joining.records import Answers, JoinRecord, Labels
from streams.learning.records import Answered, Labelled, decode_example
from streams.learning.state import Base
from streams.pipeline import Outcomes
from tests.unit.pipeline.fakes import NOW, SCHEMA, ToyModel
from tests.unit.pipeline.test_labels_decider import batch

LEARNER = LearnerBase(
    of=Base("toy", "7", "digest"),
    schema=SCHEMA,
    preparation=Preparation(SCHEMA),
    output=Output(Task.BINARY, labels=("no", "yes")),
    parameters=OnlineDeclaration(model="gaussian_nb").untrained(column_names(SCHEMA), 2),
)


def outcomes(ids: list[str]) -> Outcomes:
    matrix = np.random.default_rng(len(ids)).normal(size=(len(ids), 5))
    matrix[::3, 1] = np.nan
    answers = ToyModel().predict(np.arange(5.0 * len(ids)).reshape(len(ids), 5))
    times = NOW + np.arange(len(ids), dtype=np.int64)
    return Outcomes(list(range(0, 2 * len(ids), 2)), ids, times, matrix, answers, [], [])


def told(of: Outcomes, duplicates: dict[int, int] | None = None) -> dict[int, list[float]]:
    """Features by key."""
    features = FeatureWriter(LEARNER, "examples")
    writer = AnswerWriter(ToyModel(), joins_topic="joins", partitions=3, feature_writer=features)
    found: dict[int, list[float]] = {}
    for record in writer.answers(of, duplicates or {}):
        if record.topic == "examples":
            example = decode_example(record.value or b"")
            assert isinstance(example, Answered)
            assert (record.key, example.model, example.learner) == (b"toy", "toy", "7")
            keys, rows = example.rows(5)
            assert found.keys().isdisjoint(keys.tolist())
            found |= dict(zip(keys.tolist(), rows.tolist(), strict=True))
    return found


def test_the_features_of_each_answer_are_told_as_they_were() -> None:
    of = outcomes([f"e{n}" for n in range(2500)])
    found = told(of)
    assert list(found) == keys_of(of.event_ids).tolist()
    np.testing.assert_array_equal(np.array(list(found.values())), of.matrix)


def test_an_event_that_repeats_another_is_told_once() -> None:
    assert list(told(outcomes(["a", "b", "c"]), {2: 0})) == keys_of(["a", "c"]).tolist()


def test_nothing_is_told_of_a_model_with_other_features() -> None:
    writer = FeatureWriter(LEARNER, "examples")
    assert writer.fits(ToyModel().schema, NO_KEYED)
    assert not writer.fits(InputSchema((Feature("other"),)), NO_KEYED)
    keyed = KeyedFeatures((KeyedFeature("count", "count"),))
    assert writer.fits(ToyModel().schema, keyed), "it takes none"
    of_keys = FeatureWriter(replace(LEARNER, preparation=Preparation(SCHEMA, Preprocessing(keyed=keyed))), "examples")
    assert of_keys.fits(ToyModel().schema, keyed)
    assert not of_keys.fits(ToyModel().schema, KeyedFeatures((KeyedFeature("count", "count", window_s=60),)))
    answered = outcomes(["a", "b", "c"])
    counted = replace(answered, computed={"count": np.array([3.0, 4.0, 5.0])})
    told_of = [decode_example(r.value or b"") for r in of_keys.features(counted, np.array([0, 2]))]
    assert [row[-1] for each in told_of if isinstance(each, Answered) for row in each.rows(6)[1]] == [3.0, 5.0]


def decider() -> LabelsDecider:
    writer = OutcomeWriter("joins", "observations")
    return LabelsDecider(writer=writer, window_ms=10**6, most=1000, label_writer=LabelWriter("m", "examples"))


def labels_told(of: LabelsDecider, records: list[JoinRecord], cuts: list[int] | None = None) -> list[tuple[Any, ...]]:
    """Key, label and whether the answer was right, as they were told."""
    state, found, begin = of.load(0, {}), [], 0
    for end in [*(cuts or []), len(records)]:
        given_batch = batch(*records[begin:end], first=begin)
        decision = of.decide({0: state}, given_batch, of.prepare(given_batch))
        for change in decision.changes.values():
            state.apply(change)
        for record in decision.outbox:
            example = decode_example(record.value or b"")
            assert isinstance(example, Labelled)
            keys, labels, right = example.rows()
            found += [*zip(keys.tolist(), labels.numbers.tolist(), right.tolist(), strict=True)]
        begin = end
    return found


def answer(model: str, id_: str, prediction: int) -> Answers:
    return Answers(model, "1", [id_], [NOW], [prediction])


def test_a_label_is_told_when_it_is_joined_whichever_came_first() -> None:
    records: list[JoinRecord] = [
        answer("m", "a", 1),
        Labels(["a", "b"], [1, 0]),
        answer("m", "b", 1),
        answer("other", "a", 0),
        Labels(["never"], [1]),
    ]
    a, b = keys_of(["a", "b"]).tolist()
    assert labels_told(decider(), records) == [(a, 1.0, True), (b, 0.0, False)]


def test_nothing_is_told_again_in_a_replay() -> None:
    of = decider()
    state = of.load(0, {})
    records = batch(answer("m", "a", 1), Labels(["a"], [1]), replay=True)
    assert of.decide({0: state}, records, of.prepare(records)).outbox == []


event = st.tuples(st.booleans(), st.sampled_from("abcde"), st.integers(0, 1))


@settings(max_examples=100, deadline=None)
@given(events=st.lists(event, min_size=1, max_size=20), cut=st.integers(1, 19))
def test_each_event_is_told_once_however_batches_are_cut(events: list[Any], cut: int) -> None:
    records: list[JoinRecord] = [
        answer("m", id_, value) if is_answer else Labels([id_], [value]) for is_answer, id_, value in events
    ]
    first: dict[tuple[bool, str], int] = {}
    for is_answer, id_, value in events:
        first.setdefault((is_answer, id_), value)
    due = {
        (int(keys_of([id_])[0]), float(first[False, id_]), first[True, id_] == first[False, id_])
        for id_ in "abcde"
        if (True, id_) in first and (False, id_) in first
    }
    whole = labels_told(decider(), records)
    assert len(whole) == len(due)
    assert set(whole) == due
    assert sorted(labels_told(decider(), records, [min(cut, len(records))])) == sorted(whole)
