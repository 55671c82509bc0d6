"""Events counted by fixed windows of event time, and which windows are complete.

A block may close without a partition that is silent; a window may not. It would look half empty because a worker is
dead, or because another version of the model answers that partition now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from drift.observation import Observation
from drift.progress import PartitionProgress
from drift.settings import DriftSettings

MOST_OPEN = 1440
"""Windows that wait for a silent partition; older ones are given up, unjudged."""
MOST_EMPTY = 1440
"""Empty windows judged in a row: by then an alert is out, and time may be years ahead."""
MARKER = 1
"""A transaction of a producer ends with an offset that holds no event."""


class Window(NamedTuple):
    """So many events in [`start`, `end`), ms."""

    start: int
    end: int
    events: int


@dataclass
class Windows:
    """`open` windows by number. Those before `frontier` are closed; none while the first is not, which the beginning
    cuts off. Nobody counted in `unknown` (first and last), and the last `empty` windows had no event."""

    open: dict[int, int] = field(default_factory=dict)
    frontier: int | None = None
    unknown: tuple[int, int] | None = None
    empty: int = 0

    def copy(self) -> Windows:
        return Windows(dict(self.open), self.frontier, self.unknown, self.empty)

    def count(self, settings: DriftSettings, observation: Observation, before: PartitionProgress) -> None:
        """Add the events of an observation of a partition that had come so far."""
        width = settings.window_ms
        for delta in observation.slices:
            number = delta.slice * settings.slice_ms // width
            if self.frontier is None or number >= self.frontier:
                self.open[number] = self.open.get(number, 0) + delta.events
        if observation.slices and before.max_time is not None:
            came = min(delta.slice for delta in observation.slices) * settings.slice_ms // width
            self._note_absence(before.max_time // width, came, observation.first_offset - before.last_offset - 1)
        while len(self.open) > MOST_OPEN:
            oldest = min(self.open)
            del self.open[oldest]
            self.frontier = max(oldest + 1, self.frontier or 0)

    def _note_absence(self, left: int, came: int, missing: int) -> None:
        """Offsets that are missing over more than a window were answered by another version, or by none."""
        if missing <= MARKER or came <= left + 1:
            return
        known = self.unknown
        if known is None or (self.frontier is not None and known[1] < self.frontier):
            known = (left, came)
        self.unknown = min(known[0], left), max(known[1], came)

    def may_close(self, settings: DriftSettings, observation: Observation) -> bool:
        """Whether a window may be complete by it: a look that spares one at every partition."""
        first = self.frontier if self.frontier is not None else min(self.open, default=0)
        ahead = observation.max_time - settings.allowed_lateness_ms
        return observation.idle_ms is not None or ahead >= (first + 1) * settings.window_ms

    def close(self, width: int, whole_until: int) -> list[Window]:
        """The windows that are complete, as all is known up to a time."""
        until = whole_until // width
        if self.frontier is None:
            first = min(self.open, default=until)
            if first >= until:
                return []
            del self.open[first]
            self.frontier = first + 1
        closed: list[Window] = []
        while self.frontier < until:
            number = self.frontier
            if self.unknown and self.unknown[0] <= number <= self.unknown[1]:
                self.frontier, self.empty = min(self.unknown[1] + 1, until), 0
                self.open = {n: events for n, events in self.open.items() if n >= self.frontier}
                continue
            events = self.open.pop(number, 0)
            self.empty = 0 if events else self.empty + 1
            if self.empty > MOST_EMPTY:
                self.frontier = min([*self.open, until])
                continue
            self.frontier = number + 1
            closed.append(Window(number * width, self.frontier * width, events))
        return closed
