"""Reads back everything that a run left in Kafka, and holds it against the oracle: values in order, not counts."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from drift.observation import Observation
from models.registry import Registry
from streams.contracts import HEADER_REASON, HEADER_SOURCE, Prediction
from streams.duplicates import short_ids
from streams.joining.records import Answers, decode_join, partition_of
from streams.kafka.client import client_config
from streams.kafka.reading import Record, read_topic
from streams.kafka.restore import SnapshotReader
from streams.kafka.snapshots import Snapshot, SnapshotDamaged
from streams.settings import Settings, TopicRole
from tests.faults.answers import source_of
from tests.faults.keyed_workload import offline_answers
from tests.faults.oracle import Expected, is_of_volume, uninterrupted, volume_by_the_log
from tests.faults.workload import MODEL
from tests.waiting import until

ANSWERS: tuple[TopicRole, ...] = ("predictions", "dead_letters", "observations")
OUTPUTS: tuple[TopicRole, ...] = (*ANSWERS, "joins", "alerts", "state")

TORN = "a snapshot was torn"

OPEN_AT_MOST_S = 30.0
"""A dead worker's transaction ends with its time-out of 10 s; a live one is open for moments."""


@dataclass(frozen=True)
class Findings:
    """What was read. `aborted`: records of aborted transactions, which only a read_uncommitted reader sees. `offline`:
    answers that equal an offline computation of the features of their keys, where the model has such. `repeated`:
    answers that came again, which only `at_least_once` may do."""

    inputs: int
    predictions: int
    dead_letters: int
    tombstones: int
    aborted: int
    offline: int
    repeated: int
    alerts: int
    reasons: dict[str, int]
    """Dead letters by their reason."""
    longest_silence: float
    """Of a partition between two answers, in s."""


