"""Where in a topic a time is: for who holds the offsets of a group against retention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.kafka.client import BrokerUnreachable, ClientConfig
from streams.kafka.errors import kafka_error
from streams.kafka.rights import not_allowed


@dataclass(frozen=True, slots=True)
class Position:
    """Of one partition: its first offset, its end, and the first record that is not older than the time asked for (the
    end, where all are older)."""

    low: int
    end: int
    at_time: int


def positions(
    client_config: ClientConfig, topic: str, partitions: Iterable[int], time_ms: int, timeout_s: float = 5.0
) -> dict[int, Position]:
    """By partition. Raises BrokerUnreachable, NotAllowed."""
    consumer = Consumer({"log_level": 2, **client_config, "group.id": "weir-positions", "enable.auto.commit": False})
    try:
        wanted = [TopicPartition(topic, partition, max(0, time_ms)) for partition in partitions]
        bounds = {p.partition: consumer.get_watermark_offsets(p, timeout_s) for p in wanted}
        times = {p.partition: p.offset for p in consumer.offsets_for_times(wanted, timeout_s)} if wanted else {}
    except KafkaException as error:
        refused = not_allowed(error, f"see the topic {topic!r}")
        servers, why = str(client_config.get("bootstrap.servers")), str(kafka_error(error) or "it did not answer")
        raise refused or BrokerUnreachable(servers, timeout_s, why) from error
    finally:
        consumer.close()
    found = {}
    for partition, (low, end) in bounds.items():
        at_time = times.get(partition, -1)
        found[partition] = Position(low, end, at_time if at_time >= 0 else end)
    return found
