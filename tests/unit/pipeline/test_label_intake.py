"""Labels as people publish them, and what of them reaches the join."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.decide.label_intake import IntakeReport, LabelIntakeDecider
from streams.decider import Decider
from streams.joining.label_events import LabelDecoder, LabelReason
from streams.joining.records import ENTRIES_PER_RECORD, Labels, decode_join, partition_of
from streams.records import Decision, RecordBatch
from tests.unit.pipeline.fakes import NOW, batch_of

REFUSED = {
    None: LabelReason.TOMBSTONE,
    b"": LabelReason.JSON,
    b'{"event_id": "a", "label": 1': LabelReason.JSON,
    b'{"event_id": "a", "label": NaN}': LabelReason.JSON,
    b'{"event_id": "a", "label": 1e999}': LabelReason.JSON,
    b'{"event_id": "\\ud800", "label": 1}': LabelReason.JSON,
    b"\xff\xfe{": LabelReason.ENCODING,
    b'{"event_id": "a", "label": "\xff"}': LabelReason.ENCODING,
    b"[1]": LabelReason.NOT_OBJECT,
    b'{"label": 1}': LabelReason.ID_MISSING,
    b'{"event_id": 7, "label": 1}': LabelReason.ID_MISSING,
    b'{"event_id": "", "label": 1}': LabelReason.ID_MISSING,
    b'{"event_id": "a-very-long-id-indeed", "label": 1}': LabelReason.ID_TOO_LONG,
    b'{"event_id": "a"}': LabelReason.LABEL,
    b'{"event_id": "a", "label": null}': LabelReason.LABEL,
    b'{"event_id": "a", "label": [1]}': LabelReason.LABEL,
    b'{"event_id": "a", "label": 99999999999999999999999}': LabelReason.LABEL,
    b'{"event_id": "a", "label": 1, "time": "yesterday"}': LabelReason.TIME,
    b'{"event_id": "a", "label": "%s"}' % (b"x" * 200): LabelReason.TOO_LARGE,
    b"[" * 150: LabelReason.JSON,
}


def role(partitions: int = 4) -> LabelIntakeDecider:
    return LabelIntakeDecider(decoder=LabelDecoder(200, 16), joins_topic="joins", partitions=partitions)


def decide(batch: RecordBatch, partitions: int = 4) -> Decision:
    intake: Decider = role(partitions)
    return intake.decide({}, batch, intake.prepare(batch))


def passed_on(decision: Decision) -> list[tuple[int, Labels]]:
    records = [(record.partition, decode_join(record.value or b"")) for record in decision.outbox]
    return [(partition, record) for partition, record in records if isinstance(record, Labels)]


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_what_is_no_label_is_named_and_takes_no_neighbour_along(value: bytes | None) -> None:
    good = b'{"event_id": "e", "label": "yes"}'
    decision = decide(batch_of([good, value, good.replace(b'"e"', b'"f"')]))
    report = decision.report
    assert isinstance(report, IntakeReport)
    assert report.labels == 2
    assert report.refused == Counter({REFUSED[value]: 1})
    assert report.examples == ([] if value is None else ["events/0/1"])
    assert sorted(id_ for _, record in passed_on(decision) for id_ in record.ids) == ["e", "f"]


@given(st.lists(st.tuples(st.text(min_size=1, max_size=16).filter(str.isprintable), st.integers(0, 9)), max_size=40))
def test_each_label_goes_to_the_partition_of_its_id_in_its_order(labels: list[tuple[str, int]]) -> None:
    values = [json.dumps({"event_id": id_, "label": label}).encode() for id_, label in labels]
    found: dict[int, list[tuple[str, object]]] = {}
    for partition, record in passed_on(decide(batch_of(values))):
        found.setdefault(partition, []).extend(zip(record.ids, record.labels, strict=True))
    for partition, pairs in found.items():
        assert pairs == [pair for pair in labels if partition_of(pair[0], 4) == partition]
    assert sum(map(len, found.values())) == len(labels)


def test_a_labels_own_time_goes_along_or_its_records() -> None:
    timed = b'{"event_id": "a", "label": 1, "time": "2026-01-01T00:00:00.5Z"}'
    [(_, record)] = passed_on(decide(batch_of([timed, b'{"event_id": "b", "label": true}']), partitions=1))
    assert record == Labels(["a", "b"], [1, True], [1_767_225_600_500, NOW])


def test_records_stay_small_whatever_labels_are() -> None:
    values = [json.dumps({"event_id": f"{n}", "label": "long " * 30}).encode() for n in range(3000)]
    records = decide(batch_of(values), partitions=1).outbox
    assert all(len(record.value or b"") < 200 * ENTRIES_PER_RECORD for record in records)
    assert len(records) == 3


def test_what_cannot_be_passed_on_is_not_laid_at_its_producers_door() -> None:
    report = role().give_up(batch_of([b'{"event_id": "a", "label": 1}']), RuntimeError("joins refuses it")).report
    assert report == IntakeReport(refused=Counter({LabelReason.GIVEN_UP: 1}), examples=["events/0/0"])
    assert role().give_up(batch_of([]), RuntimeError()).report == IntakeReport()


def test_a_replay_publishes_nothing() -> None:
    decision = decide(batch_of([b'{"event_id": "a", "label": 1}'], replay=True))
    assert decision.outbox == []
