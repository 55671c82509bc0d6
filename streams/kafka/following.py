"""Follow several topics from their first record on, and know when all of them were read to their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition

from streams.kafka.client import NO_GROUP, PASSING, BrokerUnreachable, ClientConfig, TopicMissing
from streams.kafka.onlooker import onlooker
from streams.kafka.rights import REFUSED
from streams.records import Headers

CHUNK_RECORDS = 2_000
TIMEOUT_S = 10.0


class Followed(NamedTuple):
    """One committed record."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Headers | None
    key: bytes | None = None
    timestamp: int = -1


class TopicUnreadable(KafkaException):
    """The broker does not let this topic be read, or nobody leads a partition of it."""

    def __init__(self, topic: str, error: KafkaError) -> None:
        self.topic = topic
        super().__init__(error)

    def __str__(self) -> str:
        refused = self.args[0].code() in REFUSED
        fix = "give the right Read, docs/reference/rights.md" if refused else "look at the broker, `weir doctor`"
        return f"topic {self.topic!r} cannot be read: {self.args[0].str()}; fix: {fix}"


NO_TIMES: Mapping[str, int] = MappingProxyType({})


class Follower:
    """Reads committed records as soon as they are visible, outside any group. For one thread; a context manager.

    Raises BrokerUnreachable, TopicMissing and TopicUnreadable when made.
    """

    def __init__(
        self,
        client_config: ClientConfig,
        topics: Sequence[str],
        since_ms: Mapping[str, int] = NO_TIMES,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """`since_ms`: topics whose records count from a time on. `timeout_s`: for each answer of the broker."""
        self._positions: dict[tuple[str, int], int] = {}
        self._unseen: set[tuple[str, int]] = set()
        self._timeout_s = timeout_s
        self._servers = str(client_config.get("bootstrap.servers"))
        self._consumer = onlooker(client_config, "weir-following")
        try:
            self._assign(topics, since_ms)
        except BaseException:
            self._consumer.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def read(self, timeout_s: float) -> list[Followed]:
        """What is there, or what comes first within the time. Raises TopicUnreadable, or
        KafkaException, on what does not pass by itself."""
        # Asking for many at once would wait for all of them.
        messages = self._consumer.consume(1, timeout_s)
        messages += self._consumer.consume(CHUNK_RECORDS, 0)
        records = []
        for message in messages:
            topic: Any = message.topic()
            partition: Any = message.partition()
            offset: Any = message.offset()
            error = message.error()
            if error is None:
                value: Any = message.value()
                headers: Any = message.headers()
                key: Any = message.key()
                records.append(Followed(topic, partition, offset, value, headers, key, message.timestamp()[1]))
                self._positions[topic, partition] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                # Beyond the last record there may be transaction markers, which never come as records.
                self._positions[topic, partition] = offset
                self._unseen.discard((topic, partition))
            elif error.code() not in PASSING | NO_GROUP:
                raise TopicUnreadable(topic, error) if topic else KafkaException(error)
        return records

    def behind(self) -> list[str]:
        """Topics with a partition whose end was not seen yet. Asks nobody."""
        return sorted({topic for topic, _ in self._unseen})

    def at_end(self) -> bool:
        """Whether everything was read that is committed by now. Asks the broker; while it does not answer, False."""
        try:
            return all(
                self._consumer.get_watermark_offsets(TopicPartition(topic, partition), self._timeout_s)[1] <= position
                for (topic, partition), position in self._positions.items()
            )
        except KafkaException as error:
            if error.args[0].retriable() or error.args[0].code() in PASSING:
                return False
            raise

    def _assign(self, topics: Sequence[str], since_ms: Mapping[str, int]) -> None:
        try:
            found = self._consumer.list_topics(timeout=self._timeout_s).topics
        except KafkaException as error:
            raise BrokerUnreachable(self._servers, self._timeout_s, error.args[0].str()) from error
        for topic in topics:
            if topic not in found:
                raise TopicMissing(topic)
            self._positions |= {(topic, partition): 0 for partition in found[topic].partitions}
        self._unseen = set(self._positions)
        starts = dict.fromkeys(self._positions, OFFSET_BEGINNING)
        for topic, since in since_ms.items():
            asked = [TopicPartition(*at, since) for at in self._positions if at[0] == topic]
            for each in self._times(topic, asked):
                starts[each.topic, each.partition] = each.offset if each.offset >= 0 else OFFSET_END
        self._consumer.assign([TopicPartition(*at, start) for at, start in starts.items()])

    def _times(self, topic: str, asked: list[TopicPartition]) -> list[TopicPartition]:
        try:
            return self._consumer.offsets_for_times(asked, self._timeout_s) if asked else []
        except KafkaException as error:
            raise TopicUnreadable(topic, error.args[0]) from error
