"""Alerts of a version that was removed from the registry end once; those of one that cannot be read for now go on."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import msgspec
import pytest

from drift.alert import Alert
from drift.observation import Observation
from streams.decide.drift import DriftDecider, DriftReport
from streams.decide.drift_runs import WatchKey
from streams.decide.drift_state import DriftChange
from streams.joining.state import ModelVersion
from streams.records import RecordBatch
from tests.unit.drift.deciding import Entries, batches, decider_of
from tests.unit.drift.labelled_stream import Stretch, story, watches
from tests.unit.drift.streaming import START

IDLE = RecordBatch("observations", [], [], [], [], [], [], idle={0: 1000})
PROVEN_FIRST = [Stretch(120), Stretch(40, shift=0.4, true=0.3, wrong=0.6)]


class Worker:
    """A drift worker that knows these versions, from the start or later, and what it published."""

    def __init__(self, entries: Entries, *versions: str, gone: Sequence[str] = ()) -> None:
        self.watches = watches(*versions)
        self.gone = [ModelVersion("fraud", version) for version in gone]
        self.decider: DriftDecider = decider_of(
            self.watches, lambda names: [name for name in self.gone if name in names]
        )
        self.state = self.decider.load(0, entries)
        self.alerts: list[Alert] = []
        self.observations: list[Observation] = []

    def take(self, batch: RecordBatch) -> None:
        decision = self.decider.decide({0: self.state}, batch, self.decider.prepare(batch))
        assert not (batch.replay and decision.outbox)
        self.state.apply(decision.changes.get(0, DriftChange()))
        assert isinstance(decision.report, DriftReport)
        if not batch.replay:
            self.alerts += decision.report.alerts
        for record in decision.outbox:
            if record.topic == "observations":
                self.observations.append(msgspec.json.decode(record.value or b"", type=Observation))

    def read(self, observations: Sequence[Observation], size: int = 1000) -> None:
        for batch in batches(observations, size):
            self.take(batch)


@functools.cache
def standing() -> Entries:
    """A state in which alerts of version 1 stand: about inputs, answers and errors."""
    worker = Worker({}, "1", "2")
    worker.read(story(PROVEN_FIRST))
    return worker.state.dump()


def ends(alerts: Sequence[Alert]) -> list[tuple[str, str, str | None]]:
    return [(alert.dedupe_key, alert.state, alert.resolved_reason) for alert in alerts]


def test_alerts_of_a_removed_version_end_once_over_all_its_streams() -> None:
    worker = Worker(standing(), "2", gone=["1"])
    worker.take(IDLE)
    assert worker.alerts == [], "it goes into the log first"
    [mark] = worker.observations
    worker.read([mark, Observation("fraud", "2", "", "events", 0, -1, -1, 0, idle_ms=1), mark])
    signals = ("amount", "metric/class", "metric/error", "metric/error_by_label")
    assert ends(worker.alerts) == [(f"fraud/{signal}", "resolved", "model_changed") for signal in signals]
    worker.take(IDLE)
    assert len(worker.observations) == 1, "nothing is left to end"
    assert {name.split("/")[1] for name in worker.state.dump()} == {"2"}


def test_what_ends_is_the_alert_as_it_was_told_at_the_time_that_its_version_had_come_to() -> None:
    before = Worker({}, "1")
    before.read(story(PROVEN_FIRST))
    worker = Worker(before.state.dump(), gone=["1"])
    worker.take(IDLE)
    worker.read(worker.observations)
    for end in worker.alerts:
        told = [alert for alert in before.alerts if alert.alert_id == end.alert_id][-1]
        assert (end.effect, end.onset, end.group_key) == (told.effect, told.onset, told.group_key)
        assert end.detected_at == "2023-11-14T22:15:59.980Z", "its last event"


@pytest.mark.parametrize("read_before", [0, 1])
def test_a_restart_at_any_time_ends_them_once(read_before: int) -> None:
    """The snapshot is from before the mark; what was committed after it is replayed."""
    first = Worker(standing(), "2", gone=["1"])
    first.take(IDLE)
    marks = first.observations
    first.read(marks[:read_before])
    second = Worker(standing(), "2", gone=["1"])
    for batch in batches(marks[:read_before], 1):
        second.take(replayed(batch))
    second.read(marks[read_before:])
    second.take(IDLE)
    second.read(second.observations)
    assert len(ends([*first.alerts, *second.alerts])) == 4


def replayed(batch: RecordBatch) -> RecordBatch:
    return RecordBatch(
        batch.topic,
        batch.partitions,
        batch.offsets,
        batch.keys,
        batch.values,
        batch.timestamps,
        batch.headers,
        replay=True,
    )


def test_a_version_that_cannot_be_read_for_now_keeps_its_alerts() -> None:
    unread = Worker(standing(), "2")
    unread.take(IDLE)
    assert (unread.observations, unread.alerts) == ([], [])
    assert unread.state.dump() == standing()
    known = Worker(unread.state.dump(), "1", "2")
    rest = story([*PROVEN_FIRST, Stretch(60)])[len(story(PROVEN_FIRST)) :]
    known.read(rest)
    unread.watches |= watches("1")
    unread.read(rest)
    assert unread.alerts == known.alerts
    assert unread.state.dump() == known.state.dump()
    assert ("fraud/metric/error", "resolved", "recovered") in ends(known.alerts)


def test_a_removal_is_only_of_its_version() -> None:
    entries = standing() | {
        name.replace("fraud/1/", "fraud/2/"): data.replace(b'"version":"1"', b'"version":"2"')
        for name, data in standing().items()
    }
    worker = Worker(entries, "2", gone=["1"])
    worker.take(IDLE)
    worker.read(worker.observations)
    assert {alert.version for alert in worker.alerts if alert.state == "resolved"} == {"1"}
    last = {alert.dedupe_key: (alert.version, alert.state) for alert in worker.alerts}
    assert set(last.values()) == {("2", "updated")}, "what stands is what a reader sees last"
    assert {key.version for key in (WatchKey(*name.split("/")[:2]) for name in worker.state.dump())} == {"2"}


def test_a_removed_version_that_comes_back_starts_afresh() -> None:
    worker = Worker(standing(), "1", "2")
    mark = Observation("fraud", "1", "", "events", -1, -1, -1, 0, stream="removed")
    worker.read([mark, *story([Stretch(20)], start=START + 300_000)])
    assert {end[1:] for end in ends(worker.alerts)} == {("resolved", "model_changed")}
    assert len(worker.alerts) == 4
