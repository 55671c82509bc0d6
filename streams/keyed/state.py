"""What keys keep in one source partition: bounded, in the order in which they were seen last. Only `apply` changes it.

A snapshot has an entry a bucket of keys, by a hash that is the same everywhere; a bucket without a change is not
encoded again. Whoever sends events chooses the keys, and so may choose those of one bucket: what would be too large for
one record is several entries.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

import msgspec

from models.keyed.accumulators import PARTS
from models.keyed.steps import LONGEST_KEY, Key, KeyedSteps
from streams.decider import Entry, StateUnusable

PREFIX = "keyed-"

BUCKET_BYTES = 256 << 10
"""Of a bucket with its share of keys, at most, on average: one entry, as a rule."""

ENTRY_BYTES = 512 << 10
"""Of one entry, at most, whatever the keys: half of what a producer takes as one record."""

FRAME_BYTES = 16
"""Of a key in an entry, beside key and state, at most: two lengths, an offset, and that it is three things."""

BUCKET_KEYS = 64
"""Of a bucket, on average, at most: few, so that what did not change is seldom written with what did."""

MOST_BUCKETS = 4096
"""Each is a record of its own in the topic and a checksum in memory."""

Kept: TypeAlias = tuple[int, int, bytes]
"""The offset at which a key was seen last, the greatest time of its events, and its state's bytes."""


_decode_bucket = msgspec.msgpack.Decoder(list[tuple[Key, int, msgspec.Raw]]).decode


class KeyedChange(NamedTuple):
    """What events led to: keys that are kept no more, then keys with what they keep now, latest last."""

    removed: Iterable[Key]
    touched: Mapping[Key, Kept]
    expired: int
    """Keys let go because no event came for longer than their time to live."""
    evicted: int
    """Keys let go because there were more than the cap."""
    size: int
    """Keys that are kept then."""


class KeyedState:
    """At most `most` keys; fewer where so many could not be written as MOST_BUCKETS entries."""

    def __init__(self, steps: KeyedSteps, most: int) -> None:
        each = _most_bytes(steps)
        self.steps, self.most = steps, min(most, MOST_BUCKETS * BUCKET_BYTES // each)
        self.kept: OrderedDict[Key, Kept] = OrderedDict()
        wanted = max(self.most // BUCKET_KEYS, -(-self.most * each // BUCKET_BYTES))
        self._buckets = min(MOST_BUCKETS, 1 << max(wanted - 1, 0).bit_length())
        self._members: dict[int, set[Key]] = {}
        self._encoded: dict[int, list[Entry]] = {}
        self._changed: set[int] = set()

    @classmethod
    def load(cls, steps: KeyedSteps, most: int, entries: Mapping[str, Entry]) -> KeyedState:
        """From the entries of `dump`, of this or of another cap; a smaller one keeps the keys seen last.

        Entries of other definitions are left. Raises StateUnusable.
        """
        state, own = cls(steps, most), f"{PREFIX}{steps.keyed.digest}-"
        found: list[tuple[int, Key, int, bytes]] = []
        try:
            for name, data in entries.items():
                if name.startswith(own):
                    for key, offset, raw in _decode_bucket(data):
                        found.append((offset, key, steps.decode(key, raw)[0], bytes(raw)))
        except (msgspec.MsgspecError, IndexError) as error:
            raise StateUnusable(f"what keys keep cannot be read ({error})") from error
        found.sort()
        for offset, key, latest_ms, kept in found[-state.most :]:
            state._put(key, (offset, latest_ms, kept))
        return state

    def __len__(self) -> int:
        return len(self.kept)

    def apply(self, change: KeyedChange) -> None:
        """Take in what `streams.keyed.advance` found."""
        for key in change.removed:
            self._remove(key)
        for key, own in change.touched.items():
            self._put(key, own)

    def dump(self) -> dict[str, Entry]:
        """The entries of each bucket that has keys, none above ENTRY_BYTES."""
        if self._changed:
            self._encode_changed()
        name = f"{PREFIX}{self.steps.keyed.digest}-"
        return {
            f"{name}{bucket}" if place == 0 else f"{name}{bucket}.{place}": data
            for bucket, entries in sorted(self._encoded.items())
            for place, data in enumerate(entries)
        }

    def _put(self, key: Key, own: Kept) -> None:
        self.kept[key] = own
        self.kept.move_to_end(key)
        bucket = self._bucket(key)
        self._members.setdefault(bucket, set()).add(key)
        self._changed.add(bucket)

    def _remove(self, key: Key) -> None:
        if self.kept.pop(key, None) is None:
            return
        bucket = self._bucket(key)
        self._members[bucket].discard(key)
        self._changed.add(bucket)

    def _encode_changed(self) -> None:
        for bucket in self._changed:
            members = self._members[bucket]
            if members:
                self._encoded[bucket] = _entries(sorted((self.kept[key][0], key, self.kept[key][2]) for key in members))
            else:
                del self._members[bucket]
                self._encoded.pop(bucket, None)
        self._changed.clear()

    def _bucket(self, key: Key) -> int:
        # Not a CRC: Kafka's producers choose the partition by one, and then a partition has keys for few buckets.
        return int.from_bytes(hashlib.blake2b(key, digest_size=4).digest(), "little") & (self._buckets - 1)


def _entries(members: Iterable[tuple[int, Key, bytes]]) -> list[Entry]:
    """Keys of a bucket, with offset and state, as entries of ENTRY_BYTES at most."""
    parts: list[list[tuple[Key, int, msgspec.Raw]]] = [[]]
    left = ENTRY_BYTES - FRAME_BYTES
    for offset, key, kept in members:
        size = len(key) + len(kept) + FRAME_BYTES
        if size > left and parts[-1]:
            parts.append([])
            left = ENTRY_BYTES - FRAME_BYTES
        parts[-1].append((key, offset, msgspec.Raw(kept)))
        left -= size
    return [msgspec.msgpack.encode(part) for part in parts]


def _most_bytes(steps: KeyedSteps) -> int:
    """Of one key in a snapshot: a number takes nine bytes at most, and a feature keeps three, a part of a window."""
    features = steps.keyed.features
    return 2 * LONGEST_KEY + sum(32 if each.window_s is None else PARTS * 40 for each in features)
