"""Is a change proven: so much evidence since its onset that the budget of false alarms holds, and does it last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from drift.evidence import NONE, Evidence, Side
from drift.gate import dispersion, effects, level_of, levels_of, material_effects, pooled
from drift.measures import Level, Statistic
from drift.onset import change_point
from drift.phases import Effect, Levels, Onset, Sample
from drift.settings import DriftSettings
from drift.signal_state import SignalState
from drift.signals import Signal

OWN_DETECTOR = "CUSUM"
"""What alerts name where the evidence itself brought them (drift.evidence)."""

NEARLY = 0.75
"""Of what is material: below it the latest blocks are not worth dating a change."""


class Proof(NamedTuple):
    """The statistic that dates the change, its evidence since it began, and the effects against the reference since
    then that are material."""

    statistic: Statistic
    nats: float
    material: list[Effect]


def weigh(signal: Signal, state: SignalState, levels: Levels, start: int) -> list[Statistic]:
    """Add the evidence of a block that begins at `start`, in place; the statistics whose evidence is enough."""
    enough: list[Statistic] = []
    for statistic in signal.statistics:
        level = levels.get(statistic.name)
        known = state.evidence.get(statistic.name, Evidence())
        if level is not None:
            known = known.plus(statistic.gathered(level, statistic.material), start, statistic.threshold)
            state.evidence[statistic.name] = known
            for leap in statistic.leaps:
                far = state.evidence.get(_leap_name(statistic, leap), Evidence())
                gains = statistic.gathered(level, leap)
                state.evidence[_leap_name(statistic, leap)] = far.plus(gains, start, statistic.threshold)
        if strongest(statistic, state).nats >= statistic.threshold:
            enough.append(statistic)
    return enough


def strongest(statistic: Statistic, state: SignalState) -> Side:
    """The most evidence that there is of any of the changes that are looked for."""
    names = (statistic.name, *(_leap_name(statistic, leap) for leap in statistic.leaps))
    found = [state.evidence[name].most for name in names if name in state.evidence]
    return max(found, key=lambda side: side.nats, default=NONE)


def _leap_name(statistic: Statistic, leap: float) -> str:
    return f"{statistic.name} by {leap:g}"


def onset_of(statistic: Statistic, state: SignalState) -> tuple[int, Onset]:
    """Index in the history of the first block that a statistic had changed in, and its times."""
    levels = [level_of(statistic, sample) for sample in state.history]
    anchor = state.anchors[statistic.name]
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


def swing(statistic: Statistic, before: Sequence[Sample], since: Sequence[Sample]) -> float:
    """The dispersion on both sides of a change, as it is kept."""
    return round(dispersion(statistic, (before, since)), 6)


def proven(
    settings: DriftSettings, signal: Signal, state: SignalState, candidates: Sequence[Statistic]
) -> Proof | None:
    """None where no candidate proves a change that is material and lasts."""
    for statistic in candidates:
        if not _looks_material(settings, statistic, state.history):
            continue
        # Not since the likeliest onset: that is chosen where the change looks largest.
        began = strongest(statistic, state).since
        before = [sample for sample in state.history if sample.start < began]
        since = state.history[len(before) :]
        current = pooled(since)
        level = level_of(statistic, current)
        if level is None:
            continue
        # A change that grows swings by itself; where a leap is looked for it is not to be taken for noise.
        nats = statistic.best_gain(level) / swing(statistic, before, () if statistic.leaps else since)
        if nats < statistic.threshold:
            continue
        spread = {s.name: swing(s, before, since) for s in signal.statistics}
        every = effects(signal, levels_of(signal, current), {}, spread)
        by_itself = statistic.name if statistic.at_once else None
        found = [
            effect
            for effect in material_effects(signal, every, 0.0)
            if effect.statistic == by_itself or abs(effect.score) >= settings.clear
        ]
        if statistic.name in {effect.statistic for effect in found} and lasts(
            settings, statistic, statistic.reference.value, since
        ):
            return Proof(statistic, nats, found)
    return None


def lasts(settings: DriftSettings, statistic: Statistic, base: float, since: Sequence[Sample]) -> bool:
    """Whether the latest block, and as many as it takes with it, are each on the same side of a baseline and more than
    half of what is material away: a burst that is over does not last."""
    total = level_of(statistic, pooled(since))
    latest = level_of(statistic, since[-1])
    if total is None or latest is None:
        return False
    side = 1 if total.value >= base else -1
    away = [sample.blocks for sample in since if _is_away(level_of(statistic, sample), base, side, statistic.material)]
    needed = 1 if statistic.at_once else settings.persistence
    return sum(away) >= needed and _is_away(latest, base, side, statistic.material)


def _is_away(level: Level | None, base: float, side: int, material: float) -> bool:
    return level is not None and side * (level.value - base) >= material / 2


def _looks_material(settings: DriftSettings, statistic: Statistic, history: Sequence[Sample]) -> bool:
    latest = level_of(statistic, pooled(history[-settings.persistence :]))
    return latest is not None and abs(latest.value - statistic.reference.value) >= NEARLY * statistic.material
