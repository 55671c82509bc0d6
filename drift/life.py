"""One signal, block by block: detectors while quiet, the gate while pending, growth and recovery while firing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from drift.detectors import Detection, Detector, DetectorBench
from drift.gate import (
    ENOUGH_BLOCKS,
    clearly_beyond,
    dispersion,
    effects,
    enough_events,
    levels_of,
    material_effects,
    pooled,
    recovered,
    still_off,
)
from drift.measures import Signal
from drift.onset import change_point
from drift.phases import Effect, Firing, Levels, Onset, Pending, Phase, Quiet, Sample
from drift.settings import DriftSettings

HISTORY = 40
"""Blocks remembered per signal: to date a change, and to know the level before it."""
FAIR_BLOCK = 30
"""Events from which a single block can show that the drift goes on."""
GROWN = 1.5
"""An alert is updated when its effect is this many times what was reported, and by more than what is material."""


@dataclass
class SignalState:
    """What is known of one signal. `anchors` are the stable levels that the detectors watch for a departure from."""

    anchors: dict[str, float]
    detectors: dict[str, tuple[Detector, ...]]
    history: list[Sample] = field(default_factory=list)
    phase: Phase = field(default_factory=Quiet)

    def copy(self) -> SignalState:
        return SignalState(
            dict(self.anchors),
            {name: tuple(detector.copy() for detector in bench) for name, bench in self.detectors.items()},
            list(self.history),
            self.phase,
        )


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an alert's state, with the blocks that show it and the alert as it now stands."""

    state: Literal["firing", "updated", "resolved"]
    effect: Effect
    current: Sample
    firing: Firing


def fresh_signal(signal: Signal, bench: DetectorBench) -> SignalState:
    """Primed on the reference: a stream that is off it from the start has changed."""
    return SignalState(
        {statistic.name: statistic.reference.stable for statistic in signal.statistics},
        {statistic.name: bench.primed() for statistic in signal.statistics},
    )


def block_values(signal: Signal, state: SignalState, sample: Sample) -> dict[str, float]:
    """What the detectors are fed of a block: distances from the anchors in standard errors, whatever its size."""
    return {
        name: (level.stable - state.anchors[name]) * math.sqrt(level.n)
        for name, level in levels_of(signal, sample).items()
    }


def advance(
    settings: DriftSettings, signal: Signal, bench: DetectorBench, state: SignalState, block: Sample
) -> Transition | None:
    """Take one closed block into `state`, in place. At most one change of the alert's state comes of it."""
    state.history = [*state.history, block][-HISTORY:]
    match state.phase:
        case Quiet():
            _watch(signal, state, block)
            return None
        case Pending() as pending:
            return _decide(settings, signal, bench, state, pending, block)
        case Firing() as firing:
            firing = replace(firing, blocks=firing.blocks + 1)
            return _recover(settings, signal, bench, state, firing, block) or _grow(settings, signal, state)


def _watch(signal: Signal, state: SignalState, block: Sample) -> None:
    """Feed the detectors; the first to fire dates the change."""
    fired: dict[str, Detection] = {}
    for name, value in block_values(signal, state, block).items():
        for detector in state.detectors[name]:
            detection = detector.update(value)
            if detection:
                fired.setdefault(name, detection)
    if not fired:
        return
    trigger = next(iter(fired))
    first, onset = _onset(signal, state, trigger)
    before, after = state.history[:first], state.history[first:]
    state.phase = Pending(
        triggers=tuple(fired),
        detection=fired[trigger],
        onset=onset,
        blocks=len(after),
        previous=levels_of(signal, pooled(before)) if len(before) >= ENOUGH_BLOCKS else {},
        dispersion={
            statistic.name: round(dispersion(statistic, (before, after)), 6) for statistic in signal.statistics
        },
    )


def _onset(signal: Signal, state: SignalState, name: str) -> tuple[int, Onset]:
    """Index in the history of the first block that a statistic had changed in, and its times."""
    statistic = next(statistic for statistic in signal.statistics if statistic.name == name)
    levels = [statistic.measure(sample.cells, sample.events) for sample in state.history]
    anchor = state.anchors[name]
    first, earliest, latest = change_point(
        [level.stable if level else anchor for level in levels],
        [level.n / level.spread**2 if level else 0.0 for level in levels],
        anchor,
    )
    return first, Onset(
        at=state.history[first].start,
        # The change may lie within the last block that still looks unchanged.
        earliest=state.history[max(0, earliest - 1)].start,
        latest=state.history[latest].end,
    )


