"""The demo's account of what it read back: every input against its one answer. Pure, in bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class _Partition:
    """`read` inputs lie below this offset; `early` answers came before their input was read."""

    read: int = 0
    open: set[int] = field(default_factory=set)
    early: set[int] = field(default_factory=set)


class Ledger:
    """Inputs and answers by the offset of the input, in whatever order the topics are read.

    Remembers only inputs that wait for their answer, and answers that wait for their input.
    """

    def __init__(self) -> None:
        self.events = self.predictions = self.dead_letters = self.tombstones = 0
        self.repeated = 0
        """Answers to an input that had its answer already, or to none."""
        self.classes: Counter[str] = Counter()
        self._partitions: defaultdict[int, _Partition] = defaultdict(_Partition)

    @property
    def waiting(self) -> int:
        """Inputs without an answer so far, and answers without an input."""
        return sum(len(each.open) + len(each.early) for each in self._partitions.values())

    @property
    def balanced(self) -> bool:
        """Whether every input has exactly one answer."""
        sums = self.events == self.predictions + self.dead_letters + self.tombstones
        return sums and not self.repeated and not self.waiting

    def input(self, partition: int, offset: int, *, tombstone: bool) -> None:
        """An input was read; inputs of a partition come in order."""
        self.events += 1
        own = self._partitions[partition]
        own.read = offset + 1
        if tombstone:
            self.tombstones += 1
        elif offset in own.early:
            own.early.remove(offset)
        else:
            own.open.add(offset)

    def prediction(self, partition: int, offset: int, label: str) -> None:
        """The prediction for the input at this place was read."""
        self.predictions += 1
        self.classes[label] += 1
        self._answer(partition, offset)

    def dead_letter(self, partition: int, offset: int) -> None:
        """The dead letter of the input at this place was read."""
        self.dead_letters += 1
        self._answer(partition, offset)

    def _answer(self, partition: int, offset: int) -> None:
        own = self._partitions[partition]
        if offset in own.open:
            own.open.remove(offset)
        elif offset >= own.read and offset not in own.early:
            own.early.add(offset)
        else:
            self.repeated += 1
