"""What keys keep in one source partition: bounded, in the order in which they were seen last. Only `apply` changes it.

A snapshot has one entry a bucket of keys, by a hash that is the same everywhere; a bucket without a change is not
encoded again.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from models.keyed.accumulators import PARTS
from models.keyed.steps import LONGEST_KEY, Key, KeyedSteps
from streams.decider import Entry, StateUnusable

PREFIX = "keyed-"

BUCKET_BYTES = 256 << 10
"""Of a bucket with its share of keys, at most, on average: far below what Kafka takes as one record."""

BUCKET_KEYS = 64
"""Of a bucket, on average, at most: few, so that what did not change is seldom written with what did."""

MOST_BUCKETS = 4096
"""The snapshot's header names each."""

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
        self._encoded: dict[int, Entry] = {}
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
            state.kept[key] = (offset, latest_ms, kept)
        state._changed.update(map(state._bucket, state.kept))
        return state

    def __len__(self) -> int:
        return len(self.kept)

    def apply(self, change: KeyedChange) -> None:
        """Take in what `streams.keyed.advance` found."""
        kept, changed, bucket = self.kept, self._changed, self._bucket
        for key in change.removed:
            kept.pop(key, None)
            changed.add(bucket(key))
        for key, own in change.touched.items():
            kept[key] = own
            kept.move_to_end(key)
            changed.add(bucket(key))

    def dump(self) -> dict[str, Entry]:
        """One entry a bucket that has keys."""
        if self._changed:
            self._encode_changed()
        name = f"{PREFIX}{self.steps.keyed.digest}-"
        return {f"{name}{bucket}": data for bucket, data in sorted(self._encoded.items())}

    def _encode_changed(self) -> None:
        members: dict[int, list[tuple[Any, ...]]] = {}
        for key, (offset, _, kept) in self.kept.items():
            bucket = self._bucket(key)
            if bucket in self._changed:
                members.setdefault(bucket, []).append((key, offset, msgspec.Raw(kept)))
        for bucket in self._changed:
            if bucket in members:
                self._encoded[bucket] = msgspec.msgpack.encode(members[bucket])
            else:
                self._encoded.pop(bucket, None)
        self._changed.clear()

    def _bucket(self, key: Key) -> int:
        return zlib.crc32(key) & (self._buckets - 1)


def _most_bytes(steps: KeyedSteps) -> int:
    """Of one key in a snapshot: a number takes nine bytes at most, and a feature keeps three, a part of a window."""
    features = steps.keyed.features
    return 2 * LONGEST_KEY + sum(32 if each.window_s is None else PARTS * 40 for each in features)
