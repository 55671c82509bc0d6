"""The volume depends on the events alone: not on how they were split, ordered, batched, redone or restarted."""

from __future__ import annotations

import functools
import itertools

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.observation import Observation
from drift.settings import DriftSettings
from tests.unit.drift.streaming import SIZE, START, idle, make_watch, observation, one_partition, reference, rows, run
from tests.unit.drift.test_watch_exactness import in_batches, interleaved, without_replay

SETTINGS = DriftSettings(
    block_events=20, block_ms=500, allowed_lateness_ms=300, max_hold_ms=10**9, volume_window_ms=1000
)
PROFILE = reference()
RATES = (*itertools.repeat(24, 130), *itertools.repeat(2, 25), *itertools.repeat(24, 30))
"""Events a second: as usual, nearly none, as usual."""


@functools.cache
def story() -> tuple[np.ndarray, np.ndarray]:
    """A feature drifts while events become few, so each alert has the other to name."""
    rng = np.random.default_rng(5)
    times = np.concatenate([START + second * 1000 + rng.integers(0, 1000, n) for second, n in enumerate(RATES)])
    matrix = rows(rng, len(times))
    matrix[24 * 120 : 24 * 130 + 50, SIZE] += 25
    order = np.argsort(times + rng.integers(0, 200, len(times)), kind="stable")
    return times[order], matrix[order]


@functools.cache
def expected() -> list[bytes]:
    times, matrix = story()
    observations = one_partition(PROFILE, SETTINGS, times, matrix, batch=len(times))
    _, alerts, figures = run(make_watch(PROFILE, SETTINGS), observations)
    assert figures.late_events == 0
    told = [(alert.dedupe_key, alert.state) for alert in alerts]
    assert told.count(("fraud/metric/volume", "firing")) == 1
    assert told.count(("fraud/metric/volume", "resolved")) == 1
    assert any(alert.also_drifting for alert in alerts if alert.kind == "volume")
    return without_replay(alerts)


def split(owners: np.ndarray, cuts: list[list[int]]) -> list[list[Observation]]:
    times, matrix = story()
    queues = []
    for partition, own_cuts in enumerate(cuts):
        own = np.flatnonzero(owners == partition)
        edges = sorted({0, len(own), *(cut % (len(own) + 1) for cut in own_cuts)})
        pieces = [(np.arange(a, b), own[a:b]) for a, b in itertools.pairwise(edges)]
        made = [observation(PROFILE, SETTINGS, partition, at, times[of], matrix[of]) for at, of in pieces]
        queues.append(made)
    return queues


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_the_same_events_give_the_same_alert_bytes_however_they_come(data: st.DataObject) -> None:
    parts, n = data.draw(st.integers(1, 3)), len(story()[0])
    owners = np.random.default_rng(data.draw(st.integers(0, 1000))).integers(0, parts, n)
    cuts = [data.draw(st.lists(st.integers(0, n), max_size=12)) for _ in range(parts)]
    watch = make_watch(PROFILE, SETTINGS, parts)
    state, alerts = in_batches(data, watch, interleaved(data, split(owners, cuts)))
    assert state.counts.late == 0
    assert without_replay(alerts) == expected()


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_a_partition_that_comes_long_after_the_others_changes_nothing_of_the_volume(data: st.DataObject) -> None:
    """As after a worker's death: blocks do not wait for it for ever, windows do."""
    n = len(story()[0])
    impatient = msgspec.structs.replace(SETTINGS, max_hold_ms=2000)
    owners = np.random.default_rng(data.draw(st.integers(0, 1000))).integers(0, 2, n)
    cut = data.draw(st.integers(1, n // 2 - 200))
    first, second = split(owners, [[100, 500, 1000], [cut]])
    marks = [idle(PROFILE, partition) for partition in range(2)]
    watch = make_watch(PROFILE, impatient, 2)
    step = watch.observe(watch.fresh(), [second[0], *first, *second[1:], *marks])
    told = [(alert.state, alert.detected_at, alert.effect) for alert in step.alerts if alert.kind == "volume"]
    found = watch.observe(watch.fresh(), [*itertools.chain(*split(owners, [[], []])), *marks])
    assert told == [(a.state, a.detected_at, a.effect) for a in found.alerts if a.kind == "volume"]
    assert len(told) == 2
