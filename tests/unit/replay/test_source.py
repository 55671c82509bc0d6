"""Records of several partitions as batches: one order, bounds held, and an end told of each partition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.replay.source import Ended, SourceRecord, batches, in_order

TIMES = st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=4)


def partitions(times: list[list[int]]) -> dict[int, list[SourceRecord]]:
    return {
        partition: [SourceRecord(partition, offset, time, None, b"x" * time, None) for offset, time in enumerate(own)]
        for partition, own in enumerate(times)
    }


@given(TIMES)
def test_each_partition_keeps_its_order_and_ends_once_behind_its_last_record(times: list[list[int]]) -> None:
    found = list(in_order(partitions(times)))
    records = [each for each in found if isinstance(each, SourceRecord)]
    assert sorted(records) == sorted(each for own in partitions(times).values() for each in own)
    for partition, own in partitions(times).items():
        places = [place for place, each in enumerate(found) if each in own]
        assert [found[place] for place in places] == own
        assert found.count(Ended(partition)) == 1
        assert not places or found.index(Ended(partition)) > places[-1]


@given(st.lists(st.lists(st.integers(0, 30), max_size=12).map(sorted), max_size=4))
def test_time_moves_in_all_partitions_together(times: list[list[int]]) -> None:
    found = [each.timestamp for each in in_order(partitions(times)) if isinstance(each, SourceRecord)]
    assert found == sorted(found)


@given(TIMES, st.integers(1, 5), st.integers(1, 40))
def test_batches_hold_every_record_within_their_bounds(times: list[list[int]], most: int, most_bytes: int) -> None:
    found = list(batches("events", in_order(partitions(times)), most, most_bytes, 60_000))
    records = [batch for batch in found if len(batch)]
    assert [place for b in records for place in zip(b.partitions, b.offsets, strict=True)] == [
        (each.partition, each.offset) for each in in_order(partitions(times)) if isinstance(each, SourceRecord)
    ]
    for batch in records:
        assert len(batch) <= most
        assert len(batch) == 1 or sum(len(value or b"") for value in batch.values) <= most_bytes
    marks = [dict(batch.idle) for batch in found if not len(batch)]
    assert sorted(partition for mark in marks for partition in mark) == list(range(len(times)))
    assert all(set(mark.values()) == {60_000} for mark in marks)
