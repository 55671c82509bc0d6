"""Token buckets, by a clock moved by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.http.rates import MOST_IDENTITIES, RateLimit


def test_a_burst_passes_then_the_rate_and_it_is_told_how_long_to_wait() -> None:
    limit = RateLimit(2.0, 3)
    assert [limit.wait_s("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.wait_s("a", 0.0) == 0.5
    assert limit.wait_s("b", 0.0) == 0.0, "another one has a bucket of its own"
    assert limit.wait_s("a", 0.25) == pytest.approx(0.25)
    assert limit.wait_s("a", 0.5) == 0.0
    assert limit.wait_s("a", 0.5) > 0.0


@given(st.floats(0.1, 100), st.integers(1, 20), st.lists(st.floats(0, 2), max_size=100))
def test_no_more_than_burst_and_rate_ever_pass(rate: float, burst: int, gaps: list[float]) -> None:
    limit, now, passed = RateLimit(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap
        wait_s = limit.wait_s("a", now)
        assert 0.0 <= wait_s <= 1.0 / rate + 1e-9
        passed += wait_s == 0.0
        assert passed <= burst + rate * now + 1e-6


def test_identities_that_come_and_go_do_not_fill_the_memory() -> None:
    limit = RateLimit(1.0, 1)
    for number in range(MOST_IDENTITIES + 500):
        limit.wait_s(str(number), 0.0)
    assert limit.identities == MOST_IDENTITIES
    assert limit.wait_s(str(MOST_IDENTITIES + 499), 0.0) > 0.0, "the newest are remembered"
