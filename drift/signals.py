"""Which statistics are watched of each signal."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from drift.baseline import Baseline, Learned
from drift.blocks import Stretch
from drift.classes import class_groups
from drift.evidence import threshold_nats
from drift.joint import JointReference
from drift.measures import Level, Quantity, Statistic, share_level
from drift.noise import Noise
from drift.outcomes import is_error
from drift.profile import (
    CategoryReference,
    NumberReference,
    ReferenceProfile,
    SignalReference,
    WatchedReference,
    key_of,
)
from drift.scores import smooth_scores
from drift.settings import DriftSettings

LEAPS = (0.15, 0.4, 0.8)
"""Of the share of wrong answers: from three times the default of what is material to nearly all."""

SHAPES = {1: "rank", 2: "", 3: "asymmetry", 4: "tails"}
"""The polynomials of drift.scores by degree; the second is the spread."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A watched signal: its reference, its statistics, and the key it goes by in alerts, metrics and state. With a
    `baseline` the statistics compare with that."""

    reference: WatchedReference
    statistics: tuple[Statistic, ...]
    baseline: Baseline | None = None

    @property
    def key(self) -> str:
        return key_of(self.reference.role, self.reference.name)

    @property
    def detected(self) -> tuple[Statistic, ...]:
        """Those that River's detectors look at too; pairs are too many for that, and the volume has a cycle."""
        return tuple(s for s in self.statistics if s.quantity not in {Quantity.DEPENDENCE, Quantity.VOLUME})

    def statistic(self, name: str) -> Statistic:
        """The one of this name, which is there."""
        return next(statistic for statistic in self.statistics if statistic.name == name)

    def apart_from(self, moving: Container[str]) -> Signal:
        """Of pairs, those that no feature is in that moves itself: it would take its pairs along."""
        if not isinstance(self.reference, JointReference):
            return self
        names = self.reference.names
        pairs = zip(self.statistics, self.reference.pairs, strict=True)
        still = (s for s, (first, second) in pairs if names[first] not in moving and names[second] not in moving)
        return replace(self, statistics=tuple(still))

    def rebased(self, baseline: Baseline | None) -> Signal:
        """This signal of the profile, compared with a baseline."""
        if baseline is None:
            return self
        known = baseline.levels
        statistics = (_moved_to(s, known[s.name]) if s.name in known else s for s in self.statistics)
        if baseline.learned:
            statistics = (_as_learned(s, baseline.learned) for s in statistics)
        return replace(self, statistics=tuple(statistics), baseline=baseline)

    def season(self, stretches: Sequence[Stretch]) -> dict[str, float]:
        """What the time of day or week adds to each statistic that has a season, on average over the events."""
        events = sum(stretch.events for stretch in stretches)
        return {
            s.name: sum(s.noise.expected(start, end) * count for start, end, count in stretches) / max(1, events)
            for s in self.statistics
            if s.noise.season
        }


def _moved_to(statistic: Statistic, level: Level) -> Statistic:
    wider = level.spread / statistic.reference.spread if statistic.unit in ("sd", "score") else 1.0
    return replace(statistic, reference=level, widened=max(1.0, wider))


def _as_learned(statistic: Statistic, learned: Learned) -> Statistic:
    leaps = tuple(leap for leap in statistic.leaps if leap > learned.material)
    return replace(statistic, material=learned.material, leaps=leaps, noise=Noise(season=learned.season))


def signals_of(profile: ReferenceProfile, settings: DriftSettings) -> tuple[Signal, ...]:
    """Every signal of a profile with the statistics that suit its kind, and the budget of false alarms shared out."""
    plain = [tuple(_statistics(reference, settings)) for reference in profile.watched]
    sides = 2 * sum(len(statistic.changes) for statistics in plain for statistic in statistics)
    threshold = threshold_nats(settings.false_page_days, settings.slice_ms, sides)
    noises = profile.calibration.signals if profile.calibration else ({},) * len(plain)
    return tuple(
        Signal(reference, tuple(_calibrated(s, noise.get(s.name, Noise()), threshold) for s in statistics))
        for reference, statistics, noise in zip(profile.watched, plain, noises, strict=True)
    )


def _calibrated(statistic: Statistic, noise: Noise, threshold: float) -> Statistic:
    reference = replace(statistic.reference, spread=statistic.reference.spread * noise.inflation**0.5)
    return replace(statistic, reference=reference, noise=noise, threshold=threshold)


def _statistics(reference: SignalReference | JointReference, settings: DriftSettings) -> Iterator[Statistic]:
    if isinstance(reference, JointReference):
        yield from _of_pairs(reference, settings)
        return
    nulls = _reference_share(reference.nulls, reference.rows)
    yield Statistic(quantity=Quantity.NULLS, material=settings.quality_change, reference=nulls, quality=True)
    if isinstance(reference, NumberReference):
        yield from _of_number(reference, settings)
    else:
        yield from _of_category(reference, settings)


def _of_number(reference: NumberReference, settings: DriftSettings) -> Iterator[Statistic]:
    present = reference.rows - reference.nulls
    still = Level(max(1, present), 0.0, 0.0)
    # A constant has no spread to measure a mean in: it moves when other values turn up.
    if not reference.constant:
        yield Statistic(quantity=Quantity.MEAN, material=settings.shift_sd, reference=still)
        for degree, scores in smooth_scores(reference.counts, tuple(SHAPES)).items():
            yield Statistic(
                quantity=Quantity.SHAPE if SHAPES[degree] else Quantity.SPREAD,
                material=settings.shift_sd,
                reference=still,
                label=SHAPES[degree],
                scores=scores,
                squares=tuple(score * score for score in scores),
            )
    yield Statistic(
        quantity=Quantity.RANGE,
        material=settings.quality_change if reference.constant else settings.share_change,
        reference=_reference_share(reference.below + reference.above, present),
        quality=reference.constant,
        at_once=reference.constant,
    )


def _of_category(reference: CategoryReference, settings: DriftSettings) -> Iterator[Statistic]:
    present = reference.rows - reference.nulls
    unseen = _reference_share(reference.unseen, present)
    yield Statistic(quantity=Quantity.UNSEEN, material=settings.quality_change, reference=unseen, quality=True)
    wrong = is_error(reference)
    groups = class_groups(reference)
    if len(groups) == 2:
        groups = groups[1:]  # the other share says the same
    for label, classes in groups:
        yield Statistic(
            quantity=Quantity.SHARE,
            material=settings.share_change,
            reference=_reference_share(sum(reference.counts[index] for index in classes), present),
            classes=classes,
            label=label,
            leaps=tuple(leap for leap in LEAPS if leap > settings.share_change) if wrong else (),
            # As many wrong answers as the evidence takes need not last longer: labels prove each of them.
            at_once=wrong,
        )


def _of_pairs(reference: JointReference, settings: DriftSettings) -> Iterator[Statistic]:
    for pair, name in enumerate(reference.pair_names):
        correlation = reference.correlations[pair]
        yield Statistic(
            quantity=Quantity.DEPENDENCE,
            material=settings.correlation_change,
            reference=Level(reference.rows, correlation, correlation, reference.swings[pair]),
            label=name,
            joint=reference,
            pair=pair,
        )


def _reference_share(count: int, n: int) -> Level:
    return share_level(count, n) or Level(1, 0.0, 0.0)
