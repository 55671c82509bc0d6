"""What a reference tells about its own noise: dependence and seasons where they are, and nothing where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from drift.blocks import Block, Tally
from drift.calibration import calibrated
from drift.noise import HOUR_MS, Calibration, Noise
from drift.profile import SignalSpec, build_profile, decode_profile
from drift.settings import DriftSettings
from drift.signals import signals_of
from tests.unit.drift.streaming import SPECS, START, rows

DAY_MS = 24 * HOUR_MS
NUMBER = (SignalSpec("x", "number", "feature"),)


def learned(values: np.ndarray, times: np.ndarray | None = None) -> dict[str, Noise]:
    matrix = values.reshape(-1, 1)
    profile = calibrated(build_profile(NUMBER, matrix, times), matrix, times)
    assert decode_profile(profile.encode()) == profile and profile.calibration
    assert profile.calibration.basis == ("rows" if times is None else "time")
    (noise,) = profile.calibration.signals
    return noise


def spaced(n: int, step_ms: float = 1000.0) -> np.ndarray:
    return START + (np.arange(n) * step_ms).astype(np.int64)


def autoregressive(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    values, level = np.empty(n), 0.0
    for index, shock in enumerate(rng.normal(0, np.sqrt(1 - phi**2), n)):
        values[index] = level = phi * level + shock
    return values


@pytest.mark.parametrize("seed", range(5))
def test_independent_rows_are_hardly_ever_taken_for_dependent(seed: int) -> None:
    noise = learned(np.random.default_rng(seed).normal(size=10_000), spaced(10_000))
    assert noise["mean"].inflation < 2 and noise["mean"].season == ()


@pytest.mark.parametrize(("phi", "due"), [(0.5, 3.0), (0.9, 19.0)])
def test_dependence_is_found_and_not_taken_too_small(phi: float, due: float) -> None:
    found = [
        learned(autoregressive(np.random.default_rng(seed), 20_000, phi), spaced(20_000))["mean"].inflation
        for seed in range(5)
    ]
    assert due * 0.9 < np.median(found) < due * 2.5


def test_rows_in_the_wrong_order_are_put_in_order_of_time_first() -> None:
    rng = np.random.default_rng(0)
    values, times = autoregressive(rng, 20_000, 0.9), spaced(20_000)
    order = rng.permutation(20_000)
    assert learned(values[order], times[order])["mean"] == learned(values, times)["mean"]


def test_without_times_rows_count_as_independent() -> None:
    noise = learned(autoregressive(np.random.default_rng(0), 10_000, 0.9))
    assert noise["mean"].inflation == 1.0


@pytest.mark.parametrize(("hours", "cycles"), [(24, 3), (24, 10), (168, 4)])
def test_a_season_is_learned_after_three_cycles_and_no_longer_counts_as_noise(hours: int, cycles: int) -> None:
    times = spaced(hours * cycles * 60, 60_000)
    wave = np.sin(2 * np.pi * times / (hours * HOUR_MS))
    noise = learned(wave + np.random.default_rng(1).normal(0, 0.5, len(times)), times)["mean"]
    assert len(noise.season) == hours
    for hour in range(0, hours, 5):
        at = START - START % DAY_MS + hour * HOUR_MS
        due = np.sin(2 * np.pi * at / (hours * HOUR_MS)) / np.sqrt(0.5 + 0.25)
        assert noise.expected(at - 1000, at + 1000) == pytest.approx(due, abs=0.25)
    assert noise.inflation < 4


def test_two_cycles_are_no_season() -> None:
    times = spaced(2 * 24 * 60, 60_000)
    assert learned(np.sin(2 * np.pi * times / DAY_MS), times)["mean"].season == ()


def test_noise_alone_is_no_season() -> None:
    times = spaced(24 * 10 * 6, 600_000)
    seasons = [
        len(learned(np.random.default_rng(seed).normal(size=len(times)), times)["mean"].season) for seed in range(20)
    ]
    assert sum(map(bool, seasons)) <= 1


def test_a_season_over_many_hours_is_their_average() -> None:
    noise = Noise(season=tuple(float(hour) for hour in range(24)))
    assert noise.expected(0, DAY_MS) == pytest.approx(11.5, abs=0.6)
    assert noise.expected(6 * HOUR_MS, 10 * HOUR_MS) == pytest.approx(7.5)
    assert noise.expected(10 * DAY_MS, 20 * DAY_MS) == pytest.approx(11.5, abs=0.6)


def test_every_statistic_of_every_kind_is_calibrated() -> None:

    matrix = rows(np.random.default_rng(0), 3000)
    profile = calibrated(build_profile(SPECS, matrix), matrix)
    assert profile.calibration
    assert [sorted(noise) for noise in profile.calibration.signals] == [
        ["mean", "null_rate", "out_of_range_rate", "shape:asymmetry", "shape:rank", "shape:tails", "spread"],
        ["null_rate", "share:blue", "share:green", "share:red", "unseen_rate"],
        ["null_rate", "out_of_range_rate"],
        ["null_rate", "share:true", "unseen_rate"],
    ]


def test_the_season_of_a_gathered_block_is_that_of_its_events_and_not_of_the_time_between_them() -> None:
    """One event at midnight, 29 of them after six hours of silence."""
    reference = build_profile(NUMBER, np.random.default_rng(0).normal(size=(400, 1)))
    noise = Noise(season=tuple(float(hour) for hour in range(24)))
    signal = signals_of(replace(reference, calibration=Calibration("time", ({"mean": noise},))), DriftSettings())[0]
    first, later = Block(HOUR_MS, HOUR_MS + 1000, Tally(1)), Block(7 * HOUR_MS, 7 * HOUR_MS + 1000, Tally(29))
    night = signal.season(first.stretches)["mean"]
    assert signal.season(first.plus(later).stretches)["mean"] == pytest.approx(night + 6 * 29 / 30)


def test_what_is_known_of_when_events_came_stays_small() -> None:
    block = Block(0, 1000, Tally(1))
    for second in range(1, 1200):
        block = block.plus(Block(second * 1000, second * 1000 + 1000, Tally(1)))
    assert [stretch.events for stretch in block.stretches] == [300] * 4
