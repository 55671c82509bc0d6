"""Workload `linear-10`. Frozen: figures of different days and versions are comparable only while it stays as it is.

Events of about 280 bytes of JSON with 10 numeric features from a seeded generator, a logistic regression on them,
1,000 keys, 6 partitions in turn. Event time moves on by 1 ms each 100 events, so a worker at 100,000 events/s sees
time go by as fast as it does. Every event is well formed, none repeats an id.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from confluent_kafka import Producer
from sklearn.linear_model import LogisticRegression

from models.schema import Feature, InputSchema
from streams.modelling import publish_estimator

NAME = "linear-10"
FEATURES = tuple(f"feature_{n}" for n in range(10))
PARTITIONS = 6
SEED = 1
KEYS = 1_000
FIRST_MS = 1_700_000_000_000
EVENTS_PER_MS = 100
_BLOCK = 10_000


class Event(NamedTuple):
    """One record of the events topic."""

    key: str
    value: bytes
    partition: int


Render = Callable[[int, dict[str, float]], bytes]
"""Number and features of an event -> its bytes."""


def as_event(number: int, features: dict[str, float]) -> bytes:
    """The event as Weir and the hand-written loop read it."""
    time_ms = FIRST_MS + number // EVENTS_PER_MS
    return msgspec.json.encode({"id": f"event-{number:016d}", "time": time_ms, "features": features})


def as_peer_event(number: int, features: dict[str, float]) -> bytes:
    """The same features as the peer's script reads them."""
    time_ms = FIRST_MS + number // EVENTS_PER_MS
    fields = {"id": f"evt-{number:012d}", "ts": time_ms, "key": f"key-{number % KEYS}", "features": features}
    return msgspec.json.encode(fields)


def events(render: Render = as_event) -> Iterator[Event]:
    """The events in order, without end."""
    rng = np.random.default_rng(SEED)
    for start in itertools.count(0, _BLOCK):
        block = rng.normal(size=(_BLOCK, len(FEATURES))).round(6).tolist()
        for number, row in enumerate(block, start):
            value = render(number, dict(zip(FEATURES, row, strict=True)))
            yield Event(f"key-{number % KEYS}", value, number % PARTITIONS)


class Sender:
    """Publishes events of one topic, as fast as the broker takes them."""

    def __init__(self, servers: str, topic: str, **config: Any) -> None:
        self._topic = topic
        self._producer = Producer(
            {"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 20, "log_level": 2, **config}
        )

    def send(self, event: Event) -> None:
        while True:
            try:
                self._producer.produce(self._topic, event.value, event.key, event.partition)
                return
            except BufferError:
                self._producer.poll(0.05)

    def poll(self) -> None:
        self._producer.poll(0)

    def flush(self, timeout_s: float = 60.0) -> None:
        """Wait until all are in the topic. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while left := self._producer.flush(1.0):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} events are not in {self._topic} after {timeout_s:g} s")


def fill(servers: str, topic: str, count: int, render: Render = as_event) -> int:
    """Publish the first `count` events; their mean size in bytes."""
    sender, size = Sender(servers, topic), 0
    for event in itertools.islice(events(render), count):
        sender.send(event)
        size += len(event.value)
    sender.flush()
    return round(size / count)


def training_rows() -> tuple[Any, Any]:
    """Rows and target that the model is fitted on."""
    rows = np.random.default_rng(SEED).normal(size=(5000, len(FEATURES)))
    return rows, (rows[:, 0] + rows[:, 1] > 0).astype(int)


def publish_model(registry: Path) -> None:
    """Fit the model and publish it, as `linear`."""
    rows, target = training_rows()
    schema = InputSchema(tuple(Feature(name) for name in FEATURES))
    publish_estimator(registry, "linear", LogisticRegression().fit(rows, target), schema, rows, target=target.tolist())
