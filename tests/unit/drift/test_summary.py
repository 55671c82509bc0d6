from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drift.blocks import Tally
from drift.cells import ABOVE, BELOW, FIRST_BIN, FIRST_CATEGORY, NULLS, ONE, SQUARES, SUM, UNSEEN, Layout
from drift.profile import NumberReference
from drift.summary import MAX_SLICES, Summariser
from tests.unit.drift.streaming import CLASS, COLOUR, FIXED, SIZE, START, reference, rows

PROFILE = reference()
LAYOUT = Layout.of(PROFILE)
SUMMARISER = Summariser(PROFILE, 100)

values = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([-1.0, 0.0, 1.0, 2.0, 7.0, 50.0, 1e308])
matrices = st.integers(0, 40).flatmap(lambda n: arrays(np.float64, (n, 4), elements=values))


def totals(chunks: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]) -> dict[tuple[int, int], Tally]:
    merged: dict[tuple[int, int], Tally] = {}
    for partitions, times, matrix, offsets in chunks:
        for partition, deltas in SUMMARISER.summarise(partitions, times, matrix, offsets).items():
            for delta in deltas:
                bounds = {partition: (delta.first_offset, delta.last_offset)}
                tally = Tally(delta.events, delta.cells, bounds)
                merged[partition, delta.slice] = merged.get((partition, delta.slice), Tally()).plus(tally)
    return merged


@settings(max_examples=60, deadline=None)
@given(matrices, st.data())
def test_any_split_of_the_rows_has_the_same_exact_sums(matrix: np.ndarray, data: st.DataObject) -> None:
    n = len(matrix)
    partitions = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), dtype=np.int64)
    times = START + np.array(data.draw(st.lists(st.integers(0, 350), min_size=n, max_size=n)), dtype=np.int64)
    offsets = np.arange(n)
    order = data.draw(st.permutations(range(n)))
    cut = data.draw(st.integers(0, n))
    parts = [np.array(order[:cut], dtype=int), np.array(order[cut:], dtype=int)]
    whole = totals([(partitions, times, matrix, offsets)])
    split = totals([(partitions[p], times[p], matrix[p], offsets[p]) for p in parts])
    assert whole == split
    few_at_once = Summariser(PROFILE, SUMMARISER._slice_ms, data.draw(st.integers(1, 5)))
    columns = partitions, times, matrix, offsets
    assert few_at_once.summarise(*columns) == SUMMARISER.summarise(*columns)
    assert sum(tally.events for tally in whole.values()) == n


@settings(max_examples=60, deadline=None)
@given(matrices.filter(len))
def test_every_value_is_counted_once_and_nothing_non_finite_reaches_a_sum(matrix: np.ndarray) -> None:
    n = len(matrix)
    (delta,) = SUMMARISER.summarise(np.zeros(n, np.int64), np.full(n, START), matrix)[0]
    assert all(type(count) is int and count != 0 for count in delta.cells.values())
    for index, cells in enumerate(LAYOUT.split(delta.cells)):
        signal, column = PROFILE.signals[index], matrix[:, index]
        assert cells.get(NULLS, 0) == np.isnan(column).sum()
        if isinstance(signal, NumberReference):
            expected = np.bincount(np.searchsorted(np.array(signal.edges), column[~np.isnan(column)], side="right"))
            assert {c - FIRST_BIN: k for c, k in cells.items() if c >= FIRST_BIN} == {
                i: k for i, k in enumerate(expected.tolist()) if k
            }
            assert cells.get(BELOW, 0) == (column < signal.low).sum()
            assert cells.get(ABOVE, 0) == (column > signal.high).sum()
            z = (np.clip(column[~np.isnan(column)], signal.low, signal.high) - signal.mean) / signal.scale
            assert cells.get(SUM, 0) / ONE == pytest.approx(z.sum(), abs=1e-6 * n)
            assert cells.get(SQUARES, 0) / ONE == pytest.approx((z * z).sum(), abs=1e-6 * n)
        else:
            counts = [cells.get(FIRST_CATEGORY + i, 0) for i in range(len(signal.categories))]
            assert sum(counts) + cells.get(UNSEEN, 0) + cells.get(NULLS, 0) == n


def test_what_each_column_of_a_row_becomes() -> None:
    matrix = np.array([[math.inf, -1.0, 7.0, 1.0], [math.nan, 2.0, 8.0, 0.0]])
    (delta,) = SUMMARISER.summarise(np.array([4, 4]), np.array([START, START + 99]), matrix, np.array([12, 13]))[4]
    size, colour, fixed, answer = LAYOUT.split(delta.cells)
    assert (delta.slice, delta.events, delta.first_offset, delta.last_offset) == (START // 100, 2, 12, 13)
    assert size[ABOVE] == 1 and size[NULLS] == 1
    assert colour == {UNSEEN: 1, FIRST_CATEGORY + 2: 1}
    assert fixed == {ABOVE: 1, FIRST_BIN + 1: 1, FIRST_BIN + 2: 1}
    assert answer == {FIRST_CATEGORY: 1, FIRST_CATEGORY + 1: 1}
    assert [SIZE, COLOUR, FIXED, CLASS] == [0, 1, 2, 3]


def test_slices_lie_on_a_grid_of_event_time_also_before_1970() -> None:
    times = np.array([-1, 0, 99, 100])
    deltas = SUMMARISER.summarise(np.zeros(4, np.int64), times, rows(np.random.default_rng(0), 4))[0]
    assert [(delta.slice, delta.events) for delta in deltas] == [(-1, 1), (0, 2), (1, 1)]


def test_no_rows_give_no_deltas() -> None:
    empty = np.zeros(0, np.int64)
    assert SUMMARISER.summarise(empty, empty, np.zeros((0, 4))) == {}
    assert list(SUMMARISER.chunks(empty, empty)) == [slice(0, 0)]


def test_a_matrix_of_the_wrong_width_is_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        SUMMARISER.summarise(np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros((2, 3)))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 400), st.integers(1, 3))
def test_chunks_cover_the_rows_once_and_bound_the_slices_of_a_record(n: int, gap_ms: int, parts: int) -> None:
    times, partitions = START + np.arange(n) * gap_ms, np.arange(n) % parts
    chunks = list(SUMMARISER.chunks(partitions, times))
    assert [index for chunk in chunks for index in range(chunk.start, chunk.stop)] == list(range(n))
    for chunk in chunks:
        for partition in range(parts):
            own = partitions[chunk] == partition
            assert len(np.unique(times[chunk][own] // 100)) <= MAX_SLICES
    if n * gap_ms < MAX_SLICES * 100:
        assert len(chunks) == 1
