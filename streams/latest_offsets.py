"""Which offset had a key last, among the latest offsets of a partition, in memory that neither grows nor moves.

Offsets in chains by the hash of their key, in a ring: as zlib's deflate finds the last place of a string. A table of
Python objects takes more room, and is rebuilt at sizes and places that make a worker's memory wander.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Offsets = NDArray[np.int64]

NOWHERE = -1

_ROW_BITS = np.uint64(32)
_ROW = np.uint64((1 << 32) - 1)


class LatestOffsets:
    """Of at least `window` offsets up to the latest. Keys are hashes of 64 bits: two that are equal are one."""

    def __init__(self, window: int) -> None:
        bits = max(window - 1, 1).bit_length()
        self._size = 1 << bits
        self._shift = np.uint64(64 - bits - 1)
        # A link is an offset plus one, 0 is none: zeros take no memory before they are written.
        self._latest = np.zeros(2 << bits, dtype=np.int64)  # by the first bits of a key: the head of its chain
        self._before = np.zeros(self._size, dtype=np.int64)  # by offset: the next link
        self._keys = np.zeros(self._size, dtype=np.uint64)  # by offset
        self._end = 0

    def find(self, keys: Keys) -> Offsets:
        """The latest offset of each key, or NOWHERE."""
        found = np.full(len(keys), NOWHERE, dtype=np.int64)
        overwritten = max(self._end - self._size, 0)
        rows, links = np.arange(len(keys)), self._latest[keys >> self._shift]
        while True:
            there = np.flatnonzero(links > overwritten)
            if not len(there):
                return found
            rows, links = rows[there], links[there]
            places = self._places(links)
            same = self._keys[places] == keys[rows]
            found[rows[same]] = links[same] - 1
            rows, links = rows[~same], self._before[places[~same]]

    def add(self, keys: Keys, offsets: Offsets) -> None:
        """Take in keys at rising offsets, all later than those before."""
        if not len(offsets):
            return
        end = int(offsets[-1]) + 1
        heads = keys >> self._shift
        # By head, and of equal heads by offset: with the row in its last bits each number is there once, so that the
        # fastest sort will do.
        order = (np.sort(heads << _ROW_BITS | np.arange(len(keys), dtype=np.uint64)) & _ROW).astype(np.intp)
        known = self.find(keys) + 1
        if known.any() or int(offsets[0]) < end - self._size or _repeats(keys[order], heads[order]):
            order = self._without_known(keys, offsets, order, known, end - self._size)
        keys, heads, links = keys[order], heads[order], offsets[order] + 1
        first = np.append(True, heads[1:] != heads[:-1])
        before = np.append(0, links[:-1])
        before[first] = self._latest[heads[first]]
        self._latest[heads] = links  # of equal heads the last stays
        places = self._places(links)
        self._before[places], self._keys[places] = before, keys
        self._end = end

    def _without_known(
        self, keys: Keys, offsets: Offsets, order: NDArray[np.intp], known: Offsets, first: int
    ) -> NDArray[np.intp]:
        """`order` with each key's latest row alone, from the offset `first` on; unlinks what was known of these."""
        # A key is in its chain once: one that comes all the time would make it as long as the window.
        latest = np.zeros(len(keys), dtype=np.bool_)
        latest[_latest(keys)] = True
        latest &= offsets >= first
        for row in np.flatnonzero(latest & (known > 0)):
            self._unlink(int(keys[row] >> self._shift), int(known[row]))
        return order[latest[order]]

    def _unlink(self, head: int, link: int) -> None:
        """Take a link, which is there, out of its chain."""
        rest = self._before[self._place(link)]
        current = int(self._latest[head])
        if current == link:
            self._latest[head] = rest
            return
        while (following := int(self._before[self._place(current)])) != link:
            current = following
        self._before[self._place(current)] = rest

    def _place(self, link: int) -> int:
        return (link - 1) & (self._size - 1)

    def _places(self, links: Offsets) -> Offsets:
        return (links - 1) & (self._size - 1)


def _repeats(keys: Keys, heads: Keys) -> bool:
    """Whether a key may be there twice, of keys in the order of their heads. True also where three share a head."""
    shared = np.flatnonzero(heads[1:] == heads[:-1])
    return bool((keys[shared] == keys[shared + 1]).any() or (shared[1:] == shared[:-1] + 1).any())


def _latest(keys: Keys) -> NDArray[np.intp]:
    """Where each key stands last."""
    order = np.argsort(keys, kind="stable")
    last: NDArray[np.intp] = order[np.append(keys[order[1:]] != keys[order[:-1]], True)]
    return last
