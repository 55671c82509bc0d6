from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from streams.demo.latencies import MOST_MS, Latencies


def test_nothing_was_measured() -> None:
    assert Latencies().percentile(50) is None


@given(st.lists(st.integers(-5, 70_000), min_size=1, max_size=200), st.sampled_from([1, 50, 99, 100]))
def test_percentiles_are_measured_values(values: list[int], percent: int) -> None:
    latencies = Latencies()
    latencies.add(values[: len(values) // 2])
    latencies.add(values[len(values) // 2 :])
    ordered = sorted(min(max(value, 0), MOST_MS) for value in values)
    assert latencies.percentile(percent) == ordered[math.ceil(len(ordered) * percent / 100) - 1]
