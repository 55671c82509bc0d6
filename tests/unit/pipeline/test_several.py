"""Several models in one worker: each answers as if it were alone, and an event to one of them is that one's only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.observation import Observation
from drift.progress import PartitionProgress, arrive, whole_until
from drift.settings import DriftSettings
from drift.summary import Summariser
from streams.addressing import Addressing
from streams.contracts import HEADER_MODEL, Reason
from streams.decide.predict import PredictDecider
from streams.decide.serving import make_serving
from streams.decide.several import Reports, SeveralDecider
from streams.decider import AnswerRefused, Decider
from streams.limits import Limits
from streams.pipeline import Pipeline
from streams.records import BatchReport, Decision, Headers, OutboxRecord, RecordBatch
from tests.unit.pipeline.fakes import ToyModel, aged, batch_of, event
from tests.unit.pipeline.test_predict_decider import PROFILE, TOPICS

MODELS = ("first", "second")


class Named(ToyModel):
    """Raises on an age that the other one answers."""

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]
        refused = float(len(name))

        def refuse(matrix: Any) -> None:
            if (matrix[:, 0] == refused).any():
                raise ValueError(name)

        super().__init__(before=refuse)


def alone(name: str, addressing: Addressing | None = None) -> PredictDecider:
    serving = make_serving(
        Pipeline(Named(name), Limits()),
        TOPICS,
        summariser=Summariser(PROFILE, 1000),
        profile_id=PROFILE.id,
        max_message_bytes=1_000_000,
    )
    return PredictDecider(
        lambda: serving, dead_letters_topic=TOPICS.dead_letters, dedupe_window=100, addressing=addressing
    )


def several() -> SeveralDecider:
    return SeveralDecider({name: alone(name, addressing(name)) for name in MODELS})


def addressing(name: str) -> Addressing:
    return Addressing(name, beside=MODELS, elsewhere=["elsewhere"], speaks_for_all=name == MODELS[0])


def to(name: str | None) -> Headers | None:
    return None if name is None else [("other", b"x"), (HEADER_MODEL, name.encode())]


def run(role: Decider, whole: RecordBatch, bounds: Sequence[int], restarts: Sequence[int] = ()) -> list[Decision]:
    """Decide batch by batch; before those in `restarts` the state is written and read."""
    states = {partition: role.load(partition, {}) for partition in set(whole.partitions)}
    decisions = []
    for number, (start, end) in enumerate(pairwise(bounds)):
        if number in restarts:
            dumped = {partition: state.dump() for partition, state in states.items()}
            states = {p: role.load(p, {name: bytes(data) for name, data in own.items()}) for p, own in dumped.items()}
        batch = whole._cut(start, end)
        decision = role.decide(states, batch, role.prepare(batch))
        for partition, change in decision.changes.items():
            states[partition].apply(change)
        decisions.append(decision)
    return decisions


def answers(decisions: Sequence[Decision], model: str) -> list[OutboxRecord]:
    """Predictions and dead letters of a model, observations apart, in the order in which they are published."""
    return [
        record
        for decision in decisions
        for record in decision.outbox
        if record.topic != TOPICS.observations and model_of(record) == model
    ]


def model_of(record: OutboxRecord) -> str:
    if record.topic == TOPICS.dead_letters:
        return dict(record.headers or ())[HEADER_MODEL].decode()
    return str(json.loads(record.value or b"")["model"])


RECORDS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.one_of(
            st.none(),
            st.just(b"no event"),
            st.builds(aged, st.sampled_from([1, 5, 6, 70]), st.sampled_from(["a", "b", "c"])),
        ),
        st.sampled_from([None, None, *MODELS, "elsewhere"]),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=100, deadline=None)
@given(records=RECORDS, cuts=st.sets(st.integers(1, 19)), restarts=st.sets(st.integers(0, 5)))
def test_each_model_answers_what_is_meant_for_it_as_if_it_were_alone(records, cuts, restarts):
    """`first` raises on the age 5, `second` on 6, so that one repeats an event that the other has not answered."""
    whole = batch_of(
        [value for _, value, _ in records],
        partitions=[partition for partition, _, _ in records],
        headers=[to(name) for _, _, name in records],
    )
    together = run(several(), whole, [0, *sorted(cut for cut in cuts if cut < len(records)), len(records)], [*restarts])
    for model in MODELS:
        own = [row for row, (_, _, named) in enumerate(records) if named in {None, model}]
        meant = RecordBatch(
            whole.topic,
            [whole.partitions[row] for row in own],
            [whole.offsets[row] for row in own],
            [whole.keys[row] for row in own],
            [whole.values[row] for row in own],
            [whole.timestamps[row] for row in own],
            [whole.headers[row] for row in own],
        )
        due = run(alone(model), meant, range(len(own) + 1))  # one by one
        assert sorted(answers(together, model)) == sorted(answers(due, model))
        reports = [decision.report.of[model] for decision in together]
        assert sum(report.records for report in reports) == len(own)
        assert sum(report.tombstones for report in reports) == sum(whole.values[row] is None for row in own)


def test_an_event_to_no_model_is_one_dead_letter_with_its_reason():
    batch = batch_of([event("a"), event("b"), event("c")], headers=[to("nobody"), to("elsewhere"), to("second")])
    (decision,) = run(several(), batch, [0, 3])
    dead, answered = (
        [record for record in decision.outbox if record.topic == topic]
        for topic in (TOPICS.dead_letters, TOPICS.predictions)
    )
    headers = dict(dead[0].headers or ())
    assert (len(dead), dead[0].value, headers["weir-reason"]) == (1, event("a"), b"no_model")
    assert b"nobody" in headers["weir-error"]
    assert headers[HEADER_MODEL] == b"nobody"  # sent in again, it is meant for that model still
    assert [model_of(record) for record in answered] == ["second"]
    assert isinstance(decision.report, Reports)
    first = decision.report.of["first"]
    assert isinstance(first, BatchReport)
    assert (first.records, sum(first.rejected.values())) == (1, 1)


def test_what_no_decision_can_be_made_about_is_a_dead_letter_of_each_model_it_was_meant_for():
    batch = batch_of([event("a")])
    refused = AnswerRefused()
    refused.topic, refused.why = TOPICS.predictions, "too large"
    for headers, due in ((None, list(MODELS)), (to("second"), ["second"])):
        decision = several().give_up(replace(batch, headers=[headers]), refused)
        reasons = Counter(dict(record.headers or ())["weir-reason"] for record in decision.outbox if record.headers)
        assert [model_of(record) for record in decision.outbox if record.headers] == due
        assert reasons == {Reason.OUTPUT_TOO_LARGE.encode(): len(due)}


def test_events_to_models_elsewhere_are_counted_once():
    batch = batch_of([event(name) for name in "abcd"], headers=[to("nobody"), to("elsewhere"), to("second"), None])
    assert [addressing(name).passed_over(batch) for name in MODELS] == [{"elsewhere": 1}, {}]


def test_a_partition_with_events_of_the_other_model_only_holds_nothing_up():
    """What is missing there is nothing: drift goes on by the time of the other partitions."""
    role = several()
    states = {partition: role.load(partition, {}) for partition in (0, 1)}
    come: dict[int, PartitionProgress] = {}
    for number in range(5):
        batch = batch_of(
            [aged(7, f"e{number}"), aged(7, f"e{number}")],
            partitions=[0, 1],
            headers=[to("second"), to("first")],
            first_offset=number,
        )
        decision = role.decide(states, batch, role.prepare(batch))
        for record in decision.outbox:
            if record.topic == TOPICS.observations:
                told = msgspec.json.decode(record.value or b"", type=Observation)
                if told.model == "first":
                    _, come[told.partition] = arrive(come.get(told.partition, PartitionProgress()), told)
    assert come[0].idle_ms == 0
    assert come[1].idle_ms is None
    assert whole_until(DriftSettings(), come, 2) == (come[1].max_time or 0) - DriftSettings().allowed_lateness_ms


def test_each_model_says_that_nothing_came():
    decision = several().decide({}, RecordBatch("events", [], [], [], [], [], [], idle={0: 5}), dict.fromkeys(MODELS))
    assert [json.loads(record.value or b"")["model"] for record in decision.outbox] == list(MODELS)


def test_a_second_model_leaves_what_the_first_one_remembers_where_it_was():
    batch = batch_of([aged(1, "a"), aged(2, "b")])
    single, both = alone("first"), several()
    (change,) = run(single, batch, [0, 2])[0].changes.values()
    state = single.load(0, {})
    state.apply(change)
    entries = {name: bytes(data) for name, data in state.dump().items()}
    assert both.load(0, entries).of["first"].dump() == state.dump()
    assert single.load(0, both.load(0, entries).dump()).dump() == state.dump()
    swapped = SeveralDecider({name: alone(name) for name in reversed(MODELS)})
    of = swapped.load(0, both.load(0, entries).dump()).of
    assert (of["first"].dump(), of["second"].dump()) == (state.dump(), {})
