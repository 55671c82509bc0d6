"""Read a topic to its current end, outside any group: for the commands that look, the demo and tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from streams.kafka.client import NO_GROUP, PASSING, ClientConfig
from streams.kafka.complaints import Complaint
from streams.kafka.onlooker import bounds_of, onlooker, why_unread
from streams.kafka.rights import not_allowed
from streams.records import Headers

CHUNK_RECORDS = 500


class Record(NamedTuple):
    """One record as it was read; `timestamp` in ms since the epoch."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers | None


class ReadTimeout(Exception):
    """The end of a topic was not reached before the deadline."""

    def __init__(self, topic: str, timeout_s: float, left: Mapping[int, int]) -> None:
        self.topic, self.timeout_s, self.left = topic, timeout_s, dict(left)
        super().__init__(
            f"reading {topic!r} took longer than {timeout_s:g} s; partitions not at their end: {sorted(left)}; "
            f"likely cause: a slow or overloaded broker; fix: try again with a longer time"
        )


class TopicReader:
    """Reads committed records, each partition in order, in bounded memory. A context manager.

    Reads the partitions of `offsets` from there on; without it all of them, or `partitions`, from the first record that
    is not older than `since_ms`, or the oldest; up to the first one that is not older than `until_ms`, or the end.
    With `await_open` the end is behind transactions that are open on entry, and what they come to is read.
    Raises BrokerUnreachable and TopicMissing on entry.
    """

    def __init__(
        self,
        client_config: ClientConfig,
        topic: str,
        *,
        offsets: Mapping[int, int] | None = None,
        partitions: Collection[int] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        await_open: bool = False,
        timeout_s: float = 10.0,
    ) -> None:
        self.topic = topic
        self.lows: dict[int, int] = {}
        """Once entered: the first offset of each partition of the topic."""
        self.spans: dict[int, tuple[int, int]] = {}
        """Once entered: by partition, the first offset that is read and the one behind the last."""
        self._timeout_s = timeout_s
        self._client_config = client_config
        self._starts, self._since_ms, self._until_ms = offsets, since_ms, until_ms
        self._partitions, self._await_open = partitions, await_open
        self._ends: dict[int, int] = {}
        self._complaint = Complaint(client_config)
        self._consumer = onlooker(client_config, "weir-reading", {"error_cb": self._complaint})

    def __enter__(self) -> Self:
        try:
            self._begin()
        except KafkaException as error:
            self._consumer.poll(0)
            self._consumer.close()
            raise why_unread(error, self.topic, self._client_config, self._timeout_s, self._complaint) from error
        except BaseException:
            self._consumer.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def to_end(self, deadline_s: float = 60.0, *, since_last: bool = False) -> Iterator[Record]:
        """Every committed record up to the end as it was on entry. `since_last`: the deadline is of the next records,
        not of all. Raises ReadTimeout, KafkaException."""
        left = dict(self._ends)
        deadline = time.monotonic() + deadline_s
        while left:
            is_heard = False
            for message in self._consume(min(1.0, max(0.0, deadline - time.monotonic()))):
                record = _record(message)
                if record.partition not in left:
                    continue  # fetched before it was paused
                is_heard = True
                if message.error() is not None:
                    # End of partition: the last offsets may be transaction markers, which never arrive as records.
                    if not self._await_open or record.offset >= left[record.partition]:
                        self._finish(left, record.partition)
                    continue
                if record.offset < left[record.partition]:
                    yield record
                if record.offset + 1 >= left[record.partition]:
                    self._finish(left, record.partition)
            if is_heard and since_last:
                deadline = time.monotonic() + deadline_s
            if left and time.monotonic() >= deadline:
                raise ReadTimeout(self.topic, deadline_s, left)

    def follow(self, stop: Callable[[], bool]) -> Iterator[Record]:
        """After `to_end`: every further record as it is committed, until `stop` says so. Raises KafkaException."""
        ends = [TopicPartition(self.topic, partition, end) for partition, (_, end) in self.spans.items()]
        self._consumer.assign(ends)
        self._consumer.resume(ends)
        while not stop():
            yield from (_record(message) for message in self._consume(0.2) if message.error() is None)

    def _begin(self) -> None:
        bounds = bounds_of(self._consumer, self.topic, self._timeout_s)
        wanted = [TopicPartition(self.topic, p) for p in bounds]
        self.lows = {p: low for p, (low, _) in bounds.items()}
        wanted = [w for w in wanted if self._partitions is None or w.partition in self._partitions]
        starts = self._start_offsets(wanted, bounds)
        ends = self._end_offsets([w for w in wanted if w.partition in starts], bounds)
        self.spans = {p: (start, max(start, ends[p])) for p, start in starts.items()}
        self._ends = {p: end for p, (start, end) in self.spans.items() if start < end}
        # A partition without anything to read would bring what others go on writing there.
        self._consumer.assign([TopicPartition(self.topic, p, starts[p]) for p in self._ends])

    def _start_offsets(self, wanted: list[TopicPartition], bounds: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        starts = {w.partition: bounds[w.partition][0] for w in wanted}
        if self._since_ms is not None:
            starts |= self._offsets_at(wanted, self._since_ms, bounds)
        if self._starts is not None:
            starts = {p: max(offset, bounds[p][0]) for p, offset in self._starts.items() if p in bounds}
        return starts

    def _end_offsets(self, wanted: list[TopicPartition], bounds: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        ends = {w.partition: bounds[w.partition][1] for w in wanted}
        if self._await_open:
            ends = self._ends_with_open(wanted)
        if self._until_ms is not None:
            ends = self._offsets_at(wanted, self._until_ms, bounds)
        return ends

    def _ends_with_open(self, wanted: list[TopicPartition]) -> dict[int, int]:
        uncommitted = onlooker(self._client_config, "weir-reading", {"isolation.level": "read_uncommitted"})
        try:
            return {w.partition: uncommitted.get_watermark_offsets(w, self._timeout_s)[1] for w in wanted}
        finally:
            uncommitted.close()

    def _offsets_at(
        self, wanted: list[TopicPartition], time_ms: int, bounds: Mapping[int, tuple[int, int]]
    ) -> dict[int, int]:
        """Of each partition's first record that is not older; its end where there is none."""
        asked = [TopicPartition(self.topic, w.partition, time_ms) for w in wanted]
        found = self._consumer.offsets_for_times(asked, self._timeout_s) if asked else []
        return {f.partition: f.offset if f.offset >= 0 else bounds[f.partition][1] for f in found}

    def _consume(self, timeout_s: float) -> list[Message]:
        """Records and ends of partitions; whatever else went wrong and does not pass by itself is raised."""
        messages = []
        for message in self._consumer.consume(CHUNK_RECORDS, timeout_s):
            error = message.error()
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                messages.append(message)
            elif error.code() not in PASSING | NO_GROUP:
                refusal = KafkaException(error)
                raise not_allowed(refusal, f"read the topic {self.topic!r}") or refusal
        return messages

    def _finish(self, left: dict[int, int], partition: int) -> None:
        # Paused, so that a busy partition does not fill the memory while others are still read.
        del left[partition]
        self._consumer.pause([TopicPartition(self.topic, partition)])


def read_topic(
    client_config: ClientConfig,
    topic: str,
    *,
    offsets: Mapping[int, int] | None = None,
    since_ms: int | None = None,
    deadline_s: float = 60.0,
) -> Iterator[Record]:
    """Every committed record of a topic up to its end as it is now. Raises as TopicReader and its `to_end`."""
    with TopicReader(client_config, topic, offsets=offsets, since_ms=since_ms) as reader:
        yield from reader.to_end(deadline_s)


def _record(message: Message) -> Record:
    topic: Any = message.topic()  # the client's types allow None and text everywhere; a consumed message has neither
    partition: Any = message.partition()
    offset: Any = message.offset()
    key: Any = message.key()
    value: Any = message.value()
    headers: Any = message.headers()
    return Record(topic, partition, offset, key, value, message.timestamp()[1], headers)
