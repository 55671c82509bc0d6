"""Bytes out of the heap: the same bytes, and their pages go back."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from streams.set_aside import set_aside

ENTRY_BYTES = 30_000


def mapped_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def test_what_is_set_aside_stays_as_it_was_and_nobody_can_write_to_it() -> None:
    given = [bytes([number % 256]) * (number * 37) for number in range(300)]
    kept = [set_aside(data) for data in given]
    assert kept == given
    assert all(each.readonly for each in kept)


def test_it_goes_back_to_the_system_with_its_last_holder() -> None:
    window: deque[memoryview] = deque((set_aside(bytes(ENTRY_BYTES)) for _ in range(20)), maxlen=20)
    before = mapped_bytes()
    for number in range(2000):
        window.append(set_aside(bytes([number % 256]) * ENTRY_BYTES))
    assert mapped_bytes() - before < 100 * ENTRY_BYTES


def test_thousands_of_them_take_few_of_the_mappings_that_a_process_may_have() -> None:
    before = len(Path("/proc/self/maps").read_text().splitlines())
    window: deque[memoryview] = deque(maxlen=2000)
    for _ in range(3 * 2000):
        window.append(set_aside(bytes(ENTRY_BYTES)))
    assert len(Path("/proc/self/maps").read_text().splitlines()) - before < 200
