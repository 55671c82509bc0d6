from __future__ import annotations

import numpy as np

from streams.demo.injection import SHIFT_SD, choose_injection
from streams.demo.sensors import halves, load_shuttle
from tests.unit.demo.data import FEATURES, sensor_data


def test_only_a_sensor_that_varies_and_tells_something_drifts() -> None:
    chosen = {choose_injection(sensor_data(), seed).feature for seed in range(20)}
    assert chosen == {"telling"}


def test_one_sensor_reads_higher_and_the_others_and_the_recording_stay() -> None:
    data = sensor_data()
    before = data.readings.copy()
    injection = choose_injection(data, 1)
    drifted = injection.apply(data.readings)
    moved = drifted - data.readings
    assert (moved[:, FEATURES.index("telling")] == injection.amount).all()
    assert not np.delete(moved, FEATURES.index("telling"), axis=1).any()
    assert (data.readings == before).all()
    assert abs(injection.amount / data.readings[:, 0].std() - SHIFT_SD) < 0.1


def test_the_real_data_gives_the_seed_a_choice() -> None:
    data = load_shuttle()
    training, _ = halves(data, 3)
    chosen = {choose_injection(training, seed).feature for seed in range(40)}
    assert len(chosen) >= 3
    # These hardly tell an anomaly from normal flight.
    assert not chosen & {"f2", "f4", "f6"}


def test_the_same_seed_makes_the_same_drift() -> None:
    training, _ = halves(load_shuttle(), 5)
    assert choose_injection(training, 5) == choose_injection(training, 5)
