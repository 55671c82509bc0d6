"""What the demo sees of the service: it reads the topics, as any user of them would (read_committed), and counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from streams.contracts import HEADER_SOURCE, Source
from streams.demo.latencies import Latencies
from streams.demo.ledger import Ledger
from streams.kafka.client import ClientConfig
from streams.kafka.following import Followed, Follower
from streams.settings import TopicSettings

WAIT_S = 0.1


class _Answer(msgspec.Struct):
    """What is needed of a prediction."""

    time: str
    prediction: str | int | float | bool
    source: Source


@dataclass(frozen=True, slots=True)
class AlertSeen:
    """A record of the topic `alerts`, and when it could be read, in ms of the wall clock."""

    record: dict[str, Any]
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What was read so far. `first_event_ms`: event time of the first one answered; the others, when it was read."""

    events: int
    predictions: int
    dead_letters: int
    tombstones: int
    balanced: bool
    waiting: int
    repeated: int
    classes: dict[str, int]
    p50_ms: int | None
    p99_ms: int | None
    first_event_ms: int | None
    first_prediction_ms: int | None
    last_prediction_ms: int | None


class Watcher:
    """`run` belongs to a thread of its own; the rest may be called from any."""

    def __init__(self, topics: TopicSettings) -> None:
        self._topics = topics
        self._lock = threading.Lock()
        self._ledger = Ledger()
        self._latencies = Latencies()
        self._first_event_ms: int | None = None
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._alerts: list[AlertSeen] = []
        self._decoder = msgspec.json.Decoder(_Answer)
        self._reading, self._last_call, self._abandoned = threading.Event(), threading.Event(), threading.Event()
        self._handlers: dict[str, Callable[[Followed, list[str]], None]] = {
            topics.name("events"): self._event,
            topics.name("predictions"): self._prediction,
            topics.name("dead_letters"): self._dead_letter,
        }

    def run(self, client_config: ClientConfig) -> None:
        """Read until `finish` was called and everything was read. Raises BrokerUnreachable, TopicMissing."""
        topics = [*self._handlers, self._topics.name("alerts")]
        with Follower(client_config, topics) as follower:
            self._reading.set()
            while True:
                records = follower.read(WAIT_S)
                if records:
                    self.take(records, time.time_ns() // 1_000_000)
                elif self._last_call.is_set() and follower.at_end():
                    return
                if self._abandoned.is_set():
                    return

    def is_reading(self) -> bool:
        """Whether it would see now what is published."""
        return self._reading.is_set()

    def finish(self) -> None:
        """Nothing more is being written: read what is there, and end."""
        self._last_call.set()

    def abandon(self) -> None:
        """End at once."""
        self._abandoned.set()

    def answered(self, delivered: int) -> bool:
        """Whether so many events were read, and each with its answer."""
        with self._lock:
            return self._ledger.events >= delivered and self._ledger.balanced

    def take(self, records: Sequence[Followed], now_ms: int) -> None:
        """Count records that became visible now."""
        times: list[str] = []
        with self._lock:
            for record in records:
                handler = self._handlers.get(record.topic)
                if handler is not None:
                    handler(record, times)
                elif record.value is not None:
                    self._alerts.append(AlertSeen(msgspec.json.decode(record.value), now_ms))
            if times:
                events_ms = [_ms(text) for text in times]
                self._first_event_ms = self._first_event_ms or min(events_ms)
                self._first_ms = self._first_ms or now_ms
                self._last_ms = now_ms
                self._latencies.add([now_ms - event_ms for event_ms in events_ms])

    def counts(self) -> Counts:
        with self._lock:
            ledger = self._ledger
            return Counts(
                events=ledger.events,
                predictions=ledger.predictions,
                dead_letters=ledger.dead_letters,
                tombstones=ledger.tombstones,
                balanced=ledger.balanced,
                waiting=ledger.waiting,
                repeated=ledger.repeated,
                classes=dict(ledger.classes),
                p50_ms=self._latencies.percentile(50),
                p99_ms=self._latencies.percentile(99),
                first_event_ms=self._first_event_ms,
                first_prediction_ms=self._first_ms,
                last_prediction_ms=self._last_ms,
            )

    def alerts(self) -> list[AlertSeen]:
        """Every record so far, in order."""
        with self._lock:
            return list(self._alerts)

    def _event(self, record: Followed, _times: list[str]) -> None:
        self._ledger.input(record.partition, record.offset, tombstone=record.value is None)

    def _prediction(self, record: Followed, times: list[str]) -> None:
        answer = self._decoder.decode(record.value or b"")
        self._ledger.prediction(answer.source.partition, answer.source.offset, str(answer.prediction))
        times.append(answer.time)

    def _dead_letter(self, record: Followed, _times: list[str]) -> None:
        source = next(value for name, value in record.headers or () if name == HEADER_SOURCE)
        _topic, partition, offset = source.decode().rsplit("/", 2)
        self._ledger.dead_letter(int(partition), int(offset))


def _ms(rfc3339: str) -> int:
    return round(datetime.fromisoformat(rfc3339).timestamp() * 1_000)
