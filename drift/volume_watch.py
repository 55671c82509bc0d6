"""The volume of one model version, window by window: learned from the stream, then judged as any other signal is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from drift.baseline import Baseline
from drift.blocks import Stretch
from drift.detectors import DetectorBench
from drift.ending import end_alerts
from drift.evidence import threshold_nats
from drift.life import advance
from drift.measures import Level, Quantity, Statistic
from drift.observation import Observation
from drift.phases import Firing, Quiet, Sample
from drift.progress import whole_until
from drift.rebasing import new_baseline
from drift.settings import DriftSettings
from drift.signal_state import SignalState, Transition, start_anew
from drift.signals import Signal
from drift.state import WatchState
from drift.usual import HALF_OR_DOUBLE, usual_of
from drift.volume import KEY, NAME, VolumeReference, cells_of, typical
from drift.windows import Window

PART_OF_BUDGET = 10
"""Alerts about the volume may be false a tenth as often as those about inputs and answers."""
OLD_WINDOWS = 60
"""One remembered sample may hold an hour when it is old: where an hour swings as one value, a change takes a day."""
LEAPS = (2.0, 3.0)
"""To a quarter, and to an eighth or to nothing: far fewer windows prove it than prove a half."""


MOST_OF_ONE = 0.4
"""Of the evidence needed, in one window: logarithms of small counts have long tails, so it takes three at least."""


class Compared(NamedTuple):
    """A change of the alert, and the signal as it was compared."""

    signal: Signal
    transition: Transition


def volume_signal(settings: DriftSettings) -> Signal:
    """It takes a baseline to judge by: before one is learned nothing is known of the volume."""
    plain = Statistic(quantity=Quantity.VOLUME, material=HALF_OR_DOUBLE, reference=Level(1, 0.0, 0.0), leaps=LEAPS)
    days = settings.false_page_days * PART_OF_BUDGET
    threshold = threshold_nats(days, settings.window_ms, 2 * len(plain.changes))
    return Signal(VolumeReference(settings.window_ms), (replace(plain, threshold=threshold, most_of_one=MOST_OF_ONE),))


def take_volume(
    state: WatchState, own: SignalState, signal: Signal, samples: Sequence[Sample], author: str, onset: int | None
) -> str:
    """Compare with the level of these samples, in place; what was learned of cycles and swings holds. Raises
    NoBaseline."""
    assert own.baseline is not None
    taken = new_baseline(signal, samples, author)
    moved = taken.levels[NAME].value - own.baseline.levels[NAME].value
    state.learning = state.learning.moved(moved, onset)
    own.baseline = msgspec.structs.replace(taken, learned=own.baseline.learned)
    return f"{typical(taken.levels[NAME].value):.6g} events a window are the reference"


class VolumeWatch:
    """Judges complete windows of a watch's state, in place; `expected` partitions are waited for."""

    def __init__(self, settings: DriftSettings, signal: Signal, bench: DetectorBench, expected: int) -> None:
        self._settings = msgspec.structs.replace(settings, old_blocks=OLD_WINDOWS)
        self._signal, self._bench, self._expected = signal, bench, expected

    def closed(self, state: WatchState, observation: Observation) -> list[Window]:
        """The windows that an observation completes, which was counted."""
        if not state.windows.may_close(self._settings, observation):
            return []
        until = whole_until(self._settings, state.partitions, self._expected)
        return [] if until is None else state.windows.close(self._settings.window_ms, until)

    def judge(self, state: WatchState, window: Window) -> Compared | None:
        """Take a window in; at most one change of the alert comes of it."""
        own = state.signals[KEY]
        ended = self._end_other_windows(state, own)
        signal = self._signal.rebased(own.baseline)
        season = signal.season((Stretch(window.start, window.end, 1),))
        statistic = signal.statistics[0]
        usual = statistic.reference.value + season.get(statistic.name, 0.0) if own.baseline else None
        sample = Sample(window.start, window.end, 1, cells_of(window.events, usual), season=season)
        state.learning = state.learning.plus(sample, alerted=isinstance(own.phase, Firing))
        found = advance(self._settings, signal, self._bench, own, sample) if own.baseline else None
        if isinstance(own.phase, Quiet) and state.learning.is_due:
            self._learn(state, own, window.end)
        return ended or (Compared(signal, found) if found else None)

    def _end_other_windows(self, state: WatchState, own: SignalState) -> Compared | None:
        """What was learned of windows of another width says nothing of these."""
        known = own.baseline.learned if own.baseline else None
        if known is None or known.window_ms == self._settings.window_ms:
            return None
        ended = end_alerts(self._settings, (self._signal,), {KEY: self._bench}, state, "rebaselined")
        own.baseline = None
        start_anew(self._bench, own, {})
        return Compared(*ended[0]) if ended else None

    def _learn(self, state: WatchState, own: SignalState, at: int) -> None:
        before = own.baseline
        own.baseline = usual_of(state.learning, self._settings.window_ms, at)
        state.learning = state.learning.taught
        signal = self._signal.rebased(own.baseline)
        own.anchors |= {s.name: s.reference.stable for s in signal.statistics}
        if _season_of(before) != _season_of(own.baseline):
            # Samples say what the cycle was thought to be when they came.
            start_anew(self._bench, own, {})


def _season_of(baseline: Baseline | None) -> int | None:
    return len(baseline.learned.season) if baseline and baseline.learned else None
