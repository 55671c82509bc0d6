"""The last quarter of an hour of all processes together, in ticks of equal length."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from streams.page.changes import Change, ModelVersion, Rates
from streams.page.figures import EVERY_MS, OTHERS

TICKS = 450
MOST_NAMES = 64
"""Names that a tick tells of one kind."""


@dataclass(slots=True)
class Tick:
    """What all processes did in a second of it, on average; `lag` and `distance` are levels at its end; a lag that
    nobody told is None."""

    at_ms: int
    answered: float = 0.0
    degraded: float = 0.0
    requests: float = 0.0
    refused: float = 0.0
    lag: int | None = None
    dead: Rates = field(default_factory=dict)
    latency: list[float] = field(default_factory=list)
    classes: dict[ModelVersion, Rates] = field(default_factory=dict)
    scores: dict[ModelVersion, list[float]] = field(default_factory=dict)
    distance: Rates = field(default_factory=dict)


class History:
    """Bounded in ticks and in the names of each."""

    def __init__(self) -> None:
        self._ticks: OrderedDict[int, Tick] = OrderedDict()

    def add(self, change: Change, lag: int, distance: Rates) -> None:
        """Spread a change over the ticks that end in it: changes of a process follow each other without a gap, so each
        tick has each process once."""
        first = change.since_ms // EVERY_MS + 1
        last = change.until_ms // EVERY_MS
        for number in range(max(first, last - TICKS + 1), last + 1):
            tick = self._ticks.get(number)
            if tick is None:
                tick = self._ticks[number] = Tick(number * EVERY_MS)
            _merge(tick, change, lag, distance)
        if len(self._ticks) > TICKS:
            for number in sorted(self._ticks)[:-TICKS]:
                del self._ticks[number]

    def ticks(self) -> Iterator[Tick]:
        """The oldest first."""
        for number in sorted(self._ticks):
            yield self._ticks[number]


def _merge(tick: Tick, change: Change, lag: int, distance: Rates) -> None:
    tick.answered += change.answered
    tick.degraded += change.degraded
    tick.requests += change.requests
    tick.refused += change.refused
    tick.lag = (tick.lag or 0) + lag
    _add(tick.dead, change.dead)
    _add_buckets(tick.latency, change.latency)
    for version, table in change.classes.items():
        if version in tick.classes or len(tick.classes) < MOST_NAMES:
            _add(tick.classes.setdefault(version, {}), table)
    for version, counts in change.scores.items():
        if version in tick.scores or len(tick.scores) < MOST_NAMES:
            _add_buckets(tick.scores.setdefault(version, []), counts)
    for signal, value in distance.items():
        if signal in tick.distance or len(tick.distance) < MOST_NAMES:
            tick.distance[signal] = max(value, tick.distance.get(signal, 0.0))


def _add(table: Rates, more: Rates) -> None:
    for name, rate in more.items():
        if rate:
            kept = name if name in table or len(table) < MOST_NAMES else OTHERS
            table[kept] = table.get(kept, 0.0) + rate


def _add_buckets(counts: list[float], more: tuple[float, ...]) -> None:
    if not counts:
        counts.extend(more)
    elif len(counts) == len(more):
        counts[:] = [count + further for count, further in zip(counts, more, strict=True)]
