"""The same event id twice: a window over the last offsets of a partition.

Only answered events enter. An event repeats the latest earlier one with its id that is at most `window` offsets away,
so the answer depends on offsets alone, whatever was restarted or redone in between. Ids are kept in segments of 1,024
offsets; a snapshot writes one entry a segment, under names that rotate, so the compacted topic stays bounded.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

SEGMENT_OFFSETS = 1024
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


_decode_segment = msgspec.json.Decoder(_Segment).decode


class DuplicateWindow:
    """State of one source partition; a window of 0 finds nothing and keeps nothing."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._latest: dict[str, int] = {}
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
        keys = _keys(ids)
        if len(set(keys)) == len(keys) and self._latest.keys().isdisjoint(keys):
            return {}
        found: dict[int, int] = {}
        latest: dict[str, int] = {}
        for index, (offset, key) in enumerate(zip(offsets, keys, strict=True)):
            earlier = latest.get(key, self._latest.get(key))
            if earlier is not None and offset - earlier <= self._window:
                found[index] = earlier
            latest[key] = offset
        return found

    def apply(self, change: AnsweredIds) -> None:
        """Take in answered events, and let go of segments that no later offset can reach."""
        self._remember(change.offsets, _keys(change.ids))

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
        self._latest.update(zip(keys, offsets, strict=True))
        begin = 0
        while begin < len(offsets):
            number = offsets[begin] // SEGMENT_OFFSETS
            end = bisect_left(offsets, (number + 1) * SEGMENT_OFFSETS, begin)
            if not self._segments or self._segments[-1].number != number:
                self._segments.append(_Segment(number, [], []))
            segment = self._segments[-1]
            segment.offsets.extend(offsets[begin:end])
            segment.ids.extend(keys[begin:end])
            self._encoded.pop(number, None)
            begin = end
        self._forget_before(offsets[-1] + 1 - self._window)

    def _forget_before(self, oldest_needed: int) -> None:
        while (self._segments[0].number + 1) * SEGMENT_OFFSETS <= oldest_needed:
            gone = self._segments.popleft()
            self._encoded.pop(gone.number, None)
            latest = self._latest
            # As a rule none of them came again since; told at C speed, this runs once an event.
            if list(map(latest.__getitem__, gone.ids)) != gone.offsets:
                pairs = zip(gone.ids, gone.offsets, strict=True)
                gone.ids = [key for key, offset in pairs if latest[key] == offset]
            for key in gone.ids:
                del latest[key]


def _keys(ids: Sequence[str]) -> Sequence[str]:
    if max(map(len, ids), default=0) <= LONGEST_ID:
        return ids
    # A digest is longer than any id that is kept as it is, so the two cannot meet.
    return [id_ if len(id_) <= LONGEST_ID else hashlib.blake2b(id_.encode(), digest_size=40).hexdigest() for id_ in ids]
