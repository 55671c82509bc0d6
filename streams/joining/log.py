"""The entries of one partition of `joins` in the order in which they came: fixed-size rows in segments.

A row never changes once it is written and the oldest go first, so a snapshot writes the segments that grew, and a full
one that was restored is used as it was read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENTRY = np.dtype(
    [
        ("key", "<u8"),  # hash of the event id and, of an answer, of the model
        ("arrived", "<i8"),  # the partition's clock then: its greatest record timestamp so far, in ms
        ("time", "<i8"),  # of an answer the event's time, of a label its own, in ms
        ("value", "<f8"),  # prediction or label: a number, or the hash of a text
        ("confidence", "<f4"),  # of an answer, or NaN
        ("version", "<u2"),  # 0: a label; else one more than the place of the model version
        ("kind", "u1"),  # of the value
        ("joined", "?"),  # it found its other half when it came; of a challenger's, the answer that it stands beside
    ]
)
SEGMENT = 8192
"""Rows in a segment: 0.33 MB."""

Rows = NDArray[Any]
_NUMBER_BYTES = 8


class Log:
    """Rows at positions 0, 1, …; those before `first` are gone. A full segment carries its number in front."""

    def __init__(self, entry: np.dtype[Any] = ENTRY, segment: int = SEGMENT) -> None:
        """`entry`: what a row is; `segment`: how many of them are one."""
        self._entry, self._size = entry, segment
        self._full: deque[bytes] = deque()
        self._open = np.empty(segment, dtype=entry)
        self.first, self.end = 0, 0
        """Position of the oldest row that is here, and of the next one."""

    def append(self, rows: Rows) -> None:
        begin = 0
        while begin < len(rows):
            used = self.end % self._size
            count = min(self._size - used, len(rows) - begin)
            self._open[used : used + count] = rows[begin : begin + count]
            self.end += count
            begin += count
            if self.end % self._size == 0:
                self._full.append(_sealed(self.end // self._size - 1, self._open))

    def forget_before(self, position: int) -> None:
        while self._full and self.first + self._size <= position:
            self._full.popleft()
            self.first += self._size

    def between(self, start: int, end: int) -> Rows:
        """The rows from `start` up to `end`, which are here."""
        parts = [np.empty(0, dtype=self._entry)]
        while start < end:
            number, offset = divmod(start - self.first, self._size)
            count = min(self._size - offset, end - start)
            parts.append(self._segment(number)[offset : offset + count])
            start += count
        return np.concatenate(parts)

    def at(self, positions: NDArray[np.int64]) -> Rows:
        """The rows at some positions that are here."""
        rows = np.empty(len(positions), dtype=self._entry)
        numbers, offsets = np.divmod(positions - self.first, self._size)
        for number in np.unique(numbers).tolist():
            of_segment = numbers == number
            rows[of_segment] = self._segment(number)[offsets[of_segment]]
        return rows

    def segments(self) -> dict[int, bytes]:
        """Bytes of each segment by its number; the last may be short."""
        base = self.first // self._size
        found = {base + index: data for index, data in enumerate(self._full)}
        if self.end % self._size:
            number = base + len(self._full)
            found[number] = _sealed(number, self._open[: self.end % self._size])
        return found

    def load(self, segments: Mapping[int, bytes], end: int) -> None:
        """From what `segments` gave. Raises ValueError where one is missing or of another size."""
        numbers = sorted(segments)
        first = numbers[0] if numbers else end // self._size
        if numbers != list(range(first, -(-end // self._size))):
            raise ValueError(f"segments {numbers} do not lead up to entry {end}")
        self.first, self.end = first * self._size, end
        for number in numbers:
            rows = min(self._size, end - number * self._size)
            if len(segments[number]) != _NUMBER_BYTES + rows * self._entry.itemsize:
                raise ValueError(f"segment {number} has {len(segments[number])} bytes, not those of {rows} entries")
            if rows == self._size:
                self._full.append(segments[number])
            else:
                self._open[:rows] = self._rows(segments[number])

    def _segment(self, number: int) -> Rows:
        return self._rows(self._full[number]) if number < len(self._full) else self._open

    def _rows(self, segment: bytes) -> Rows:
        return np.frombuffer(segment, dtype=self._entry, offset=_NUMBER_BYTES)


def number_of(segment: bytes) -> int:
    """Of a segment that was dumped. Raises ValueError where it is none."""
    if len(segment) < _NUMBER_BYTES:
        raise ValueError("a segment without its number")
    return int.from_bytes(segment[:_NUMBER_BYTES], "little")


def _sealed(number: int, rows: Rows) -> bytes:
    return number.to_bytes(_NUMBER_BYTES, "little") + rows.tobytes()
