from __future__ import annotations

import msgspec
import numpy as np
import pytest

from drift.settings import DetectorSpec, DriftSettings, SignalDetectors
from drift.watch import StateError, WatchState
from tests.unit.drift.streaming import SIZE, encoded, evenly, make_watch, one_partition, reference, rows, run

PROFILE = reference()
SETTINGS = DriftSettings()


def halfway(settings: DriftSettings = SETTINGS) -> WatchState:
    """In the midst of a drift: an alert is out, slices and a block are open."""
    matrix = rows(np.random.default_rng(1), 20_000)
    matrix[6000:, SIZE] += 10
    observations = one_partition(PROFILE, settings, evenly(20_000), matrix)
    return run(make_watch(PROFILE, settings), observations[:-1])[0]


def test_entries_come_back_as_the_same_state() -> None:
    state = halfway()
    assert state.slices
    again = make_watch(PROFILE).load(state.dump())
    assert again.dump() == state.dump()


def test_no_entries_are_a_fresh_start() -> None:
    watch = make_watch(PROFILE)
    assert watch.load({}).dump() == watch.fresh().dump()


def test_entries_are_small_each() -> None:
    entries = halfway().dump()
    assert {"progress", "blocks", "signal/size", "signal/metric/class"} <= set(entries)
    assert max(map(len, entries.values())) < 100_000


def test_only_what_changed_differs() -> None:
    watch, state = make_watch(PROFILE), halfway()
    before = state.dump()
    matrix, times = rows(np.random.default_rng(2), 40), np.full(40, evenly(20_000)[-1])
    (entry, _) = one_partition(PROFILE, SETTINGS, times, matrix, 40)
    entry = msgspec.structs.replace(entry, first_offset=20_000, last_offset=20_039)
    after = watch.observe(state, [entry]).state.dump()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {"progress", "volume", f"slice/{times[0] // 100}"}


@pytest.mark.parametrize("name", ["progress", "blocks", "signal/size"])
def test_damaged_entries_are_refused_by_name(name: str) -> None:
    entries = halfway().dump()
    entries[name] = entries[name][:-2]
    with pytest.raises(StateError, match=name):
        make_watch(PROFILE).load(entries)


def test_an_incomplete_snapshot_is_refused() -> None:
    entries = halfway().dump()
    del entries["progress"]
    with pytest.raises(StateError, match="not complete"):
        make_watch(PROFILE).load(entries)


def test_the_state_of_another_reference_is_refused() -> None:
    with pytest.raises(StateError, match="reference changed"):
        make_watch(reference(seed=5)).load(halfway().dump())


def test_other_detectors_start_from_the_blocks_remembered_and_the_alert_stays() -> None:
    chosen = DriftSettings(detectors=(DetectorSpec("PageHinkley", {"threshold": 30.0}),))
    watch = make_watch(PROFILE, chosen)
    state = watch.load(halfway().dump())
    assert watch.observe(state, []).figures.firing == {"ticket": 1}
    assert watch.load(state.dump()).dump() == state.dump()


def test_a_signal_that_gets_another_detector_is_refed_alone() -> None:
    before = halfway().dump()
    own = SignalDetectors("si*", (DetectorSpec("PageHinkley", {"threshold": 30.0}),))
    watch = make_watch(PROFILE, DriftSettings(signals=(own,)))
    chosen = watch.load(before).dump()
    assert {name for name in before if before[name] != chosen[name]} == {"signal/size"}
    assert watch.load(chosen).dump() == chosen
    back = make_watch(PROFILE).load(chosen).dump()
    assert {name for name in before if back[name] != chosen[name]} == {"signal/size"}


def test_after_another_block_length_open_events_are_counted_as_late_and_the_watch_goes_on() -> None:
    state = halfway()
    waiting = sum(tally.events for tally in state.slices.values()) + (state.block.tally.events if state.block else 0)
    chosen = DriftSettings(block_ms=3000)
    watch = make_watch(PROFILE, chosen)
    resumed = watch.load(state.dump())
    assert resumed.counts.late == waiting > 0
    matrix = rows(np.random.default_rng(3), 20_000)
    times = evenly(20_000, start=int(evenly(20_000)[-1]) + 1000)
    later = [
        msgspec.structs.replace(o, first_offset=o.first_offset + 20_000, last_offset=o.last_offset + 20_000)
        if o.first_offset >= 0
        else o
        for o in one_partition(PROFILE, chosen, times, matrix)
    ]
    step = watch.observe(resumed, later)
    assert [alert.state for alert in step.alerts] == ["resolved"]
    assert step.figures.late_events == waiting
    assert encoded(step.alerts)


@pytest.mark.parametrize(
    "change",
    [{"block_events": 0}, {"block_ms": 0}, {"shift_sd": 0.0}, {"allowed_lateness_ms": -1}, {"detectors": ()}],
)
def test_settings_that_make_no_sense_are_refused_by_name(change: dict) -> None:
    with pytest.raises(ValueError, match=f"drift.{next(iter(change))}"):
        DriftSettings(**change)


def test_slices_are_a_tenth_of_a_block_and_never_nothing() -> None:
    assert (DriftSettings().slice_ms, DriftSettings().block_slices) == (100, 10)
    assert (DriftSettings(block_ms=5).slice_ms, DriftSettings(block_ms=5).block_slices) == (1, 5)
