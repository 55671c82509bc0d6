"""Records of predictions and dead letters."""

from __future__ import annotations

import json

import msgspec
import pytest

from streams.contracts import Prediction, Reason, Stage
from streams.encoding import AnswerEncoder
from streams.limits import Limits
from streams.pipeline import Outcomes, Pipeline
from streams.records import RecordBatch
from tests.unit.pipeline.fakes import ToyModel, batch_of, event, with_feature

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def encoder(max_message_bytes: int = 1_000_000) -> AnswerEncoder:
    return AnswerEncoder(
        ToyModel(),
        predictions_topic="predictions",
        dead_letters_topic="dead-letters",
        max_message_bytes=max_message_bytes,
    )


def outcomes_of(batch: RecordBatch, limits: Limits | None = None) -> Outcomes:
    return Pipeline(ToyModel(), limits or Limits(value_bytes=10_000_000)).run(batch.values, batch.timestamps)


def test_a_prediction_record_is_the_contract():
    batch = batch_of([b"{", event("é\n\x00")], partitions=[3, 3], first_offset=70, keys=[None, b"\xff key"])
    (record,) = encoder().predictions(batch, outcomes_of(batch))
    assert (record.topic, record.key, record.partition, record.headers) == ("predictions", b"\xff key", 3, None)
    prediction = json.loads(record.value)
    score = prediction["score"]
    assert 0.5 <= score < 1.0
    assert prediction == {
        "id": "events/3/71/toy",
        "event_id": "é\n\x00",
        "time": "2025-12-31T23:59:59.995Z",
        "model": "toy",
        "version": "7",
        "prediction": "yes",
        "served_by": "model",
        "degraded": False,
        "source": {"topic": "events", "partition": 3, "offset": 71},
        "score": score,
        "scores": {"no": 1.0 - score, "yes": score},
    }
    assert msgspec.json.decode(record.value, type=Prediction).score == score


def test_a_duplicate_names_the_prediction_that_it_repeats():
    batch = batch_of([event(), event()], partitions=[2, 2], first_offset=9)
    encode, outcomes = encoder(), outcomes_of(batch)
    first, second = encode.repeating(batch, outcomes, encode.predictions(batch, outcomes), {1: 9})
    assert "duplicate_of" not in json.loads(first.value)
    assert json.loads(second.value)["duplicate_of"] == json.loads(first.value)["id"] == "events/2/9/toy"


def test_the_trace_goes_on_and_no_other_header_does():
    headers = [[("traceparent", TRACE), ("cookie", b"x")], None, [("traceparent", b"x" * 5000)], [("other", b"y")]]
    batch = batch_of([event(f"e{i}") for i in range(4)], headers=headers)
    records = encoder().predictions(batch, outcomes_of(batch))
    assert [record.headers for record in records] == [[("traceparent", TRACE)], None, None, None]


def test_a_dead_letter_is_the_original_bytes_and_says_why():
    value = b"\xff not for us \r\n"
    batch = batch_of([value], partitions=[5], first_offset=12, headers=[[("traceparent", TRACE), ("weir-stage", b"x")]])
    (rejection,) = outcomes_of(batch).rejections
    record = encoder().dead_letter(batch, rejection)
    assert (record.topic, record.key, record.partition) == ("dead-letters", b"k0", 5)
    assert record.value == value
    assert record.headers == [
        ("weir-stage", b"decode"),
        ("weir-reason", b"encoding"),
        ("weir-error", b"not UTF-8 at byte 0: invalid start byte"),
        ("weir-source", b"events/5/12"),
        ("weir-attempt", b"1"),
        ("weir-model", b"toy"),
        ("traceparent", TRACE),
    ]


@pytest.mark.parametrize(
    ("earlier", "attempt"),
    [(b"1", b"2"), (b"41", b"42"), (b"", b"1"), (b"-3", b"1"), (b"x", b"1"), (b"9" * 5000, b"1")],
)
def test_an_event_that_was_sent_in_again_counts_its_attempts(earlier, attempt):
    batch = batch_of([b"{"], headers=[[("weir-attempt", earlier)]])
    (rejection,) = outcomes_of(batch).rejections
    assert dict(encoder().dead_letter(batch, rejection).headers)["weir-attempt"] == attempt


def size(record) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers or ())
    return len(record.key or b"") + len(record.value) + headers


def test_a_value_too_large_for_a_dead_letter_stays_at_its_source():
    batch = batch_of([event(), b"[" + b"x" * 99_000, with_feature("age", "x")])
    encode = encoder(max_message_bytes=100_000)
    outcomes = encode.publishable(batch, outcomes_of(batch))
    assert [(r.row, r.stage, r.reason) for r in outcomes.rejections] == [
        (1, Stage.PUBLISH, Reason.OUTPUT_TOO_LARGE),
        (2, Stage.VALIDATE, Reason.FEATURE_TYPE),
    ]
    assert outcomes.rows == [0]
    record, other = (encode.dead_letter(batch, rejection) for rejection in outcomes.rejections)
    assert (record.key, record.value) == (b"k1", b"")
    headers = dict(record.headers)
    assert headers["weir-source"] == b"events/0/1"
    assert headers["weir-error"].startswith(b"json (") and b"99001 bytes" in headers["weir-error"]
    assert other.value == batch.values[2]


@pytest.mark.parametrize("value", [event(), b"{"])
def test_a_key_too_large_to_publish_is_left_out(value):
    batch = batch_of([value, event("e2")], keys=[b"k" * 99_000, b"k"])
    encode = encoder(max_message_bytes=100_000)
    outcomes = encode.publishable(batch, outcomes_of(batch))
    assert [(r.row, r.reason) for r in outcomes.rejections] == [(0, Reason.OUTPUT_TOO_LARGE)]
    assert outcomes.event_ids == ["e2"]
    records = [encode.dead_letter(batch, r) for r in outcomes.rejections] + encode.predictions(batch, outcomes)
    assert max(map(size, records)) < 100_000
    assert records[0].key is None


def test_an_id_that_leaves_no_room_is_not_published():
    wide, long_id = "é" * 15_500, "\x01" * 15_500  # 31 and 93 kB as JSON
    batch = batch_of([event(wide), event(long_id), event("e2")])
    encode = encoder(max_message_bytes=100_000)
    outcomes = encode.publishable(batch, outcomes_of(batch, Limits(id_length=20_000)))
    assert [(r.row, r.reason) for r in outcomes.rejections] == [(1, Reason.OUTPUT_TOO_LARGE)]
    assert outcomes.event_ids == [wide, "e2"]
    records = [encode.dead_letter(batch, r) for r in outcomes.rejections] + encode.predictions(batch, outcomes)
    assert max(map(size, records)) < 100_000
