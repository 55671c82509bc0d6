"""Why the demo lets a worker be replaced on one broker and not on the other."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streams.demo.broker import EmbeddedBroker
from streams.demo.kraft import KafkaCluster
from tests.kafka.topics import Topics
from tests.waiting import until


@pytest.mark.parametrize("topics", ["kafka", "embedded"], indirect=True)
def test_whether_readers_see_what_comes_after_an_abort(topics: Topics, request: pytest.FixtureRequest) -> None:
    """Fails on the embedded broker once a newer version of it is sound: set its `ends_aborts` then."""
    broker = KafkaCluster if "[kafka]" in request.node.name else EmbeddedBroker
    topic = topics.create("t")
    reader = Consumer(
        {"bootstrap.servers": topics.bootstrap_servers, "group.id": topic, "isolation.level": "read_committed"}
    )
    reader.assign([TopicPartition(topic, 0, 0)])
    try:
        _publish(_producer(topics), topic, b"one")
        assert _next(reader, within_s=20) == b"one"
        killed = _producer(topics)
        killed.begin_transaction()
        killed.produce(topic, b"torn")
        assert killed.flush(20) == 0
        successor = _producer(topics)
        end = reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=20)[1]
        until(lambda: _next(reader, within_s=0.1) is None and _position(reader, topic) >= end, "the abort was read")
        _publish(successor, topic, b"after")
        assert (_next(reader, within_s=20 if broker.ends_aborts else 2) == b"after") is broker.ends_aborts
    finally:
        reader.close()


def _producer(topics: Topics) -> Producer:
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "transactional.id": topics.name("x")})
    producer.init_transactions(20)
    return producer


def _publish(producer: Producer, topic: str, value: bytes) -> None:
    producer.begin_transaction()
    producer.produce(topic, value)
    producer.commit_transaction(20)


def _position(reader: Consumer, topic: str) -> int:
    [position] = reader.position([TopicPartition(topic, 0)])
    return position.offset


def _next(reader: Consumer, *, within_s: float) -> bytes | None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        message = reader.poll(0.1)
        if message is not None and message.error() is None:
            return message.value()
    return None
