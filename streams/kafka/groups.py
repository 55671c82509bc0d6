"""How far a consumer group is, and how much is left for it to do."""

from __future__ import annotations

import time
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.kafka.client import BrokerUnreachable, ClientConfig, TopicMissing
from streams.kafka.coordinators import describing_groups
from streams.kafka.errors import kafka_error
from streams.kafka.reading import TopicReader
from streams.kafka.rights import REFUSED, not_allowed

EXACT_BELOW = 1_000
"""Below so many offsets the records left are counted; transaction markers take offsets but are nobody's work."""

MOVING = frozenset(
    {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }
)
"""What the broker says while it does not know yet who looks after a group."""

RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """`committed` is None if the group never committed here; `lag` in records, at most the offsets in between."""

    partition: int
    committed: int | None
    end: int
    lag: int


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """A consumer group on one topic. `state` in Kafka's words (``stable``, ``empty``, …)."""

    group: str
    topic: str
    state: str
    members: int
    partitions: tuple[PartitionLag, ...]

    @property
    def lag(self) -> int:
        return sum(partition.lag for partition in self.partitions)


def group_progress(client_config: ClientConfig, group: str, topic: str, timeout_s: float = 5.0) -> GroupProgress:
    """Offsets and members of a group. Raises BrokerUnreachable, TopicMissing."""
    config: ClientConfig = {"log_level": 2, **client_config}
    consumer = Consumer({**config, "group.id": group, "enable.auto.commit": False, "isolation.level": "read_committed"})
    try:
        # First: it says at once what the others would wait for in vain, that this user may not see the group.
        state, members = _members(config, group, timeout_s)
        described = consumer.list_topics(topic, timeout_s).topics[topic]
        if described.error is not None and described.error.code() in REFUSED:
            raise KafkaException(described.error)
        partitions = sorted(described.partitions)
        if not partitions:
            raise TopicMissing(topic)
        wanted = [TopicPartition(topic, p) for p in partitions]
        bounds = {p.partition: consumer.get_watermark_offsets(p, timeout_s) for p in wanted}
        committed = {p.partition: p.offset for p in consumer.committed(wanted, timeout_s) if p.offset >= 0}
    except (KafkaException, TimeoutError) as error:
        refused = not_allowed(error, f"see the topic {topic!r} and the group {group!r}")
        servers = str(client_config.get("bootstrap.servers"))
        why = str(kafka_error(error) or "it did not answer")
        raise refused or BrokerUnreachable(servers, timeout_s, why) from error
    finally:
        consumer.close()
    starts = {p: max(committed.get(p, low), low) for p, (low, _) in bounds.items()}
    left = {p: max(0, end - starts[p]) for p, (_, end) in bounds.items()}
    left |= _records_left(client_config, topic, {p: starts[p] for p, n in left.items() if 0 < n <= EXACT_BELOW})
    lags = tuple(PartitionLag(p, committed.get(p), bounds[p][1], left[p]) for p in partitions)
    return GroupProgress(group, topic, state, members, lags)


def _members(config: ClientConfig, group: str, timeout_s: float) -> tuple[str, int]:
    """Asks again where the coordinator has just moved, as after a broker's start."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with describing_groups(config, [group]) as asked:
                described = asked[group].result(timeout_s)
        except KafkaException as error:
            cause = kafka_error(error)
            if cause is None or cause.code() not in MOVING or time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_S)
        else:
            return described.state.name.lower(), len(described.members)


def _records_left(client_config: ClientConfig, topic: str, starts: dict[int, int]) -> dict[int, int]:
    if not starts:
        return {}
    counts = dict.fromkeys(starts, 0)
    with TopicReader(client_config, topic, offsets=starts) as reader:
        for record in reader.to_end():
            counts[record.partition] += 1
    return counts
