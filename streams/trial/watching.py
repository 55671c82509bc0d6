"""The production path over rows at hand: summaries, observations, a watch; with what each block showed."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drift.alert import Alert
from drift.cells import Cells, Layout
from drift.detectors import RIVER_DETECTORS, Factory
from drift.measures import Statistic
from drift.observation import Observation
from drift.profile import ReferenceProfile
from drift.settings import DriftSettings
from drift.signals import Signal, signals_of
from drift.summary import Summariser
from drift.watch import Figures, Watch

ROWS_AT_ONCE = 8_192


@dataclass(frozen=True, slots=True)
class WatchedRows:
    """n rows to watch, by rising time: `matrix` is n x signals of the profile, `rows` their numbers in the trial."""

    matrix: NDArray[np.float64]
    times_ms: NDArray[np.int64]
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trace:
    """One statistic block by block: `distances` from the reference and its season in units of what is material (1 and
    more, up or down, is worth an alert), NaN where no event of the block counts for it."""

    statistic: Statistic
    distances: array[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True, slots=True)
class SignalTraces:
    """A signal with the traces of its statistics."""

    signal: Signal
    traces: tuple[Trace, ...]


@dataclass(slots=True)
class Watched:
    """What came of it: changes of alerts, blocks [`starts`, `ends`) in ms, signals in the profile's order."""

    signals: list[SignalTraces]
    alerts: list[Alert] = field(default_factory=list)
    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    figures: Figures = field(default_factory=Figures)


def watch_rows(
    model: str,
    version: str,
    topic: str,
    profile: ReferenceProfile,
    settings: DriftSettings,
    rows: WatchedRows,
    detectors: Mapping[str, Factory] = RIVER_DETECTORS,
) -> Watched:
    """Watch rows as one partition of `topic`, with their numbers as offsets. Raises UnknownDetector."""
    watch = Watch(model, version, profile, settings, 1, detectors)
    layout = Layout.of(profile)
    watched = Watched(
        [SignalTraces(each, tuple(map(Trace, each.statistics))) for each in signals_of(profile, settings)]
    )
    state = watch.fresh()
    for observation in _observations(model, version, topic, profile, settings, rows):
        step = watch.observe(state, [observation])
        state = step.state
        watched.alerts += step.alerts
        watched.figures = step.figures
        for block in step.blocks:
            watched.starts.append(block.start)
            watched.ends.append(block.end)
            for own, cells in zip(watched.signals, layout.split(block.tally.cells), strict=True):
                season = own.signal.season(block.stretches)
                for trace in own.traces:
                    expected = season.get(trace.statistic.name, 0.0)
                    trace.distances.append(_distance(trace.statistic, cells, block.tally.events, expected))
    return watched


def _observations(
    model: str, version: str, topic: str, profile: ReferenceProfile, settings: DriftSettings, rows: WatchedRows
) -> Iterator[Observation]:
    """What a worker would write about the rows, and the idle mark that closes the last block."""
    summariser = Summariser(profile, settings.slice_ms)
    for begin in range(0, len(rows.times_ms), ROWS_AT_ONCE):
        batch = slice(begin, begin + ROWS_AT_ONCE)
        times, matrix, offsets = rows.times_ms[batch], rows.matrix[batch], rows.rows[batch]
        partitions = np.zeros(len(times), dtype=np.int64)
        for chunk in summariser.chunks(partitions, times):
            deltas = summariser.summarise(partitions[chunk], times[chunk], matrix[chunk], offsets[chunk])
            first, last = int(offsets[chunk][0]), int(offsets[chunk][-1])
            yield Observation(
                model, version, profile.id, topic, 0, first, last, int(times[chunk].max()), deltas.get(0, [])
            )
    yield Observation(model, version, profile.id, topic, 0, -1, -1, 0, idle_ms=settings.max_hold_ms)


def _distance(statistic: Statistic, cells: Cells, events: int, season: float) -> float:
    level = statistic.measure(cells, events, season)
    return math.nan if level is None else (level.value - statistic.reference.value) / statistic.material
