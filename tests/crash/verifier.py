"""Reads back everything that a run left in Kafka, and holds it against the oracle: values in order, not counts."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from drift.observation import Observation
from streams.contracts import HEADER_SOURCE
from streams.kafka.client import client_config
from streams.kafka.reading import Record, read_topic
from streams.kafka.restore import SnapshotReader
from streams.kafka.snapshots import Snapshot
from streams.settings import Settings, TopicRole
from tests.crash.oracle import Expected, uninterrupted


@dataclass(frozen=True)
class Findings:
    """What was read. `aborted`: records of aborted transactions, which only a read_uncommitted reader sees."""

    inputs: int
    predictions: int
    dead_letters: int
    tombstones: int
    aborted: int
    alerts: int
    answer_times: dict[int, list[float]]

    def silence_after(self, moment: float) -> float:
        """How long the slowest partition was silent around a moment, in seconds."""
        silences = []
        for times in self.answer_times.values():
            after = bisect_right(times, moment)
            if 0 < after < len(times):
                silences.append(times[after] - times[after - 1])
        return max(silences, default=0.0)


class Verifier:
    """For one run's topics."""

    def __init__(self, settings: Settings, registry: Path, partitions: int) -> None:
        self._settings, self._registry, self._partitions = settings, registry, partitions
        self._config = client_config(settings.kafka)

    def read(self, role: TopicRole) -> dict[int, list[Record]]:
        """Committed records by partition."""
        records: dict[int, list[Record]] = {p: [] for p in range(self._partitions)}
        for record in read_topic(self._config, self._settings.topics.name(role)):
            records[record.partition].append(record)
        return records

    def count_uncommitted_too(self, role: TopicRole) -> int:
        """How many records a reader sees who also sees those of aborted transactions."""
        settings = {"group.id": "weir-verifier", "isolation.level": "read_uncommitted", "enable.partition.eof": True}
        consumer = Consumer({**self._config, **settings, "enable.auto.commit": False})
        topic, count, waiting = self._settings.topics.name(role), 0, set(range(self._partitions))
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in waiting])
        try:
            while waiting:
                for message in consumer.consume(1000, 1.0):
                    error = message.error()
                    if error is None:
                        count += 1
                    else:
                        assert error.code() == KafkaError._PARTITION_EOF, error
                        waiting.discard(cast("int", message.partition()))
        finally:
            consumer.close()
        return count

    def check(self) -> Findings:
        """Raises AssertionError for anything lost, doubled, out of order, torn, or decided otherwise."""
        inputs = self.read("events")
        expected = uninterrupted(self._settings, self._registry, inputs)
        predictions, dead_letters = self.read("predictions"), self.read("dead_letters")
        for partition in inputs:
            _same(f"predictions {partition}", predictions[partition], expected.predictions[partition])
            _same(f"dead letters {partition}", dead_letters[partition], expected.dead_letters[partition])
            offsets = [int(dict(r.headers or [])[HEADER_SOURCE].rsplit(b"/")[-1]) for r in dead_letters[partition]]
            assert offsets == sorted(set(offsets)), f"dead letters {partition} out of source order"
        self._check_observations(inputs, predictions)
        alerts = self._check_drift(expected)
        answered = sum(map(len, predictions.values()))
        rejected = sum(map(len, dead_letters.values()))
        total = sum(map(len, inputs.values()))
        assert total == answered + rejected + expected.tombstones
        return Findings(
            inputs=total,
            predictions=answered,
            dead_letters=rejected,
            tombstones=expected.tombstones,
            aborted=self.count_uncommitted_too("predictions") - answered,
            alerts=alerts,
            answer_times={p: [record.timestamp / 1000 for record in own] for p, own in predictions.items()},
        )

    def _check_observations(self, inputs: dict[int, list[Record]], predictions: dict[int, list[Record]]) -> None:
        events = dict.fromkeys(inputs, 0)
        ranges: dict[int, list[tuple[int, int]]] = {p: [] for p in inputs}
        for records in self.read("observations").values():
            for record in records:
                observation = msgspec.json.decode(record.value or b"", type=Observation)
                if observation.idle_ms is None:
                    events[observation.partition] += observation.events
                    ranges[observation.partition].append((observation.first_offset, observation.last_offset))
        for partition, answered in predictions.items():
            unique = sum(b'"duplicate_of"' not in (record.value or b"") for record in answered)
            assert events[partition] == unique, f"partition {partition}: {events[partition]} observed of {unique}"
            own = ranges[partition]
            assert own == sorted(own), f"observations of partition {partition} out of order"
            assert all(first > last for (_, last), (first, _) in pairwise(own)), (
                f"observations of partition {partition} overlap"
            )
            assert own[0][0] == inputs[partition][0].offset
            assert own[-1][1] == inputs[partition][-1].offset

    def _check_drift(self, expected: Expected) -> int:
        """The snapshot that the drift role ended with equals the uninterrupted state, and so do the alerts."""
        published = [record.value for records in self.read("alerts").values() for record in records]
        assert sorted(value or b"" for value in published) == sorted(expected.alerts), "alerts differ"
        wanted = {name: _without_idle_times(data) for name, data in expected.drift.items()}
        found: dict[str, bytes] = {}

        def as_uninterrupted() -> bool:
            found.clear()
            found.update(self._drift_state())
            return found == wanted

        try:
            wait_for(as_uninterrupted, "the drift state equals that of an uninterrupted run", 30)
        except AssertionError as error:
            differing = {name: (found.get(name), wanted.get(name)) for name in sorted({*found, *wanted})}
            error.add_note("\n".join(f"{name}: {a!r} != {b!r}" for name, (a, b) in differing.items() if a != b)[:4000])
            raise
        return len(published)

    def _drift_state(self) -> dict[str, bytes]:
        topic = self._settings.topics.name("state")
        reader = SnapshotReader(self._config, topic, lambda: self._partitions, 30, time.monotonic)
        found = reader.load("drift", range(self._partitions))
        return {
            name.removeprefix("crash/1/"): _without_idle_times(data)
            for snapshot in found.values()
            if isinstance(snapshot, Snapshot)
            for name, data in snapshot.entries.items()
        }


def _without_idle_times(entry: bytes) -> bytes:
    """How long a partition had been idle when it was last told is wall clock, so it differs from run to run."""
    decoded = msgspec.json.decode(entry)
    for progress in decoded.get("partitions", {}).values():
        progress.pop("idle_ms", None)
    return msgspec.json.encode(decoded)


def _same(what: str, found: list[Record], expected: list[bytes | None]) -> None:
    values = [record.value for record in found]
    if values == expected:
        return
    first = next(
        (n for n, (a, b) in enumerate(zip(values, expected, strict=False)) if a != b), min(len(values), len(expected))
    )
    raise AssertionError(
        f"{what}: {len(values)} of {len(expected)}, first difference at {first}: "
        f"{values[first : first + 1]} instead of {expected[first : first + 1]}"
    )


def wait_for(condition: Callable[[], bool], what: str, deadline_s: float) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {deadline_s} s: {what}"
        time.sleep(0.05)
