"""The grid finds the bins that a binary search finds."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.bin_finder import BinFinder

FINITE = st.floats(allow_nan=False, allow_infinity=False)
EDGES = st.lists(st.one_of(FINITE, st.integers(0, 50).map(lambda i: i / 10)), max_size=33).map(
    lambda numbers: np.unique(np.array(numbers, dtype=np.float64))
)


def expected(edges, values):
    return [own.searchsorted(column, side="right").tolist() for own, column in zip(edges, values, strict=True)]


@settings(max_examples=300, deadline=None)
@given(edges=st.lists(EDGES, min_size=1, max_size=4), others=st.lists(FINITE, max_size=10))
def test_bins_are_those_of_a_binary_search(edges, others):
    near = [(edge, math.nextafter(edge, -math.inf), math.nextafter(edge, math.inf)) for own in edges for edge in own]
    row = np.array([*others, *(value for three in near for value in three)], dtype=np.float64)
    values = np.tile(row[np.isfinite(row)], (len(edges), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert BinFinder(edges)(values).tolist() == expected(edges, values)


@pytest.mark.parametrize("draw", ["normal", "lognormal", "standard_cauchy"])
def test_quantile_edges_of_real_shapes(draw):
    rng = np.random.default_rng(3)
    columns = getattr(rng, draw)(size=(3, 20_000))
    edges = [np.unique(np.quantile(column, np.arange(1, 32) / 32)) for column in columns]
    assert BinFinder(edges)(columns).tolist() == expected(edges, columns)
