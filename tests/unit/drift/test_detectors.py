"""One contract for every detector, River's and one's own."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.detectors import (
    ERROR_DETECTORS,
    ERRORS,
    RIVER_DETECTORS,
    Detection,
    DetectorBench,
    DetectorState,
    UnfitValue,
    UnknownDetector,
)
from drift.detectors.sealed import sealed
from drift.settings import DetectorSpec, DriftSettings, SignalDetectors


class Threshold:
    """A detector of one's own: fires on the third value in a row above a limit."""

    def __init__(self, limit: float = 3.0) -> None:
        self.limit = limit
        self.above = 0
        self.drift_detected = False

    def update(self, x: float) -> None:
        self.above = self.above + 1 if x > self.limit else 0
        self.drift_detected = self.above >= 3


FACTORIES = {**RIVER_DETECTORS, "Threshold": Threshold}
SPECS = [
    DetectorSpec("ADWIN", {"clock": 1}),
    DetectorSpec("ADWIN", {"clock": 32, "delta": 0.01}),
    DetectorSpec("PageHinkley", {"threshold": 30.0}),
    DetectorSpec("KSWIN", {"alpha": 0.0001}),
    DetectorSpec("Threshold", {"limit": 2.5}),
]
every = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)


def through_bytes(state: DetectorState) -> DetectorState:
    return msgspec.json.decode(msgspec.json.encode(state), type=DetectorState)


def detections(bench: DetectorBench, values: list[float], *, restored_at: int = -1) -> list[int]:
    (detector,) = bench.primed()
    found = []
    for index, value in enumerate(values):
        if index == restored_at:
            (detector,) = bench.restore((through_bytes(detector.dump()),), ())
        if detector.update(value):
            found.append(index)
            (detector,) = bench.primed()
    return found


@every
def test_finds_a_large_shift_soon_and_nothing_before(spec: DetectorSpec) -> None:
    bench = DetectorBench((spec,), FACTORIES)
    values = np.random.default_rng(5).normal(0, 1, 360)
    values[200:] += 5
    first = detections(bench, values.tolist())[0]
    assert 200 <= first < 240


@every
def test_a_restart_at_any_point_changes_nothing(spec: DetectorSpec) -> None:
    bench = DetectorBench((spec,), FACTORIES)
    rng = np.random.default_rng(2)
    values = [*rng.normal(0, 1, 230).tolist(), *rng.normal(4, 1, 40).tolist()]
    expected = detections(bench, values)
    for at in (0, 1, 99, 101, 150, 229, 233):
        assert detections(bench, values, restored_at=at) == expected


@every
def test_a_copy_goes_its_own_way(spec: DetectorSpec) -> None:
    (detector,) = DetectorBench((spec,), FACTORIES).primed()
    detector.update(0.5)
    at_rest, twin = detector.dump(), detector.copy()
    for _ in range(20):
        twin.update(9.0)
    assert detector.dump() == at_rest
    assert twin.dump() != at_rest


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1000, 1000), max_size=150))
def test_adwin_at_rest_is_a_function_of_the_values(values: list[float]) -> None:
    bench = DetectorBench((SPECS[0],))
    (once,), (again,) = bench.primed(), bench.primed()
    for value in values:
        fired = once.update(value)
        assert again.update(value) == fired
        if fired:
            (once,), (again,) = bench.primed(), bench.primed()
        again = again.copy()
    assert once.dump() == again.dump()


def test_adwin_of_another_river_version_or_damaged_is_fed_the_recent_blocks_instead() -> None:
    bench = DetectorBench((SPECS[0],))
    (detector,) = bench.primed()
    recent = (0.3, -0.2, 0.1)
    for value in recent:
        detector.update(value)
    state = detector.dump()
    foreign = [
        msgspec.structs.replace(state, river="0.1.0", data=b"of another layout"),
        msgspec.structs.replace(state, data=state.data[:-1]),
        DetectorState(),
    ]
    for other in foreign:
        (restored,) = bench.restore((other,), recent)
        assert restored.dump() == state


ERROR_SPECS = [
    DetectorSpec("ADWIN"),
    DetectorSpec("DDM"),
    DetectorSpec("EDDM"),
    DetectorSpec("FHDDM"),
    DetectorSpec("FHDDM", {"short_window_size": 25}),
    DetectorSpec("HDDM_A"),
    DetectorSpec("HDDM_A", {"two_sided_test": True}),
    DetectorSpec("HDDM_W"),
    DetectorSpec("HDDM_W", {"two_sided_test": True}),
]
every_error = pytest.mark.parametrize("spec", ERROR_SPECS, ids=str)
EVERY_BENCH = [DetectorBench((spec,), FACTORIES) for spec in SPECS]
EVERY_BENCH += [DetectorBench((spec,), ERROR_DETECTORS, ERRORS) for spec in ERROR_SPECS]
every_bench = pytest.mark.parametrize("bench", EVERY_BENCH, ids=lambda bench: str(bench.specs[0]))


def errors(seed: int, rate: float, count: int) -> list[float]:
    return (np.random.default_rng(seed).random(count) < rate).astype(float).tolist()


