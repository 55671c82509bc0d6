"""All processes of a group, by what they tell of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from streams.page.changes import Change, change_between
from streams.page.figures import EVERY_MS, Figures
from streams.page.history import TICKS, History

GONE_MS = 5 * EVERY_MS
"""Without a word for so long, a process is taken for dead."""
FORGOTTEN_MS = 15 * 60_000
"""So long is a process shown that left in order."""
GIVEN_UP_MS = 24 * 3_600_000
"""So long is one missed that did not, unless another takes its place."""
MOST_PROCESSES = 128

Place: TypeAlias = tuple[str, tuple[str, ...]]
"""Slot and roles: what a process that is started again has in common with the one before."""


@dataclass(slots=True)
class Process:
    """What it told last, when (ms), and what it did between that and the time before."""

    figures: Figures
    heard_ms: int
    change: Change | None = None

    def is_gone(self, now_ms: int) -> bool:
        return now_ms - self.heard_ms > GONE_MS


class Fleet:
    """Takes records in the order of their topic. `now_ms` is the newest time of the topic, so no clock of a reader
    counts."""

    def __init__(self, events_topic: str) -> None:
        """The lag of that topic is the one of the history: it is what answers wait for."""
        self._events_topic = events_topic
        self.history = History()
        self.now_ms = 0
        self._processes: dict[str, Process] = {}
        self._crowded_ms: int | None = None

    def take(self, figures: Figures, at_ms: int) -> None:
        """`at_ms`: the record's time."""
        self.now_ms = max(self.now_ms, at_ms)
        known = self._processes.get(figures.process)
        if known is None:
            if not self._has_room():
                self._crowded_ms = self.now_ms
                return
            self._processes[figures.process] = Process(figures, at_ms)
            if figures.uptime_ms > 2 * EVERY_MS:
                return  # it ran before this reader looked: what its totals grew by is not known
            since_ms = at_ms - EVERY_MS
        elif at_ms <= known.heard_ms:
            return
        else:
            since_ms = known.heard_ms
        change = change_between(known.figures if known else None, figures, since_ms, at_ms)
        self._processes[figures.process] = Process(figures, at_ms, change)
        lag = sum(figures.lag.get(self._events_topic, {}).values())
        self.history.add(change, lag, figures.distance)

    def tick(self, now_ms: int) -> None:
        """Time passed, whether or not anybody told anything."""
        self.now_ms = max(self.now_ms, now_ms)
        for name, each in list(self._processes.items()):
            kept_ms = FORGOTTEN_MS if each.figures.leaving else GIVEN_UP_MS
            if self.now_ms - each.heard_ms > kept_ms:
                del self._processes[name]

    def processes(self) -> list[Process]:
        """By slot; of those that are gone, the ones that no other took the place of."""
        present = {_place(each) for each in self._processes.values() if not self._is_over(each)}
        newest: dict[Place, Process] = {}
        for each in sorted(self._processes.values(), key=lambda one: one.heard_ms):
            if self._is_over(each) and _place(each) not in present:
                newest[_place(each)] = each
        shown = [each for each in self._processes.values() if not self._is_over(each)]
        return sorted([*shown, *newest.values()], key=_place)

    def present(self) -> list[Process]:
        """Those that are not gone."""
        return [each for each in self.processes() if not self._is_over(each)]

    @property
    def is_crowded(self) -> bool:
        """Whether there are more than are shown."""
        return self._crowded_ms is not None and self.now_ms - self._crowded_ms <= GONE_MS

    def told_until_ms(self) -> int:
        """Ticks up to here hold every process that is there."""
        heard = [each.heard_ms for each in self._processes.values() if not self._is_over(each)]
        return max(min(heard, default=self.now_ms), self.now_ms - GONE_MS, self.now_ms - TICKS * EVERY_MS)

    def _is_over(self, process: Process) -> bool:
        return process.figures.leaving or process.is_gone(self.now_ms)

    def _has_room(self) -> bool:
        """For one more. Those that ended make room, the ones that nobody misses first; those that run never do, or each
        would drive out another and none would have a past."""
        if len(self._processes) < MOST_PROCESSES:
            return True
        missed = {each.figures.process for each in self.processes() if not each.figures.leaving}
        ended = [name for name, each in self._processes.items() if self._is_over(each)]
        if not ended:
            return False
        oldest = min(ended, key=lambda name: (name in missed, self._processes[name].heard_ms))
        del self._processes[oldest]
        return True


def _place(process: Process) -> Place:
    return process.figures.slot, process.figures.roles
