"""A trial judges as a worker does, and says what each block showed."""

from __future__ import annotations

import math

import numpy as np

from drift.settings import DriftSettings
from streams.trial.watching import WatchedRows, watch_rows
from tests.unit.drift.streaming import CLASS, COLOUR, SIZE, encoded, evenly, make_watch, one_partition, reference, run
from tests.unit.drift.streaming import rows as reference_rows


def shifted(n: int = 8000) -> np.ndarray:
    matrix = reference_rows(np.random.default_rng(5), n)
    matrix[4000:, SIZE] += 10
    matrix[6000:, COLOUR] = np.nan
    return matrix


def test_the_alerts_are_those_of_a_worker_byte_for_byte() -> None:
    profile, settings, matrix = reference(), DriftSettings(), shifted()
    _, alerts, figures = run(make_watch(profile), one_partition(profile, settings, evenly(8000), matrix))
    rows = WatchedRows(matrix, evenly(8000), np.arange(8000))
    watched = watch_rows("fraud", "3", "events", profile, settings, rows)
    assert len(alerts) >= 2
    assert encoded(watched.alerts) == encoded(alerts)
    assert len(watched.starts) == figures.blocks_closed


def test_a_trace_tells_the_distance_in_units_of_what_is_material() -> None:
    profile, matrix = reference(), shifted()
    watched = watch_rows("m", "1", "t", profile, DriftSettings(), WatchedRows(matrix, evenly(8000), np.arange(8000)))
    assert [each.signal.key for each in watched.signals] == ["size", "colour", "fixed", "metric/class"]
    mean = next(trace for trace in watched.signals[SIZE].traces if trace.statistic.name == "mean")
    block = slice(*np.searchsorted(evenly(8000), (watched.starts[25], watched.ends[25])).tolist())
    level = (matrix[block, SIZE].mean() - profile.signals[SIZE].mean) / profile.signals[SIZE].sd
    assert math.isclose(mean.distances[25], level / mean.statistic.material, rel_tol=0.02)
    assert len(mean.distances) == len(watched.starts) == len(watched.ends)


def test_a_statistic_without_events_in_a_block_is_not_known_there() -> None:
    watched = watch_rows(
        "m", "1", "t", reference(), DriftSettings(), WatchedRows(shifted(), evenly(8000), np.arange(8000))
    )
    shares = next(trace for trace in watched.signals[COLOUR].traces if trace.statistic.name.startswith("share"))
    assert math.isfinite(shares.distances[0])
    assert math.isnan(shares.distances[-1])
    assert not any(map(math.isnan, watched.signals[CLASS].traces[0].distances))


def test_no_rows_are_no_alert_and_no_block() -> None:
    nothing = WatchedRows(np.empty((0, 4)), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    watched = watch_rows("m", "1", "t", reference(), DriftSettings(), nothing)
    assert (watched.alerts, len(watched.starts)) == ([], 0)
