"""CloudEvents in and out: whatever carries an event, the same is said of it as of a plain one."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.cloud_events.binary import MOST_BYTES
from streams.cloud_events.opening import opened_by_headers
from streams.cloud_events.writing import CloudEventHeaders
from streams.contracts import Reason
from streams.dead_letters.event import event_of
from streams.dead_letters.letter import Place, read_letter
from streams.encoding import AnswerEncoder
from streams.fate.sought import Sought
from streams.limits import Limits
from streams.pipeline import Outcomes, Pipeline
from streams.records import Headers, RecordBatch
from tests.unit.pipeline.fakes import GOOD, NOW, ToyModel, batch_of, event, with_feature
from tests.unit.pipeline.test_bad_input import FAMILIES, GOOD_ONES
from tests.unit.pipeline.test_predict_decider import decider, fresh, published

DATA = json.dumps({"features": GOOD}).encode()
ENVELOPE = {"specversion": "1.0", "id": "ce-1", "source": "/crm", "type": "customer.updated"}
STRUCTURED: Headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def binary(**changed: str | bytes | None) -> Headers:
    """Headers of a CloudEvent, but for what is said."""
    attributes: dict[str, Any] = {**ENVELOPE, **changed}
    return [
        (
            "content-type" if name == "content_type" else f"ce_{name}",
            value if isinstance(value, bytes) else value.encode(),
        )
        for name, value in attributes.items()
        if value is not None
    ]


def structured(data: Any = None, **changed: Any) -> bytes:
    attributes = {**ENVELOPE, "data": {"features": GOOD} if data is None else data, **changed}
    return json.dumps({name: value for name, value in attributes.items() if value is not ...}).encode()


def answered(value: bytes | None, headers: Headers | None = None) -> tuple[list[dict], list[str]]:
    """Predictions, and reasons of dead letters, of one record at a worker."""
    batch = batch_of([value], headers=[headers])
    mine = decider()
    decision = mine.decide(fresh(mine, 0), batch, mine.prepare(batch))
    letters = [record for record in decision.outbox if record.topic == "dead-letters"]
    assert all(letter.value == value for letter in letters), "the original bytes"
    return published(decision, "predictions"), [dict(letter.headers)["weir-reason"].decode() for letter in letters]


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (DATA, binary()),
        (DATA, binary(content_type="application/json; charset=utf-8")),
        (event("another"), binary()),
        (structured(), STRUCTURED),
        (structured(), None),
        (structured(datacontenttype="application/vnd.crm+json", subject="anna", traceparent="00-1"), None),
        (structured(..., data_base64=base64.b64encode(DATA).decode()), STRUCTURED),
        (structured(time=None, datacontenttype=None), None),
    ],
)
def test_each_form_is_answered_under_the_id_of_its_envelope(value: bytes, headers: Headers | None) -> None:
    (plain,), _ = answered(event("ce-1"))
    (prediction,), reasons = answered(value, headers)
    assert reasons == []
    assert prediction["event_id"] == "ce-1"
    assert (prediction["prediction"], prediction["score"]) == (plain["prediction"], plain["score"])


def test_the_time_is_the_envelopes_then_the_datas_then_the_records() -> None:
    for value, headers in [
        (event(), binary(time="2025-12-31T23:00:00+00:00")),
        (structured(json.loads(event()), time="2025-12-31T23:00:00Z"), None),
    ]:
        ((prediction,), _) = answered(value, headers)
        assert prediction["time"] == "2025-12-31T23:00:00.000Z"
    ((own,), _), ((records,), _) = answered(event(), binary()), answered(DATA, binary())
    assert own["time"] == "2025-12-31T23:59:59.995Z"
    assert records["time"] == "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (DATA, binary(specversion="0.3"), Reason.FRAMED),
        (DATA, binary(specversion=None), Reason.FRAMED),
        (DATA, binary(id=None), Reason.ID_MISSING),
        (DATA, binary(id=""), Reason.ID_MISSING),
        (DATA, binary(id="x" * 17), Reason.ID_TOO_LONG),
        (DATA, binary(id=b"\xff"), Reason.ENCODING),
        (DATA, binary(source=None), Reason.FRAMED),
        (DATA, binary(type=""), Reason.FRAMED),
        (DATA, binary(time="yesterday"), Reason.TIME),
        (DATA, binary(time="2026-01-01T01:00:00Z"), Reason.TIME_AHEAD),
        (DATA, binary(content_type="application/avro"), Reason.FRAMED),
        (DATA, binary(comment="x" * MOST_BYTES), Reason.TOO_LARGE),
        (b"", binary(), Reason.EMPTY),
        (b"{}", binary(), Reason.FEATURE_MISSING),
        (b"[1]", binary(), Reason.NOT_OBJECT),
        (b"\x00\x00\x00\x00\x07" + DATA, binary(), Reason.FRAMED),
        (event(), [("content-type", b"application/cloudevents-batch+json")], Reason.FRAMED),
        (event(), STRUCTURED, Reason.FRAMED),
        (b"not json", STRUCTURED, Reason.JSON),
        (structured(specversion="2.0"), None, Reason.FRAMED),
        (structured(id=7), None, Reason.ID_MISSING),
        (structured(source=...), STRUCTURED, Reason.FRAMED),
        (structured(time="noon"), None, Reason.TIME),
        (structured(datacontenttype="text/plain"), None, Reason.FRAMED),
        (structured(...), None, Reason.FEATURE_MISSING),
        (structured("text"), None, Reason.NOT_OBJECT),
        (structured(..., data_base64="#"), None, Reason.ENCODING),
        (structured(..., data_base64=base64.b64encode(b"\xff\xfe").decode()), None, Reason.ENCODING),
        (structured({"features": {**GOOD, "age": "old"}}), None, Reason.FEATURE_TYPE),
    ],
)
def test_a_bad_one_is_a_dead_letter_with_a_reason(value: bytes, headers: Headers | None, reason: Reason) -> None:
    assert answered(value, headers) == ([], [reason])


def test_a_null_value_stays_a_tombstone() -> None:
    assert answered(None, binary()) == ([], [])


@pytest.mark.parametrize("headers", [[("ce_type", b"x")], [("content-type", b"application/json")], [("other", None)]])
def test_other_headers_make_no_cloud_event(headers: Headers) -> None:
    assert opened_by_headers(batch_of([event()], headers=[headers])) is None
    assert answered(event(), headers)[1] == []


def test_a_plain_event_that_says_specversion_stays_one() -> None:
    assert answered(event(specversion="1.0"))[0][0]["event_id"] == "e-1"
    assert answered(event(specversion="1.0", features={}))[1] == [Reason.FEATURE_MISSING]


def outcomes_of(batch: RecordBatch) -> Outcomes:
    limits = Limits(value_bytes=4096, depth=6, id_length=16)
    opened = opened_by_headers(batch)
    return Pipeline(ToyModel(), limits).run(opened.values if opened else batch.values, batch.timestamps)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fault_of_the_data_is_the_fault_that_it_is_in_a_plain_event(family: str) -> None:
    value, _, reason = FAMILIES[family]
    data = value.replace(b'"id": "e-1", ', b"")
    if reason in {Reason.ID_MISSING, Reason.ID_TOO_LONG} or (data == value and b'"id"' in value):
        return  # what the envelope says in its place
    (rejection,) = outcomes_of(batch_of([data], headers=[binary()])).rejections
    assert rejection.reason is reason


def test_neighbours_are_answered_wherever_a_cloud_event_stands() -> None:
    good = list(GOOD_ONES.values())
    alone = outcomes_of(batch_of(good))
    for at in (0, 1, len(good)):
        for value in (structured(), structured(source=...), b"no event"):
            mixed = outcomes_of(batch_of([*good[:at], value, *good[at:]]))
            own = [index for index, row in enumerate(mixed.rows) if row != at]
            assert [mixed.event_ids[index] for index in own] == alone.event_ids
            assert [mixed.predictions.values[index] for index in own] == alone.predictions.values


@given(
    st.lists(st.tuples(st.sampled_from(["ce_id", "ce_specversion", "content-type", "ce_time", "x"]), st.binary())),
    st.binary() | st.just(DATA) | st.just(structured()),
)
def test_whatever_headers_say_the_record_becomes_one_answer_or_one_reason(headers: Headers, value: bytes) -> None:
    predictions, reasons = answered(value, headers)
    assert len(predictions) + len(reasons) == 1


def test_a_dead_letter_keeps_the_envelope_so_that_it_can_be_sent_in_again() -> None:
    headers = binary(subject="anna", content_type="application/json")
    batch = batch_of([with_feature("age", "old")], headers=[[*headers, ("x", b"y")]])
    mine = decider()
    decision = mine.decide(fresh(mine, 0), batch, mine.prepare(batch))
    (record,) = (record for record in decision.outbox if record.topic == "dead-letters")
    letter = read_letter(Place("dead-letters", 0, 5), NOW, record.key, record.value, record.headers)
    assert letter is not None
    assert letter.event_id == "ce-1"
    again = event_of(letter, "events", 1)
    assert [pair for pair in again.headers or () if pair in headers] == headers
    assert again.value == batch.values[0]


def test_an_event_is_found_by_the_id_in_its_headers_or_envelope() -> None:
    sought = Sought("ce-1")
    assert sought.match(DATA, binary()) == "id"
    assert sought.match(event("ce-1"), binary(id="other")) is None
    assert sought.match(structured()) == "id"
    assert sought.match(event("ce-1"), [("x", b"y")]) == "id"


def test_answers_are_cloud_events_where_a_source_is_named() -> None:
    model = ToyModel()
    encoder = AnswerEncoder(
        model,
        predictions_topic="predictions",
        dead_letters_topic="dead-letters",
        max_message_bytes=1_000_000,
        cloud_events=CloudEventHeaders("/shop/weir", model.name),
    )
    batch = batch_of([event("a"), event("b")], headers=[None, [("traceparent", b"00-1")]], first_offset=9)
    outcomes = outcomes_of(batch)
    records = encoder.repeating(batch, outcomes, encoder.predictions(batch, outcomes), {1: 9})
    for offset, record in enumerate(records, 9):
        prediction, headers = json.loads(record.value or b""), dict(record.headers or ())
        assert headers.pop("traceparent", b"00-1") == b"00-1"
        assert {name: value.decode() for name, value in headers.items()} == {
            "ce_specversion": "1.0",
            "ce_id": prediction["id"],
            "ce_source": "/shop/weir",
            "ce_type": "weir.prediction.v1",
            "ce_time": prediction["time"],
            "content-type": "application/json",
        }
        assert prediction["id"] == f"events/0/{offset}/toy"
    assert "traceparent" in dict(records[1].headers or ())
