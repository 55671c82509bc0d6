"""Reads what workers publish while they are being harmed, and says at once what is wrong with it."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from drift.observation import Observation
from streams.contracts import Prediction
from streams.kafka.client import client_config
from streams.kafka.reading import Record
from streams.records import Headers
from streams.settings import Settings
from tests.faults.answers import Answers, Violation, source_of
from tests.faults.oracle import columns, predict_decider

CHUNK = 2000


class Seen(NamedTuple):
    """When a violation was seen, in s since the epoch."""

    at: float
    violation: Violation


class Live(threading.Thread):
    """Follows events, predictions, dead letters and observations of a run, as a reader who sees what is committed.

    The decisions about the events are made here too, by the same pure code, so each answer has one right value. Without
    `foresees` they are not: what a model rejects that misbehaves is chance.
    """

    def __init__(self, settings: Settings, registry: Path, partitions: int, *, foresees: bool = True) -> None:
        self._foresees = foresees
        super().__init__(name="live-verifier", daemon=True)
        self._roles = {
            settings.topics.name(role): role for role in ("events", "predictions", "dead_letters", "observations")
        }
        self._events_topic = settings.topics.name("events")
        self._decider = predict_decider(settings, registry)
        self._states = {p: self._decider.load(p, {}) for p in range(partitions)}
        repeats = settings.kafka.delivery == "at_least_once"
        self.predictions = {p: Answers(f"predictions {p}", repeats) for p in range(partitions)}
        self.dead_letters = {p: Answers(f"dead letters {p}", repeats) for p in range(partitions)}
        self._observed = dict.fromkeys(range(partitions), 0)
        self.times: dict[int, list[float]] = {p: [] for p in range(partitions)}
        """When answers were made, by partition, rising; at most one in 10 ms."""
        self.failed: Seen | None = None
        self.broken: BaseException | None = None
        self._stopping = threading.Event()
        self._consumer = Consumer(
            {
                "log_level": 0,
                **client_config(settings.kafka),
                "group.id": "weir-live-verifier",  # required by the client; nothing is committed or joined
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 50,
                "reconnect.backoff.max.ms": 500,
            }
        )
        self._consumer.assign(
            [TopicPartition(topic, p, OFFSET_BEGINNING) for topic in self._roles for p in range(partitions)]
        )

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                messages = self._consumer.consume(1, 0.1)
                messages += self._consumer.consume(CHUNK, 0)
                self._take([message for message in messages if message.error() is None])
        except Violation as violation:
            self.failed = Seen(time.time(), violation)
        except BaseException as error:  # noqa: BLE001  # raised where the run looks
            self.broken = error
        finally:
            self._consumer.close()

    def check(self) -> None:
        """Raise what was found."""
        if self.failed is not None:
            raise self.failed.violation
        if self.broken is not None:
            raise self.broken

    def stop(self) -> None:
        self._stopping.set()
        self.join(30)

    def missing(self) -> int:
        """Answers that are due for the events read so far."""
        return sum(answers.missing for kind in (self.predictions, self.dead_letters) for answers in kind.values())

    def next_answer(self, partition: int, moment: float) -> float | None:
        """When the first answer after a moment was made, on one partition."""
        times = self.times[partition]
        after = bisect_right(times, moment)
        return times[after] if after < len(times) else None

    def recovery(self, moment: float) -> float | None:
        """From a moment until every partition had a new answer, in seconds; None: not yet."""
        found = [self.next_answer(partition, moment) for partition in self.times]
        return None if None in found else max(cast("list[float]", found)) - moment

    def _take(self, messages: list[Message]) -> None:
        events: dict[int, list[Record]] = defaultdict(list)
        for message in messages:
            topic, partition, offset = cast(
                "tuple[str, int, int]", (message.topic(), message.partition(), message.offset())
            )
            value, headers = cast("tuple[bytes | None, Headers | None]", (message.value(), message.headers()))
            made_ms: int = message.timestamp()[1]
            match self._roles[topic]:
                case "events":
                    key: Any = message.key()
                    events[partition].append(Record(topic, partition, offset, key, value, made_ms, None))
                case "predictions":
                    source = msgspec.json.decode(value or b"", type=Prediction).source
                    if source.partition != partition:
                        raise Violation(f"an answer to partition {source.partition} on partition {partition}")
                    if self._foresees:
                        self.predictions[partition].see(source.offset, value)
                    self._note(partition, made_ms / 1000)
                case "dead_letters":
                    if self._foresees:
                        self.dead_letters[partition].see(source_of(headers), value)
                case _:
                    self._observe(msgspec.json.decode(value or b"", type=Observation))
        if self._foresees:
            for partition, records in events.items():
                self._expect(partition, records)

    def _note(self, partition: int, made: float) -> None:
        times = self.times[partition]
        if not times or made >= times[-1] + 0.01:
            times.append(made)

    def _observe(self, observation: Observation) -> None:
        """Observations of a partition join end to end: a gap is a loss, an overlap a double."""
        if observation.idle_ms is not None:
            return
        due = self._observed[observation.partition]
        if observation.first_offset != due:
            raise Violation(
                f"observations of partition {observation.partition}: offsets {observation.first_offset} to "
                f"{observation.last_offset} came where {due} was due"
            )
        self._observed[observation.partition] = observation.last_offset + 1

    def _expect(self, partition: int, records: list[Record]) -> None:
        batch = columns(self._events_topic, partition, records)
        decision = self._decider.decide(self._states, batch, self._decider.prepare(batch))
        for owner, change in decision.changes.items():
            self._states[owner].apply(change)
        self.predictions[partition].expect(
            (msgspec.json.decode(record.value or b"", type=Prediction).source.offset, record.value)
            for record in decision.outbox
            if record.topic == "p"
        )
        self.dead_letters[partition].expect(
            (source_of(record.headers), record.value) for record in decision.outbox if record.topic == "d"
        )
