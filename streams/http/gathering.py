"""When requests that came at the same time are put to the model together. Pure: time is an argument, in seconds.

A model costs about as much for one row as for fifty, so what comes while it works is gathered. Whoever comes alone
waits for nobody, and nobody waits once all are here who were seen a moment ago.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class _Waiting(msgspec.Struct, Generic[T], frozen=True, eq=False):
    item: T
    rows: int
    since: float


class Gathering(Generic[T]):
    """Requests of one model that wait for it. One batch is asked at a time: `take` begins it, `ended` ends it."""

    def __init__(self, *, gather_s: float, max_rows: int) -> None:
        """Under load a request waits for others, at most `gather_s` while the model is free: for as many as the last
        batch had and as waited when it ended, since who was answered is likely to ask again. A batch has at most
        `max_rows` rows, or it is one request that has more."""
        self._gather_s, self._max_rows = gather_s, max_rows
        self._waiting: OrderedDict[int, _Waiting[T]] = OrderedDict()  # by identity: one is let go as fast as many
        self._rows = 0
        self._asking = False
        self._expected = 0
        self._free_since = 0.0

    def add(self, item: T, rows: int, now: float) -> None:
        """A request with so many rows came; not the same object again while it waits."""
        self._waiting[id(item)] = _Waiting(item, rows, now)
        self._rows += rows

    def due_in(self, now: float) -> float | None:
        """Seconds until a batch is to begin, 0 for at once; None: nobody waits, or a batch is being asked."""
        if self._asking or not self._waiting:
            return None
        enough = len(self._waiting) >= self._expected or self._rows >= self._max_rows
        # Who was seen a moment ago and did not come back by now is expected no more.
        if enough or self._first.since > self._free_since + self._gather_s:
            return 0.0
        return max(0.0, max(self._first.since, self._free_since) + self._gather_s - now)

    def take(self) -> list[T]:
        """Begin a batch: the requests of it, in the order they came."""
        taken = [self._waiting.popitem(last=False)[1]]
        rows = taken[0].rows
        while self._waiting and rows + self._first.rows <= self._max_rows:
            taken.append(self._waiting.popitem(last=False)[1])
            rows += taken[-1].rows
        self._rows -= rows
        self._asking = True
        self._expected = len(taken)
        return [each.item for each in taken]

    def discard(self, item: T) -> None:
        """Nobody wants an answer to it any more: what it holds is let go, though a batch is asked that never ends."""
        gone = self._waiting.pop(id(item), None)
        if gone is not None:
            self._rows -= gone.rows

    def ended(self, now: float) -> None:
        """The batch was answered. Who came meanwhile shows that there is load: others may be on their way."""
        self._asking, self._free_since = False, now
        self._expected += len(self._waiting)

    @property
    def _first(self) -> _Waiting[T]:
        return next(iter(self._waiting.values()))

    @property
    def is_idle(self) -> bool:
        return not self._asking and not self._waiting