@every_error
def test_a_rise_of_the_error_is_found_soon(spec: DetectorSpec) -> None:
    bench = DetectorBench((spec,), ERROR_DETECTORS, ERRORS)
    for seed in range(5):
        found = detections(bench, errors(seed, 0.1, 2_000) + errors(seed + 50, 0.6, 300))
        assert [at for at in found if at >= 2_000]


@every_error
def test_a_fall_of_the_error_is_a_change_for_those_that_say_so_only(spec: DetectorSpec) -> None:
    bench = DetectorBench((spec,), ERROR_DETECTORS, ERRORS)
    found = detections(bench, [1.0, 1.0, 0.0] * 400 + [0.0] * 400)
    told = spec.name == "ADWIN" or "two_sided_test" in spec.parameters
    assert bool([at for at in found if at >= 1_200]) == told


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.name != "Threshold"], ids=str)
def test_a_fall_of_block_values_is_found_as_a_rise_is(spec: DetectorSpec) -> None:
    bench = DetectorBench((spec,), FACTORIES)
    values = np.random.default_rng(5).normal(0, 1, 360)
    values[200:] -= 5
    assert 200 <= detections(bench, values.tolist())[0] < 240


@every_error
@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0, 1]), max_size=300), st.integers(0, 300), st.integers(0, 2**32))
def test_an_error_detector_restored_anywhere_is_the_same(
    spec: DetectorSpec, values: list[int], at: int, seed: int
) -> None:
    bench = DetectorBench((spec,), ERROR_DETECTORS, ERRORS)
    (through,), (restored,) = bench.primed(), bench.primed()
    for index, value in enumerate(values + errors(seed, 0.3, 100)):
        if index == at:
            (restored,) = bench.restore((through_bytes(through.dump()),), ())
        fired = through.update(value)
        assert restored.update(value) == fired
        if fired:
            (through,), (restored,) = bench.primed(), bench.primed()
    assert restored.dump() == through.dump()


@every_bench
def test_what_does_not_belong_to_the_feed_is_refused_by_name_and_changes_nothing(bench: DetectorBench) -> None:
    (detector,) = bench.primed()
    before = detector.dump()
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(UnfitValue, match=bench.specs[0].name):
            detector.update(value)
    assert detector.dump() == before


@every_bench
def test_a_damaged_or_foreign_state_is_refed_the_recent_values(bench: DetectorBench) -> None:
    recent = (0.0, 1.0, 0.0)
    (detector,) = bench.restore((), recent)
    state = detector.dump()
    if not state.data:
        return  # replayed: its form is the values
    foreign = b"[2,[]]"
    for other in (
        msgspec.structs.replace(state, data=state.data[:-1]),
        msgspec.structs.replace(state, river="0.1.0"),
        DetectorState(values=(1.0,)),
        *([sealed(foreign), sealed(b"[1,[]]")] if bench.specs[0].name != "ADWIN" else []),
    ):
        (restored,) = bench.restore((other,), recent)
        assert restored.dump() == state


@pytest.mark.parametrize(
    "spec",
    [
        DetectorSpec("ADWIN", {"clock": 0}),
        DetectorSpec("ADWIN", {"delta": 2.0}),
        DetectorSpec("PageHinkley", {"threshold": -1.0}),
        DetectorSpec("PageHinkley", {"threshold": "much"}),
        DetectorSpec("KSWIN", {"stat_size": 80}),
        DetectorSpec("KSWIN", {"seed": "x"}),
    ],
    ids=str,
)
def test_parameters_out_of_bounds_are_refused_by_name(spec: DetectorSpec) -> None:
    with pytest.raises(UnknownDetector, match=next(iter(spec.parameters))):
        DetectorBench((spec,))


@every
def test_a_detection_names_detector_and_parameters(spec: DetectorSpec) -> None:
    (detector,) = DetectorBench((spec,), FACTORIES).primed()
    found: Detection | None = None
    while found is None:
        found = detector.update(8.0)
    assert (found.name, found.parameters) == (spec.name, spec.parameters)


@pytest.mark.parametrize("spec", [DetectorSpec("ADWINE"), DetectorSpec("ADWIN", {"clocks": 1})])
def test_a_detector_that_does_not_exist_is_refused_with_what_does(spec: DetectorSpec) -> None:
    with pytest.raises(UnknownDetector, match=r"drift\.detectors.*ADWIN"):
        DetectorBench((spec,))


@pytest.mark.parametrize("spec", [*SPECS, DetectorSpec("PageHinkley", {"min_instances": 1000})], ids=str)
def test_values_as_large_as_floats_get_break_neither_a_detector_nor_its_state(spec: DetectorSpec) -> None:
    bench = DetectorBench((spec,), FACTORIES)
    (detector,) = bench.primed()
    for value in [1e308] * 30 + [-1e308] * 30:
        if detector.update(value):
            (detector,) = bench.primed()
        (again,) = bench.restore((through_bytes(detector.dump()),), ())
        assert again.dump() == detector.dump()


def test_a_pattern_is_also_the_key_that_it_spells() -> None:
    own = SignalDetectors("x[0]", (SPECS[2],))
    chosen = DriftSettings(signals=(own,))
    assert chosen.detectors_of("x[0]") == (SPECS[2],)
    assert chosen.detectors_of("amount") == chosen.detectors
