"""What is remembered of one signal, and a change of its alert."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from drift.baseline import Baseline
from drift.detectors import Detector, DetectorBench
from drift.evidence import Evidence
from drift.measures import Level
from drift.phases import Effect, Firing, Levels, Phase, Quiet, Sample
from drift.signals import Signal


@dataclass
class SignalState:
    """What is known of one signal. `anchors` are the stable levels that the detectors watch for a departure from;
    `evidence` is of a departure from the reference, which is the profile's unless there is a `baseline`."""

    anchors: dict[str, float]
    detectors: dict[str, tuple[Detector, ...]]
    history: list[Sample] = field(default_factory=list)
    phase: Phase = field(default_factory=Quiet)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    baseline: Baseline | None = None

    def copy(self) -> SignalState:
        return SignalState(
            dict(self.anchors),
            {name: tuple(detector.copy() for detector in bench) for name, bench in self.detectors.items()},
            list(self.history),
            self.phase,
            dict(self.evidence),
            self.baseline,
        )


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an alert's state, with the blocks that show it and the alert as it now stands; `resolved_reason` of
    one that is over."""

    state: Literal["firing", "updated", "resolved"]
    effect: Effect
    current: Sample
    firing: Firing
    resolved_reason: Literal["recovered", "rebaselined", "no_data", "model_changed"] | None = None


def fresh_signal(signal: Signal, bench: DetectorBench) -> SignalState:
    """Primed on the reference: a stream that is off it from the start has changed."""
    return SignalState(
        {statistic.name: statistic.reference.stable for statistic in signal.statistics},
        {statistic.name: bench.primed() for statistic in signal.detected},
    )


def block_values(signal: Signal, state: SignalState, levels: Levels) -> dict[str, float]:
    """What the detectors are fed of a block: distances from the anchors in standard errors, whatever its size."""
    return {
        name: (level.stable - state.anchors[name]) / statistic.reference.spread * math.sqrt(level.n)
        for statistic in signal.detected
        if (level := levels.get(name := statistic.name))
    }


def fed_values(
    bench: DetectorBench, signal: Signal, state: SignalState, levels: Levels
) -> dict[str, tuple[float, ...]]:
    """What the detectors of the bench are fed of a block: one value, or 0 and 1 for every answer."""
    if not bench.by_answer:
        return {name: (value,) for name, value in block_values(signal, state, levels).items()}
    shares = (s.name for s in signal.detected if s.unit == "share" and s.name in levels)
    return {name: _one_by_one(levels[name]) for name in shares}


def _one_by_one(share: Level) -> tuple[float, ...]:
    """Answers that make up a share. In which order they came is not known: as evenly as can be."""
    ones = round(share.value * share.n)
    return tuple(float((at + 1) * ones // share.n - at * ones // share.n) for at in range(share.n))


def start_anew(bench: DetectorBench, state: SignalState, anchors: dict[str, float]) -> None:
    """Quiet again, and nothing of what went before is remembered: it belongs to an alert that is over."""
    state.history, state.evidence = [], {}
    settle(bench, state, anchors, tuple(anchors))


def settle(bench: DetectorBench, state: SignalState, anchors: dict[str, float], restarted: tuple[str, ...]) -> None:
    """Quiet again: these detectors start anew from where their statistics are now."""
    state.phase = Quiet()
    state.anchors |= anchors
    state.detectors |= {name: bench.primed() for name in restarted if name in state.detectors}
