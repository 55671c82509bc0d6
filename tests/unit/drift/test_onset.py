from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drift.onset import change_point


def test_finds_the_block_where_the_level_stepped() -> None:
    rng = np.random.default_rng(0)
    levels = np.concatenate([rng.normal(0, 0.07, 25), rng.normal(0.5, 0.07, 8)])
    best, low, high = change_point(levels.tolist(), [200.0] * 33, 0.0)
    assert best == 25
    assert low <= 25 <= high and high - low <= 2


def test_a_level_that_was_off_from_the_first_block_changed_before_it() -> None:
    assert change_point([1.0, 1.02, 0.97, 1.01], [200.0] * 4, 0.0)[0] == 0


@given(st.lists(st.tuples(st.floats(-60, 60), st.floats(0, 1e6)), min_size=1, max_size=40), st.floats(-60, 60))
def test_always_names_blocks_that_exist(blocks: list[tuple[float, float]], before: float) -> None:
    levels, weights = zip(*blocks, strict=True)
    best, low, high = change_point(levels, weights, before)
    assert 0 <= low <= best <= high < len(blocks) or sum(weights) == 0