def _decide(
    settings: DriftSettings, signal: Signal, bench: DetectorBench, state: SignalState, pending: Pending, block: Sample
) -> Transition | None:
    """Judge the blocks since the detection alone: they played no part in it, so they measure the change fairly."""
    fresh = pending.fresh.plus(block) if pending.fresh else block
    pending = replace(pending, fresh=fresh, blocks=pending.blocks + 1)
    state.phase = pending
    if fresh.blocks < settings.persistence:
        return None
    levels = levels_of(signal, fresh)
    found = material_effects(settings, signal, effects(signal, levels, pending.previous, pending.dispersion))
    if found:
        # Dated anew: by now more blocks show it, and the detector may have fired on something smaller before.
        first, onset = _onset(signal, state, found[0].statistic)
        if first > 0 or state.history[0].start <= pending.onset.at:
            pending = replace(pending, onset=onset, blocks=len(state.history) - first)
        firing = Firing(
            pending=replace(pending, fresh=None),
            effect=found[0],
            material=tuple(sorted({effect.statistic for effect in found})),
            severity="ticket" if any(effect.against == "reference" for effect in found) else "log",
            blocks=pending.blocks,
        )
        state.phase = firing
        return Transition("firing", found[0], fresh, firing)
    triggers = [s for s in signal.statistics if s.name in pending.triggers and s.name in levels]
    settled = all(enough_events(settings, s, levels[s.name], 2 * pending.dispersion[s.name]) for s in triggers)
    if settled and fresh.blocks >= 2 * settings.persistence:
        _settle(bench, state, {s.name: levels[s.name].stable for s in triggers}, pending.triggers)
    return None


def _settle(bench: DetectorBench, state: SignalState, anchors: dict[str, float], restarted: tuple[str, ...]) -> None:
    """Quiet again: these detectors start anew from where their statistics are now."""
    state.phase = Quiet()
    state.anchors |= anchors
    state.detectors |= {name: bench.primed() for name in restarted}


def _recover(
    settings: DriftSettings, signal: Signal, bench: DetectorBench, state: SignalState, firing: Firing, block: Sample
) -> Transition | None:
    """Resolve once the blocks since the last clearly drifted one are back near the reference, or near the level before
    the change."""
    run = firing.run.plus(block) if firing.run else block
    # A block of few events proves nothing by itself; the run shows it soon enough.
    single = _by_base(signal, block, firing) if block.events >= FAIR_BLOCK else []
    found = _by_base(signal, run, firing)
    moved = [statistic for statistic in signal.statistics if statistic.name in firing.material]
    if any(all(still_off(settings, base, moved) for base in bases) for bases in (single, found) if bases):
        state.phase = replace(firing, run=None)
        return None
    state.phase = firing = replace(firing, run=run)
    back = [base for base in found if recovered(settings, base, moved) and not _elsewhere(settings, signal, base)]
    if run.blocks < settings.recovery or not back:
        return None
    left = [effect for effect in back[0] if effect.statistic == firing.effect.statistic]
    # The run may begin with a few drifted blocks: it is no level to compare with later, the base is.
    base = firing.pending.previous if back[0][0].against == "previous" else {}
    anchors = {s.name: base.get(s.name, s.reference).stable for s in signal.statistics}
    state.history = []
    _settle(bench, state, anchors, tuple(anchors))
    return Transition("resolved", (left or back[0])[0], run, firing)


def _by_base(signal: Signal, sample: Sample, firing: Firing) -> list[list[Effect]]:
    """The effects against the reference, and those against the level before where it is known."""
    found = _all_effects(signal, levels_of(signal, sample), firing)
    bases = [[effect for effect in found if effect.against == against] for against in ("reference", "previous")]
    return [base for base in bases if base]


def _elsewhere(settings: DriftSettings, signal: Signal, found: list[Effect]) -> bool:
    return bool(material_effects(settings, signal, found))


def _grow(settings: DriftSettings, signal: Signal, state: SignalState) -> Transition | None:
    """Report again what has become much worse, in the statistic first reported or in another."""
    firing = state.phase
    if not isinstance(firing, Firing) or len(state.history) < settings.persistence:
        return None
    latest = pooled(state.history[-settings.persistence :])
    found = material_effects(settings, signal, _all_effects(signal, levels_of(signal, latest), firing))
    if not found:
        return None
    worst, reported = found[0], firing.effect
    if worst.ratio < max(GROWN * reported.ratio, reported.ratio + 1):
        return None
    # Of the same statistic the growth itself must be clear, not just the whole effect.
    if worst.statistic == reported.statistic and not clearly_beyond(settings, worst, reported):
        return None
    material = tuple(sorted({*firing.material, *(effect.statistic for effect in found)}))
    against_reference = any(effect.against == "reference" for effect in found)
    grown = replace(
        firing, effect=worst, material=material, severity="ticket" if against_reference else firing.severity
    )
    state.phase = grown
    return Transition("updated", worst, latest, grown)


def _all_effects(signal: Signal, levels: Levels, firing: Firing) -> list[Effect]:
    return effects(signal, levels, firing.pending.previous, firing.pending.dispersion)
