"""A learner's state is that of its log: however it is cut into batches, whenever it is restarted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.manifest import Output, Task
from models.online.declaration import OnlineDeclaration
from models.online.design import design
from models.online.learner import OnlineLearner
from streams.decide.learner import LearnerDecider
from streams.decide.lesson import MOST_VERSIONS
from streams.decider import StateUnusable
from streams.kafka.deliveries import MAX_MESSAGE_BYTES
from streams.learning.records import (
    VALUES_PER_RECORD,
    Answered,
    Labelled,
    answered_records,
    decode_example,
    encode_example,
)
from streams.learning.report import ExampleFate, LearnerReport
from streams.learning.state import Base
from streams.learning.waiting import SEGMENT, WaitingRows, row_type, segment_rows
from streams.records import RecordBatch
from tests.unit.learning.lessons import SCHEMA, answered, base, batch_of, decider, labelled, rows_of, told, truth

BAYES = OnlineDeclaration(model="gaussian_nb")
LOGISTIC = OnlineDeclaration(model="logistic_regression", learning_rate=0.2)


def report(decision: Any) -> LearnerReport:
    found = decision.report
    assert isinstance(found, LearnerReport)
    return found


@pytest.mark.parametrize("declared", [BAYES, LOGISTIC], ids=str)
def test_it_knows_what_river_knows_of_the_same_rows(declared: OnlineDeclaration) -> None:
    of = decider(declared)
    state = of.load(0, {})
    numbers = [*range(60)]
    order = [*reversed(numbers)]
    told(of, state, answered(numbers))
    decision = told(of, state, labelled(order, [truth(n) for n in order]))
    offline = OnlineLearner(base(declared).parameters)
    for number in order:
        offline.learn(design(SCHEMA, rows_of([number]))[0], int(truth(number) == "yes"))
    assert state.knowledge.parameters == offline.parameters()
    assert state.knowledge.parameters.learned == 60
    assert report(decision).fates == {ExampleFate.LEARNT: 60}
    assert decision.outbox == []


action = st.one_of(
    st.tuples(st.just("answered"), st.lists(st.integers(0, 40), min_size=1, max_size=6)),
    st.tuples(st.just("labelled"), st.lists(st.integers(0, 40), min_size=1, max_size=6)),
    st.tuples(st.just("junk"), st.just([0])),
)


@settings(max_examples=80, deadline=None)
@given(actions=st.lists(action, max_size=25), cuts=st.sets(st.integers(0, 25)), most=st.sampled_from([3, 10, 1000]))
def test_batches_and_restarts_change_nothing(actions: list[Any], cuts: set[int], most: int) -> None:
    of = decider(BAYES, most)
    records: list[Any] = []
    for what, numbers in actions:
        if what == "answered":
            records += answered(numbers)
        elif what == "labelled":
            records += labelled(numbers, [truth(n) for n in numbers], [n % 3 == 0 for n in numbers])
        else:
            records.append(b'{"kind": "answered"}')
    whole, cut = of.load(0, {}), of.load(0, {})
    told(of, whole, records)
    begin = 0
    for end in [*sorted(each for each in cuts if each < len(records)), len(records)]:
        told(of, cut, records[begin:end])
        cut = of.load(0, cut.dump())
        begin = end
    assert cut.dump() == whole.dump()


def test_deciding_changes_nothing() -> None:
    of = decider()
    state = of.load(0, {})
    told(of, state, answered([1, 2]))
    before = state.dump()
    batch = batch_of([*labelled([1], ["yes"]), *answered([3])])
    first = of.decide({0: state}, batch, of.prepare(batch))
    assert state.dump() == before
    assert of.decide({0: state}, batch, of.prepare(batch)).report == first.report


def test_each_event_has_its_fate() -> None:
    of = decider(most=2)
    state = of.load(0, {})
    told(of, state, answered([1, 2, 3]))  # no room for the first
    decision = told(of, state, [*labelled([1, 2, 3, 9], ["yes", "yes", "maybe", "no"])])
    assert report(decision).fates == {
        ExampleFate.MISSED: 2,
        ExampleFate.LEARNT: 1,
        ExampleFate.OTHER_LABEL: 1,
    }
    assert report(decision).waiting == 2


def test_a_row_too_large_to_learn_from_is_answered_and_left() -> None:
    of = decider()
    state = of.load(0, {})
    (record,) = answered([1])
    assert isinstance(record, Answered)
    huge = Answered("m", "2", record.keys, np.array([1e200, 0.0, 1.0]).tobytes())
    before = state.knowledge.parameters
    decision = told(of, state, [huge, *labelled([1], ["yes"])])
    assert report(decision).fates == {ExampleFate.UNUSABLE: 1}
    assert state.knowledge.parameters == before


def test_what_is_of_others_is_passed_over() -> None:
    of = decider()
    state = of.load(0, {})
    others = [*answered([1], model="other"), *answered([2], learner="7"), *labelled([1, 2], ["yes", "yes"])]
    short = Answered("m", "2", b"12345678", b"1234")
    decision = told(of, state, [*others, b"no record", short])
    assert (report(decision).foreign, report(decision).unreadable) == (2, 2)
    assert state.knowledge.parameters.learned == 0


def test_labels_are_found_however_they_are_written() -> None:
    of = decider(BAYES, output=Output(Task.MULTICLASS, labels=(1, 2, "three")))
    state = of.load(0, {})
    decision = told(of, state, [*answered([1, 2, 3]), *labelled([1, 2, 3], [2.0, 1, "three"])])
    assert report(decision).fates == {ExampleFate.LEARNT: 3}
    model: Any = state.knowledge.parameters.model
    assert {each.label: each.rows for each in model.classes} == {1: 1, 0: 1, 2: 1}


def test_it_is_compared_with_each_version_by_answers_from_before_learning() -> None:
    of = decider(OnlineDeclaration(model="logistic_regression", learning_rate=1.0, scaler="none"))
    state = of.load(0, {})
    # One event again and again, with labels that alternate: whoever learnt the last one is wrong about the next.
    for number in range(40):
        told(of, state, answered([7]))
        told(of, state, labelled([7], [["yes", "no"][number % 2]], [True], version="1"))
    (compared,) = state.knowledge.versions.values()
    assert compared.total.total == 40
    assert compared.total.worse > 35
    assert compared.total.better == 0


def test_few_versions_are_remembered() -> None:
    of = decider()
    state = of.load(0, {})
    told(of, state, answered([1]))
    for version in range(MOST_VERSIONS + 3):
        told(of, state, labelled([1], ["yes"], version=str(version)))
    told(of, state, labelled([1], ["yes"], version="3"))
    assert [*state.knowledge.versions] == [*map(str, range(4, MOST_VERSIONS + 3)), "3"]


def test_memory_is_bounded_and_the_newest_rows_stay() -> None:
    of = decider(most=3000)
    state = of.load(0, {})
    for begin in range(0, 9000, 500):
        told(of, state, answered(range(begin, begin + 500)))
    assert len(state.dump()) <= 3000 // SEGMENT + 3
    np.testing.assert_array_equal(state.waiting.latest(100), np.vstack([rows_of([n]) for n in range(8900, 9000)]))
    assert len(state.waiting.latest(10**6)) == 3000


@pytest.mark.parametrize("width", [1, 127, 128, 5_000, VALUES_PER_RECORD])
def test_no_record_of_rows_that_wait_is_too_large_for_a_producer(width: int) -> None:
    count = segment_rows(width) + 1
    waiting = WaitingRows(width, 2 * count)
    rows = np.zeros(count, dtype=row_type(width))
    rows["key"] = np.arange(count)
    rows["features"] = np.arange(count)[:, np.newaxis]
    waiting.apply(rows)
    dumped = waiting.dump()
    assert len(dumped) == 2
    assert max(map(len, dumped.values())) < MAX_MESSAGE_BYTES
    again = WaitingRows(width, 2 * count)
    again.load(dumped, count)
    assert again.find(np.array([count - 1], dtype=np.uint64)).tolist() == [count - 1]
    np.testing.assert_array_equal(again.latest(2), rows["features"][-2:])


def test_a_learner_of_another_beginning_starts_again() -> None:
    of = decider(BAYES)
    state = of.load(0, {})
    told(of, state, answered([1]))
    changed = replace(base(BAYES), of=Base("m", "3", "digest"))
    other = LearnerDecider(changed, most=1000)
    with pytest.raises(StateUnusable, match="began as m 2"):
        other.load(0, state.dump())
    damaged = dict(state.dump()) | {"learner": b"{}"}
    with pytest.raises(StateUnusable, match="cannot be read"):
        of.load(0, damaged)


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 3000), width=st.integers(1, 60))
def test_records_are_small_and_hold_every_row(count: int, width: int) -> None:
    keys = np.arange(count, dtype=np.uint64)
    matrix = np.random.default_rng(1).normal(size=(count, width))
    records = [encode_example(record) for record in answered_records("m", "2", keys, matrix)]
    assert max(map(len, records)) < 1_000_000
    read = [decode_example(record) for record in records]
    parts = [record.rows(width) for record in read if isinstance(record, Answered)]
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), keys)
    np.testing.assert_array_equal(np.vstack([part[1] for part in parts]), matrix)


def test_the_record_of_the_widest_event_is_taken_by_a_producer() -> None:
    matrix = np.full((2, VALUES_PER_RECORD), np.nan)
    records = [*answered_records("m" * 64, "v" * 64, np.arange(2, dtype=np.uint64), matrix)]
    assert max(len(encode_example(record)) for record in records) < MAX_MESSAGE_BYTES


def test_a_batch_of_several_partitions_is_counted_as_a_whole() -> None:
    of = decider()
    states = {0: of.load(0, {}), 1: of.load(1, {})}
    records = [[*answered([1, 2]), *labelled([1], ["yes"])], [*answered([3]), *labelled([3, 9], ["no", "no"])]]
    batches = [replace(batch_of(own), partitions=[number] * len(own)) for number, own in enumerate(records)]
    columns = ("partitions", "offsets", "keys", "values", "timestamps", "headers")
    joined: dict[str, Any] = {each: [*getattr(batches[0], each), *getattr(batches[1], each)] for each in columns}
    both = RecordBatch("examples", **joined)
    decision = of.decide(dict(states), both, of.prepare(both))
    found = report(decision)
    assert found.fates == {ExampleFate.LEARNT: 2, ExampleFate.MISSED: 1}
    assert (found.waiting, found.pairs.total()) == (3, 2)


def test_labels_keep_their_sorts() -> None:
    (record,) = labelled([1, 2, 3], ["a", True, 2.5], [True, False, True])
    assert isinstance(record, Labelled)
    keys, labels, right = record.rows()
    assert len(keys) == 3
    assert labels.kinds.tolist() == [3, 2, 1]
    assert right.tolist() == [True, False, True]
