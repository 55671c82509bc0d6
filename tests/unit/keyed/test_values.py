"""The values of keyed features: by definition from the raw events, and as River has them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from river import stats, utils

from models.keyed.accumulators import PARTS
from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.keyed.offline import keyed_columns
from tests.unit.keyed.events import EVERY, Row, lists_of_rows, matrix_of, steps_of

TTL_MS = EVERY.ttl_s * 1000


def columns_of(rows: list[Row], keyed: KeyedFeatures = EVERY) -> dict[str, list[float]]:
    times = np.array([row.time_ms for row in rows], dtype=np.int64)
    found = keyed_columns(steps_of(keyed), [row.key for row in rows], times, matrix_of(rows))
    assert found.shape == (len(rows), len(keyed.features))
    return {feature.name: found[:, place].tolist() for place, feature in enumerate(keyed.features)}


def by_hand(feature: KeyedFeature, before: list[Row], row: Row) -> float:
    """From all events of the key since it began anew."""
    now = row.time_ms
    if feature.window_s is not None:
        part = feature.window_s * 1000 / PARTS
        before = [each for each in before if math.floor(each.time_ms / part) > math.floor(now / part) - PARTS]
    if feature.statistic == "time_since_last":
        return (now - before[-1].time_ms) / 1000 if before else math.nan
    if feature.statistic in {"count", "rate"}:
        return len(before) / (feature.window_s or 1) if feature.statistic == "rate" else float(len(before))
    known = [(each.time_ms, getattr(each, feature.of or "")) for each in before]
    known = [(time, number) for time, number in known if not math.isnan(number)]
    numbers = np.array([number for _, number in known])
    if feature.statistic == "sum":
        return float(numbers.sum())
    if len(numbers) <= (feature.statistic == "variance"):
        return math.nan
    if feature.statistic == "ewma":
        weights = np.exp2([(time - now) / 1000 / (feature.half_life_s or 1) for time, _ in known])
        return float(np.average(numbers, weights=weights))
    how: dict[str, Callable[[np.ndarray], float]] = {
        "mean": np.mean,
        "min": np.min,
        "max": np.max,
        "variance": lambda found: np.var(found, ddof=1),
    }
    return float(how[feature.statistic](numbers))


@given(lists_of_rows(in_time=True))
def test_values_are_what_their_definition_says_of_the_events_before(rows: list[Row]) -> None:
    found = columns_of(rows)
    for feature in EVERY.features:
        for place, row in enumerate(rows):
            key = (lambda each: each.key) if feature.by is None else (lambda each: {0.0: "a", 1.0: "b"}.get(each.shop))
            own = [each for each in rows[:place] if key(each) is not None and key(each) == key(row)]
            begins = 0
            for index, each in enumerate([*own, row]):
                if index and each.time_ms - own[index - 1].time_ms > TTL_MS:
                    begins = index
            # Sums of large numbers lose what small ones bring, in one order more than in another.
            expected = by_hand(feature, own[begins:], row)
            assert found[feature.name][place] == pytest.approx(expected, rel=1e-6, abs=1e-2, nan_ok=True), feature.name


def test_an_event_is_not_in_its_own_value_and_nothing_after_it_either() -> None:
    rows = [Row(b"k", 1000 * second, amount) for second, amount in enumerate((5.0, 7.0, 1000.0))]
    found = columns_of(rows)
    assert found["count"] == [0.0, 1.0, 2.0]
    assert found["sum"] == [0.0, 5.0, 12.0]
    assert found["rate"] == [0.0, 1 / 30, 2 / 30]
    for name in ("mean", "since", "least", "greatest", "fading", "variance"):
        assert math.isnan(found[name][0]), name
    assert found["mean"][1:] == [5.0, 6.0]
    assert found["since"][1:] == [1.0, 1.0]


def test_rows_without_a_key_are_as_if_their_key_were_new_and_change_nothing() -> None:
    rows = [Row(None, 0, 1.0), Row(None, 1, 2.0), Row(b"k", 2, 3.0, shop=-1.0), Row(b"k", 3, 4.0, shop=-1.0)]
    found = columns_of(rows)
    assert found["count"] == [0.0, 0.0, 0.0, 1.0]
    assert found["of_shop"] == [0.0] * 4


def test_rows_are_taken_in_the_order_of_time_and_answered_in_their_own() -> None:
    rows = [Row(b"k", 3000, 1.0), Row(b"k", 1000, 2.0), Row(b"k", 2000, 3.0), Row(b"k", 1000, 4.0)]
    assert columns_of(rows)["count"] == [3.0, 0.0, 2.0, 1.0]


def test_a_number_that_overflows_is_null() -> None:
    rows = [Row(b"k", second, 1.7e308 * (-1) ** second) for second in range(4)]
    found = columns_of(rows)
    assert all(math.isnan(value) for value in found["variance"])
    assert not any(math.isinf(value) for column in found.values() for value in column)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
@example([1e6, -1e6, 1e6])
def test_mean_and_variance_are_rivers(numbers: list[float]) -> None:
    keyed = KeyedFeatures(
        (KeyedFeature("mean", "mean", of="amount"), KeyedFeature("variance", "variance", of="amount"))
    )
    found = columns_of([Row(b"k", place, number) for place, number in enumerate([*numbers, 0.0])], keyed)
    mean, variance = stats.Mean(), stats.Var()
    for place, number in enumerate(numbers):
        mean.update(number)
        variance.update(number)
        assert found["mean"][place + 1] == pytest.approx(mean.get(), rel=1e-12, abs=1e-6)
        if place:
            assert found["variance"][place + 1] == pytest.approx(variance.get(), rel=1e-9, abs=1e-3)


def test_a_window_of_whole_parts_is_rivers_rolling_window() -> None:
    """A window of ours ends with a part that is not over, River's with the event. Where events stand at the beginning
    of parts both hold the same."""
    seconds, rng = PARTS, np.random.default_rng(3)
    keyed = KeyedFeatures((KeyedFeature("mean", "mean", of="amount", window_s=seconds),))
    times = np.cumsum(rng.integers(1, 6, size=200)).tolist()
    rows = [Row(b"k", 1000 * time, float(rng.normal())) for time in times]
    # River tells of a window that ends with its last event: so each row is followed by one that brings no number.
    asked = [each for row in rows for each in (row, replace(row, amount=np.nan))]
    found = columns_of(asked, keyed)["mean"][1::2]
    rolling = utils.TimeRolling(stats.Mean, period=dt.timedelta(seconds=seconds))
    for row, value in zip(rows, found, strict=True):
        rolling.update(row.amount, t=dt.datetime.fromtimestamp(row.time_ms / 1000, tz=dt.UTC).replace(tzinfo=None))
        assert value == pytest.approx(rolling.get(), rel=1e-9, abs=1e-9)


@given(lists_of_rows(), lists_of_rows(12))
def test_late_events_never_raise_and_leave_a_state_of_bounded_size(rows: list[Row], more: list[Row]) -> None:
    steps, state = steps_of(), None
    key = b"\x00k"
    for row in [*rows, *more, Row(b"k", 10**15, 1.0), Row(b"k", -(10**13), 1.0)]:
        values = steps.nothing_known()
        state = steps.step(key, state, row.time_ms, steps.inputs(matrix_of([row]))[0], values)
        assert all(len(own) <= PARTS for own in state if isinstance(own, tuple))
        assert values[3] >= 0 or math.isnan(values[3]), "time does not go back"


def test_a_late_event_counts_in_the_part_where_it_belongs() -> None:
    keyed = KeyedFeatures((KeyedFeature("count", "count", window_s=16),))
    steps, state = steps_of(keyed), None
    counted = []
    for second in (20, 10, 3, 20, 27):  # 10 is within the 16 s up to 20, 3 is not
        values = steps.nothing_known()
        state = steps.step(b"\x00k", state, 1000 * second, [0.0], values)
        counted.append(values[0])
    assert counted == [0.0, 1.0, 2.0, 2.0, 2.0]  # at 27 that of 10 is over


def test_a_window_ends_with_its_sixteenth_part_and_keeps_no_more_than_that() -> None:
    keyed = KeyedFeatures((KeyedFeature("count", "count", window_s=PARTS),), ttl_s=1000)
    steps = steps_of(keyed)

    def counts(*times_ms: int) -> tuple[list[float], tuple]:
        found, state = [], None
        for time_ms in times_ms:
            values = steps.nothing_known()
            state = steps.step(b"\x00k", state, time_ms, [0.0], values)
            found += values
        assert state is not None
        return found, state[1]

    assert counts(0, 15_999)[0] == [0.0, 1.0]
    assert counts(999, 16_000)[0] == [0.0, 0.0]
    full, kept = counts(*(1000 * second for second in range(PARTS)), 15_000, -1)
    assert (full[-1], len(kept)) == (PARTS + 1, PARTS), "what is too late for the window leaves nothing behind"
