"""Which partitions were read to their end and have been silent since: wall clock made into data for drift."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

FIRST_MARK_S = 1.0


class Idleness:
    """A silent partition is due for a mark after 1, 2, 4, … s of silence, however busy the others are."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}
        self._due: dict[int, float] = {}

    def clear(self) -> None:
        """Other partitions are assigned now, or the same ones from another offset."""
        self._since.clear()
        self._due.clear()

    def heard_of(self, partitions: Iterable[int]) -> None:
        """Records came from these."""
        for partition in partitions:
            self._since.pop(partition, None)
            self._due.pop(partition, None)

    def is_due(self, at_end: AbstractSet[int], now: float) -> bool:
        """Whether `due` has something to tell. Silence counts from the first time that either is asked."""
        silent = {p: now - self._since.setdefault(p, now) for p in at_end}
        return any(seconds >= self._due.get(p, FIRST_MARK_S) for p, seconds in silent.items())

    def due(self, at_end: AbstractSet[int], now: float) -> dict[int, int]:
        """Partitions to mark now, with the ms of their silence. Each is due again after twice that."""
        marks: dict[int, int] = {}
        for partition in at_end:
            silent = now - self._since.setdefault(partition, now)
            if silent >= self._due.get(partition, FIRST_MARK_S):
                marks[partition] = int(silent * 1000)
                self._due[partition] = 2 * silent
        return marks
