"""Weir on an error stream: answers and labels as the labels role summarises them, into the watch over outcomes."""

from __future__ import annotations

import numpy as np

from benchmarks.drift.scoring import Mark
from benchmarks.drift.weir import MODEL, TOPIC, VERSION, marked, ms_of
from drift.alert import Alert
from drift.observation import Observation
from drift.outcome_watch import SLICE_MS, OutcomeWatch
from drift.outcomes import classified, outcomes_layout
from drift.profile import CategoryReference, ReferenceProfile
from drift.scenarios import Rows
from drift.settings import DriftSettings
from drift.summary import Summariser

BATCH = 500
"""Outcomes of one observation."""
BURN_IN = 1000
"""The default of `labels.burn_in`."""


class WeirOnErrors:
    """Burns in on the last reference rows, then watches what is fed. A row is an outcome: 1 where the answer was wrong;
    all labels are of one class and come at once, so that nothing but the error changes."""

    def __init__(self, reference: Rows) -> None:
        model = ReferenceProfile(1, 0, (CategoryReference("class", "output", 0, 0, 0, ("no", "yes"), (0, 0)),))
        layout = outcomes_layout(model)
        self._profile_id, self._summariser = layout.id, Summariser(layout, SLICE_MS)
        self._watch = OutcomeWatch(MODEL, VERSION, "outcomes", model, DriftSettings(), BURN_IN)
        self._state, self._offset = self._watch.fresh(), 0
        self._times = np.empty(0, dtype=np.int64)
        self._observe(Rows(reference.specs, reference.matrix[-BURN_IN:], reference.times_ms[-BURN_IN:]))
        self._times = self._times[:0]

    def feed(self, rows: Rows) -> list[Mark]:
        marks = []
        for first in range(0, len(rows), BATCH):
            part = slice(first, first + BATCH)
            marks += self._observe(Rows(rows.specs, rows.matrix[part], rows.times_ms[part]))
        return marks

    def finish(self) -> list[Mark]:
        return self._take(Observation(MODEL, VERSION, self._profile_id, TOPIC, 0, -1, -1, 0, idle_ms=1000))

    def _observe(self, rows: Rows) -> list[Mark]:
        n, times = len(rows), rows.times_ms
        self._times = np.concatenate([self._times, times])
        zeros = np.zeros(n, dtype=np.int64)
        slices = self._summariser.summarise(zeros, times, classified(rows.matrix[:, 0] == 0, zeros, zeros + 1))[0]
        first, self._offset = self._offset, self._offset + n
        newest = int(times.max())
        observation = Observation(
            MODEL, VERSION, self._profile_id, TOPIC, 0, first, self._offset - 1, newest, slices, stream="outcomes"
        )
        return self._take(observation)

    def _take(self, observation: Observation) -> list[Mark]:
        step = self._watch.observe(self._state, [observation])
        self._state = step.state
        return [mark for alert in step.alerts if (mark := self._mark(alert))]

    def _mark(self, alert: Alert) -> Mark | None:
        what = marked(alert)
        seen = int(np.searchsorted(self._times, ms_of(alert.detected_at)))
        return Mark(seen, alert.signal.key, what) if what else None
