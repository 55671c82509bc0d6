"""Lag advice from two readings."""

from __future__ import annotations

import pytest

from streams.draining import Reading, draining


def reading(committed: int, end: int, members: int = 2, partitions: int = 4) -> Reading:
    """The same in each partition."""
    each = range(partitions)
    return Reading(dict.fromkeys(each, committed), dict.fromkeys(each, end), partitions * (end - committed), members)


@pytest.mark.parametrize(
    ("before", "after", "drained_in_s", "needed", "said"),
    [
        (reading(100, 100), reading(150, 150), 0.0, None, "keeps up"),
        (reading(90, 95), reading(154, 160), 0.0, None, "keeps up"),
        (reading(225, 225, partitions=1), reading(9_325, 10_225, partitions=1), None, 3, "takes 3 members"),
        (reading(0, 0, members=1), reading(10, 250, members=1), None, 25, "there are 4 partitions"),
        (reading(0, 900), reading(9_100, 10_000), 0.0, None, "keeps up"),
        (reading(0, 1_000), reading(100, 1_000), 90.0, None, "drained in 90 s"),
        (reading(0, 1_000), reading(200, 1_100), 90.0, None, "drained in 90 s"),
        (reading(0, 1_000), reading(100, 1_150), None, 3, "takes 3 members"),
        (reading(0, 1_000), reading(100, 1_900), None, 18, "there are 4 partitions"),
        (reading(0, 1_000), reading(0, 1_000), None, None, "nothing is done"),
        (reading(0, 1_000, members=0), reading(0, 1_100, members=0), None, None, "nothing is done"),
    ],
)
def test_two_readings_tell_what_it_takes(
    before: Reading, after: Reading, drained_in_s: float | None, needed: int | None, said: str
) -> None:
    found = draining(before, after, 10.0)
    assert (found.drained_in_s, found.members_needed) == (drained_in_s, needed)
    assert said in str(found)


def test_a_partition_that_was_added_in_between_counts_with_the_next_reading() -> None:
    assert draining(reading(0, 10, partitions=1), reading(10, 10, partitions=2), 10.0).consumed_per_s == 1.0
