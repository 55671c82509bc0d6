"""Features of the events that were answered lately, found by the hash of the event's id until its label comes. Pure.

Rows stand in the order in which they came, and the oldest go first, whether or not their label came: what is here
depends on nothing but the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.prediction import FloatMatrix
from streams.joining.key_index import NOWHERE, KeyIndex, Keys
from streams.joining.log import Log, Rows, number_of

SEGMENT = 1024
"""Rows in a segment at most."""
SEGMENT_BYTES = 1 << 20
"""A segment is one record of the topic `state`, and is written again while it grows."""
_PREFIX = "rows-"


def row_type(width: int) -> np.dtype[Any]:
    """A key and `width` features."""
    return np.dtype([("key", "<u8"), ("features", "<f8", (width,))])


def segment_rows(width: int) -> int:
    """How many rows of `width` features are a segment."""
    return max(1, min(SEGMENT, SEGMENT_BYTES // row_type(width).itemsize))


class WaitingRows:
    """The latest `most` rows of `width` features."""

    def __init__(self, width: int, most: int) -> None:
        self.width, self.most = width, most
        self._segment = segment_rows(width)
        self.log, self._index = Log(row_type(width), self._segment), KeyIndex()

    @property
    def oldest(self) -> int:
        """The position of the first row that counts."""
        return max(0, self.log.end - self.most)

    def find(self, keys: Keys) -> Any:
        """The position of the latest row of each key, NOWHERE where there is none."""
        found = self._index.find(keys)
        return np.where(found >= self.log.first, found, NOWHERE)

    def latest(self, count: int) -> FloatMatrix:
        """The features of the last rows, `count` at most."""
        begin = max(self.oldest, self.log.first, self.log.end - count)
        features: FloatMatrix = self.log.between(begin, self.log.end)["features"].reshape(-1, self.width)
        return features

    def apply(self, rows: Rows) -> None:
        """Take in rows, and let go of those that no longer count."""
        first = self.log.end
        self.log.append(rows)
        self._index.add(rows["key"], first + np.arange(len(rows)), oldest=self.oldest)
        self.log.forget_before(self.oldest)

    def dump(self) -> dict[str, bytes]:
        """An entry a segment, under names that rotate. Two segments of one time never share a name."""
        segments = self.log.segments()
        names = max(self.most // self._segment + 3, len(segments))  # there are more after a larger cap
        return {f"{_PREFIX}{number % names}": data for number, data in segments.items()}

    def load(self, entries: Mapping[str, bytes], end: int) -> None:
        """From what `dump` gave, and where it ended. Raises ValueError where rows are missing or of another width."""
        segments = {number_of(data): data for name, data in entries.items() if name.startswith(_PREFIX)}
        self.log.load(segments, end)
        if end and not segments:
            raise ValueError(f"no rows lead up to {end}")
        begin = max(self.oldest, self.log.first)
        self._index.add(self.log.between(begin, end)["key"], np.arange(begin, end), oldest=begin)
        self.log.forget_before(self.oldest)
