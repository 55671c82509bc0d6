"""The index against a table, with keys whose first bits meet, so that chains are long and mixed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.latest_offsets import NOWHERE, LatestOffsets

KEYS = [low | high << 60 for high in (0, 1, 2, 15) for low in range(4)]
STEPS = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(KEYS)), max_size=40)


def keys_of(values):
    return np.array(values, dtype=np.uint64)


@settings(max_examples=400, deadline=None)
@given(window=st.sampled_from([1, 2, 3, 8, 33]), batches=st.lists(STEPS, max_size=12))
def test_the_latest_offset_within_the_window_is_found_and_none_is_made_up(window, batches):
    index, last, latest = LatestOffsets(window), -1, {}
    for steps in batches:
        offsets = []
        for step, key in steps:
            last += step
            offsets.append(last)
            latest[key] = last
        index.add(keys_of([key for _, key in steps]), np.array(offsets, dtype=np.int64))
        for key, found in zip(KEYS, index.find(keys_of(KEYS)).tolist(), strict=True):
            if key in latest and last - latest[key] < window:
                assert found == latest[key]
            else:
                assert found in {NOWHERE, latest.get(key, NOWHERE)}


@pytest.mark.parametrize("at_once", [1, 7, 4096])
@pytest.mark.parametrize("keys", [[5], [5, 6], [5, 6, 7]])
def test_keys_that_come_all_the_time_do_not_lengthen_their_chain(at_once: int, keys: list[int]) -> None:
    """Their first bits are the same, so the chain is one."""
    index, steps = LatestOffsets(4096), 0
    for start in range(0, 4096, at_once):
        offsets = np.arange(start, min(start + at_once, 4096))
        index.add(keys_of([keys[offset % len(keys)] for offset in offsets.tolist()]), offsets)
    places = index._places

    def counted(links):
        nonlocal steps
        steps += 1
        return places(links)

    index._places = counted
    assert index.find(keys_of([8])).tolist() == [NOWHERE]
    assert steps == len(keys)


def test_its_memory_does_not_grow():
    index = LatestOffsets(1000)
    arrays = index._latest, index._before, index._keys
    for start in range(0, 10_000, 500):
        index.add(np.arange(start, start + 500).astype(np.uint64) << np.uint64(40), np.arange(start, start + 500))
    assert all(now is before for now, before in zip((index._latest, index._before, index._keys), arrays, strict=True))
