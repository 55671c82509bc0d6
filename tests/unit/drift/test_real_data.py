"""Space shuttle sensors (heavy tails, outliers of 100 deviations): silent until a drift is injected, then found."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from river import datasets

from drift.profile import ReferenceProfile, SignalSpec, build_profile
from drift.settings import DriftSettings
from tests.unit.drift.streaming import evenly, make_watch, ms, one_partition, run

BEFORE, AFTER, PER_SECOND = 40_000, 8_000, 2000


@functools.cache
def shuttle() -> tuple[ReferenceProfile, np.ndarray]:
    """The profile of the first half, and the rows of the second."""
    matrix = np.array([[*features.values(), label] for features, label in datasets.Shuttle()], dtype=np.float64)
    half = len(matrix) // 2
    specs = [SignalSpec(f"f{number}", "number", "feature") for number in range(1, 10)]
    return build_profile([*specs, SignalSpec("class", "boolean", "output")], matrix[:half]), matrix[half:]


@pytest.mark.parametrize("seed", range(10))
def test_one_alert_on_the_injected_feature_and_none_on_any_before(seed: int) -> None:
    profile, replayed = shuttle()
    rng = np.random.default_rng(seed)
    rounds = -(-(BEFORE + AFTER) // len(replayed))
    order = np.concatenate([rng.permutation(len(replayed)) for _ in range(rounds)])[: BEFORE + AFTER]
    matrix = replayed[order]
    injected = profile.signals[seed % 9]
    matrix[BEFORE:, seed % 9] += injected.scale
    settings = DriftSettings()
    observations = one_partition(profile, settings, evenly(BEFORE + AFTER, PER_SECOND), matrix, batch=1000)
    _, alerts, _ = run(make_watch(profile, settings), observations)
    assert [(alert.signal.feature, alert.state) for alert in alerts] == [(injected.name, "firing")]
    assert BEFORE / 2 < ms(alerts[0].detected_at) <= BEFORE / 2 + 1000
    # Values beyond the clip range move its mean by less than the whole shift.
    assert 0.5 < alerts[0].effect.size < 1.5