class Verifier:
    """For one run's topics."""

    def __init__(self, settings: Settings, registry: Path, partitions: int, settle_s: float = 30.0) -> None:
        self._settings, self._registry, self._partitions, self._settle_s = settings, registry, partitions, settle_s
        self._config = client_config(settings.kafka)

    def read(self, role: TopicRole) -> dict[int, list[Record]]:
        """Committed records by partition."""
        records: dict[int, list[Record]] = {p: [] for p in range(self._partitions)}
        for record in read_topic(self._config, self._settings.topics.name(role)):
            records[record.partition].append(record)
        return records

    def check(self) -> Findings:
        """Raises AssertionError for anything lost, doubled, out of order, torn, or decided otherwise."""
        ends = self.check_nothing_is_open()
        with ThreadPoolExecutor() as pool:  # each reading waits for most of its time
            inputs, *outputs = pool.map(self.read, ("events", *ANSWERS))
            uncommitted_too = sum(pool.map(lambda role: self._count_uncommitted_too(role, ends), ANSWERS))
        published = dict(zip(ANSWERS, outputs, strict=True))
        committed_then = sum(
            record.offset < ends[record.topic, p]
            for records in published.values()
            for p, own in records.items()
            for record in own
        )
        expected = self._expected(inputs, published["dead_letters"])
        committed = sum(len(own) for records in published.values() for own in records.values())
        predictions = {p: self._once(f"predictions {p}", own) for p, own in published["predictions"].items()}
        dead_letters = {p: self._once(f"dead letters {p}", own) for p, own in published["dead_letters"].items()}
        for partition in inputs:
            _same(f"predictions {partition}", predictions[partition], expected.predictions[partition])
            _same(f"dead letters {partition}", dead_letters[partition], expected.dead_letters[partition])
            offsets = [source_of(record.headers) for record in dead_letters[partition]]
            assert offsets == sorted(set(offsets)), f"dead letters {partition} out of source order"
        offline = self._check_keyed(inputs, predictions)
        self._check_observations(inputs, published["observations"], predictions)
        self._check_joins(predictions)
        alerts = self._check_drift(expected)
        answered = sum(map(len, predictions.values()))
        rejected = sum(map(len, dead_letters.values()))
        observed = sum(map(len, published["observations"].values()))
        total = sum(map(len, inputs.values()))
        assert total == answered + rejected + expected.tombstones
        return Findings(
            inputs=total,
            predictions=answered,
            dead_letters=rejected,
            tombstones=expected.tombstones,
            aborted=uncommitted_too - committed_then,
            offline=offline,
            repeated=committed - answered - rejected - observed,
            alerts=alerts,
            reasons=dict(Counter(reason_of(record) for own in dead_letters.values() for record in own)),
            longest_silence=max(
                longest_gap([r.timestamp / 1000 for r in (*predictions[p], *dead_letters[p])]) for p in inputs
            ),
        )

    def _expected(self, inputs: dict[int, list[Record]], _dead_letters: dict[int, list[Record]]) -> Expected:
        return uninterrupted(self._settings, self._registry, inputs)

    def _check_keyed(self, inputs: dict[int, list[Record]], predictions: dict[int, list[Record]]) -> int:
        """Of a model with keyed features every answer to a first event of its id is that of the offline computation
        over all events of its partition at once; how many there are."""
        model = Registry(self._registry).load(MODEL)
        if model.keyed is None:
            return 0
        wanted = offline_answers(model, (record for own in inputs.values() for record in own))
        answers = (
            msgspec.json.decode(record.value or b"", type=Prediction) for own in predictions.values() for record in own
        )
        found = {
            (answer.source.partition, answer.source.offset): answer.prediction
            for answer in answers
            if answer.duplicate_of is None
        }
        differing = {
            place: (found.get(place), answer) for place, answer in wanted.items() if found.get(place) != answer
        }
        assert not differing, f"{len(differing)} answers are not those computed offline: {[*differing.items()][:3]}"
        assert len(found) == len(wanted)
        return len(found)

    def check_nothing_is_open(self) -> dict[tuple[str, int], int]:
        """Where each output ends then, by topic and partition. Raises AssertionError if a transaction stays open: its
        records would hide all that come after them."""
        admin = AdminClient(self._config)
        topics = [self._settings.topics.name(role) for role in OUTPUTS]
        found = admin.list_topics(timeout=30).topics
        everywhere = [TopicPartition(topic, p) for topic in topics for p in found[topic].partitions]
        open_at: dict[str, tuple[int, int]] = {}
        ends: dict[tuple[str, int], int] = {}

        def nothing_is_open() -> bool:
            stable, end = (
                {
                    (at.topic, at.partition): future.result(30).offset
                    for at, future in admin.list_offsets(
                        dict.fromkeys(everywhere, OffsetSpec.latest()), isolation_level=level
                    ).items()
                }
                for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
            )
            open_at.clear()
            open_at.update({f"{topic}/{p}": (stable[topic, p], end[topic, p]) for topic, p in stable})
            ends.update(end)
            return stable == end

        try:
            until(nothing_is_open, "no transaction is open", OPEN_AT_MOST_S, every_s=0.05)
        except AssertionError as error:
            error.add_note(str({at: pair for at, pair in open_at.items() if pair[0] != pair[1]}))
            raise
        return ends

    def _once(self, what: str, records: list[Record]) -> list[Record]:
        """The first record of each source offset; a later one, where it may come, must equal it byte for byte."""
        if self._settings.kafka.delivery != "at_least_once":
            return records
        first: dict[bytes, Record] = {}
        for record in records:
            headers = dict(record.headers or [])
            source = headers.get(HEADER_SOURCE) or msgspec.json.decode(record.value or b"", type=Prediction).id.encode()
            earlier = first.setdefault(source, record)
            assert earlier.value == record.value, f"{what}: {source!r} came again, and otherwise"
        return list(first.values())

    def _count_uncommitted_too(self, role: TopicRole, ends: dict[tuple[str, int], int]) -> int:
        """How many records before the `ends` a reader sees who also sees those of aborted transactions. What comes
        later, such as the mark of an idle partition, may be read by one reader and not by the other."""
        settings = {"group.id": "weir-verifier", "isolation.level": "read_uncommitted", "enable.partition.eof": True}
        consumer = Consumer({**self._config, **settings, "enable.auto.commit": False})
        topic, count, waiting = self._settings.topics.name(role), 0, set(range(self._partitions))
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in waiting])
        try:
            while waiting:
                for message in consumer.consume(1000, 1.0):
                    error = message.error()
                    if error is None:
                        partition, offset = cast("tuple[int, int]", (message.partition(), message.offset()))
                        count += offset < ends[topic, partition]
                    else:
                        assert error.code() == KafkaError._PARTITION_EOF, error
                        waiting.discard(cast("int", message.partition()))
        finally:
            consumer.close()
        return count

    def _check_observations(
        self,
        inputs: dict[int, list[Record]],
        observations: dict[int, list[Record]],
        predictions: dict[int, list[Record]],
    ) -> None:
        events = dict.fromkeys(inputs, 0)
        ranges: dict[int, list[tuple[int, int]]] = {p: [] for p in inputs}
        for records in observations.values():
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
            assert all(first == last + 1 for (_, last), (first, _) in pairwise(own)), (
                f"observations of partition {partition} do not join end to end"
            )
            assert own[0][0] == inputs[partition][0].offset
            assert own[-1][1] == inputs[partition][-1].offset

    def _check_joins(self, predictions: dict[int, list[Record]]) -> None:
        """Every answer but those to repeated events waits for its label, once, where its label will come."""
        told: Counter[str] = Counter()
        for partition, records in self.read("joins").items():
            for record in records:
                answers = decode_join(record.value or b"")
                assert isinstance(answers, Answers)
                assert {partition_of(event_id, self._partitions) for event_id in answers.ids} == {partition}
                told.update(answers.ids)
        values = (record.value or b"" for records in predictions.values() for record in records)
        decoded = (msgspec.json.decode(value, type=Prediction) for value in values)
        wanted = Counter(short_ids([answer.event_id for answer in decoded if answer.duplicate_of is None]))
        assert told == wanted, f"joins: {told - wanted} too many, {wanted - told} missing"

    def _check_drift(self, expected: Expected) -> int:
        """The snapshot that the drift role ended with equals the uninterrupted state, and so do the alerts; what was
        learned of the volume follows from the log, for it depends on how long the workers idled."""
        published = [record.value or b"" for records in self.read("alerts").values() for record in records]
        if self._settings.kafka.delivery == "at_least_once":
            published = list(dict.fromkeys(published))  # what comes again must equal what came, so it falls out here
        assert sorted(published) == sorted(expected.alerts), "alerts differ"
        wanted = {name: _without_idle_times(data) for name, data in expected.drift.items() if not is_of_volume(name)}
        found: dict[str, bytes] = {}
        volume: dict[str, bytes] = {}
        offsets: dict[int, int] = {}
        torn: list[SnapshotDamaged] = []

        def as_uninterrupted() -> bool:
            snapshots = self._drift_snapshots()
            # A reading that ends within a transaction of a worker that still writes sees a part of it: look again.
            torn[:] = [snapshot for snapshot in snapshots.values() if isinstance(snapshot, SnapshotDamaged)]
            found.clear()
            for partition, snapshot in snapshots.items():
                entries = _drift_entries(snapshot) if isinstance(snapshot, Snapshot) else {}
                if isinstance(snapshot, Snapshot) and entries:
                    offsets[partition] = snapshot.offset
                found.update(entries)
            volume.clear()
            volume.update({name: found.pop(name) for name in [*found] if is_of_volume(name)})
            return not torn and found == wanted

        try:
            until(as_uninterrupted, "the drift state equals that of an uninterrupted run", self._settle_s, every_s=0.05)
        except AssertionError as error:
            for snapshot in torn:
                error.add_note(f"{TORN}: {snapshot}")
            differing = {name: (found.get(name), wanted.get(name)) for name in sorted({*found, *wanted})}
            error.add_note("\n".join(f"{name}: {a!r} != {b!r}" for name, (a, b) in differing.items() if a != b)[:4000])
            raise
        log = [r for p, own in self.read("observations").items() for r in own if r.offset < offsets.get(p, 0)]
        replayed = volume_by_the_log(self._settings, self._registry, self._partitions, log)
        by_log = {name: _without_idle_times(data) for name, data in replayed.items()}
        assert volume == by_log, f"what was learned of the volume differs: {volume} instead of {by_log}"[:4000]
        return len(published)

    def _drift_snapshots(self) -> dict[int, Snapshot | SnapshotDamaged | None]:
        topic = self._settings.topics.name("state")
        reader = SnapshotReader(self._config, topic, lambda: self._partitions, 30, time.monotonic)
        return reader.load("drift", range(self._partitions))


def _drift_entries(snapshot: Snapshot) -> dict[str, bytes]:
    return {name.removeprefix(f"{MODEL}/1/"): _without_idle_times(data) for name, data in snapshot.entries.items()}


def reason_of(dead_letter: Record) -> str:
    return dict(dead_letter.headers or [])[HEADER_REASON].decode()


def longest_gap(moments: list[float]) -> float:
    return max((after - before for before, after in pairwise(sorted(moments))), default=0.0)


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
