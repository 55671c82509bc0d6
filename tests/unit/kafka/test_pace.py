"""How many records a batch may have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.pace import AIM_S, Pace


def settle(seconds_a_record: float, most: int = 8192, rounds: int = 40) -> Pace:
    pace = Pace(most)
    for _ in range(rounds):
        pace.took(pace.limit, pace.limit * seconds_a_record)
    return pace


def test_a_quick_model_gets_full_batches() -> None:
    assert settle(5e-6).limit == 8192


@given(st.floats(1e-4, 100))
def test_a_slow_model_decides_within_what_is_aimed_at(seconds_a_record: float) -> None:
    pace = settle(seconds_a_record)
    assert pace.limit == 1 or pace.limit * seconds_a_record <= AIM_S
    assert pace.limit >= min(8192, int(AIM_S / seconds_a_record / 4)), "and no slower than needed"


def test_the_first_batch_of_a_slow_model_is_small() -> None:
    assert Pace(8192).limit <= 64


def test_few_records_say_nothing_about_many() -> None:
    pace = Pace(8192)
    for _ in range(100):
        pace.took(1, 0.001)
    assert pace.limit == 64


@given(st.integers(1, 100_000), st.lists(st.tuples(st.integers(0, 100_000), st.floats(0, 1e6))))
def test_the_limit_is_never_below_one_nor_above_the_setting(most: int, turns: list[tuple[int, float]]) -> None:
    pace = Pace(most)
    for records, seconds in turns:
        pace.took(records, seconds)
        assert 1 <= pace.limit <= most
