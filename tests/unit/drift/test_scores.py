"""Scores that see a shape: what they promise of the reference, and what they tell of another."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.scores import smooth_scores

DEGREES = (1, 2, 3, 4)
QUANTILE_BINS = [100] * 32
NORMAL_EDGES = np.array([-math.inf, *np.quantile(np.random.default_rng(0).normal(size=400_000), np.arange(1, 32) / 32)])


def mean_scores(values: np.ndarray) -> dict[int, float]:
    """Mean scores of values whose reference is a standard normal distribution."""
    bins = np.searchsorted(NORMAL_EDGES[1:], values, side="right")
    return {degree: float(np.array(scores)[bins].mean()) for degree, scores in known().items()}


def known() -> dict[int, tuple[float, ...]]:
    return smooth_scores(QUANTILE_BINS, DEGREES)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40))
def test_in_the_reference_they_have_mean_0_variance_1_and_do_not_correlate(counts: list[int]) -> None:
    found = smooth_scores(counts, DEGREES)
    shares = np.array(counts) / max(1, sum(counts))
    filled = sum(count > 0 for count in counts)
    assert len(found) <= max(0, filled - 1)
    for degree, scores in found.items():
        assert shares @ np.array(scores) == pytest.approx(0, abs=1e-6)
        for other, others in found.items():
            assert shares @ (np.array(scores) * np.array(others)) == pytest.approx(float(degree == other), abs=1e-6)


def test_each_sees_its_own_change() -> None:
    rng = np.random.default_rng(1)
    same, wider = rng.normal(size=100_000), rng.normal(0, math.sqrt(2), 100_000)
    assert all(abs(mean) < 0.02 for mean in mean_scores(same).values())
    assert mean_scores(wider)[2] > 0.2 and abs(mean_scores(wider)[1]) < 0.02
    assert mean_scores(same + 0.3)[1] > 0.2
    two_humps = rng.choice([-0.95, 0.95], 100_000) + rng.normal(0, math.sqrt(1 - 0.95**2), 100_000)
    assert abs(two_humps.std() - 1) < 0.01 and abs(mean_scores(two_humps)[4]) > 0.2
    heavy = rng.standard_t(3, 100_000) / math.sqrt(3)
    assert max(abs(mean_scores(heavy)[degree]) for degree in (2, 4)) > 0.2
    skewed = rng.exponential(1, 100_000) - 1
    assert abs(mean_scores(skewed)[3]) > 0.2


def test_a_constant_and_nothing_have_no_shape() -> None:
    assert smooth_scores([0, 10_000, 0], DEGREES) == {}
    assert smooth_scores([0, 0], DEGREES) == {}
