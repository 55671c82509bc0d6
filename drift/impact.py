"""What a change did to the model's answers, as far as they tell: labels come later, if at all."""

from __future__ import annotations

from collections.abc import Iterable

from drift.alert import AnswerShift, Impact
from drift.gate import effects, levels_of, pooled
from drift.signal_state import SignalState
from drift.signals import Signal


def impact_since(onset_ms: int, outputs: Iterable[tuple[Signal, SignalState]]) -> Impact | None:
    """How far each output is from the reference over the blocks since an onset: its statistic that moved most, in units
    of what is material. None where no block since then is remembered."""
    shifts = [shift for signal, state in outputs if (shift := _shift(onset_ms, signal, state))]
    return Impact(tuple(shifts)) if shifts else None


def _shift(onset_ms: int, signal: Signal, state: SignalState) -> AnswerShift | None:
    since = [sample for sample in state.history if sample.start >= onset_ms]
    if not since:
        return None
    found = effects(signal, levels_of(signal, pooled(since)), {}, {})
    if not found:
        return None
    most = max(found, key=lambda effect: effect.ratio)
    return AnswerShift(
        metric=signal.reference.name,
        statistic=most.statistic,
        size=most.size,
        interval=(most.low, most.high),
        material=most.ratio >= 1,
    )
