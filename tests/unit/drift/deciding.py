"""Observations through the decider of the drift role, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

import msgspec

from drift.alert import Alert
from drift.observation import Observation
from streams.control_records import Answer
from streams.decide.drift import DriftDecider, DriftReport
from streams.decide.drift_runs import WatchKey
from streams.decide.drift_state import DriftChange
from streams.decide.drift_turn import AnyWatch
from streams.joining.state import ModelVersion
from streams.records import RecordBatch
from tests.unit.drift.streaming import START, encoded

Entries: TypeAlias = dict[str, bytes]


def decider_of(
    watches: Mapping[WatchKey, AnyWatch],
    removed: Callable[[Collection[ModelVersion]], Collection[ModelVersion]] = lambda _names: (),
) -> DriftDecider:
    return DriftDecider(
        watches=watches,
        events_topic="events",
        alerts_topic="alerts",
        control_topic="control",
        observations_topic="observations",
        removed=removed,
    )


def decided_by(
    watches: Mapping[WatchKey, AnyWatch],
    observations: Sequence[Observation],
    size: int,
    *,
    restored: Callable[[Entries], Entries] = dict,
    answered: dict[str, Answer] | None = None,
) -> list[Alert]:
    """The alerts that were told, with the state taken from its dump, as it was `restored`, between batches. Gathers
    answers to commands too."""
    decider = decider_of(watches)
    answered, entries = {} if answered is None else answered, Entries()
    alerts: list[Alert] = []
    for batch in batches(observations, size):
        state = decider.load(0, restored(entries))
        decision = decider.decide({0: state}, batch, decider.prepare(batch))
        report = decision.report
        assert isinstance(report, DriftReport)
        told = [record.value for record in decision.outbox]
        assert told[: len(report.alerts)] == encoded(report.alerts)
        assert len(told) == len(report.alerts) + len(report.answers)
        alerts += report.alerts
        answered.update(report.answers)
        state.apply(decision.changes.get(0, DriftChange()))
        entries = state.dump()
    return alerts


def batches(observations: Sequence[Observation], size: int) -> list[RecordBatch]:
    values = [msgspec.json.encode(each) for each in observations]
    cut: list[RecordBatch] = []
    for first in range(0, len(values), size):
        own: list[bytes | None] = [*values[first : first + size]]
        n = len(own)
        offsets = [*range(first, first + n)]
        cut.append(RecordBatch("observations", [0] * n, offsets, [b"model"] * n, own, [START] * n, [None] * n))
    return cut
