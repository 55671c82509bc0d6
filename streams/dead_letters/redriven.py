"""Which dead letters were sent in again, as the `state` topic remembers it. Pure.

A bit a dead letter, by its place; SEGMENT offsets of a partition are one record, so what is remembered is small however
it is chosen from, and goes with the dead letters themselves. All of it lies in one partition (ADR 22).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from streams.dead_letters.letter import Place
from streams.records import OutboxRecord

PREFIX = b"redriven/"
STATE_PARTITION = 0
FORMAT = 1
SEGMENT = 8192
"""Offsets: a kilobyte."""


class _Segment(msgspec.Struct):
    """`topic_id`: Kafka's own (KIP-516), since a topic made anew counts from 0 again; empty where there is none."""

    format: int
    topic: str
    topic_id: str
    bits: bytes


_decode = msgspec.json.Decoder(_Segment).decode
_encode = msgspec.json.Encoder().encode


class MarksUnreadable(ValueError):
    """Another release wrote what was sent in again: without it nothing can be sent safely."""

    def __init__(self, key: bytes, why: str) -> None:
        self.key, self.why = key, why
        super().__init__(
            f"the record {key!r} of the state topic cannot be read: {why}; likely cause: another version of Weir, or "
            f"something else, wrote it; fix: use that version, or give the record a null value to forget what it says"
        )


class Redriven:
    """Marks of one topic of dead letters."""

    def __init__(self, topic: str, topic_id: str) -> None:
        self._topic, self._topic_id = topic, topic_id
        self._segments: dict[tuple[int, int], bytearray] = {}
        self._stale: set[bytes] = set()

    def load(self, key: bytes, value: bytes | None) -> None:
        """Take in a record of the state topic; the last one of a key holds. Raises MarksUnreadable."""
        if not key.startswith(PREFIX):
            return
        place = _numbers(key)
        self._segments.pop(place, None)
        self._stale.discard(key)
        if value is None:
            return
        try:
            segment = _decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise MarksUnreadable(key, str(error)) from error
        if segment.format != FORMAT or len(segment.bits) != SEGMENT // 8:
            raise MarksUnreadable(key, f"format {segment.format} with {len(segment.bits)} bytes")
        if (segment.topic, segment.topic_id) == (self._topic, self._topic_id):
            self._segments[place] = bytearray(segment.bits)
        else:
            self._stale.add(key)

    def __contains__(self, letter: Place) -> bool:
        bits = self._segments.get((letter.partition, letter.offset // SEGMENT))
        return bits is not None and bool(bits[letter.offset % SEGMENT // 8] >> letter.offset % 8 & 1)

    def marking(self, letters: Iterable[Place]) -> dict[tuple[int, int], bytes]:
        """The segments as they are with these letters too; `keep` makes them hold."""
        changed: dict[tuple[int, int], bytearray] = {}
        for letter in letters:
            place = (letter.partition, letter.offset // SEGMENT)
            bits = changed.setdefault(place, bytearray(self._segments.get(place, bytes(SEGMENT // 8))))
            bits[letter.offset % SEGMENT // 8] |= 1 << letter.offset % 8
        return {place: bytes(bits) for place, bits in changed.items()}

    def keep(self, segments: Mapping[tuple[int, int], bytes]) -> None:
        self._segments.update((place, bytearray(bits)) for place, bits in segments.items())

    def go_beyond(self, known: Redriven, tried: Mapping[tuple[int, int], bytes]) -> bool:
        """Whether these mark a letter that is neither in `known` nor in segments that its holder `tried` to write."""
        for place, bits in self._segments.items():
            told = tried.get(place) or known._segments.get(place) or bytes(SEGMENT // 8)
            if int.from_bytes(bits) & ~int.from_bytes(told):
                return True
        return False

    def records(self, state_topic: str, segments: Mapping[tuple[int, int], bytes]) -> list[OutboxRecord]:
        """Of `marking`, for the transaction that sends the events."""
        return [
            OutboxRecord(
                state_topic,
                _key(*place),
                _encode(_Segment(FORMAT, self._topic, self._topic_id, bits)),
                STATE_PARTITION,
            )
            for place, bits in segments.items()
        ]

    def forgetting(self, state_topic: str, lows: Mapping[int, int]) -> list[OutboxRecord]:
        """Tombstones for segments whose letters are gone; `lows`: the first offset that each partition still has.
        Call once: they are forgotten here, too."""
        gone = [place for place in self._segments if place[0] in lows and (place[1] + 1) * SEGMENT <= lows[place[0]]]
        for place in gone:
            del self._segments[place]
        keys = {*self._stale, *(_key(*place) for place in gone)}
        self._stale.clear()
        return [OutboxRecord(state_topic, key, None, STATE_PARTITION) for key in sorted(keys)]


def _key(partition: int, number: int) -> bytes:
    return b"%s%d/%d" % (PREFIX, partition, number)


def _numbers(key: bytes) -> tuple[int, int]:
    partition, _, number = key.removeprefix(PREFIX).partition(b"/")
    if not (partition.isdigit() and number.isdigit()):
        raise MarksUnreadable(key, "its key has no two numbers")
    return int(partition), int(number)
