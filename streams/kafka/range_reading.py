"""Read ranges of a topic's partitions, each of them on demand, outside any group, and commit nothing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from streams.kafka.client import NO_GROUP, PASSING, ClientConfig
from streams.kafka.complaints import Complaint
from streams.kafka.onlooker import bounds_of, onlooker, why_unread
from streams.kafka.reading import ReadTimeout
from streams.kafka.rights import not_allowed
from streams.replay.ranges import Extent, Held
from streams.replay.source import SourceRecord

CHUNK_RECORDS = 1_000
MOST_AHEAD = 10_000
"""Records of a partition that wait while another one is asked for."""
MOST_AHEAD_BYTES = 8 << 20
SILENT_S = 30.0
"""Longest wait for the next record or the end of a partition."""


class RecordsGone(Exception):
    """Records of the range were removed while it was read."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(
            f"records of {topic!r} were removed before they were read; likely cause: the topic's retention, which "
            f"goes on meanwhile; fix: replay a range that begins later"
        )


class RangeReader:
    """Committed records of ranges of one topic. A context manager; raises BrokerUnreachable, TopicMissing and
    NotAllowed on entry. Partitions are assigned, never subscribed to: no group is joined, no offset is stored.

    What is asked for later than another partition waits in memory, bounded in records and bytes.
    """

    def __init__(self, client_config: ClientConfig, topic: str, *, timeout_s: float = 10.0) -> None:
        self.topic = topic
        self.held: dict[int, Held] = {}
        self._timeout_s = timeout_s
        self._client_config = client_config
        self._complaint = Complaint(client_config)
        self._ends: dict[int, int] = {}
        self._ahead: dict[int, deque[SourceRecord]] = {}
        self._bytes_ahead: dict[int, int] = {}
        self._paused: set[int] = set()
        self._consumer = onlooker(
            client_config, "weir-replay", {"auto.offset.reset": "error", "error_cb": self._complaint}
        )

    def __enter__(self) -> Self:
        try:
            self.held = self._look()
        except KafkaException as error:
            self._consumer.poll(0)
            self._consumer.close()
            raise self._why(error) from error
        except BaseException:
            self._consumer.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def offsets_at(self, time_ms: int) -> dict[int, int]:
        """By partition the first record that is not older, by the records' own times; the end where all are.

        Raises BrokerUnreachable.
        """
        asked = [TopicPartition(self.topic, partition, time_ms) for partition in self.held]
        try:
            found = self._consumer.offsets_for_times(asked, self._timeout_s)
        except KafkaException as error:
            raise self._why(error) from error
        return {each.partition: each.offset if each.offset >= 0 else self.held[each.partition].end for each in found}

    def assign(self, extents: Sequence[Extent]) -> None:
        """Read these from now on. Once."""
        self._ends = {each.partition: each.end for each in extents if each.first < each.end}
        self._ahead = {each.partition: deque() for each in extents}
        self._bytes_ahead = {each.partition: 0 for each in extents}
        self._consumer.assign(
            [TopicPartition(self.topic, each.partition, each.first) for each in extents if each.first < each.end]
        )

    def records(self, partition: int) -> Iterator[SourceRecord]:
        """The records of an assigned partition up to its end. Raises ReadTimeout, RecordsGone, NotAllowed,
        KafkaException."""
        ahead = self._ahead[partition]
        while True:
            while ahead:
                record = ahead.popleft()
                self._bytes_ahead[partition] -= _size(record)
                yield record
            if partition not in self._ends:
                return
            self._wait_for(partition)

    def _wait_for(self, partition: int) -> None:
        """Until there is a record of the partition, or its end."""
        if partition in self._paused:
            self._paused.discard(partition)
            self._consumer.resume([TopicPartition(self.topic, partition)])
        deadline = time.monotonic() + SILENT_S
        while partition in self._ends and not self._ahead[partition]:
            if self._take(1.0):
                deadline = time.monotonic() + SILENT_S
            elif time.monotonic() >= deadline:
                raise ReadTimeout(self.topic, SILENT_S, self._ends)

    def _take(self, timeout_s: float) -> bool:
        """Sort what comes into what waits. False: nothing came."""
        # Asking for many at once would wait for all of them.
        messages = self._consumer.consume(1, timeout_s)
        messages += self._consumer.consume(CHUNK_RECORDS, 0)
        for message in messages:
            partition: Any = message.partition()
            if self._is_end(message):
                self._finish(partition)
                continue
            record = _record(message)
            if record is None or partition not in self._ends:
                continue
            if record.offset < self._ends[partition]:
                self._ahead[partition].append(record)
                self._bytes_ahead[partition] += _size(record)
            if record.offset + 1 >= self._ends[partition]:
                self._finish(partition)
        self._hold_back()
        return bool(messages)

    def _is_end(self, message: Message) -> bool:
        """Whether a message stands for the end of its partition. Raises what does not pass by itself."""
        error = message.error()
        if error is None:
            return False
        # The last offsets may be markers of transactions, or of one that is still open: they never come as records.
        if error.code() == KafkaError._PARTITION_EOF:
            return True
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise RecordsGone(self.topic)
        if error.code() not in PASSING | NO_GROUP:
            refusal = KafkaException(error)
            raise not_allowed(refusal, f"read the topic {self.topic!r}") or refusal
        return False

    def _hold_back(self) -> None:
        """Pause what is read much faster than it is asked for, so that it does not fill the memory."""
        full = [
            partition
            for partition in self._ends.keys() - self._paused
            if len(self._ahead[partition]) >= MOST_AHEAD or self._bytes_ahead[partition] >= MOST_AHEAD_BYTES
        ]
        if full:
            self._paused.update(full)
            self._consumer.pause([TopicPartition(self.topic, partition) for partition in full])

    def _finish(self, partition: int) -> None:
        if self._ends.pop(partition, None) is not None:
            self._consumer.pause([TopicPartition(self.topic, partition)])

    def _look(self) -> dict[int, Held]:
        bounds = bounds_of(self._consumer, self.topic, self._timeout_s)
        return {partition: Held(*found) for partition, found in bounds.items()}

    def _why(self, error: KafkaException) -> Exception:
        return why_unread(error, self.topic, self._client_config, self._timeout_s, self._complaint)


def _record(message: Message) -> SourceRecord | None:
    """None of what passes by itself."""
    if message.error() is not None:
        return None
    partition: Any = message.partition()  # the client's types allow None everywhere; a consumed message has none
    offset: Any = message.offset()
    key: Any = message.key()
    value: Any = message.value()
    headers: Any = message.headers()
    return SourceRecord(partition, offset, message.timestamp()[1], key, value, headers)


def _size(record: SourceRecord) -> int:
    return len(record.key or b"") + len(record.value or b"")
