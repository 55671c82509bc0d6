"""The rows as records on Kafka, and what a worker published of them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from confluent_kafka import Producer

from streams.contracts import HEADER_ERROR, HEADER_MODEL, HEADER_REASON, HEADER_STAGE
from tests.kafka.parity.cells import Row
from tests.kafka.parity.said import Answer, Refusal, answer_of
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic

NOBODY, NULL = -1, -2
NO_MODEL = "nobody"
"""In the place of a row's number: of an event to a model that nobody has, and of a value that is null."""


def send(topics: Topics, rows: Sequence[Row]) -> None:
    """Each with its number as the key, which its answers have, too; and what no row can say."""
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "enable.idempotence": True, "log_level": 2})
    now = time.time_ns() // 1_000_000
    for row in rows:
        key, partition = str(row.number), row.number % PARTITIONS
        producer.produce(topics.name("events"), row.value, key, partition=partition, timestamp=now)
        producer.poll(0)
    good = next(row.value for row in rows if row.family == "good")
    producer.produce(topics.name("events"), good, str(NOBODY), headers=[(HEADER_MODEL, NO_MODEL)])
    producer.produce(topics.name("events"), None, str(NULL))
    assert producer.flush(30) == 0


def count(traffic: Traffic) -> int:
    """How much was published."""
    return len(traffic.read("predictions")) + len(traffic.read("dead-letters"))


def published(traffic: Traffic) -> dict[tuple[str, int], Answer | Refusal]:
    """What was said of each row by each model; once, or it fails."""
    said: dict[tuple[str, int], Answer | Refusal] = {}
    for record in traffic.read("predictions"):
        told = json.loads(record.value or b"")
        place = told["model"], int(record.key or b"")
        assert place not in said
        said[place] = answer_of(told, told["event_id"])
    for record in traffic.read("dead-letters"):
        headers = {name: (value or b"").decode() for name, value in record.headers or ()}
        place = headers[HEADER_MODEL], int(record.key or b"")
        assert place not in said
        said[place] = Refusal(headers[HEADER_STAGE], headers[HEADER_REASON], headers[HEADER_ERROR])
    return said
