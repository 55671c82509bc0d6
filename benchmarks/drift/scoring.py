"""What a detector's alarms are worth, held against the truth. Pure.

Rows count from 0 and are those that the detector was fed. An alarm is `seen` rows old: it came when so many were seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Literal

from drift.scenarios import Episode

SETTLE = 2_000
"""Rows after an episode's end in which an alarm is about its end, and a resolve is in time: ten blocks of 200."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a detector said about a signal. `logged` reaches nobody: it is counted apart."""

    seen: int
    signal: str
    what: Literal["alarm", "logged", "resolved"] = "alarm"


@dataclass(frozen=True, slots=True)
class Truth:
    """What there was to find in `rows` rows of `signals`. An alarm within `allowed` rows of an episode's first row
    finds it. In the `lead` rows before, an alarm is neither false nor late (a transition without a sharp beginning)."""

    rows: int
    signals: tuple[str, ...]
    episodes: tuple[Episode, ...] = ()
    allowed: int = 0
    lead: int = 0

    def window(self, start: int, stop: int) -> Truth:
        """The truth about rows [start, stop) alone: the episodes that begin there, with rows counted anew."""
        stop = min(stop, self.rows)
        episodes = [
            Episode(
                episode.kind,
                episode.signals,
                episode.first_row - start,
                min(episode.full_row, stop) - start,
                min(episode.end_row, stop) - start,
                episode.began_ms,
                episode.ended_ms if episode.end_row < stop else None,
            )
            for episode in self.episodes
            if start <= episode.first_row < stop
        ]
        return Truth(stop - start, self.signals, tuple(episodes), self.allowed, self.lead)


@dataclass(frozen=True, slots=True)
class Score:
    """Sums over runs. `alarms` are all that reach somebody, `false` those without a reason, and `quiet` the values of
    signals that gave none. `delays` in rows, None where an episode was missed. `resolves` counts the episodes that were
    found and ended, `resolved` those resolved right: within `SETTLE` rows of the end, by one resolve after one alarm.
    """

    alarms: int = 0
    false: int = 0
    quiet: int = 0
    delays: tuple[int | None, ...] = ()
    resolves: int = 0
    resolved: int = 0
    logged: int = 0
    allowed: int = 0
    by_signal: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Score) -> Score:
        return Score(
            self.alarms + other.alarms,
            self.false + other.false,
            self.quiet + other.quiet,
            self.delays + other.delays,
            self.resolves + other.resolves,
            self.resolved + other.resolved,
            self.logged + other.logged,
            max(self.allowed, other.allowed),
            self.by_signal + other.by_signal,
        )

    @property
    def per_million(self) -> float | None:
        """False alarms per million quiet values."""
        return self.false / self.quiet * 1e6 if self.quiet else None

    @property
    def missed(self) -> int:
        return sum(delay is None for delay in self.delays)

    @property
    def delay(self) -> float | None:
        """Median delay in rows; what was missed counts as the whole time allowed."""
        return median(self.allowed if delay is None else delay for delay in self.delays) if self.delays else None


def score(marks: Iterable[Mark], truth: Truth, *, resolves: bool = True) -> Score:
    """Hold one run against its truth. `resolves`: whether this detector says when a change is over."""
    in_order = sorted(marks, key=lambda mark: mark.seen)
    alarms = [mark for mark in in_order if mark.what == "alarm"]
    false = Counter(mark.signal for mark in alarms if not any(_about(mark, e, truth) for e in truth.episodes))
    total = Score(
        alarms=len(alarms),
        false=false.total(),
        quiet=_quiet_values(truth),
        logged=sum(mark.what == "logged" for mark in in_order),
        allowed=truth.allowed,
        by_signal=false,
    )
    for episode in truth.episodes:
        for signal in _to_find(episode):
            delay = _delay(alarms, episode, signal, truth)
            ended = resolves and delay is not None and episode.ended_ms is not None
            right = ended and _resolved_right(in_order, episode, signal, truth)
            total += Score(delays=(delay,), resolves=int(ended), resolved=int(right), allowed=truth.allowed)
    return total


def _to_find(episode: Episode) -> Sequence[tuple[str, ...]]:
    """Signals that must be found each by itself; a dependence is found in any of its signals, or between them."""
    return [episode.signals] if episode.kind == "dependence" else [(signal,) for signal in episode.signals]


def _concerns(mark: Mark, signals: tuple[str, ...], truth: Truth) -> bool:
    # A joint signal is not among the columns, and may find any change.
    return mark.signal in signals or mark.signal not in truth.signals


def _about(mark: Mark, episode: Episode, truth: Truth) -> bool:
    first, end = _touched(episode, truth)
    return first < mark.seen <= end and _concerns(mark, episode.signals, truth)


def _touched(episode: Episode, truth: Truth) -> tuple[int, int]:
    """Rows in which an alarm has its reason in the episode."""
    return max(0, episode.first_row - truth.lead), min(truth.rows, episode.end_row + SETTLE)


def _delay(alarms: Sequence[Mark], episode: Episode, signals: tuple[str, ...], truth: Truth) -> int | None:
    last = min(episode.end_row, episode.first_row + truth.allowed)
    for mark in alarms:
        if episode.first_row - truth.lead < mark.seen <= last and _concerns(mark, signals, truth):
            return max(0, mark.seen - episode.first_row)
    return None


def _resolved_right(marks: Sequence[Mark], episode: Episode, signals: tuple[str, ...], truth: Truth) -> bool:
    first, end = _touched(episode, truth)
    said = [mark for mark in marks if first < mark.seen <= end and _concerns(mark, signals, truth)]
    said = [mark for mark in said if mark.what != "logged"]
    return [mark.what for mark in said] == ["alarm", "resolved"] and said[1].seen > episode.end_row


def _quiet_values(truth: Truth) -> int:
    """Values of all signals, less those that an episode touches."""
    quiet = truth.rows * len(truth.signals)
    for signal in truth.signals:
        touched = sorted(_touched(episode, truth) for episode in truth.episodes if signal in episode.signals)
        quiet -= sum(end - first for first, end in touched)
        quiet += sum(max(0, a[1] - b[0]) for a, b in pairwise(touched))
    return quiet
