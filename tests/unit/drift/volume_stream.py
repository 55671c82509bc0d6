"""Events by windows, with nothing in them but their time: what the watch over the volume sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from drift.alert import Alert
from drift.observation import Observation, SliceDelta
from drift.profile import FORMAT, ReferenceProfile
from drift.settings import DriftSettings
from drift.watch import Watch, WatchState
from drift.windows import Window

START = 1_767_225_600_000
WINDOW_MS = 60_000
DAY = 1440
SETTINGS = DriftSettings()
EMPTY = ReferenceProfile(format=FORMAT, rows=0, signals=())
Changes = list[tuple[int, str, str | None]]


def make_watch(settings: DriftSettings = SETTINGS, partitions: int = 1, version: str = "1") -> Watch:
    return Watch("m", version, EMPTY, settings, partitions)


class Events:
    """Observations of one partition, window after window; the first event of the next one completes a window."""

    def __init__(self, partition: int = 0, version: str = "1", window: int = 0, offset: int = 0) -> None:
        self.partition, self.version, self.window, self.offset = partition, version, window, offset

    def of(self, counts: Iterable[int]) -> list[Observation]:
        return [each for count in counts for each in self._window(int(count))]

    def idle(self, ms: int) -> Observation:
        return Observation("m", self.version, EMPTY.id, "events", self.partition, -1, -1, 0, idle_ms=ms)

    def _window(self, count: int) -> list[Observation]:
        start = START + self.window * WINDOW_MS
        self.window += 1
        if not count:
            return []
        # At both ends of the window, so that it is full however it is cut.
        early, first = count - count // 2, self.offset
        self.offset += count
        slices = [
            SliceDelta(at // SETTINGS.slice_ms, events, {})
            for at, events in ((start, early), (start + WINDOW_MS - 1000, count - early))
            if events
        ]
        newest = start + (WINDOW_MS - 1000 if count > 1 else 0)
        own = self.partition, first, self.offset - 1, newest, slices
        return [Observation("m", self.version, EMPTY.id, "events", *own)]


def run(
    watch: Watch, observations: Sequence[Observation], state: WatchState | None = None
) -> tuple[WatchState, list[Alert]]:
    step = watch.observe(state or watch.fresh(), observations)
    return step.state, step.alerts


def steady(windows: int, rate: float = 600.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(rate, windows)


def judged(counts: Iterable[int], state: WatchState | None = None) -> tuple[WatchState, Changes]:
    """Complete windows straight into the watch: the number of each that brought a change, and which."""
    watch = make_watch()
    state, changes = state or watch.fresh(), []
    assert watch.volume is not None
    for number, events in enumerate(counts):
        start = START + number * WINDOW_MS
        told = watch.volume.judge(state, Window(start, start + WINDOW_MS, int(events)))
        if told:
            changes.append((number, told.transition.state, told.transition.resolved_reason))
    return state, changes
