"""What the join remembers of one partition of `joins`: answers and labels in the order in which they came.

What enters, and when it leaves, is decided in `streams.joining.join`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from drift.estimate import Calibration
from streams.decider import StateUnusable
from streams.joining.key_index import KeyIndex
from streams.joining.log import SEGMENT, Log, Rows, number_of

_PREFIX = "entries-"
_HEAD = "head"
_FORMAT: Literal[2] = 2


class ModelVersion(NamedTuple):
    model: str
    version: str


class Answerer(NamedTuple):
    """Whose answer an entry is: a model version's, or with a `champion` that of a challenger, right behind the entry of
    what the champion answered to the same event."""

    model: str
    version: str
    champion: str = ""

    @property
    def name(self) -> ModelVersion:
        return ModelVersion(self.model, self.version)

    @property
    def place(self) -> str:
        """What tells its answers from others: to an event a model has one answer, and so has its challenger."""
        return f"{self.model}\0challenger" if self.champion else self.model


class Change(NamedTuple):
    """Entries that came, with those whose answers are among them for the first time; the first entry that still counts;
    the clock; and what confidence is worth, of the versions where it is known better now."""

    entries: Rows
    versions: list[Answerer]
    head: int
    clock_ms: int
    calibrations: Mapping[ModelVersion, Calibration]


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the rows do not tell. `format` stands first, so that a snapshot of another one is refused as such."""

    format: Literal[2]  # 1 coded texts as places in a table
    end: int
    head: int
    clock_ms: int
    versions: list[Answerer]
    calibrations: list[tuple[ModelVersion, Calibration]]


_decode_head = msgspec.msgpack.Decoder(_Head).decode


class JoinState:
    """Entries `head` up to the log's end count. Only `apply` changes it."""

    def __init__(self, window_ms: int, most: int) -> None:
        """An entry counts for `window_ms`, and while fewer than `most` came after it."""
        self.window_ms, self.most = window_ms, most
        self.log, self.index = Log(), KeyIndex()
        self.versions: list[Answerer] = []
        self.calibrations: dict[ModelVersion, Calibration] = {}
        self.head, self.clock_ms = 0, 0

    @classmethod
    def load(cls, window_ms: int, most: int, entries: Mapping[str, bytes]) -> JoinState:
        """From the entries of `dump`, of this or of another window and cap; what a smaller one leaves no room for goes
        with the next step, which says so. Raises StateUnusable."""
        state = cls(window_ms, most)
        if not entries:
            return state
        try:
            head = _decode_head(entries[_HEAD])
            segments = {number_of(data): data for name, data in entries.items() if name.startswith(_PREFIX)}
            state.log.load(segments, head.end)
            if not 0 <= state.log.first <= head.head <= head.end:
                raise ValueError(f"entries {state.log.first} to {head.end} do not hold the head {head.head}")
        except (KeyError, ValueError) as error:  # a MsgspecError is a ValueError
            raise StateUnusable(f"the label join's entries cannot be read ({error})") from error
        state.head, state.clock_ms = head.head, head.clock_ms
        state.versions, state.calibrations = head.versions, dict(head.calibrations)
        state._note(state.log.between(head.head, head.end), head.head)
        return state

    def __len__(self) -> int:
        return self.log.end - self.head

    def calibration_of(self, name: ModelVersion) -> Calibration:
        """What its confidence is worth, by the labels that came."""
        return self.calibrations.get(name, Calibration())

    def apply(self, change: Change) -> None:
        """Take in what records led to, and let go of what no longer counts."""
        self.versions += change.versions
        self.calibrations |= change.calibrations
        self.head, self.clock_ms = change.head, change.clock_ms
        first = self.log.end
        self.log.append(change.entries)
        self._note(change.entries, first)
        self.log.forget_before(self.head)

    def dump(self) -> dict[str, bytes]:
        """One entry a segment, under names that rotate, and the head. Two segments of one time never share a name."""
        segments = self.log.segments()
        names = max(self.most // SEGMENT + 3, len(segments))  # there are more after a larger cap
        dumped = {f"{_PREFIX}{number % names}": data for number, data in segments.items()}
        head = _Head(_FORMAT, self.log.end, self.head, self.clock_ms, self.versions, sorted(self.calibrations.items()))
        return dumped | {_HEAD: msgspec.msgpack.encode(head)} if self.log.end else {}

    @property
    def size_bytes(self) -> int:
        """Of rows and index, where nearly all of the memory is."""
        return sum(map(len, self.log.segments().values())) + self.index.size_bytes

    def _note(self, rows: Rows, first: int) -> None:
        self.index.add(rows["key"], first + np.arange(len(rows)), oldest=self.head)


class Salts:
    """What tells answers of one `place` (Answerer) from others, and from labels, among hashes of event ids."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, place: str) -> int:
        """64 bits; an answer's key is the event id's with these flipped."""
        if place not in self._known:
            self._known[place] = int.from_bytes(hashlib.blake2b(place.encode(), digest_size=8).digest(), "little")
        return self._known[place]
