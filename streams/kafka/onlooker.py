"""A consumer that only looks on: it joins no group, commits nothing, and sees what is committed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.kafka.client import BrokerUnreachable, ClientConfig, TopicMissing
from streams.kafka.complaints import Complaint
from streams.kafka.errors import kafka_error
from streams.kafka.rights import REFUSED, not_allowed


def onlooker(client_config: ClientConfig, name: str, properties: Mapping[str, Any] = MappingProxyType({})) -> Consumer:
    """To be assigned partitions, never to subscribe. `name`: what brokers see in place of a group; `properties`:
    further ones of librdkafka, or others."""
    return Consumer(
        {
            "log_level": 2,  # what goes wrong is raised, not printed by the client
            **client_config,
            "group.id": name,  # required by the client
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 16_384,
            **properties,
        }
    )


def bounds_of(consumer: Consumer, topic: str, timeout_s: float) -> dict[int, tuple[int, int]]:
    """By partition, the first offset that is there and the one behind the last. Raises TopicMissing, KafkaException."""
    described = consumer.list_topics(topic, timeout_s).topics[topic]
    if described.error is not None and described.error.code() in REFUSED:
        raise KafkaException(described.error)
    if not described.partitions:
        raise TopicMissing(topic)
    return {
        partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout_s)
        for partition in sorted(described.partitions)
    }


def why_unread(
    error: KafkaException, topic: str, client_config: ClientConfig, timeout_s: float, complaint: Complaint
) -> Exception:
    """What to raise where a topic could not be looked at: a right is missing, or no broker answered."""
    cause = kafka_error(error)
    why = complaint.why or (cause.str() if cause else str(error))
    servers = str(client_config.get("bootstrap.servers"))
    return not_allowed(error, f"read the topic {topic!r}") or BrokerUnreachable(servers, timeout_s, why)
