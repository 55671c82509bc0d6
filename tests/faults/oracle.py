"""What an uninterrupted run would have published and remembered: the same pure code, one thread, no Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from drift.observation import Observation
from drift.profile import decode_profile
from drift.summary import Summariser
from drift.volume import KEY as VOLUME
from drift.watch import Watch
from models.registry import Registry
from streams.decide.predict import PredictDecider
from streams.decide.serving import PredictTopics, make_serving
from streams.kafka.reading import Record
from streams.limits import Limits
from streams.pipeline import Pipeline
from streams.records import OutboxRecord, RecordBatch
from streams.roles import drift_settings
from streams.settings import Settings
from tests.faults.workload import MODEL

BATCH = 777


@dataclass(frozen=True)
class Expected:
    """By topic and source partition, the values in source order; the end state of drift and its alerts."""

    predictions: Mapping[int, list[bytes | None]]
    dead_letters: Mapping[int, list[bytes | None]]
    tombstones: int
    drift: Mapping[str, bytes]
    alerts: list[bytes]


def predict_decider(settings: Settings, registry: Path) -> PredictDecider:
    """The predict role's decisions, which publish to topics `p`, `d` and `o`."""
    model = Registry(registry).load(MODEL)
    profile = decode_profile(model.reference)
    serving = make_serving(
        Pipeline(model, Limits()),
        PredictTopics(events=settings.topics.name("events"), predictions="p", dead_letters="d", observations="o"),
        summariser=Summariser(profile, drift_settings(settings).slice_ms),
        profile_id=profile.id,
        max_message_bytes=1_000_000,
    )
    worker = settings.worker
    return PredictDecider(
        lambda: serving, dead_letters_topic="d", dedupe_window=worker.dedupe_window, most_keys=worker.keyed_keys
    )


def uninterrupted(settings: Settings, registry: Path, inputs: Mapping[int, Sequence[Record]]) -> Expected:
    """Decide about the records of `inputs` (by partition), batch by batch."""
    decider = predict_decider(settings, registry)
    model = Registry(registry).load(MODEL)
    watch = Watch(model.name, model.version, decode_profile(model.reference), drift_settings(settings), len(inputs))
    state = watch.fresh()
    published: dict[str, dict[int, list[OutboxRecord]]] = {"p": {p: [] for p in inputs}, "d": {p: [] for p in inputs}}
    states = {p: decider.load(p, {}) for p in inputs}
    tombstones, alerts = 0, []
    steps = max(-(-len(records) // BATCH) for records in inputs.values())
    for step in range(steps + 1):
        observations: list[Observation] = []
        for partition, records in inputs.items():
            part = records[step * BATCH : (step + 1) * BATCH]
            batch = columns(settings.topics.name("events"), partition, part)
            if step == steps:
                batch = RecordBatch(batch.topic, [], [], [], [], [], [], idle={partition: 1000})
            elif not part:
                continue
            decision = decider.decide(states, batch, decider.prepare(batch))
            for owner, change in decision.changes.items():
                states[owner].apply(change)
            tombstones += sum(record.value is None for record in part)
            for record in decision.outbox:
                if record.topic == "o":
                    observations.append(msgspec.json.decode(record.value or b"", type=Observation))
                else:
                    published[record.topic][partition].append(record)
        taken = watch.observe(state, observations)
        state = taken.state
        alerts += [msgspec.json.encode(alert) for alert in taken.alerts]
    return Expected(
        predictions={p: [record.value for record in records] for p, records in published["p"].items()},
        dead_letters={p: [record.value for record in records] for p, records in published["d"].items()},
        tombstones=tombstones,
        drift=state.dump(),
        alerts=alerts,
    )


def volume_by_the_log(settings: Settings, registry: Path, partitions: int, log: Iterable[Record]) -> dict[str, bytes]:
    """What drift has learned of the volume by these observations. Time that goes by without events is wall clock, so it
    is not that of another run."""
    model = Registry(registry).load(MODEL)
    watch = Watch(model.name, model.version, decode_profile(model.reference), drift_settings(settings), partitions)
    observations = (msgspec.json.decode(record.value or b"", type=Observation) for record in log)
    own = [each for each in observations if not each.stream and each.command is None]
    return {name: data for name, data in watch.observe(watch.fresh(), own).state.dump().items() if is_of_volume(name)}


def is_of_volume(entry: str) -> bool:
    """Whether an entry of a watch's state is about how many events came."""
    return entry in {"volume", "usual", f"signal/{VOLUME}"}


def columns(topic: str, partition: int, records: Sequence[Record]) -> RecordBatch:
    """Records of one partition as a batch."""
    return RecordBatch(
        topic=topic,
        partitions=[partition] * len(records),
        offsets=[record.offset for record in records],
        keys=[record.key for record in records],
        values=[record.value for record in records],
        timestamps=[record.timestamp for record in records],
        headers=[None] * len(records),
    )
