"""Idle marks come ever more rarely, and only for partitions that are silent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.idleness import FIRST_MARK_S, Idleness


def test_marks_come_after_one_two_four_seconds() -> None:
    idleness = Idleness()
    marked = [now / 10 for now in range(100) if idleness.due({0}, now / 10)]
    assert marked == [1.0, 2.0, 4.0, 8.0]


def test_whether_a_mark_is_due_can_be_asked_first() -> None:
    idleness = Idleness()
    assert [now for now in range(9) if idleness.is_due({0}, now) and idleness.due({0}, now)] == [1, 2, 4, 8]


def test_a_silent_partition_is_marked_however_busy_another_is() -> None:
    idleness = Idleness()
    marks = []
    for now in range(30):
        idleness.heard_of({1})
        marks += idleness.due({0}, now / 10)
    assert marks == [0, 0]


@given(st.lists(st.tuples(st.sampled_from(["heard", "look", "clear"]), st.floats(0, 3)), max_size=60))
def test_a_mark_means_so_long_without_a_record(steps: list[tuple[str, float]]) -> None:
    idleness, now, silent_since = Idleness(), 0.0, 0.0
    idleness.due({0}, now)
    for step, seconds in steps:
        now += seconds
        if step == "heard":
            idleness.heard_of({0})
        elif step == "clear":
            idleness.clear()
        for silent_ms in idleness.due({0}, now).values():
            assert FIRST_MARK_S * 1000 <= silent_ms <= (now - silent_since) * 1000 + 1
        if step != "look":
            silent_since = now
