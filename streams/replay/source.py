"""Records of several partitions in one order that depends on them alone, as batches. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from streams.records import Headers, RecordBatch


class SourceRecord(NamedTuple):
    """One committed record; `timestamp` in ms since the epoch."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers | None


class Ended(NamedTuple):
    """A partition was read to the end of its range."""

    partition: int


def in_order(partitions: Mapping[int, Iterable[SourceRecord]]) -> Iterator[SourceRecord | Ended]:
    """The oldest record first, each partition in its own order: so time moves in all of them together, as it did when
    they were new, and how fast which broker answers changes nothing."""
    rest = {partition: iter(records) for partition, records in partitions.items()}
    heads: list[tuple[int, int, SourceRecord]] = []
    for partition in sorted(rest):
        yield from _push(heads, rest[partition], partition)
    while heads:
        _, partition, record = heapq.heappop(heads)
        yield record
        yield from _push(heads, rest[partition], partition)


def _push(
    heads: list[tuple[int, int, SourceRecord]], records: Iterator[SourceRecord], partition: int
) -> Iterator[Ended]:
    record = next(records, None)
    if record is None:
        yield Ended(partition)
    else:
        heapq.heappush(heads, (record.timestamp, partition, record))


def batches(
    topic: str, records: Iterable[SourceRecord | Ended], most: int, most_bytes: int, idle_ms: int
) -> Iterator[RecordBatch]:
    """Batches as a worker gathers them, at most `most` records and, but for a single one, `most_bytes`; and a mark
    that nothing comes any more, for `idle_ms`, behind the last batch of each partition."""
    taken: list[SourceRecord] = []
    size = 0
    for record in records:
        own = len(record.key or b"") + len(record.value or b"") if isinstance(record, SourceRecord) else 0
        if taken and (isinstance(record, Ended) or len(taken) >= most or size + own > most_bytes):
            yield _batch(topic, taken)
            taken, size = [], 0
        if isinstance(record, Ended):
            yield RecordBatch(topic, [], [], [], [], [], [], idle={record.partition: idle_ms})
        else:
            taken.append(record)
            size += own
    if taken:
        yield _batch(topic, taken)


def _batch(topic: str, taken: list[SourceRecord]) -> RecordBatch:
    partitions, offsets, timestamps, keys, values, headers = map(list, zip(*taken, strict=True))
    return RecordBatch(topic, partitions, offsets, keys, values, timestamps, headers)
