"""All processes of a group, by what they tell of themselves."""

from __future__ import annotations

from dataclasses import dataclass

from streams.page.changes import Change, change_between
from streams.page.figures import EVERY_MS, Figures
from streams.page.history import TICKS, History

GONE_MS = 5 * EVERY_MS
"""Without a word for so long, a process is taken for dead."""
FORGOTTEN_MS = 15 * 60_000
MOST_PROCESSES = 128


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

    def take(self, figures: Figures, at_ms: int) -> None:
        """`at_ms`: the record's time."""
        self.now_ms = max(self.now_ms, at_ms)
        known = self._processes.get(figures.process)
        if known is None:
            self._make_room()
            self._processes[figures.process] = Process(figures, at_ms)
            if at_ms - figures.started_ms > 2 * EVERY_MS:
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
        for name in [name for name, each in self._processes.items() if self.now_ms - each.heard_ms > FORGOTTEN_MS]:
            del self._processes[name]

    def processes(self) -> list[Process]:
        """By slot; of those that are gone, the ones that no other took the place of."""
        present = {_place(each) for each in self._processes.values() if not self._is_over(each)}
        newest: dict[tuple[str, tuple[str, ...]], Process] = {}
        for each in sorted(self._processes.values(), key=lambda one: one.heard_ms):
            if self._is_over(each) and _place(each) not in present:
                newest[_place(each)] = each
        shown = [each for each in self._processes.values() if not self._is_over(each)]
        return sorted([*shown, *newest.values()], key=_place)

    def present(self) -> list[Process]:
        """Those that are not gone."""
        return [each for each in self.processes() if not self._is_over(each)]

    def told_until_ms(self) -> int:
        """Ticks up to here hold every process that is there."""
        heard = [each.heard_ms for each in self._processes.values() if not self._is_over(each)]
        return max(min(heard, default=self.now_ms), self.now_ms - GONE_MS, self.now_ms - TICKS * EVERY_MS)

    def _is_over(self, process: Process) -> bool:
        return process.figures.leaving or process.is_gone(self.now_ms)

    def _make_room(self) -> None:
        while len(self._processes) >= MOST_PROCESSES:
            oldest = min(self._processes, key=lambda name: self._processes[name].heard_ms)
            del self._processes[oldest]


def _place(process: Process) -> tuple[str, tuple[str, ...]]:
    return process.figures.slot, process.figures.roles
