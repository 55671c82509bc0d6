from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drift.profile import (
    CategoryReference,
    NumberReference,
    ProfileError,
    SignalSpec,
    build_profile,
    decode_profile,
)
from tests.unit.drift.streaming import SPECS, reference

NUMBER = SignalSpec("x", "number", "feature")
numbers = st.floats(-1e150, 1e150) | st.just(math.nan) | st.sampled_from([0.0, 1.0, -1.0, 5e-324])


def number(values: list[float]) -> NumberReference:
    (signal,) = build_profile([NUMBER], np.array(values, dtype=np.float64).reshape(-1, 1)).signals
    assert isinstance(signal, NumberReference)
    return signal


def test_comes_back_from_its_bytes_with_the_same_id() -> None:
    profile = reference()
    again = decode_profile(profile.encode())
    assert again == profile
    assert again.id == profile.id
    assert [signal.name for signal in again.signals] == [spec.name for spec in SPECS]


def test_another_training_set_has_another_id() -> None:
    assert reference(seed=1).id != reference(seed=2).id
    assert reference(seed=1).id == reference(seed=1).id


@given(st.lists(numbers, max_size=200))
def test_any_column_gives_finite_numbers_and_counts_that_add_up(values: list[float]) -> None:
    signal = number(values)
    assert sum(signal.counts) + signal.nulls == signal.rows == len(values)
    assert list(signal.edges) == sorted(set(signal.edges))
    assert all(map(math.isfinite, (signal.low, signal.high, signal.mean, signal.sd, signal.scale, *signal.edges)))
    assert signal.scale > 0
    assert decode_profile(build_profile([NUMBER], np.array(values).reshape(-1, 1)).encode()).signals == (signal,)


def test_a_rare_huge_outlier_does_not_move_mean_and_deviation() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(10, 2, 20_000)
    spoilt = values.copy()
    spoilt[:5] = 1e12
    plain, robust = number(values.tolist()), number(spoilt.tolist())
    assert robust.mean == pytest.approx(plain.mean, abs=0.02)
    assert robust.sd == pytest.approx(plain.sd, rel=0.02)
    assert robust.above == plain.above + 5


def test_a_constant_is_known_as_one_and_has_a_bin_of_its_own() -> None:
    signal = number([3.5] * 100)
    assert signal.constant and signal.sd == 0
    assert signal.counts == (0, 100, 0)


def test_a_column_that_is_constant_but_for_one_in_ten_thousand_counts_as_constant() -> None:
    assert number([0.0] * 9999 + [250.0]).constant


def test_few_distinct_values_get_a_bin_each() -> None:
    assert number([0, 1, 1, 5, 5, 5] * 10).counts == (10, 20, 30)


def test_many_values_spread_evenly_over_about_32_bins() -> None:
    counts = number(np.random.default_rng(0).normal(size=32_000).tolist()).counts
    assert len(counts) == 32
    assert max(counts) - min(counts) <= 2


def test_a_column_of_nulls_only_is_fine() -> None:
    signal = number([math.nan] * 10)
    assert (signal.rows, signal.nulls, signal.counts, signal.mean) == (10, 10, (0,), 0.0)


@given(arrays(np.float64, st.integers(0, 50), elements=st.sampled_from([-1.0, 0.0, 1.0, 2.0, math.nan])))
def test_categories_count_unseen_and_null_apart(column: np.ndarray) -> None:
    spec = SignalSpec("c", "category", "feature", ("a", "b"))
    (signal,) = build_profile([spec], column.reshape(-1, 1)).signals
    assert isinstance(signal, CategoryReference)
    assert signal.counts == (np.sum(column == 0), np.sum(column == 1))
    assert signal.nulls == np.sum(np.isnan(column))
    assert sum(signal.counts) + signal.nulls + signal.unseen == len(column)


def test_infinite_reference_values_are_refused_by_name() -> None:
    with pytest.raises(ProfileError, match="infinite reference values in x"):
        build_profile([NUMBER], np.array([[1.0], [math.inf]]))


def test_a_feature_and_an_output_may_share_a_name_two_features_may_not() -> None:
    output = SignalSpec("x", "number", "output")
    build_profile([NUMBER, output], np.zeros((3, 2)))
    with pytest.raises(ProfileError, match="same key: x"):
        build_profile([NUMBER, NUMBER], np.zeros((3, 2)))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d | {"format": 2},
        lambda d: d | {"extra": 1},
        lambda d: {k: v for k, v in d.items() if k != "signals"},
        lambda d: d | {"signals": [d["signals"][0] | {"edges": [2.0, 1.0]}]},
        lambda d: d | {"signals": [d["signals"][0] | {"counts": [1]}]},
        lambda d: d | {"signals": [d["signals"][0] | {"mean": None}]},
        lambda d: d | {"signals": [d["signals"][0] | {"kind": "colour"}]},
    ],
)
def test_bytes_that_this_version_did_not_write_are_refused(change) -> None:
    content = msgspec.json.decode(reference().encode())
    with pytest.raises(ProfileError):
        decode_profile(msgspec.json.encode(change(content)))
    with pytest.raises(ProfileError):
        decode_profile(reference().encode()[:-1])


@pytest.mark.parametrize("name", ["metric/class", "metric/joint"])
def test_a_feature_that_would_go_by_the_key_of_another_signal_is_refused(name: str) -> None:
    specs = [SignalSpec(name, "number", "feature"), SignalSpec("b", "number", "feature")]
    rows = np.random.default_rng(0).normal(size=(400, 3))
    with pytest.raises(ProfileError, match=name):
        build_profile([*specs, SignalSpec("class", "number", "output")], rows)


def test_a_feature_without_a_name_is_refused() -> None:
    with pytest.raises(ProfileError, match="no name"):
        build_profile([SignalSpec("", "number", "feature")], np.zeros((10, 1)))
