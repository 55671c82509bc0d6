"""The consuming side of a lane: batches of consecutive records, bounded in number and bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.records import Headers, RecordBatch

CHUNK_RECORDS = 1024


class Reader:
    """One consumer of one topic. Calls `on_assign` and `on_revoke` from inside `gather` and `heartbeat` only."""

    def __init__(
        self,
        client_config: Mapping[str, Any],
        *,
        topic: str,
        group: str,
        instance: str,
        session_timeout_ms: int,
        max_records: int,
        max_bytes: int,
        linger_s: float,
        on_assign: Callable[[list[int]], None],
        on_revoke: Callable[[], None],
        on_fatal: Callable[[KafkaError], None],
    ) -> None:
        self.topic = topic
        self._max_records, self._max_bytes, self._linger_s = max_records, max_bytes, linger_s
        self._on_assign, self._on_revoke, self._on_fatal = on_assign, on_revoke, on_fatal
        self._ahead: deque[Message] = deque()  # read but over the byte limit of the batch before
        self.at_end: set[int] = set()
        self._consumer = Consumer(
            {
                "log_level": 2,  # what goes wrong is reported by the calls, not printed by the client
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
                "queued.max.messages.kbytes": 65_536,
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
        self._ahead.clear()
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
        """Partitions of a topic, 0 if it does not exist. Raises KafkaException."""
        return len(self._consumer.list_topics(topic, timeout_s).topics[topic].partitions)

    def gather(self, timeout_s: float) -> list[Message]:
        """Wait for a record, linger for more, and take what is there, up to the limits; [] after the time-out."""
        messages = self._records(1, timeout_s) if not self._ahead else []
        if not messages and not self._ahead:
            return []
        size = sum(map(len, messages))
        linger = self._linger_s
        while len(messages) < self._max_records and size < self._max_bytes:
            if self._ahead:
                more = [self._ahead.popleft()]
            else:
                more = self._records(min(CHUNK_RECORDS, self._max_records - len(messages)), linger)
                linger = 0.0
            if not more:
                break
            size += sum(map(len, more))
            messages += more
        while size > self._max_bytes and len(messages) > 1:
            size -= len(messages[-1])
            self._ahead.appendleft(messages.pop())
        return messages

    def heartbeat(self, timeout_s: float) -> None:
        """Poll with everything paused, so that the group sees this member while an agent takes its time."""
        for message in self._records(1, timeout_s):
            self._ahead.append(message)

    def pause(self) -> None:
        self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        self._consumer.resume(self._consumer.assignment())

    def _records(self, count: int, timeout_s: float) -> list[Message]:
        records: list[Message] = []
        for message in self._consumer.consume(count, timeout_s):
            error = message.error()
            if error is None:
                self.at_end.discard(message.partition())
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self.at_end.add(cast("int", message.partition()))
            else:
                self._on_fatal(error)
        return records

    def _assigned(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Nothing is fetched until the lane has restored its state and says where to start.
        self.assign({})
        self._on_assign(sorted(p.partition for p in partitions))

    def _revoked(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._ahead.clear()
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
