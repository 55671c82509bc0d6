"""Bytes out of the heap: the same bytes, and the pages go back."""

from __future__ import annotations

import gc
from collections import deque
from pathlib import Path

from streams.shelf import BOARD_BYTES, Shelf


def mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * 4096


def test_what_was_kept_stays_as_it_was():
    shelf = Shelf()
    given = [bytes([number % 256]) * (number * 37) for number in range(300)]
    kept = [shelf.keep(data) for data in given]
    assert kept == given
    assert all(each.readonly for each in kept)


def test_something_larger_than_a_board_has_one_of_its_own():
    shelf = Shelf()
    small, large, last = shelf.keep(b"a"), shelf.keep(b"b" * (3 * BOARD_BYTES)), shelf.keep(b"c")
    assert (bytes(small), len(large), set(large), bytes(last)) == (b"a", 3 * BOARD_BYTES, {ord("b")}, b"c")


def test_boards_are_given_back_with_the_last_that_was_on_them():
    shelf, window = Shelf(), deque(maxlen=20)
    for number in range(100):
        window.append(shelf.keep(bytes([number]) * 30_000))
    before = mapped_bytes()
    for number in range(2000):
        window.append(shelf.keep(bytes([number % 256]) * 30_000))
    gc.collect()
    assert mapped_bytes() - before < 20 * BOARD_BYTES  # and not 60 MB
