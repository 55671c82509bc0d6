"""One signal, block by block: detectors while quiet, the gate while pending, growth and recovery while firing."""

from __future__ import annotations

from msgspec.structs import replace

from drift.detectors import Detection, DetectorBench
from drift.firing import grow, recover
from drift.gate import ENOUGH_BLOCKS, dispersion, effects, enough_events, levels_of, material_effects, pooled
from drift.measures import Signal
from drift.onset import change_point
from drift.phases import Firing, Onset, Pending, Quiet, Sample
from drift.settings import DriftSettings
from drift.signal_state import HISTORY, SignalState, Transition, block_values, settle


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
            firing = replace(firing, blocks=firing.blocks + block.blocks)
            transition = recover(settings, signal, bench, state, firing, block)
            if transition or not isinstance(state.phase, Firing):
                return transition
            return grow(settings, signal, state, state.phase, block)


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
        blocks=pooled(after).blocks,
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
    pending = replace(pending, fresh=fresh, blocks=pending.blocks + block.blocks)
    state.phase = pending
    if fresh.blocks < settings.persistence:
        return None
    levels = levels_of(signal, fresh)
    every = effects(signal, levels, pending.previous, pending.dispersion)
    found = material_effects(settings, signal, every)
    if found:
        # Dated anew: by now more blocks show it, and the detector may have fired on something smaller before.
        first, onset = _onset(signal, state, found[0].statistic)
        if first > 0 or state.history[0].start <= pending.onset.at:
            pending = replace(pending, onset=onset, blocks=pooled(state.history[first:]).blocks)
        firing = Firing(
            pending=replace(pending, fresh=None),
            effect=found[0],
            reported=tuple(every),
            material=tuple(sorted({effect.statistic for effect in found})),
            severity="ticket" if any(effect.against == "reference" for effect in found) else "log",
            blocks=pending.blocks,
        )
        state.phase = firing
        return Transition("firing", found[0], fresh, firing)
    triggers = [s for s in signal.statistics if s.name in pending.triggers and s.name in levels]
    settled = all(enough_events(settings, s, levels[s.name], 2 * pending.dispersion[s.name]) for s in triggers)
    if settled and fresh.blocks >= 2 * settings.persistence:
        settle(bench, state, {s.name: levels[s.name].stable for s in triggers}, pending.triggers)
    return None
