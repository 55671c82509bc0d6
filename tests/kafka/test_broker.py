"""The real Kafka that the other suites stand on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer

from streams.demo.kraft import KafkaCluster
from tests.kafka.topics import Topics
from tests.waiting import until


def _publish(topics: Topics, topic: str, value: bytes) -> None:
    producer = Producer(
        {"bootstrap.servers": topics.bootstrap_servers, "delivery.timeout.ms": 30_000, "compression.type": "lz4"}
    )
    failures = []
    producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(30) == 0
    assert not failures


def _read(topics: Topics, topic: str, count: int) -> list[bytes]:
    config = {"bootstrap.servers": topics.bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    consumer = Consumer(config)
    consumer.subscribe([topic])
    values: list[bytes] = []
    deadline = time.monotonic() + 60
    try:
        while len(values) < count and time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                values.append(message.value() or b"")
    finally:
        consumer.close()
    return values


def test_each_test_has_topics_of_its_own(kafka: KafkaCluster, topics: Topics) -> None:
    other = Topics(kafka.bootstrap_servers)
    assert other.name("events") != topics.name("events")
    topic = topics.create("events", partitions=3)
    _publish(topics, topic, b"here")
    assert _read(topics, topic, 1) == [b"here"]


def test_what_a_broker_unpacks_for_itself_goes_with_its_folder(kafka: KafkaCluster, topics: Topics) -> None:
    _publish(topics, topics.create("events"), b"compressed, which takes a native library" * 10)
    assert list(kafka.brokers[0].home.glob("liblz4-*"))


def test_a_broker_killed_and_restarted_keeps_what_it_acknowledged(topics3: Topics, kafka3: KafkaCluster) -> None:
    topic = topics3.create("events")
    _publish(topics3, topic, b"before")
    kafka3.kill(0)
    _publish(topics3, topic, b"without one broker")
    kafka3.restart(0)
    _publish(topics3, topic, b"after")
    assert _read(topics3, topic, 3) == [b"before", b"without one broker", b"after"]


def test_a_paused_broker_of_three_does_not_stop_the_others(topics3: Topics, kafka3: KafkaCluster) -> None:
    topic = topics3.create("events")
    kafka3.pause(2)
    try:
        _publish(topics3, topic, b"two are enough")
    finally:
        kafka3.resume(2)
    assert _read(topics3, topic, 1) == [b"two are enough"]


def test_the_broker_dies_with_the_process_that_started_it(kafka: KafkaCluster) -> None:
    del kafka  # only says that a real Kafka can run here
    script = (
        "import sys; from pathlib import Path; from streams.demo.kraft import KafkaCluster\n"
        f"cluster = KafkaCluster(cache=Path({str(Path.cwd() / '.kafka')!r})).__enter__()\n"
        "print(cluster.brokers[0].process.pid, cluster.brokers[0].home.parent, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    try:
        until(lambda: not Path(f"/proc/{pid}").exists(), f"broker {pid} died with its parent", 10)
    finally:
        shutil.rmtree(folder)
