"""Dependence between features: exact sums, no alarm while it holds, one when it goes though each feature stays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.alert import Alert
from drift.calibration import calibrated
from drift.joint import joint_sums
from drift.profile import ReferenceProfile, SignalSpec, build_profile, decode_profile
from drift.settings import DriftSettings
from tests.unit.drift.streaming import START, evenly, make_watch, one_partition, run

SPECS = tuple(SignalSpec(name, "number", "feature") for name in ("a", "b", "c", "fixed"))
BEFORE = 10_000


def rows(rng: np.random.Generator, n: int, correlation: float = 0.7) -> np.ndarray:
    """a and b go together, c goes alone, and one column is constant."""
    matrix = np.full((n, 4), 3.0)
    matrix[:, 0], matrix[:, 2] = rng.normal(size=n), rng.exponential(size=n)
    matrix[:, 1] = correlation * matrix[:, 0] + math.sqrt(1 - correlation**2) * rng.normal(size=n)
    return matrix


def reference() -> ReferenceProfile:
    matrix = rows(np.random.default_rng(0), 10_000)
    return calibrated(build_profile(SPECS, matrix), matrix)


def alerts_of(matrix: np.ndarray) -> list[Alert]:
    profile, chosen = reference(), DriftSettings()
    return run(make_watch(profile, chosen), one_partition(profile, chosen, evenly(len(matrix)), matrix))[1]


def test_the_reference_names_the_columns_that_vary_and_how_they_go_together() -> None:
    profile = reference()
    assert profile.joint and profile.joint.names == ("a", "b", "c")
    together, *alone = profile.joint.correlations
    assert together == pytest.approx(0.68, abs=0.03) and alone == pytest.approx([0, 0], abs=0.03)
    assert decode_profile(profile.encode()) == profile


def test_nothing_is_said_while_they_go_together_as_before() -> None:
    assert alerts_of(rows(np.random.default_rng(1), 60_000)) == []


@pytest.mark.parametrize("then", [0.0, -0.7, 0.97])
def test_a_dependence_that_changes_is_found_though_no_feature_moves(then: float) -> None:
    rng = np.random.default_rng(2)
    matrix = np.vstack([rows(rng, BEFORE), rows(rng, BEFORE, then), rows(rng, BEFORE)])
    firing, resolved = alerts_of(matrix)
    assert (firing.state, firing.signal.metric, firing.evidence.statistic) == ("firing", "joint", "dependence:a~b")
    assert (firing.kind, firing.effect.unit) == ("input", "correlation")
    assert firing.effect.size == pytest.approx(then - 0.7, abs=0.15)
    assert firing.reference.correlations and firing.current.correlations
    assert firing.current.correlations["a~b"] == pytest.approx(then, abs=0.15)
    assert (resolved.state, resolved.resolved_reason) == ("resolved", "recovered")


def test_a_feature_that_moves_alone_is_told_as_itself_and_not_again_by_its_pairs() -> None:
    rng = np.random.default_rng(3)
    matrix = rows(rng, 3 * BEFORE)
    matrix[BEFORE:, 0] += 1.5
    alerts = alerts_of(matrix)
    assert [(alert.state, alert.signal.feature) for alert in alerts] == [("firing", "a")]


def test_features_that_rise_and_fall_together_with_the_hour_depend_on_each_other_no_less_within_it() -> None:
    rng, n, step_ms = np.random.default_rng(4), 60_000, 60_000
    times = START + np.arange(n) * step_ms
    day = 2 * np.sin(2 * np.pi * times / 86_400_000)
    matrix = np.full((n, 4), 3.0)
    matrix[:, 0], matrix[:, 1] = day + rng.normal(size=n), day + rng.normal(size=n)
    matrix[:, 2] = rng.normal(size=n)
    half = n // 2
    profile = calibrated(build_profile(SPECS, matrix[:half], times[:half]), matrix[:half], times[:half])
    watch = make_watch(profile)
    assert run(watch, one_partition(profile, DriftSettings(), times[half:], matrix[half:]))[1] == []


def test_another_pair_that_moves_while_the_joint_alert_stands_is_no_trouble() -> None:
    rng = np.random.default_rng(7)
    matrix = rows(rng, 40_000, 0.0)
    matrix[4000:14_000, 2] += 3
    matrix[8000:, 1] = 0.6 * matrix[8000:, 0] + 0.8 * matrix[8000:, 1]
    matrix[24_000:, 2] = matrix[24_000:, 0] + 0.2 * rng.normal(size=16_000)
    held = rows(np.random.default_rng(0), 10_000, 0.0)
    profile, chosen = calibrated(build_profile(SPECS, held), held), DriftSettings()
    watch = make_watch(profile)
    whole = watch.observe(watch.fresh(), one_partition(profile, chosen, evenly(len(matrix)), matrix))
    assert {alert.dedupe_key for alert in whole.alerts} >= {"fraud/c", "fraud/metric/joint"}
    assert watch.load(whole.state.dump()).dump() == whole.state.dump()


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_sums_of_any_split_add_up_to_those_of_the_whole(data: st.DataObject) -> None:
    columns, n = data.draw(st.integers(2, 5)), data.draw(st.integers(1, 60))
    scores = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-32, 33, (columns, n)).astype(np.float64)
    cuts = sorted(data.draw(st.sets(st.integers(1, n), max_size=5)) | {n})
    events = np.diff([0, *cuts])
    parts = joint_sums(scores, events)
    assert parts.sum(axis=0).tolist() == joint_sums(scores, np.array([n]))[0].tolist()
    products = [scores[first] @ scores[second] for first in range(columns) for second in range(first + 1, columns)]
    assert parts.sum(axis=0).tolist() == [*scores.sum(axis=1), *products]


def test_pairs_of_features_with_a_tilde_in_their_names_go_by_different_names() -> None:
    """`a~b` with `c`, and `a` with `b~c`."""
    names = ("a", "a~b", "b~c", "c", "a\\", "~c")
    matrix = np.random.default_rng(0).normal(size=(500, 6))
    reference = build_profile([SignalSpec(name, "number", "feature") for name in names], matrix)
    assert reference.joint is not None
    assert len(set(reference.joint.pair_names)) == 15
    assert "a\\~b~c" in reference.joint.pair_names and "a~b\\~c" in reference.joint.pair_names
    plain = build_profile([SignalSpec(name, "number", "feature") for name in ("a", "b")], matrix[:, :2])
    assert plain.joint is not None and plain.joint.pair_names == ("a~b",)
