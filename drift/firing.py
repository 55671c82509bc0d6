"""One signal while its alert is out: has it recovered, has it become much worse."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from drift.detectors import DetectorBench
from drift.gate import clearly_beyond, effects, enough_events, levels_of, material_effects, pooled, recovered, still_off
from drift.measures import Statistic
from drift.phases import Effect, Firing, Levels, Sample
from drift.settings import DriftSettings
from drift.signal_state import SignalState, Transition, start_anew
from drift.signals import Signal

AWAY = 0.75
"""A signal can come back only to a level that it was this far away from, in units of what is material."""
GROWN = 1.5
"""An alert is updated when its effect is this many times what was reported, and by more than what is material."""


def recover(
    settings: DriftSettings, signal: Signal, bench: DetectorBench, state: SignalState, firing: Firing, block: Sample
) -> Transition | None:
    """Resolve once the blocks since the last clearly drifted one are back near the reference, or near the level before
    the change."""
    run = firing.run.plus(block) if firing.run else block
    found = _by_base(signal, run, firing)
    moved = [statistic for statistic in signal.statistics if statistic.name in firing.material]
    if any(
        all(still_off(settings, base, moved) for base in bases) for bases in (_by_base(signal, block, firing), found)
    ):
        state.phase = replace(firing, run=None)
        return None
    # Enough to tell a recovery with ease: start anew, or what was before would drag on.
    spent = run.blocks >= 4 * settings.recovery and _enough(firing, moved, levels_of(signal, run), times=4)
    state.phase = replace(firing, run=None if spent else run)
    back = [
        base
        for base in found
        if recovered(base, _against(firing.reported, base[0].against), moved) and not material_effects(signal, base)
    ]
    if run.blocks < settings.recovery or not back:
        return None
    left = [effect for effect in back[0] if effect.statistic == firing.effect.statistic]
    # The run may begin with a few drifted blocks: it is no level to compare with later, the base is.
    base = firing.pending.previous if back[0][0].against == "previous" else {}
    anchors = {s.name: base.get(s.name, s.reference).stable for s in signal.statistics}
    start_anew(bench, state, anchors)
    return Transition("resolved", (left or back[0])[0], run, firing, "recovered")


def told_again(settings: DriftSettings, signal: Signal, state: SignalState, firing: Firing) -> Transition:
    """The alert as it stands by the latest blocks, for those who ask or command."""
    latest = pooled(state.history[-settings.persistence :])
    same = [
        effect
        for effect in _all_effects(signal, levels_of(signal, latest), firing)
        if (effect.statistic, effect.against) == (firing.effect.statistic, firing.effect.against)
    ]
    return Transition("updated", same[0] if same else firing.effect, latest, firing)


def _by_base(signal: Signal, sample: Sample, firing: Firing) -> list[list[Effect]]:
    """The effects against the reference and against the level before, so far as the signal had moved away from them."""
    left = {e.against for e in firing.reported if e.statistic == firing.effect.statistic and e.ratio >= AWAY}
    found = _all_effects(signal, levels_of(signal, sample), firing)
    bases = [_against(found, against) for against in ("reference", "previous") if against in left]
    return [base for base in bases if base]


def _against(found: Sequence[Effect], against: str) -> list[Effect]:
    return [effect for effect in found if effect.against == against]


def grow(
    settings: DriftSettings, signal: Signal, state: SignalState, firing: Firing, block: Sample
) -> Transition | None:
    """Report again what has become much worse, in the statistic first reported or in another. Judged over blocks that
    do not overlap, each time as many as it takes to tell."""
    chunk = firing.chunk.plus(block) if firing.chunk else block
    levels = levels_of(signal, chunk)
    moved = [statistic for statistic in signal.statistics if statistic.name in firing.material]
    if chunk.blocks < settings.persistence or not _enough(firing, moved, levels, times=1):
        state.phase = replace(firing, chunk=chunk)
        return None
    state.phase = firing = replace(firing, chunk=None)
    # The first of these blocks may be from before it grew.
    latest = pooled(state.history[-settings.persistence :])
    every = _all_effects(signal, levels_of(signal, latest), firing)
    found = material_effects(signal, every)
    if not found or found[0].ratio < max(GROWN * firing.effect.ratio, firing.effect.ratio + 1):
        return None
    worst = found[0]
    before = [e for e in firing.reported if (e.statistic, e.against) == (worst.statistic, worst.against)]
    if before and not clearly_beyond(settings, worst, before[0]):
        return None
    against_reference = any(effect.against == "reference" for effect in found)
    state.phase = firing = replace(
        firing,
        effect=worst,
        reported=tuple(every),
        material=tuple(sorted({*firing.material, *(effect.statistic for effect in found)})),
        severity="ticket" if against_reference and firing.severity == "log" else firing.severity,
    )
    return Transition("updated", worst, latest, firing)


def _enough(firing: Firing, moved: Sequence[Statistic], levels: Levels, times: float) -> bool:
    spread = firing.pending.dispersion
    return all(enough_events(s, levels[s.name], times * spread.get(s.name, 1.0)) for s in moved if s.name in levels)


def _all_effects(signal: Signal, levels: Levels, firing: Firing) -> list[Effect]:
    return effects(signal, levels, firing.pending.previous, firing.pending.dispersion)
