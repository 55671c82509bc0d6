"""Ends alerts that no block can end any more: events stopped, or another version of the model answers now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from drift.detectors import DetectorBench
from drift.evidence import DAY_MS
from drift.firing import told_again
from drift.phases import Firing
from drift.progress import clock
from drift.settings import DriftSettings
from drift.signal_state import Transition, start_anew
from drift.signals import Signal
from drift.state import WatchState

NO_DATA_MS = DAY_MS
"""What comes once a night has not stopped."""

REPLACED_MS = 600_000
"""Both versions may answer for a while, as workers are replaced one by one."""


def stands(state: WatchState, but: str = "") -> bool:
    """Whether any alert is out, one signal's apart."""
    return any(isinstance(own.phase, Firing) for key, own in state.signals.items() if key != but)


def stopped_at(state: WatchState) -> int | None:
    """The time at which events had been missing for long, by what the log tells of time; None while they have not."""
    if not state.spans or state.slices or state.block:
        return None
    now = clock(state.partitions)
    if now is None:
        return None
    heard = max(state.spans[-1].end, state.gathered.end if state.gathered else 0)
    return heard + NO_DATA_MS if now - heard >= NO_DATA_MS else None


class Heard(NamedTuple):
    """Of a version's answers: the event time that they have come to, idle time included, in ms; and how many source
    offsets lie before the next one, over all partitions. Only an answer moves `offsets`."""

    until: int
    offsets: int

    def is_replaced(self, other_ms: int) -> bool:
        """Whether another version has come to `other_ms`, long after this one was heard of."""
        return other_ms - self.until >= REPLACED_MS


def heard_of(state: WatchState) -> Heard | None:
    """None while no time is known."""
    until = clock(state.partitions)
    offsets = sum(progress.last_offset + 1 for progress in state.partitions.values())
    return None if until is None else Heard(until, offsets)


def end_alerts(
    settings: DriftSettings,
    signals: Sequence[Signal],
    benches: Mapping[str, DetectorBench],
    state: WatchState,
    reason: Literal["no_data", "model_changed", "rebaselined"],
) -> list[tuple[Signal, Transition]]:
    """Resolve every alert, in place, as it was last; the signals begin anew."""
    ended = []
    for plain in signals:
        own = state.signals[plain.key]
        if isinstance(own.phase, Firing):
            signal = plain.rebased(own.baseline)
            told = told_again(settings, signal, own, own.phase)
            ended.append((signal, Transition("resolved", told.effect, told.current, own.phase, reason)))
            start_anew(benches[plain.key], own, {s.name: s.reference.stable for s in signal.statistics})
    return ended
