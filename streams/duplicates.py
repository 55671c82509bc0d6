"""The same event id twice: a window over the last offsets of a partition.

Only answered events enter. An event repeats the latest earlier one with its id that is at most `window` offsets away,
so the answer depends on offsets alone, whatever was restarted or redone in between. For a snapshot, ids are kept in
segments of 1,024 offsets; it writes one entry a segment, under names that rotate, so the compacted topic stays bounded.
To be found, they are kept in a few generations, which are let go of whole: a table that loses keys one by one is
rebuilt again and again, at sizes and places that make a worker's memory wander.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

SEGMENT_OFFSETS = 1024
GENERATIONS = 4
"""That a window spans. More: less is kept beyond the window; fewer: fewer tables to look into."""
LONGEST_ID = 64
"""Longer ids are kept as a digest, which bounds memory and the size of an entry."""

_PREFIX = "ids-"


class AnsweredIds(NamedTuple):
    """A change: event ids that were answered, at rising offsets."""

    offsets: Sequence[int]
    ids: Sequence[str]


class _Segment(msgspec.Struct):
    """Offsets `number` * 1024 up to the next segment's."""

    number: int
    offsets: list[int]
    ids: list[str]


class _Generation(NamedTuple):
    """The latest offset of each id, of those from `number` times the size of a generation up to the next one's."""

    number: int
    latest: dict[str, int]


_decode_segment = msgspec.json.Decoder(_Segment).decode


class DuplicateWindow:
    """State of one source partition; a window of 0 finds nothing and keeps nothing."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._generation_offsets = max(window // GENERATIONS, SEGMENT_OFFSETS)
        self._generations: deque[_Generation] = deque()
        self._segments: deque[_Segment] = deque()
        self._encoded: dict[int, bytes] = {}  # of segments that did not grow since

    @classmethod
    def load(cls, window: int, entries: Mapping[str, bytes]) -> DuplicateWindow:
        """From the entries of `dump`, of this or of another window size."""
        state = cls(window)
        segments = [_decode_segment(data) for name, data in entries.items() if name.startswith(_PREFIX)]
        for segment in sorted(segments, key=lambda segment: segment.number):
            state._remember(segment.offsets, segment.ids)
        return state

    def find(self, offsets: Sequence[int], ids: Sequence[str]) -> dict[int, int]:
        """Which of a batch's answered events repeat an earlier one, of the batch or before: index -> earlier offset."""
        if not self._window:
            return {}
        keys = short_ids(ids)
        tables = [generation.latest for generation in reversed(self._generations)]
        if len(set(keys)) == len(keys) and all(table.keys().isdisjoint(keys) for table in tables):
            return {}
        found: dict[int, int] = {}
        latest: dict[str, int] = {}
        tables.insert(0, latest)
        for index, (offset, key) in enumerate(zip(offsets, keys, strict=True)):
            earlier = next((table[key] for table in tables if key in table), None)
            if earlier is not None and offset - earlier <= self._window:
                found[index] = earlier
            latest[key] = offset
        return found

    def apply(self, change: AnsweredIds) -> None:
        """Take in answered events, and let go of segments that no later offset can reach."""
        self._remember(change.offsets, short_ids(change.ids))

    def dump(self) -> dict[str, bytes]:
        """One entry a segment. Two segments that live at the same time never share a name."""
        names = self._window // SEGMENT_OFFSETS + 2
        for segment in self._segments:
            if segment.number not in self._encoded:
                self._encoded[segment.number] = msgspec.json.encode(segment)
        return {f"{_PREFIX}{segment.number % names}": self._encoded[segment.number] for segment in self._segments}

    def _remember(self, offsets: Sequence[int], keys: Sequence[str]) -> None:
        if not self._window or not offsets:
            return
        for number, part in _parts(offsets, self._generation_offsets):
            if not self._generations or self._generations[-1].number != number:
                self._generations.append(_Generation(number, {}))
            self._generations[-1].latest.update(zip(keys[part], offsets[part], strict=True))
        for number, part in _parts(offsets, SEGMENT_OFFSETS):
            if not self._segments or self._segments[-1].number != number:
                self._segments.append(_Segment(number, [], []))
            self._segments[-1].offsets.extend(offsets[part])
            self._segments[-1].ids.extend(keys[part])
            self._encoded.pop(number, None)
        self._forget_before(offsets[-1] + 1 - self._window)

    def _forget_before(self, oldest_needed: int) -> None:
        while (self._generations[0].number + 1) * self._generation_offsets <= oldest_needed:
            self._generations.popleft()
        while (self._segments[0].number + 1) * SEGMENT_OFFSETS <= oldest_needed:
            self._encoded.pop(self._segments.popleft().number, None)


def _parts(offsets: Sequence[int], size: int) -> Iterator[tuple[int, slice]]:
    """Rising offsets cut where a multiple of `size` is reached: the multiple's number, and which offsets follow it."""
    begin = 0
    while begin < len(offsets):
        number = offsets[begin] // size
        end = bisect_left(offsets, (number + 1) * size, begin)
        yield number, slice(begin, end)
        begin = end


def short_ids(ids: Sequence[str]) -> Sequence[str]:
    """Event ids as they are kept: a longer one than LONGEST_ID as a digest."""
    if max(map(len, ids), default=0) <= LONGEST_ID:
        return ids
    # A digest is longer than any id that is kept as it is, so the two cannot meet.
    return [id_ if len(id_) <= LONGEST_ID else hashlib.blake2b(id_.encode(), digest_size=40).hexdigest() for id_ in ids]
