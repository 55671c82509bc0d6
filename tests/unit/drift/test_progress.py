from __future__ import annotations

import pytest

from drift.observation import Observation, SliceDelta
from drift.progress import Arrival, PartitionProgress, arrive, frontier
from drift.settings import DriftSettings

SETTINGS = DriftSettings(block_ms=1000, allowed_lateness_ms=500, max_hold_ms=10_000)


def seen(first: int, last: int, max_time: int = 1000, slices: int = 1) -> Observation:
    deltas = [SliceDelta(number, 1, {0: 1}) for number in range(slices)]
    return Observation("m", "1", "p", "events", 0, first, last, max_time, deltas)


@pytest.mark.parametrize(
    ("first", "last", "arrival"),
    [
        (10, 19, Arrival.NEW),
        (25, 30, Arrival.NEW),  # records that are no events lie between
        (0, 9, Arrival.SEEN),
        (3, 5, Arrival.SEEN),
        (5, 12, Arrival.OVERLAPPING),
    ],
)
def test_an_offset_range_counts_once(first: int, last: int, arrival: Arrival) -> None:
    before = PartitionProgress(last_offset=9, max_time=5000)
    kind, after = arrive(before, seen(first, last))
    assert kind is arrival
    assert after.last_offset == max(9, last)
    assert after.max_time == 5000


def test_a_batch_of_dead_letters_moves_the_offset_and_not_the_time() -> None:
    kind, after = arrive(PartitionProgress(), seen(0, 4, max_time=0, slices=0))
    assert (kind, after) == (Arrival.NEW, PartitionProgress(4, None))


def test_idle_holds_until_the_next_observation() -> None:
    mark = Observation("m", "1", "p", "events", 0, -1, -1, 0, idle_ms=700)
    kind, resting = arrive(PartitionProgress(9, 5000), mark)
    assert (kind, resting) == (Arrival.IDLE, PartitionProgress(9, 5000, 700))
    assert arrive(resting, seen(10, 11, 5100))[1] == PartitionProgress(11, 5100, None)


def reached(partitions: dict[int, tuple[int | None, int | None]], expected: int = 2) -> int | None:
    """Complete up to this many ms; `partitions`: greatest time and idle ms."""
    progress = {p: PartitionProgress(0, time, idle) for p, (time, idle) in partitions.items()}
    found = frontier(SETTINGS, progress, expected)
    return None if found is None else found * SETTINGS.slice_ms


def test_the_slowest_partition_holds_less_the_allowed_lateness() -> None:
    assert reached({0: (9000, None), 1: (4000, None)}) == 3500


def test_an_idle_partition_holds_nothing() -> None:
    assert reached({0: (9000, None), 1: (4000, 1000)}) == 8500


def test_when_all_are_idle_everything_seen_is_complete() -> None:
    assert reached({0: (9000, 10), 1: (4000, 10)}) == 9100
    assert reached({0: (9000, 10), 1: (None, 10)}) == 9100


def test_a_partition_never_heard_of_holds_for_the_patience_and_no_longer() -> None:
    assert reached({0: (1_000_000, None)}) == 1_000_000 - 10_000 - 500
    assert reached({0: (1_000_000, None)}, expected=1) == 1_000_000 - 500


def test_a_silent_partition_holds_for_the_patience_and_no_longer() -> None:
    assert reached({0: (1_000_000, None), 1: (995_000, None)}) == 994_500
    assert reached({0: (1_000_000, None), 1: (4000, None)}) == 1_000_000 - 10_000 - 500


def test_idle_time_of_the_others_wears_the_patience_down_but_never_passes_what_was_seen() -> None:
    assert reached({0: (100_000, 1000), 1: (98_000, None)}) == 97_500
    assert reached({0: (100_000, 9_000), 1: (98_000, None)}) == 100_000 + 9_000 - 10_000 - 500
    assert reached({0: (100_000, 3_600_000), 1: (98_000, None)}) == 100_100


def test_without_a_time_nothing_is_known() -> None:
    assert reached({}) is None
    assert reached({0: (None, 1000), 1: (None, None)}) is None
