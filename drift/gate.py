"""Is a change worth an alert: material, clear given the number of events, against the reference or what was before."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drift.measures import Level, Quantity, Statistic
from drift.phases import Effect, Levels, Sample
from drift.settings import DriftSettings
from drift.signals import Signal

WIDTH_95 = 1.96
LIKELY, SURE = 2.0, 3.5  # standard errors between a recovered level and one that still matters
_ORDER = {Quantity.SPREAD: 1, Quantity.SHAPE: 1, Quantity.RANGE: 2}
ENOUGH_BLOCKS = 8  # fewer tell nothing about how much blocks differ among themselves


def levels_of(signal: Signal, sample: Sample) -> Levels:
    """Every statistic that the sample has events for."""
    measured = ((statistic.name, level_of(statistic, sample)) for statistic in signal.statistics)
    return {name: level for name, level in measured if level is not None}


def level_of(statistic: Statistic, sample: Sample) -> Level | None:
    """The level of one statistic, less what is due to the time of day or week."""
    return statistic.measure(sample.cells, sample.events, sample.season.get(statistic.name, 0.0))


def pooled(samples: Sequence[Sample]) -> Sample:
    """One or more samples as one."""
    total = samples[0]
    for sample in samples[1:]:
        total = total.plus(sample)
    return total


def dispersion(statistic: Statistic, segments: Sequence[Sequence[Sample]]) -> float:
    """Variance between blocks over what independent events would give, at least 1: dependent events, as in most real
    streams, make block levels swing wider, and then more is needed for a clear change. Each segment has its level."""
    swing, freedom = 0.0, 0
    for samples in segments:
        levels = [level for sample in samples if (level := level_of(statistic, sample))]
        if not levels:
            continue
        weights = [level.n / level.spread**2 for level in levels]
        centre = sum(level.stable * w for level, w in zip(levels, weights, strict=True)) / sum(weights)
        swing += sum(w * (level.stable - centre) ** 2 for level, w in zip(levels, weights, strict=True))
        freedom += len(levels) - 1
    return max(1.0, swing / freedom) if freedom >= ENOUGH_BLOCKS - 1 else 1.0


def effect_of(statistic: Statistic, level: Level, base: Level, against: str, spread: float = 1.0) -> Effect:
    """The distance of a level from a baseline; `spread` is the dispersion."""
    size = level.value - base.value
    wide = math.sqrt(spread)
    half = WIDTH_95 * wide * math.hypot(statistic.error(level), statistic.error(base))
    score = (level.stable - base.stable) / (wide * math.hypot(level.error, base.error))
    return Effect(
        statistic=statistic.name,
        against="reference" if against == "reference" else "previous",
        size=size,
        low=size - half,
        high=size + half,
        score=score,
        ratio=abs(size) / statistic.material,
    )


def effects(signal: Signal, levels: Levels, previous: Levels, spread: dict[str, float]) -> list[Effect]:
    """Against the reference and, where known, against the level before, of every statistic."""
    found: list[Effect] = []
    for statistic in signal.statistics:
        level = levels.get(statistic.name)
        if level is None:
            continue
        wide = spread.get(statistic.name, 1.0)
        found.append(effect_of(statistic, level, statistic.reference, "reference", wide))
        if before := previous.get(statistic.name):
            found.append(effect_of(statistic, level, before, "previous", wide))
    return found


def material_effects(signal: Signal, found: Sequence[Effect], least: float | None = None) -> list[Effect]:
    """Those that are material and no accident, the one to report first: a level before a shape, what moved within its
    range before what left it, the reference before what was before, the larger before the smaller. `least` is of the
    score; where that is all the evidence, each statistic has its own."""
    by_name = {statistic.name: statistic for statistic in signal.statistics}
    passed = [
        e for e in found if e.ratio >= 1 and abs(e.score) >= (by_name[e.statistic].clear if least is None else least)
    ]
    return sorted(
        passed,
        key=lambda effect: (
            _ORDER.get(by_name[effect.statistic].quantity, 0),
            effect.against == "previous",
            -effect.ratio,
            effect.statistic,
        ),
    )


def enough_events(statistic: Statistic, level: Level, spread: float) -> bool:
    """Whether a change that is just material would be clear by now. Twice the dispersion asks for twice the events."""
    return level.n >= events_needed(statistic, level, spread)


def events_needed(statistic: Statistic, level: Level, spread: float) -> float:
    """So many at this level make a change that is just material clear."""
    variance = max(statistic.error(level) ** 2 * level.n, statistic.variance)
    return spread * variance * (statistic.clear / statistic.material) ** 2


def still_off(settings: DriftSettings, found: Sequence[Effect], statistics: Sequence[Statistic]) -> bool:
    """Whether a statistic is clearly more than half of what is material away: these events cannot be a recovery."""
    return any(abs(e.size) - settings.clear * _error(e) > s.material / 2 for e, s in _paired(found, statistics))


def recovered(found: Sequence[Effect], reported: Sequence[Effect], statistics: Sequence[Statistic]) -> bool:
    """Whether every statistic is back: within half of what is material (the hysteresis), most likely within all of it,
    and far from half of what was reported. The last keeps a change at the threshold from flapping without making a
    large one wait for more events than it takes."""
    before = {effect.statistic: abs(effect.size) for effect in reported}
    pairs = _paired(found, statistics)
    return bool(pairs) and all(
        abs(e.size) <= s.material / 2
        and abs(e.size) + LIKELY * _error(e) <= s.material
        and abs(e.size) + SURE * _error(e) <= max(s.material, before.get(s.name, 0.0) / 2)
        for e, s in pairs
    )


def clearly_beyond(settings: DriftSettings, effect: Effect, reported: Effect) -> bool:
    """Whether an effect is larger than a reported one by more than chance."""
    return abs(effect.size) - abs(reported.size) >= settings.clear * math.hypot(_error(effect), _error(reported))


def _paired(found: Sequence[Effect], statistics: Sequence[Statistic]) -> list[tuple[Effect, Statistic]]:
    by_name = {statistic.name: statistic for statistic in statistics}
    return [(effect, by_name[effect.statistic]) for effect in found if effect.statistic in by_name]


def _error(effect: Effect) -> float:
    return (effect.high - effect.low) / (2 * WIDTH_95)
