from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drift.blocks import OpenBlock, Tally, close_blocks
from drift.settings import DriftSettings

SETTINGS = DriftSettings(block_events=200, block_ms=1000)


def shape(slices: dict[int, int], frontier: int, block: OpenBlock | None = None) -> list[tuple[int, int, int]]:
    tallies = [(number, Tally(events, {0: events})) for number, events in sorted(slices.items())]
    closed, _ = close_blocks(SETTINGS, block, tallies, frontier)
    return [(block.start, block.end, block.tally.events) for block in closed]


def test_a_block_closes_at_its_number_of_events() -> None:
    assert shape({0: 150, 1: 60, 2: 10}, 3) == [(0, 200, 210)]


def test_a_block_closes_at_its_length_although_nothing_follows() -> None:
    assert shape({3: 5, 7: 5}, 12) == []
    assert shape({3: 5, 7: 5}, 13) == [(300, 1300, 10)]


def test_a_gap_ends_a_block_and_empty_time_makes_none() -> None:
    assert shape({0: 5, 50: 5}, 51) == [(0, 1000, 5)]


def test_one_large_slice_is_a_block_of_its_own() -> None:
    assert shape({0: 10_000, 1: 10_000}, 2) == [(0, 100, 10_000), (100, 200, 10_000)]


@given(st.dictionaries(st.integers(0, 80), st.integers(1, 120), max_size=40), st.data())
def test_blocks_do_not_depend_on_when_the_slices_close(slices: dict[int, int], data: st.DataObject) -> None:
    whole, rest = close_blocks(SETTINGS, None, [(n, Tally(e, {0: e})) for n, e in sorted(slices.items())], 100)
    steps = sorted({*data.draw(st.lists(st.integers(0, 99), max_size=10)), 100})
    closed, block, low = [], None, 0
    for frontier in steps:
        part = [(n, Tally(e, {0: e})) for n, e in sorted(slices.items()) if low <= n < frontier]
        more, block = close_blocks(SETTINGS, block, part, frontier)
        closed, low = closed + more, frontier
    assert (closed, block) == (whole, rest)
    assert sum(b.tally.events for b in closed) + (rest.tally.events if rest else 0) == sum(slices.values())
