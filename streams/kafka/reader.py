"""The consuming side of a lane: batches of consecutive records, bounded in number and bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.kafka.complaints import outages, quiet
from streams.records import Headers, RecordBatch

CHUNK_RECORDS = 1024


class Reader:
    """One consumer of one topic. Calls `on_assign` and `on_revoke` from inside `gather` and `heartbeat` only.

    `at_end`: partitions that were read to their end. `has_more`: the last batch reached its limits, so there may be
    more.
    """

    def __init__(
        self,
        client_config: Mapping[str, Any],
        *,
        topic: str,
        group: str,
        instance: str,
        session_timeout_ms: int,
        max_bytes: int,
        linger_s: float,
        on_assign: Callable[[list[int]], None],
        on_revoke: Callable[[], None],
        on_error: Callable[[KafkaError], None],
        on_trouble: Callable[[KafkaError], None],
    ) -> None:
        self.topic = topic
        self._max_bytes, self._linger_s = max_bytes, linger_s
        self._on_assign, self._on_revoke, self._on_error = on_assign, on_revoke, on_error
        self._left_over: deque[Message] = deque()  # read but over the byte limit of the batch before
        self.at_end: set[int] = set()
        self.has_more = False
        self._consumer = Consumer(
            {
                **quiet(client_config),  # what goes wrong is reported by the calls
                # What is read ahead: some batches for a fast lane. Each record takes an object beside its bytes.
                "queued.max.messages.kbytes": 16_384,
                **client_config,
                "group.id": group,
                "group.instance.id": instance,
                "session.timeout.ms": session_timeout_ms,
                "heartbeat.interval.ms": min(3000, session_timeout_ms // 3),
                "partition.assignment.strategy": "range",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                # The default of 1 s leaves a fast consumer without records each time its queue was full.
                "fetch.queue.backoff.ms": 5,
                "error_cb": outages(client_config, on_trouble),
            }
        )

    def subscribe(self) -> None:
        self._consumer.subscribe([self.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def close(self) -> None:
        self._consumer.close()

    def group_metadata(self) -> Any:
        return self._consumer.consumer_group_metadata()

    def assign(self, positions: Mapping[int, int]) -> None:
        """Go on at these offsets, and drop what was read ahead."""
        self._left_over.clear()
        self.at_end.clear()
        partitions = [TopicPartition(self.topic, p, offset) for p, offset in positions.items()]
        self._consumer.assign(partitions)
        # A partition that was paused when it was taken away comes back paused.
        self._consumer.resume(partitions)

    def committed(self, partitions: Iterable[int], timeout_s: float) -> dict[int, int | None]:
        """Committed offsets, decided ones only: an open transaction over them is waited for. Raises KafkaException."""
        wanted = [TopicPartition(self.topic, p) for p in partitions]
        found = self._consumer.committed(wanted, timeout_s)
        for position in found:
            if position.error is not None:
                raise KafkaException(position.error)
        return {position.partition: position.offset if position.offset >= 0 else None for position in found}

    def bounds(self, partition: int, timeout_s: float) -> tuple[int, int]:
        """Oldest offset of a partition, and its end. Raises KafkaException."""
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self.topic, partition), timeout_s)
        return low, high

    def last_known_end(self, partition: int) -> int | None:
        """The end of a partition as the last fetch told it, without asking the broker."""
        _, high = self._consumer.get_watermark_offsets(TopicPartition(self.topic, partition), cached=True)
        return high if high >= 0 else None

    def partition_count(self, topic: str, timeout_s: float) -> int:
        """Partitions of a topic. Raises KafkaException, also where it does not exist or must not be seen."""
        described = self._consumer.list_topics(topic, timeout_s).topics[topic]
        if described.error is not None:
            raise KafkaException(described.error)
        return len(described.partitions)

    def gather(self, timeout_s: float, most: int) -> list[Message]:
        """Wait for a record, linger for more, and take at most `most` of what is there; [] after the time-out."""
        messages = self._records(1, timeout_s) if not self._left_over else []
        self.has_more = False
        if not messages and not self._left_over:
            return []
        size = sum(map(len, messages))
        linger = self._linger_s
        while len(messages) < most and size < self._max_bytes:
            if self._left_over:
                more = [self._left_over.popleft()]
            else:
                more = self._records(min(CHUNK_RECORDS, most - len(messages)), linger)
                linger = 0.0
            if not more:
                break
            size += sum(map(len, more))
            messages += more
        while size > self._max_bytes and len(messages) > 1:
            size -= len(messages[-1])
            self._left_over.appendleft(messages.pop())
        self.has_more = len(messages) >= most or size >= self._max_bytes or bool(self._left_over)
        return messages

    def heartbeat(self, timeout_s: float) -> None:
        """Poll with everything paused, so that the group sees this member while an agent takes its time."""
        for message in self._records(1, timeout_s):
            self._left_over.append(message)

    def pause(self) -> None:
        self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        self._consumer.resume(self._consumer.assignment())

    def _records(self, count: int, timeout_s: float) -> list[Message]:
        messages = self._consumer.consume(count, timeout_s)
        # By identity: comparing a KafkaError with None raises.
        if not [True for message in messages if message.error() is not None]:
            # As a rule; told at the speed of a comprehension, for this runs once an event.
            if self.at_end:
                self.at_end.difference_update([message.partition() for message in messages])
            return messages
        records: list[Message] = []
        for message in messages:
            error = message.error()
            if error is None:
                self.at_end.discard(message.partition())
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self.at_end.add(cast("int", message.partition()))
            else:
                self._on_error(error)
        return records

    def _assigned(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Nothing is fetched until the lane has restored its state and says where to start.
        self.assign({})
        self._on_assign(sorted(p.partition for p in partitions))

    def _revoked(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._left_over.clear()
        self.at_end.clear()
        self._on_revoke()


def to_batches(topic: str, messages: list[Message], replay_until: Mapping[int, int]) -> list[RecordBatch]:
    """Split what was read into records that were answered before, and new ones; the former come first."""
    if not replay_until:
        return [_columns(topic, messages, replay=False)]
    replayed: list[Message] = []
    fresh: list[Message] = []
    for message in messages:
        partition, offset = cast("tuple[int, int]", (message.partition(), message.offset()))
        (replayed if offset < replay_until.get(partition, 0) else fresh).append(message)
    return [_columns(topic, part, replay=replay) for part, replay in ((replayed, True), (fresh, False)) if part]


def _columns(topic: str, messages: list[Message], *, replay: bool) -> RecordBatch:
    # The client types these as optional, for messages that stand for errors; those were sorted out before.
    return RecordBatch(
        topic=topic,
        partitions=cast("list[int]", [m.partition() for m in messages]),
        offsets=cast("list[int]", [m.offset() for m in messages]),
        keys=cast("list[bytes | None]", [m.key() for m in messages]),
        values=cast("list[bytes | None]", [m.value() for m in messages]),
        timestamps=[m.timestamp()[1] for m in messages],
        headers=cast("list[Headers | None]", [m.headers() for m in messages]),
        replay=replay,
    )
