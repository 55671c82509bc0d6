"""The predict decider: what tests count, whatever is in a batch and however the batches are cut."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.observation import Observation
from drift.profile import ReferenceProfile, SignalSpec, build_profile
from drift.summary import Summariser
from models.prediction import FloatMatrix
from streams.contracts import Reason, ServedBy, Stage
from streams.decide.answering import AnswerWriter
from streams.decide.predict import PredictDecider
from streams.decide.serving import PredictTopics, Serving, make_serving
from streams.decider import Decider
from streams.duplicates import DuplicateWindow
from streams.event_time import EARLIEST_MS
from streams.limits import Limits
from streams.model_call import Answers
from streams.pipeline import Pipeline
from streams.records import ANY_PARTITION, Decision, RecordBatch
from tests.unit.pipeline.fakes import NOW, SCHEMA, ToyModel, aged, batch_of, event
from tests.unit.pipeline.test_bad_input import FAMILIES, GOOD_ONES

TOPICS = PredictTopics(
    events="events", predictions="predictions", dead_letters="dead-letters", observations="observations"
)


def profile() -> ReferenceProfile:
    specs = [SignalSpec(f.name, f.kind.value, "feature", f.categories) for f in SCHEMA.features]
    specs += [SignalSpec(f.name, f.kind.value, "output", f.categories) for f in ToyModel.output_signals]
    rows = Pipeline(ToyModel(), Limits()).run([aged(age, f"e{age}") for age in range(100)], [NOW] * 100)
    return build_profile(specs, np.hstack((rows.matrix, rows.predictions.outputs)))


PROFILE = profile()


def decider(model: ToyModel | None = None, dedupe_window: int = 100) -> PredictDecider:
    own = serving(model or ToyModel())
    return PredictDecider(lambda: own, dead_letters_topic=TOPICS.dead_letters, dedupe_window=dedupe_window)


def serving(
    model: ToyModel, answer: Callable[[FloatMatrix], Answers] | None = None, joins: int | None = None
) -> Serving:
    """With a number of partitions, answers are told to the label join too."""
    return make_serving(
        Pipeline(model, Limits(value_bytes=4096, depth=6, id_length=16), answer=answer),
        TOPICS,
        summariser=Summariser(PROFILE, 1000),
        profile_id=PROFILE.id,
        max_message_bytes=1_000_000,
        answer_writer=AnswerWriter(model, joins_topic="joins", partitions=joins) if joins else None,
    )


def fresh(of: PredictDecider, *partitions: int) -> dict[int, DuplicateWindow]:
    return {partition: of.load(partition, {}) for partition in partitions}


def published(decision: Decision, topic: str) -> list[dict]:
    return [json.loads(record.value) for record in decision.outbox if record.topic == topic]


def observations(decision: Decision) -> list[Observation]:
    values = [record.value for record in decision.outbox if record.topic == "observations"]
    return [msgspec.json.decode(value, type=Observation) for value in values]


def decide(role: PredictDecider, states: dict[int, Any], batch: RecordBatch) -> Decision:
    return role.decide(states, batch, role.prepare(batch))


def test_it_is_a_decider():
    role: Decider = decider()
    assert role.role == "predict"


VALUES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(
            st.none(),
            st.sampled_from([value for value, _, _ in FAMILIES.values()]),
            st.sampled_from(list(GOOD_ONES.values())),
            st.builds(aged, st.integers(0, 90), st.sampled_from(["a", "b", "c", "d"])),
        ),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(records=VALUES, cuts=st.sets(st.integers(1, 24)))
def test_each_input_has_one_fate_and_every_prediction_is_observed_once(records, cuts):
    def refuse_13(matrix):
        if (matrix[:, 0] == 13).any():
            raise ValueError("13")

    whole = batch_of([value for _, value in records], partitions=[partition for partition, _ in records])
    role = decider(ToyModel(before=refuse_13))
    states = fresh(role, 0, 1, 2)
    fates: list[tuple[int, int]] = []
    predicted: dict[str, bytes] = {}
    observed: Counter[int] = Counter()
    covered: Counter[tuple[int, int]] = Counter()
    tombstones = 0
    bounds = [0, *sorted(cut for cut in cuts if cut < len(records)), len(records)]
    for start, end in pairwise(bounds):
        batch = whole._cut(start, end)
        decision = decide(role, states, batch)
        for partition, change in decision.changes.items():
            states[partition].apply(change)
        for record in decision.outbox:
            if record.topic == "predictions":
                source = json.loads(record.value)["source"]
                fates.append((source["partition"], source["offset"]))
                predicted[json.loads(record.value)["id"]] = record.value
                assert record.partition == source["partition"]
            elif record.topic == "dead-letters":
                topic, partition, offset = dict(record.headers)["weir-source"].decode().split("/")
                fates.append((int(partition), int(offset)))
                at = list(zip(batch.partitions, batch.offsets, strict=True)).index(fates[-1])
                assert (topic, record.value, record.key) == ("events", batch.values[at], batch.keys[at])
                assert record.partition == int(partition)
        for observation in observations(decision):
            observed[observation.partition] += observation.events
            covered.update(
                (observation.partition, o) for o in range(observation.first_offset, observation.last_offset + 1)
            )
        if decision.report:
            tombstones += decision.report.tombstones
    sources = list(zip(whole.partitions, whole.offsets, strict=True))
    live = [source for source, value in zip(sources, whole.values, strict=True) if value is not None]
    assert sorted(fates) == sorted(live)
    assert tombstones == len(sources) - len(live)
    assert covered == Counter(sources)
    unrepeated = Counter(json.loads(v)["source"]["partition"] for v in predicted.values() if b"duplicate_of" not in v)
    assert observed == unrepeated
    # In one batch the very same bytes are published.
    at_once = decide(role, fresh(role, 0, 1, 2), whole)
    assert predicted == {json.loads(r.value)["id"]: r.value for r in at_once.outbox if r.topic == "predictions"}
    # And a replay remembers the same.
    replayed = fresh(role, 0, 1, 2)
    decision = decide(role, replayed, replace(whole, replay=True))
    assert decision.outbox == [] and decision.report is None
    for partition, change in decision.changes.items():
        replayed[partition].apply(change)
    assert {p: s.dump() for p, s in replayed.items()} == {p: s.dump() for p, s in states.items()}


def test_deciding_is_free_of_side_effects():
    role = decider()
    states = fresh(role, 0)
    batch = batch_of([event("a"), event("a"), b"{", None])
    first, second = decide(role, states, batch), decide(role, states, batch)
    assert first.outbox == second.outbox and first.changes == second.changes
    assert states[0].dump() == {}


def test_records_of_a_topic_keep_the_order_of_their_source():
    values = [event(f"e{i}") if i % 3 else b"{" for i in range(30)]
    role = decider()
    decision = decide(role, fresh(role, 0, 1), batch_of(values, partitions=[i % 2 for i in range(30)]))
    for topic in ("predictions", "dead-letters"):
        for partition in (0, 1):
            keys = [r.key for r in decision.outbox if r.topic == topic and r.partition == partition]
            assert keys == sorted(keys, key=lambda key: int(key[1:])) and keys


def test_a_repeated_id_is_answered_marked_and_left_out_of_drift():
    role = decider()
    states = fresh(role, 0)
    decision = decide(role, states, batch_of([event("a"), event("b"), event("a")]))
    answers = published(decision, "predictions")
    assert [answer.get("duplicate_of") for answer in answers] == [None, None, "events/0/0/toy"]
    assert [answer["prediction"] for answer in answers] == ["yes"] * 3
    assert [observation.events for observation in observations(decision)] == [2]
    states[0].apply(decision.changes[0])
    later = decide(role, states, batch_of([event("b"), event("a")], offsets=[101, 102]))
    assert [a.get("duplicate_of") for a in published(later, "predictions")] == ["events/0/1/toy", "events/0/2/toy"]
    too_late = decide(role, states, batch_of([event("b")], offsets=[102]))
    assert "duplicate_of" not in published(too_late, "predictions")[0]


def test_a_rejected_event_does_not_make_the_next_one_a_duplicate():
    role = decider()
    decision = decide(role, fresh(role, 0), batch_of([event("a", time="never"), event("a")]))
    assert "duplicate_of" not in published(decision, "predictions")[0]


def test_an_observation_says_which_offsets_and_how_far_in_time():
    role = decider()
    values = [b"{", event("a", time=NOW - 9000), event("b", time=NOW - 5000), None]
    decision = decide(role, fresh(role, 4), batch_of(values, partitions=[4] * 4, first_offset=70))
    (observation,) = observations(decision)
    assert (observation.model, observation.version, observation.profile) == ("toy", "7", PROFILE.id)
    assert (observation.topic, observation.partition) == ("events", 4)
    assert (observation.first_offset, observation.last_offset) == (70, 73)
    assert observation.max_time == NOW - 5000
    assert [(d.slice, d.events) for d in observation.slices] == [(NOW // 1000 - 9, 1), (NOW // 1000 - 5, 1)]
    (record,) = [record for record in decision.outbox if record.topic == "observations"]
    assert (record.key, record.partition) == (b"toy", ANY_PARTITION)


def test_where_all_were_rejected_offsets_go_on_and_so_does_a_time_that_is_known():
    role = decider()
    decision = decide(
        role,
        fresh(role, 0, 1),
        batch_of([b"{", None, event("a", time=NOW + 10**8)], partitions=[0, 0, 1], first_offset=5),
    )
    assert [(o.partition, o.first_offset, o.last_offset, o.events) for o in observations(decision)] == [
        (0, 5, 6, 0),
        (1, 5, 5, 0),
    ]
    assert {o.max_time for o in observations(decision)} == {EARLIEST_MS}

    def refuse(matrix):
        raise ValueError("no")

    failing = decider(ToyModel(before=refuse))
    (observation,) = observations(decide(failing, fresh(failing, 0), batch_of([event("a"), event("b")])))
    assert observation.max_time == NOW - 5


def test_events_far_apart_in_time_are_split_into_records_that_lose_and_double_nothing():
    role = decider()
    values = [event(f"e{i}", time=NOW - 10_000 * (i // 2)) if i % 5 else b"{" for i in range(1200)]
    decision = decide(role, fresh(role, 0, 1), batch_of(values, partitions=[i % 2 for i in range(1200)]))
    seen = observations(decision)
    assert len(seen) > 2
    assert sum(observation.events for observation in seen) == len(published(decision, "predictions")) == 960
    for partition in (0, 1):
        ranges = [(o.first_offset, o.last_offset) for o in seen if o.partition == partition]
        assert [o for first, last in ranges for o in range(first, last + 1)] == list(range(600))
        for o in (o for o in seen if o.partition == partition):
            assert all(o.first_offset <= d.first_offset <= d.last_offset <= o.last_offset for d in o.slices)


def test_a_partition_at_its_end_gets_an_idle_mark():
    role = decider()
    batch = RecordBatch("events", [], [], [], [], [], [], idle={3: 1500, 0: 1200})
    decision = decide(role, fresh(role, 0, 3), batch)
    marks = [(o.partition, o.idle_ms, o.first_offset, o.last_offset, o.slices) for o in observations(decision)]
    assert marks == [(3, 1500, -1, -1, []), (0, 1200, -1, -1, [])]
    assert len(decision.outbox) == 2 and decision.changes == {}


def test_the_report_counts_every_record_once():
    role = decider()
    values = [event("a"), event("a"), aged(700, "b"), b"{", b"", b"", None]
    report = decide(role, fresh(role, 0), batch_of(values)).report
    assert (report.model, report.version, report.records) == ("toy", "7", 7)
    assert report.served_by == {("7", ServedBy.MODEL): 2}
    assert report.classes == {"yes": 2}
    assert report.rejected == {
        (Stage.VALIDATE, Reason.FEATURE_RANGE): 1,
        (Stage.DECODE, Reason.JSON): 1,
        (Stage.DECODE, Reason.EMPTY): 2,
    }
    assert (report.duplicates, report.tombstones) == (1, 1)
    assert report.event_times_ms.tolist() == [NOW - 5] * 2 and len(report.scores) == 2


@pytest.mark.parametrize("replay", [False, True])
def test_giving_a_record_up_makes_a_dead_letter_and_keeps_the_offsets_whole(replay):
    role = decider()
    batch = batch_of([event("a")], partitions=[2], first_offset=40, replay=replay)
    decision = role.give_up(batch, RuntimeError("a defect\nof ours"))
    assert decision.changes == {}
    if replay:
        assert decision.outbox == []
        return
    letter, observation = decision.outbox
    assert (letter.topic, letter.value, letter.partition) == ("dead-letters", batch.values[0], 2)
    headers = dict(letter.headers)
    assert (headers["weir-stage"], headers["weir-reason"]) == (b"predict", b"model_error")
    assert headers["weir-error"] == rb"no decision could be made: RuntimeError: a defect\nof ours"
    assert observation.topic == "observations"
    assert (observations(decision)[0].first_offset, observations(decision)[0].last_offset) == (40, 40)


def test_giving_up_on_a_tombstone_or_an_idle_batch_publishes_no_dead_letter():
    role = decider()
    decision = role.give_up(batch_of([None]), RuntimeError())
    assert [record.topic for record in decision.outbox] == ["observations"]
    assert decision.report.tombstones == 1
    idle = RecordBatch("events", [], [], [], [], [], [], idle={0: 1000})
    assert role.give_up(idle, RuntimeError()).outbox == []
