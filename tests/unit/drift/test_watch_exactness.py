"""The watch depends on the events alone: not on how they were split, ordered, batched, redone or restarted."""

from __future__ import annotations

import functools
import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.alert import Alert
from drift.observation import Observation
from drift.settings import DetectorSpec, DriftSettings
from drift.watch import Watch, WatchState
from tests.unit.drift.streaming import (
    CLASS,
    COLOUR,
    SIZE,
    encoded,
    evenly,
    idle,
    make_watch,
    observation,
    one_partition,
    reference,
    rows,
    run,
)

# No lateness and no patience that could make an order of arrival matter.
SETTINGS = DriftSettings(block_events=20, block_ms=500, allowed_lateness_ms=300, max_hold_ms=10**9)
PROFILE = reference()


@functools.cache
def story() -> tuple[np.ndarray, np.ndarray]:
    """Two signals drift and come back, a third gets nulls: alerts fire, group and resolve."""
    rng = np.random.default_rng(11)
    matrix = rows(rng, 4500)
    matrix[1500:3000, SIZE] += 15
    matrix[1500:3000, COLOUR] = 2
    matrix[3600:, CLASS] = np.nan
    times = evenly(4500, per_second=300)
    # Out of order by less than the allowed lateness.
    return times + rng.integers(0, 200, 4500), matrix


def split(owners: np.ndarray, cuts: list[list[int]]) -> list[list[Observation]]:
    """Per partition the observations of its rows, cut at the given shares."""
    times, matrix = story()
    queues = []
    for partition, own_cuts in enumerate(cuts):
        own = np.flatnonzero(owners == partition)
        edges = sorted({0, len(own), *(cut % (len(own) + 1) for cut in own_cuts)})
        queues.append(
            [
                observation(PROFILE, SETTINGS, partition, np.arange(a, b), times[own[a:b]], matrix[own[a:b]])
                for a, b in itertools.pairwise(edges)
            ]
        )
    return queues


def interleaved(data: st.DataObject, queues: list[list[Observation]]) -> list[Observation]:
    tickets = [partition for partition, queue in enumerate(queues) for _ in queue]
    order = data.draw(st.permutations(tickets))
    waiting = [iter(queue) for queue in queues]
    merged = [next(waiting[partition]) for partition in order]
    return merged + [idle(PROFILE, partition) for partition in range(len(queues))]


def in_batches(data: st.DataObject, watch: Watch, observations: list[Observation]) -> tuple[WatchState, list[Alert]]:
    """In batches of any size; now and then the state goes through its bytes, or a batch is done, dropped and redone."""
    state, alerts, at = watch.fresh(), [], 0
    while at < len(observations):
        size = data.draw(st.integers(1, 12))
        batch = observations[at : at + size]
        if data.draw(st.booleans()):
            state = watch.load(state.dump())
        if data.draw(st.booleans()):
            watch.observe(state, batch)
        step = watch.observe(state, batch)
        state, at = step.state, at + size
        alerts += step.alerts
    return state, alerts


def without_replay(alerts: list[Alert]) -> list[bytes]:
    return encoded([msgspec.structs.replace(alert, replay=None) for alert in alerts])


@functools.cache
def expected() -> list[bytes]:
    times, matrix = story()
    _, alerts, figures = run(make_watch(PROFILE, SETTINGS), one_partition(PROFILE, SETTINGS, times, matrix, batch=4500))
    assert figures.late_events == 0
    assert {(alert.dedupe_key, alert.state) for alert in alerts} >= {
        ("fraud/size", "firing"),
        ("fraud/size", "resolved"),
        ("fraud/colour", "firing"),
        ("fraud/metric/class", "firing"),
    }
    return without_replay(alerts)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_same_events_give_the_same_alert_bytes_however_they_come(data: st.DataObject) -> None:
    parts = data.draw(st.integers(1, 4))
    owners = np.random.default_rng(data.draw(st.integers(0, 1000))).integers(0, parts, 4500)
    cuts = [data.draw(st.lists(st.integers(0, 4500), max_size=12)) for _ in range(parts)]
    watch = make_watch(PROFILE, SETTINGS, parts)
    state, alerts = in_batches(data, watch, interleaved(data, split(owners, cuts)))
    assert state.counts.late == 0
    assert without_replay(alerts) == expected()


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_the_same_partitions_give_the_same_state_and_alerts_to_the_byte(data: st.DataObject) -> None:
    owners = np.arange(4500) % 3
    watch = make_watch(PROFILE, SETTINGS, 3)
    base = [entry for queue in split(owners, [[], [], []]) for entry in queue]
    marks = [idle(PROFILE, partition) for partition in range(3)]
    whole = watch.observe(watch.fresh(), base + marks)
    cuts = [data.draw(st.lists(st.integers(0, 1500), max_size=12)) for _ in range(3)]
    state, alerts = in_batches(data, watch, interleaved(data, split(owners, cuts)))
    assert encoded(alerts) == encoded(whole.alerts)
    assert all(alert.replay for alert in alerts if alert.state == "firing")
    assert state.dump() == whole.state.dump()


def test_observing_never_changes_the_state_it_was_given() -> None:
    times, matrix = story()
    watch = make_watch(PROFILE, SETTINGS)
    observations = one_partition(PROFILE, SETTINGS, times, matrix, batch=150)
    state = watch.fresh()
    for entry in observations:
        before = state.dump()
        first = watch.observe(state, [entry])
        assert state.dump() == before
        again = watch.observe(state, [entry])
        assert encoded(again.alerts) == encoded(first.alerts)
        assert again.state.dump() == first.state.dump()
        state = first.state


def test_an_observation_delivered_twice_counts_once() -> None:
    times, matrix = story()
    watch = make_watch(PROFILE, SETTINGS)
    observations = one_partition(PROFILE, SETTINGS, times, matrix, batch=300)
    once = watch.observe(watch.fresh(), observations)
    twice = watch.observe(watch.fresh(), [entry for entry in observations for _ in range(2)])
    assert twice.state.dump() == once.state.dump()
    assert twice.figures == once.figures


@pytest.mark.parametrize(
    "spec", [DetectorSpec("PageHinkley", {"threshold": 30.0}), DetectorSpec("KSWIN", {"alpha": 0.0001})]
)
def test_a_restart_after_every_batch_changes_nothing_with_any_detector(spec: DetectorSpec) -> None:
    times, matrix = story()
    profile, chosen = PROFILE, msgspec.structs.replace(SETTINGS, detectors=(spec, DetectorSpec("ADWIN", {"clock": 1})))
    watch = make_watch(profile, chosen)
    observations = one_partition(profile, chosen, times, matrix, batch=450)
    whole = watch.observe(watch.fresh(), observations)
    state, alerts = watch.fresh(), []
    for entry in observations:
        step = watch.observe(watch.load(state.dump()), [entry])
        state, alerts = step.state, alerts + step.alerts
    assert encoded(alerts) == encoded(whole.alerts) != []
    assert state.dump() == whole.state.dump()


def test_a_wire_record_comes_back_as_it_was() -> None:
    times, matrix = story()
    for entry in (observation(PROFILE, SETTINGS, 0, np.arange(50), times[:50], matrix[:50]), idle(PROFILE, 2, 1234)):
        assert msgspec.json.decode(msgspec.json.encode(entry), type=Observation) == entry
