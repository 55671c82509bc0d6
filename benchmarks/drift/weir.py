"""Weir as the benchmark runs it: rows through the summaries of a worker into the watch, settings as they come.

Everything that knows the engine is here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift.scoring import Mark
from drift.alert import Alert
from drift.blocks import FAIR_EVENTS
from drift.observation import Observation, SliceDelta
from drift.profile import ReferenceProfile
from drift.scenarios import Rows
from drift.settings import DriftSettings
from drift.summary import Summariser
from drift.watch import Watch
from streams import modelling

BATCH = 1000
"""Rows of one observation, as of one transaction of a busy worker."""

KEPT_TIMES = 100_000
"""Event times that are remembered to turn an alert's time into a row: many more than may wait for late events."""

BLOCKS_AT_ONCE = 100
"""Judged blocks of one observation: the state is copied for each."""

Floats = NDArray[np.float64]

MODEL, VERSION, TOPIC = "bench", "1", "events"


def profile_of(reference: Rows) -> ReferenceProfile:
    """As `weir model add` makes it."""
    return modelling.profile_of(reference.specs, reference.matrix, reference.times_ms, where="a stream's reference")


class Feed:
    """A watch on one partition, fed observations."""

    def __init__(self, profile: ReferenceProfile, settings: DriftSettings) -> None:
        self._profile_id = profile.id
        self._watch = Watch(MODEL, VERSION, profile, settings, 1)
        self._state = self._watch.fresh()
        self._offset = 0

    def observe(self, deltas: list[SliceDelta], max_time: int) -> list[Alert]:
        """Take the next events of the partition."""
        first, self._offset = self._offset, self._offset + sum(delta.events for delta in deltas)
        return self._take(first, self._offset - 1, max_time, deltas)

    def close(self) -> list[Alert]:
        """An idle mark: what came so far is complete."""
        return self._take(-1, -1, 0, [], idle_ms=1000)

    def _take(
        self, first: int, last: int, max_time: int, deltas: list[SliceDelta], idle_ms: int | None = None
    ) -> list[Alert]:
        observation = Observation(
            MODEL, VERSION, self._profile_id, TOPIC, 0, first, last, max_time, deltas, idle_ms=idle_ms
        )
        step = self._watch.observe(self._state, [observation])
        self._state = step.state
        return step.alerts


@dataclass(frozen=True, slots=True)
class Pace:
    """How blocks are judged at so many events a second: one each `interval_ms`, of `events` events."""

    interval_ms: int
    events: int

    @classmethod
    def of(cls, per_second: float, settings: DriftSettings) -> Pace:
        """A block is full at a number of events or after a time, and holds whole slices; small ones are gathered."""
        full_ms = min(settings.block_ms, settings.block_events / per_second * 1000)
        interval = max(1, math.ceil(full_ms / settings.slice_ms)) * settings.slice_ms
        interval *= max(1, math.ceil(FAIR_EVENTS / (per_second * interval / 1000)))
        return cls(interval, max(1, round(per_second * interval / 1000)))


class Blocks:
    """Rows by the judged block, one after the other, `interval_ms` each. The rows of a block lie in one slice, at its
    begin: a block adds up to the same however they lie, and merging slices is most of the work at a low rate."""

    def __init__(self, reference: Rows, per_second: float) -> None:
        settings = DriftSettings()
        profile = profile_of(reference)
        self.pace = Pace.of(per_second, settings)
        self._summariser = Summariser(profile, settings.slice_ms)
        self._feed = Feed(profile, settings)
        self._time = -(-int(reference.times_ms[-1] + 1) // settings.slice_ms) * settings.slice_ms

    def run(self, matrix: Floats) -> list[Alert]:
        """The alerts over the next rows, a whole number of blocks."""
        alerts: list[Alert] = []
        at_once = BLOCKS_AT_ONCE * self.pace.events
        for first in range(0, len(matrix), at_once):
            part = matrix[first : first + at_once]
            times = self._time + np.arange(len(part)) // self.pace.events * self.pace.interval_ms
            self._time = int(times[-1]) + self.pace.interval_ms
            alerts += self._feed.observe(self._summariser.summarise(np.zeros_like(times), times, part)[0], self._time)
        return alerts


class Weir:
    """A profile of the reference rows, and a watch over the rows that are fed."""

    def __init__(self, reference: Rows) -> None:
        settings = DriftSettings()
        profile = profile_of(reference)
        self._summariser = Summariser(profile, settings.slice_ms)
        self._feed = Feed(profile, settings)
        self._times = np.empty(0, dtype=np.int64)
        self._forgotten = 0

    def feed(self, rows: Rows) -> list[Mark]:
        marks: list[Mark] = []
        for first in range(0, len(rows), BATCH):
            times, matrix = rows.times_ms[first : first + BATCH], rows.matrix[first : first + BATCH]
            self._remember(times)
            partitions = np.zeros(len(times), dtype=np.int64)
            for chunk in self._summariser.chunks(partitions, times):
                deltas = self._summariser.summarise(partitions[chunk], times[chunk], matrix[chunk])[0]
                marks += self._marks(self._feed.observe(deltas, int(times[chunk].max())))
        return marks

    def finish(self) -> list[Mark]:
        return self._marks(self._feed.close())

    def _remember(self, times: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        self._times = np.concatenate([self._times, times])
        if len(self._times) > 2 * KEPT_TIMES:
            self._forgotten += len(self._times) - KEPT_TIMES
            self._times = self._times[-KEPT_TIMES:]

    def _marks(self, alerts: list[Alert]) -> list[Mark]:
        """An alert's time is the end of a block: it has seen the rows before it."""
        marks = []
        for alert in alerts:
            what = marked(alert)
            if what is None:
                continue
            seen = int(np.searchsorted(self._times, ms_of(alert.detected_at))) + self._forgotten
            marks.append(Mark(seen, alert.signal.key, what))
        return marks


def marked(alert: Alert) -> Literal["alarm", "logged", "resolved"] | None:
    """What an alert is to the score: an update is nothing new."""
    if alert.state == "updated":
        return None
    if alert.severity == "log":
        return "logged"
    return "resolved" if alert.state == "resolved" else "alarm"


def ms_of(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
