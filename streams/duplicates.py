"""The same event id twice: a window over the last offsets of a partition.

Only answered events enter. An event repeats the latest earlier one with its id that is at most `window` offsets away,
so the answer depends on offsets alone, whatever was restarted or redone in between. Ids are kept in segments of 1,024
offsets; a snapshot writes one entry a segment, under names that rotate, so the compacted topic stays bounded. A segment
that is complete is kept as its entry, out of the heap. Ids are found by their hashes.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np

from streams.decider import Entry
from streams.latest_offsets import NOWHERE, Keys, LatestOffsets
from streams.set_aside import set_aside

SEGMENT_OFFSETS = 1024
LONGEST_ID = 64
"""Longer ids are kept as a digest, which bounds memory and the size of an entry."""

ANSWERED = "ids-"
"""Names of entries begin so."""


@dataclass(frozen=True)
class AnsweredIds:
    """A change: event ids that were answered, at rising offsets."""

    offsets: Sequence[int]
    ids: Sequence[str]

    @cached_property
    def kept(self) -> Sequence[str]:
        """The ids as they are kept."""
        return short_ids(self.ids)

    @cached_property
    def keys(self) -> Keys:
        """Of `kept`: looked for, and taken in when all is committed."""
        return _keys(self.kept)


class _Segment(msgspec.Struct):
    """Offsets `number` * 1024 up to the next segment's."""

    number: int
    offsets: list[int]
    ids: list[str]


class _Complete(NamedTuple):
    """A segment that grows no more, as its entry."""

    number: int
    entry: memoryview


_decode_segment = msgspec.json.Decoder(_Segment).decode


class DuplicateWindow:
    """State of one source partition; a window of 0 finds nothing and keeps nothing."""

    def __init__(self, window: int, prefix: str = ANSWERED) -> None:
        """`prefix`: of the names of its entries."""
        self._window, self._prefix = window, prefix
        self._complete: deque[_Complete] = deque()
        self._growing = _Segment(0, [], [])
        self._latest = LatestOffsets(window)

    @classmethod
    def load(cls, window: int, entries: Mapping[str, Entry], prefix: str = ANSWERED) -> DuplicateWindow:
        """From the entries of `dump`, of this or of another window size."""
        state = cls(window, prefix)
        segments = [_decode_segment(data) for name, data in entries.items() if name.startswith(prefix)]
        for segment in sorted(segments, key=lambda segment: segment.number):
            state._remember(segment.offsets, segment.ids, _keys(segment.ids))  # kept once, as they are
        return state

    def find(self, answered: AnsweredIds) -> dict[int, int]:
        """Which of a batch's answered events repeat an earlier one, of the batch or before: index -> earlier offset."""
        if not self._window:
            return {}
        offsets, ids = answered.offsets, answered.kept
        known = self._latest.find(answered.keys)
        ordered = np.sort(answered.keys)
        if known.max(initial=NOWHERE) == NOWHERE and not (ordered[1:] == ordered[:-1]).any():
            return {}
        found: dict[int, int] = {}
        latest: dict[str, int] = {}
        for index, (offset, id_, before) in enumerate(zip(offsets, ids, known.tolist(), strict=True)):
            earlier = latest.get(id_, before)
            if earlier != NOWHERE and offset - earlier <= self._window:
                found[index] = earlier
            latest[id_] = offset
        return found

    def apply(self, change: AnsweredIds) -> None:
        """Take in answered events, and let go of segments that no later offset can reach."""
        self._remember(change.offsets, change.kept, change.keys)

    def dump(self) -> dict[str, Entry]:
        """One entry a segment. Two segments that live at the same time never share a name."""
        names = self._window // SEGMENT_OFFSETS + 2
        entries: dict[str, Entry] = {f"{self._prefix}{number % names}": entry for number, entry in self._complete}
        if self._growing.offsets:
            entries[f"{self._prefix}{self._growing.number % names}"] = msgspec.json.encode(self._growing)
        return entries

    def _remember(self, offsets: Sequence[int], ids: Sequence[str], keys: Keys) -> None:
        if not self._window or not offsets:
            return
        self._latest.add(keys, np.array(offsets, dtype=np.int64))
        for number, part in _segments(offsets):
            if self._growing.number != number:
                self._complete_segment()
                self._growing = _Segment(number, [], [])
            self._growing.offsets.extend(offsets[part])
            self._growing.ids.extend(ids[part])
        oldest_needed = offsets[-1] + 1 - self._window
        while self._complete and (self._complete[0].number + 1) * SEGMENT_OFFSETS <= oldest_needed:
            self._complete.popleft()

    def _complete_segment(self) -> None:
        if self._growing.offsets:
            entry = set_aside(msgspec.json.encode(self._growing))
            self._complete.append(_Complete(self._growing.number, entry))


def _keys(ids: Sequence[str]) -> Keys:
    """Python's own 64 bits of each id, as good here as a digest: they never leave the process, and nobody can aim at
    another's id as long as they are seeded (PYTHONHASHSEED is not 0)."""
    return np.fromiter(map(hash, ids), dtype=np.int64, count=len(ids)).view(np.uint64)


def _segments(offsets: Sequence[int]) -> Iterator[tuple[int, slice]]:
    """Rising offsets cut where a segment ends: its number, and which offsets are in it."""
    begin = 0
    while begin < len(offsets):
        number = offsets[begin] // SEGMENT_OFFSETS
        end = bisect_left(offsets, (number + 1) * SEGMENT_OFFSETS, begin)
        yield number, slice(begin, end)
        begin = end


def short_ids(ids: Sequence[str]) -> Sequence[str]:
    """Event ids as they are kept: a longer one than LONGEST_ID as a digest."""
    if max(map(len, ids), default=0) <= LONGEST_ID:
        return ids
    # A digest is longer than any id that is kept as it is, so the two cannot meet.
    return [id_ if len(id_) <= LONGEST_ID else hashlib.blake2b(id_.encode(), digest_size=40).hexdigest() for id_ in ids]
