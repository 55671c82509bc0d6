"""First figure: a worker with everything on against a hand-written loop, turn by turn on one broker.

    .venv/bin/python -m benchmarks.worker_against_hand_written [--events N] [--runs N]

Workload `linear-10`: seeded events of about 280 bytes, 10 numeric features, a logistic regression. Both sides run as a
process of their own and start on a full topic; what counts is the rate between their first and their last committed
tenth, so start-up is left out. The hand-written loop consumes in batches, decodes with msgspec, predicts once a batch
and produces with librdkafka: no validation, no transaction, no dead letters, no drift.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition
from sklearn.linear_model import LogisticRegression

from models.schema import Feature, InputSchema
from streams.demo.kraft import KafkaCluster
from streams.kafka.topic_plan import default_plan
from streams.kafka.topics import create_topics
from streams.modelling import publish_estimator
from streams.settings import TopicSettings

FEATURES = tuple(f"feature_{n}" for n in range(10))
PARTITIONS = 6
SEED = 1


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=600_000)
    arguments.add_argument("--runs", type=int, default=5)
    options = arguments.parse_args()
    with KafkaCluster(1, cache=Path(".kafka")) as kafka, tempfile.TemporaryDirectory() as folder:
        registry = Path(folder) / "registry"
        publish_model(registry)
        rates: dict[str, list[float]] = {"worker": [], "hand-written": []}
        for run in range(options.runs):
            for side, measured in rates.items():
                measured.append(measure(side, kafka.bootstrap_servers, registry, Path(folder), options.events))
                print(f"run {run + 1} {side}: {measured[-1]:,.0f} events/s", file=sys.stderr)
    ratios = [ours / theirs for ours, theirs in zip(rates["worker"], rates["hand-written"], strict=True)]
    for side, measured in rates.items():
        print(
            f"{side}: median {statistics.median(measured):,.0f} events/s ({min(measured):,.0f} to {max(measured):,.0f})"
        )
    print(f"ratio: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), {len(ratios)} runs")


def publish_model(registry: Path) -> None:
    """Fit and publish the workload's model."""
    rng = np.random.default_rng(SEED)
    rows = rng.normal(size=(5000, len(FEATURES)))
    target = (rows[:, 0] + rows[:, 1] > 0).astype(int)
    schema = InputSchema(tuple(Feature(name) for name in FEATURES))
    publish_estimator(registry, "linear", LogisticRegression().fit(rows, target), schema, rows, target=target.tolist())


def measure(side: str, servers: str, registry: Path, folder: Path, events: int) -> float:
    """Events per second of one run on topics of its own."""
    prefix = f"bench{random.getrandbits(32):08x}."  # a name, not a secret
    topics = TopicSettings(prefix=prefix)
    create_topics({"bootstrap.servers": servers}, default_plan(topics, partitions=PARTITIONS, replication=1))
    fill(servers, topics.name("events"), events)
    environment = {
        **os.environ,
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": servers,
        "WEIR_KAFKA__GROUP": prefix,
        "WEIR_TOPICS__PREFIX": prefix,
        "WEIR_MODEL__REGISTRY": str(registry),
        "WEIR_WORKER__STATE_DIR": str(folder / "state"),
        "WEIR_ADMIN__PORT": "0",
    }
    command = {
        "worker": [str(Path(sys.executable).with_name("weir")), "worker"],
        "hand-written": [sys.executable, "-m", "benchmarks.hand_written", servers, prefix],
    }[side]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return rate(servers, f"{prefix}-predict" if side == "worker" else prefix, topics.name("events"), events)
    finally:
        process.terminate()
        process.wait(30)


def fill(servers: str, topic: str, events: int) -> None:
    """Publish the seeded events."""
    rng = np.random.default_rng(SEED)
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 20})
    now = int(time.time() * 1000)
    for number in range(events):
        if number % 10_000 == 0:
            rows = rng.normal(size=(10_000, len(FEATURES))).round(4).tolist()
        features = dict(zip(FEATURES, rows[number % 10_000], strict=True))
        value = msgspec.json.encode({"id": f"event-{number:010d}", "time": now + number // 100, "features": features})
        while True:
            try:
                producer.produce(topic, value, f"key-{number % 1000}", number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.05)
    assert producer.flush(60) == 0


def rate(servers: str, group: str, topic: str, events: int) -> float:
    """Committed events per second, between the first and the last tenth."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": group, "isolation.level": "read_uncommitted"})
    wanted = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    points: list[tuple[float, int]] = []
    deadline = time.monotonic() + 300
    try:
        while not points or points[-1][1] < events * 0.9:
            assert time.monotonic() < deadline, f"{group} did not get through {topic} in 300 s"
            done = sum(max(0, found.offset) for found in consumer.committed(wanted, 10))
            if done >= events * 0.1:
                points.append((time.monotonic(), done))
            time.sleep(0.02)
    finally:
        consumer.close()
    (began, first), (ended, last) = points[0], points[-1]
    return (last - first) / (ended - began)


if __name__ == "__main__":
    main()
