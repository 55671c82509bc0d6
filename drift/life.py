"""One signal, block by block: detectors and evidence while quiet, the gate while pending, growth and recovery while
firing."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from drift.detectors import Detection, DetectorBench
from drift.firing import grow, recover
from drift.gate import ENOUGH_BLOCKS, effects, enough_events, levels_of, material_effects, pooled
from drift.measures import Statistic
from drift.memory import remembered
from drift.phases import Effect, Firing, Levels, Pending, Sample
from drift.proof import OWN_DETECTOR, lasts, onset_of, proven, strongest, swing, weigh
from drift.settings import DriftSettings
from drift.signal_state import SignalState, Transition, fed_values, settle
from drift.signals import Signal


def advance(
    settings: DriftSettings, signal: Signal, bench: DetectorBench, state: SignalState, block: Sample
) -> Transition | None:
    """Take one closed block into `state`, in place. At most one change of the alert's state comes of it."""
    state.history = remembered([*state.history, block], settings.old_blocks, Sample.plus)
    if isinstance(state.phase, Firing):
        firing = replace(state.phase, blocks=state.phase.blocks + block.blocks)
        transition = recover(settings, signal, bench, state, firing, block)
        if transition or not isinstance(state.phase, Firing):
            return transition
        return grow(settings, signal, state, state.phase, block)
    levels = levels_of(signal, block)
    enough = weigh(signal, state, levels, block.start)
    if isinstance(state.phase, Pending):
        return _prove(settings, signal, state, enough) or _decide(settings, signal, bench, state, state.phase, block)
    _watch(signal, bench, state, levels)
    return _prove(settings, signal, state, enough)


def _watch(signal: Signal, bench: DetectorBench, state: SignalState, levels: Levels) -> None:
    """Feed the detectors; the first to fire dates the change."""
    fired: dict[str, Detection] = {}
    for name, values in fed_values(bench, signal, state, levels).items():
        for detector in state.detectors[name]:
            # Once it fired it is replaced: it sees no value after that.
            if detection := next(filter(None, map(detector.update, values)), None):
                fired.setdefault(name, detection)
    if fired:
        trigger = next(iter(fired))
        state.phase = _pending(signal, state, trigger, tuple(fired), fired[trigger])


def _pending(
    signal: Signal, state: SignalState, trigger: str, triggers: tuple[str, ...], detection: Detection
) -> Pending:
    first, onset = onset_of(signal.statistic(trigger), state)
    before, after = state.history[:first], state.history[first:]
    return Pending(
        triggers=triggers,
        detection=detection,
        onset=onset,
        blocks=pooled(after).blocks,
        previous=levels_of(signal, pooled(before)) if len(before) >= ENOUGH_BLOCKS else {},
        dispersion={statistic.name: swing(statistic, before, after) for statistic in signal.statistics},
    )


def _prove(
    settings: DriftSettings, signal: Signal, state: SignalState, enough: Sequence[Statistic]
) -> Transition | None:
    """Fire on the evidence alone: every block since the onset counts, since the threshold allows for any onset."""
    found = proven(settings, signal, state, enough)
    if found is None:
        return None
    statistic, nats, material = found
    most = strongest(statistic, state)
    detection = Detection(OWN_DETECTOR, {"false_page_days": settings.false_page_days}, most.nats, statistic.threshold)
    pending = _pending(signal, state, statistic.name, (statistic.name,), detection)
    if pending.onset.at == state.history[0].start:
        # It may have begun before what is remembered; the evidence knows since when.
        began = min(pending.onset.earliest, most.since)
        pending = replace(pending, onset=replace(pending.onset, earliest=began))
    # Told as it is since the onset; what went before belongs to the proof only.
    current = pooled([sample for sample in state.history if sample.start >= pending.onset.at])
    told = effects(signal, levels_of(signal, current), {}, pending.dispersion)
    proved = {effect.statistic for effect in material}
    since_onset = [effect for effect in material_effects(signal, told, 0.0) if effect.statistic in proved]
    return _fire(signal, state, pending, since_onset or material, current, nats)


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
    found = [effect for effect in material_effects(signal, every) if _lasts(settings, signal, state, pending, effect)]
    if found and not _soon_clear(found, every):
        # Dated anew: by now more blocks show it, and the detector may have fired on something smaller before.
        first, onset = onset_of(signal.statistic(found[0].statistic), state)
        if first > 0 or state.history[0].start <= pending.onset.at:
            pending = replace(pending, onset=onset, blocks=pooled(state.history[first:]).blocks)
        return _fire(signal, state, replace(pending, fresh=None), found, fresh)
    triggers = [s for s in signal.statistics if s.name in pending.triggers and s.name in levels]
    settled = all(enough_events(s, levels[s.name], 2 * pending.dispersion.get(s.name, 1.0)) for s in triggers)
    if settled and fresh.blocks >= 2 * settings.persistence:
        settle(bench, state, {s.name: levels[s.name].stable for s in triggers}, pending.triggers)
    return None


def _soon_clear(found: Sequence[Effect], every: Sequence[Effect]) -> bool:
    """Whether what is clear against the level before is as material against the reference and not clear there yet: the
    next blocks make it a ticket, as a log it would stay one."""
    if any(effect.against == "reference" for effect in found):
        return False
    moved = {effect.statistic for effect in found}
    return any(e.against == "reference" and e.ratio >= 1 and e.statistic in moved for e in every)


def _lasts(settings: DriftSettings, signal: Signal, state: SignalState, pending: Pending, effect: Effect) -> bool:
    assert pending.fresh is not None
    statistic = signal.statistic(effect.statistic)
    base = statistic.reference if effect.against == "reference" else pending.previous[statistic.name]
    return lasts(settings, statistic, base.value, [s for s in state.history if s.start >= pending.fresh.start])


def _fire(
    signal: Signal, state: SignalState, pending: Pending, found: Sequence[Effect], current: Sample, proof: float = 0.0
) -> Transition:
    every = effects(signal, levels_of(signal, current), pending.previous, pending.dispersion)
    state.phase = firing = Firing(
        pending=pending,
        effect=found[0],
        reported=tuple(every),
        material=tuple(sorted({effect.statistic for effect in found})),
        severity="ticket" if any(effect.against == "reference" for effect in found) else "log",
        blocks=pending.blocks,
        proof=proof,
    )
    return Transition("firing", found[0], current, firing)
