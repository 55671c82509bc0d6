from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.demo.pacing import MOST_LATE_S, Pacer


def test_small_steps_add_up_to_the_rate() -> None:
    pacer = Pacer(2_000, 50.0)
    sent = [pacer.due(50.0 + step / 100) for step in range(1, 501)]
    assert sum(sent) == 10_000
    assert max(sent) <= 21


def test_a_rate_below_one_a_step_still_comes() -> None:
    pacer = Pacer(3, 0.0)
    assert sum(pacer.due(step / 100) for step in range(1, 1001)) == 30


def test_after_a_pause_what_was_missed_is_given_up() -> None:
    pacer = Pacer(1_000, 0.0)
    assert pacer.due(10.0) == 100
    assert pacer.due(10.01) == 10


@given(
    st.floats(1, 100_000),
    st.lists(st.floats(0, 5, allow_subnormal=False), max_size=60),
)
def test_never_a_burst_never_more_than_the_rate_never_less_than_none(rate: float, pauses: list[float]) -> None:
    pacer, now, sent = Pacer(rate, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        due = pacer.due(now)
        assert 0 <= due <= max(1, rate * MOST_LATE_S)
        sent += due
    assert sent <= rate * now + 1
