"""Write what the code of today writes: `python -m tests.contract.golden`, once, before a release that has a new format.

The workload of the crash tests, half of it before the snapshots; of `observations` what comes after them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import msgspec

from drift.command import Silence
from drift.observation import Observation
from drift.profile import decode_profile
from drift.state import FORMAT as DRIFT_FORMAT
from drift.state import VOLUME_FORMAT
from drift.watch import Watch
from models.registry import Registry
from streams.control_records import Command, Proposal, encode_proposal, proposal_key, setting_of
from streams.decide.control import ControlDecider, KnownModel
from streams.decider import Entry
from streams.joining.join import join
from streams.joining.records import Answers, Labels, encode_join
from streams.joining.state import _FORMAT as JOIN_FORMAT
from streams.joining.state import JoinState
from streams.kafka.reading import Record
from streams.kafka.snapshots import FORMAT, snapshot_records
from streams.records import RecordBatch
from streams.roles import drift_settings
from streams.serving_commands import Promote
from tests.contract.golden.records import FOLDER, SETTINGS, Formats, Head, Kept, kept, write
from tests.faults.oracle import columns, predict_decider
from tests.faults.workload import MODEL, events, publish_model

EVENTS, SHIFT_AFTER, RATE, BATCH = 3_600, 2_000, 1_000, 300
ANSWERS = 40
"""That are kept."""
FIRST_MS = 1_790_000_000_000


def main() -> None:
    release = version("weir-streaming")
    head = Head(release, Formats(FORMAT, DRIFT_FORMAT, VOLUME_FORMAT, JOIN_FORMAT))
    with tempfile.TemporaryDirectory() as folder:
        records = list(_records(Path(folder)))
    write(FOLDER / f"{release}.jsonl", head, records)


def _records(registry: Path) -> Iterator[Kept]:
    publish_model(registry)
    model = Registry(registry).load(MODEL)
    yield kept("reference", b"", model.reference)

    decider = predict_decider(SETTINGS, registry)
    states = {0: decider.load(0, {})}
    log = [
        Record("events", 0, number, event.key, event.value, FIRST_MS + number * 1000 // RATE, None)
        for number, event in enumerate(islice(events(1, FIRST_MS, RATE, SHIFT_AFTER), EVENTS))
    ]
    observations: list[bytes] = []
    answers: list[bytes] = []
    for begin in range(0, EVENTS, BATCH):
        if begin == EVENTS // 2:
            yield from _snapshot("predict", begin, states[0].dump())
        batch = columns("events", 0, log[begin : begin + BATCH])
        decision = decider.decide(states, batch, decider.prepare(batch))
        for owner, change in decision.changes.items():
            states[owner].apply(change)
        for record in decision.outbox:
            if record.topic == "o":
                observations.append(record.value or b"")
            elif record.topic == "p":
                answers.append(record.value or b"")
    yield from (kept("predictions", None, value) for value in answers[:ANSWERS])

    watch = Watch(model.name, model.version, decode_profile(model.reference), drift_settings(SETTINGS), 1)
    state, half = watch.fresh(), len(observations) // 2
    for number, value in enumerate(observations):
        if number == half:
            yield from _snapshot("drift", half, {f"{MODEL}/1/{name}": data for name, data in state.dump().items()})
        if number >= half:
            yield kept("observations", MODEL.encode(), value)
        taken = watch.observe(state, [msgspec.json.decode(value, type=Observation)])
        state = taken.state
        yield from (kept("alerts", alert.dedupe_key.encode(), msgspec.json.encode(alert)) for alert in taken.alerts)

    joins = JoinState(86_400_000, 1000)
    answers = Answers(MODEL, "1", ["a", "b"], [FIRST_MS, FIRST_MS], [1, 0], [0.9, 0.6])
    yield kept("joins", None, encode_join(answers))
    joins.apply(join(joins, [(FIRST_MS, answers)]).change)
    yield from _snapshot("labels", 1, joins.dump())
    yield kept("joins", None, encode_join(Labels(["a", "b"], [1, 1])))
    yield from _control()


def _control() -> Iterator[Kept]:
    known = KnownModel(frozenset({"reading_2"}), ("1", "2"), "1")
    decider = ControlDecider(
        models={MODEL: known}, control_topic="control", observations_topic="observations", events_topic="events"
    )
    state = decider.load(0, {})
    commands: list[Command] = [Promote("ann", "2"), Silence("ben", FIRST_MS, "reading_2")]
    for number, command in enumerate(commands):
        key = proposal_key(setting_of(MODEL, command), f"p{number}")
        value = encode_proposal(Proposal(MODEL), command)
        yield kept("proposals", key, value)
        decision = decider.decide({0: state}, RecordBatch("control", [0], [number], [key], [value], [0], [None]), None)
        state.apply(decision.changes[0])
        written = (record for record in decision.outbox if record.topic == "control" and record.value is not None)
        yield from (kept("control", record.key, record.value) for record in written)
    yield from _snapshot("control", len(commands), state.dump())


def _snapshot(role: str, offset: int, entries: Mapping[str, Entry]) -> Iterator[Kept]:
    records, _ = snapshot_records("state", 1, role, 0, offset, entries, {})
    return (kept("state", record.key, record.value) for record in records)


if __name__ == "__main__":
    main()
