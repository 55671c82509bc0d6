"""Distributions over other bins than they were counted in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.page.outputs import rebinned

BOUNDS = tuple(place / 20 for place in range(21))


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=40, unique=True), st.data())
def test_shares_add_up_to_one_over_any_bins(edges: list[float], data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(0, 1000), min_size=len(edges) + 1, max_size=len(edges) + 1))
    shares = rebinned(sorted(edges), counts, BOUNDS)
    assert sum(shares) == pytest.approx(1 if sum(counts) else 0, abs=1e-3)
    assert all(share >= 0 for share in shares)


def test_the_same_bins_keep_their_shares() -> None:
    assert rebinned(BOUNDS[1:-1], [1] * 20, BOUNDS) == [0.05] * 20


def test_what_is_not_of_this_range_is_not_shown() -> None:
    assert rebinned((0.5, 3.0), (1, 1, 1), BOUNDS) == []
