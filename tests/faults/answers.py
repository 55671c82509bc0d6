"""What must come out of a partition, one answer after the other, and what a reader may see instead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from streams.contracts import HEADER_SOURCE
from streams.records import Headers


class Violation(AssertionError):
    """Something was lost, doubled, out of order, torn, or decided otherwise."""


@dataclass
class Answers:
    """Predictions (or dead letters) of one partition: `expect` them in order, then `see` them.

    With `repeats`, an answer may come again: byte for byte the same, and only after it came in its turn. `repeated`
    counts those.
    """

    what: str
    repeats: bool
    repeated: int = 0
    seen: int = 0
    _expected: deque[tuple[int, bytes | None]] = field(default_factory=deque)
    _early: deque[tuple[int, bytes | None]] = field(default_factory=deque)
    _before: dict[int, int] = field(default_factory=dict)

    def expect(self, answers: Iterable[tuple[int, bytes | None]]) -> None:
        """Source offset and value of further answers, in order. Raises Violation."""
        self._expected.extend(answers)
        self._compare()

    def see(self, offset: int, value: bytes | None) -> None:
        """The next answer that a reader saw; it may come before it is expected. Raises Violation."""
        self.seen += 1
        self._early.append((offset, value))
        self._compare()

    @property
    def missing(self) -> int:
        return len(self._expected)

    def _compare(self) -> None:
        while self._early:
            offset, value = self._early[0]
            if offset in self._before:
                if not self.repeats:
                    raise Violation(f"{self.what}: the answer to offset {offset} came twice")
                if self._before[offset] != hash(value):
                    raise Violation(f"{self.what}: offset {offset} was answered again, and otherwise: {value!r}")
                self.repeated += 1
            elif not self._expected:
                return
            else:
                wanted, right = self._expected.popleft()
                if offset != wanted:
                    raise Violation(f"{self.what}: the answer to offset {offset} came where {wanted} was due")
                if value != right:
                    raise Violation(f"{self.what}: offset {offset} was answered {value!r} instead of {right!r}")
                self._before[offset] = hash(value)
            self._early.popleft()


def source_of(headers: Headers | None) -> int:
    """The source offset that a dead letter names."""
    return int(dict(headers or [])[HEADER_SOURCE].rsplit(b"/")[-1])
