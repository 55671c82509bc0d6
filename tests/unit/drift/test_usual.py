"""What is learned of a stream's usual volume, and that it keeps ordinary streams silent."""

from __future__ import annotations

import numpy as np
import pytest

from drift.phases import Sample
from drift.usual import BURN_IN, Hour, Learning, usual_of
from drift.volume import KEY, ONE, cells_of, log_events, typical
from tests.unit.drift.volume_stream import DAY, START, WINDOW_MS, judged, steady

MINUTES = np.arange(40 * DAY)


def firing(counts: np.ndarray) -> list[int]:
    _, changes = judged(counts)
    return [number for number, state, _ in changes if state == "firing"]


def days(rng: np.random.Generator, count: int, swing: float, weekend: float = 1.0) -> np.ndarray:
    minutes = MINUTES[: count * DAY]
    rate = 600 * np.exp(swing * np.sin(2 * np.pi * minutes / DAY))
    return rng.poisson(rate * np.where(minutes // DAY % 7 >= 5, weekend, 1.0) * rng.gamma(4, 1 / 4, len(minutes)))


def autocorrelated(rng: np.random.Generator, count: int) -> np.ndarray:
    noise, level, found = rng.normal(0, 0.17, count * DAY), 0.0, np.empty(count * DAY)
    for at, step in enumerate(noise):
        level = 0.9 * level + step
        found[at] = level
    return rng.poisson(600 * np.exp(found))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("process", ["poisson", "few", "bursty", "autocorrelated", "mild days", "strong days"])
def test_an_ordinary_stream_is_silent_for_a_week(process: str, seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    counts = {
        "poisson": lambda: rng.poisson(600, 7 * DAY),
        "few": lambda: rng.poisson(12, 7 * DAY),
        "bursty": lambda: rng.poisson(600 * rng.gamma(4, 1 / 4, 7 * DAY)),
        "autocorrelated": lambda: autocorrelated(rng, 7),
        "mild days": lambda: days(rng, 7, 0.3),
        "strong days": lambda: days(rng, 7, 0.9),
    }[process]()
    assert firing(counts) == []


def test_a_swing_of_every_day_is_noise_at_first_and_a_season_after_three() -> None:
    rng = np.random.default_rng(1)
    counts = days(rng, 6, 0.9)
    early, _ = judged(counts[: 2 * DAY])
    late, changes = judged(counts)
    assert changes == []
    first, then = early.signals[KEY].baseline, late.signals[KEY].baseline
    assert first is not None
    assert then is not None
    assert first.learned is not None
    assert then.learned is not None
    assert (len(first.learned.season), len(then.learned.season)) == (0, 24)
    assert first.levels["volume"].spread > 4 * then.levels["volume"].spread
    # At the height of the day, 6 h, e^0.9 times the mean.
    assert max(then.learned.season) == pytest.approx(0.9 * np.log2(np.e), rel=0.1)


def test_a_half_at_the_height_of_the_day_is_seen_though_night_has_fewer() -> None:
    counts = days(np.random.default_rng(1), 6, 0.9)
    noon = 5 * DAY + DAY // 4
    counts[noon - 60 :] //= 2
    (found, *_) = firing(counts)
    assert noon - 60 <= found < noon + 60


def test_three_weeks_show_what_a_weekend_is() -> None:
    counts = days(np.random.default_rng(2), 28, 0.3, weekend=0.3)
    found = firing(counts)
    assert len(found) > 0
    assert all(number < 23 * DAY for number in found)


def test_an_outage_is_not_what_is_usual() -> None:
    counts = steady(6 * DAY)
    counts[2 * DAY : 2 * DAY + 300] = 0
    state, changes = judged(counts)
    assert [change[1:] for change in changes] == [("firing", None), ("resolved", "recovered")]
    baseline = state.signals[KEY].baseline
    assert baseline is not None
    assert baseline.levels["volume"].value == pytest.approx(log_events(600), abs=0.02)
    assert baseline.levels["volume"].spread == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize(("rate", "is_watched"), [(4, False), (20, True)])
def test_a_stream_of_too_few_events_a_window_is_not_watched(rate: float, is_watched: bool) -> None:
    state, changes = judged([*steady(200, rate), *[0] * 60])
    assert (state.signals[KEY].baseline is not None) == is_watched
    assert bool(changes) == is_watched


def test_nothing_is_learned_before_the_burn_in_is_over() -> None:
    state, _ = judged(steady(BURN_IN - 1))
    assert state.signals[KEY].baseline is None
    state, _ = judged(steady(BURN_IN))
    assert state.signals[KEY].baseline is not None


def test_dependent_windows_swing_wider_than_they_look_one_by_one() -> None:
    state, _ = judged(autocorrelated(np.random.default_rng(3), 3))
    baseline = state.signals[KEY].baseline
    assert baseline is not None
    # 0.17 / sqrt(1 - 0.9^2) for one, (1 + 0.9) / (1 - 0.9) times the variance for many.
    alone = 0.17 / np.sqrt(1 - 0.81) * np.log2(np.e)
    assert alone * 3.5 < baseline.levels["volume"].spread < alone * 7


def test_what_is_remembered_is_three_weeks_of_hours() -> None:
    learning = Learning()
    for number in range(1000):
        sample = Sample(START + number * 60 * WINDOW_MS, START + (number + 1) * 60 * WINDOW_MS, 1, cells_of(50))
        learning = learning.plus(sample, alerted=False)
    assert len(learning.hours) == 505
    assert len(learning.first) == BURN_IN


def test_hours_that_are_moved_keep_their_swing() -> None:
    values = [round(log_events(n) * ONE) for n in (500, 600, 700)]
    hour = Hour(0, 3, sum(values), sum(v * v for v in values), 1800)
    moved = hour.moved(-ONE)
    assert moved.level == hour.level - 1
    assert moved.squares - moved.logs**2 / 3 == pytest.approx(hour.squares - hour.logs**2 / 3)
    assert moved.events == 900


def test_a_level_is_told_as_events_of_a_typical_window() -> None:
    assert typical(log_events(600)) == pytest.approx(600)
    assert typical(log_events(0)) == 0


def test_too_little_to_watch_is_no_baseline() -> None:
    quiet = Learning(first=(ONE,) * BURN_IN, hours=(Hour(0, 60, 60 * ONE, 60 * ONE * ONE, 120),) * 2)
    assert usual_of(quiet, WINDOW_MS, START) is None
