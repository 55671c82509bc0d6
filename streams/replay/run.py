"""A range of a topic through a model again: reads it once, and hands what it comes to to all that want it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from streams.decide.predict import PredictDecider
from streams.kafka.range_reading import RangeReader
from streams.records import OutboxRecord, RecordBatch
from streams.replay.deciding import decided
from streams.replay.ranges import Extent
from streams.replay.report import Tally
from streams.replay.source import batches, in_order


class Taker(Protocol):
    """What wants the outcome of a replay: files, side topics, a comparison, the detectors."""

    def take(self, outbox: Sequence[OutboxRecord], /) -> None:
        """What a worker would publish about a batch; takes what it knows the topic of."""
        ...


def replay(
    reader: RangeReader,
    extents: Sequence[Extent],
    decider: PredictDecider,
    takers: Sequence[Taker],
    *,
    most: int,
    most_bytes: int,
    idle_ms: int,
    begins: Callable[[RecordBatch], None],
    reached: Callable[[RecordBatch, Tally], None],
) -> Tally:
    """Replay `extents` in batches of at most `most` records and `most_bytes`. `idle_ms`: how long a partition counts as
    silent once it was read to its end. `begins` is told of the first batch before anything takes of it, `reached` of
    each one that is done."""
    tally, is_first = Tally(), True
    reader.assign(extents)
    records = in_order({each.partition: reader.records(each.partition) for each in extents})
    for batch, decision in decided(decider, batches(reader.topic, records, most, most_bytes, idle_ms)):
        if is_first and len(batch):
            is_first = False
            begins(batch)
        for taker in takers:
            taker.take(decision.outbox)
        tally.take(batch, decision)
        reached(batch, tally)
    return tally
