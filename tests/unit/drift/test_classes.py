"""A category of thousands: what is watched of it stays exact, and what is kept and told of it stays small."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from drift.cells import Layout
from drift.profile import ReferenceProfile, SignalSpec, build_profile
from drift.settings import DriftSettings
from drift.signals import signals_of
from drift.summary import Summariser
from drift.watch import Watch
from tests.unit.drift.streaming import evenly, make_watch, one_partition, run

CATEGORIES = 10_000
LIMIT = 1_000_000 // 10
"""Far below what a broker takes of one message."""


def codes(n: int, seed: int, uniform: float) -> np.ndarray:
    """Three common classes; a share of the rows is of any class."""
    rng = np.random.default_rng(seed)
    common = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    return np.where(rng.random(n) < uniform, rng.integers(CATEGORIES, size=n), common).astype(float).reshape(-1, 1)


def profile() -> ReferenceProfile:
    names = tuple(f"category number {index}" for index in range(CATEGORIES))
    return build_profile((SignalSpec("shop", "category", "feature", names),), codes(20_000, 0, 0.5))


def test_alerts_and_state_entries_are_far_smaller_than_a_message_may_be() -> None:
    reference, settings = profile(), DriftSettings(block_events=10_000, allowed_lateness_ms=0)
    watch: Watch = make_watch(reference, settings)
    matrix = np.concatenate([codes(200_000, 1, 0.5), codes(200_000, 2, 0.9)])
    state, alerts, _ = run(
        watch, one_partition(reference, settings, evenly(400_000, 100_000), matrix, batch=10_000)[:-1]
    )
    assert [alert.state for alert in alerts] == ["firing"]
    assert max(len(msgspec.json.encode(alert)) for alert in alerts) < LIMIT
    assert max(map(len, state.dump().values())) < LIMIT
    assert sum(alerts[0].current.shares.values()) == pytest.approx(1)
    assert alerts[0].reference.shares["(others)"] == pytest.approx(0.5, abs=0.02)
    assert alerts[0].current.shares["(others)"] == pytest.approx(0.9, abs=0.05)


def test_every_statistic_is_the_same_of_cells_that_were_folded() -> None:
    reference = profile()
    (delta,) = Summariser(reference, 100).summarise(np.zeros(5000, int), np.zeros(5000, int), codes(5000, 3, 0.7))[0]
    (signal,) = signals_of(reference, DriftSettings())
    folded = Layout.of(reference).folded(delta.cells)
    assert len(folded) <= 13 < len(delta.cells)  # ten classes, the others, nulls and unseen
    for statistic in signal.statistics:
        assert statistic.measure(folded, 5000) == statistic.measure(delta.cells, 5000)


def test_a_class_that_is_called_like_all_others_together_is_told_apart_from_them() -> None:
    names = ("(others)", *(f"c{index}" for index in range(19)))
    matrix = np.arange(20_000).reshape(-1, 1) % 20.0
    reference = build_profile((SignalSpec("shop", "category", "feature", names),), matrix)
    (signal,) = signals_of(reference, DriftSettings())
    shares = {statistic.name: statistic.classes for statistic in signal.statistics if statistic.classes}
    assert shares["share:(others)"] == (0,)
    assert shares["share:((others))"] == tuple(range(10, 20))
