"""What is measured of a signal: statistics of its cells, each on a scale where its noise is known.

Blocks differ in size. A level's noise is `spread` / sqrt(n) on the stable scale: the value itself for a mean in
reference standard deviations, 2 asin(sqrt(p)) for a share (its variance is 1/n whatever p, also near 0 and for
small n). So a small block weighs little; the smallest are gathered (see drift.blocks).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from drift.cells import ABOVE, BELOW, FIRST_CATEGORY, NULLS, ONE, SQUARES, SUM, UNSEEN, Cells
from drift.profile import CategoryReference, NumberReference, ReferenceProfile, SignalReference
from drift.settings import DriftSettings

MAX_CLASSES = 10
"""Classes watched one by one, the commonest of the reference; the others together."""


class Quantity(StrEnum):
    """What a statistic is about; decides how a change is named and judged."""

    MEAN = "mean"
    NULLS = "null_rate"
    UNSEEN = "unseen_rate"
    RANGE = "out_of_range_rate"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Level:
    """A statistic over n events: `value` in its unit (sd, or a share of 0 to 1), `stable` as above."""

    n: int
    value: float
    stable: float
    spread: float = 1.0

    @property
    def error(self) -> float:
        """Standard error on the stable scale."""
        return self.spread / math.sqrt(self.n)


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number to watch of a signal. `material` is the smallest change worth an alert, in the unit of `value`."""

    quantity: Quantity
    material: float
    reference: Level
    quality: bool = False
    classes: tuple[int, ...] = ()
    label: str = ""

    @property
    def name(self) -> str:
        return f"{self.quantity}:{self.label}" if self.label else str(self.quantity)

    @property
    def unit(self) -> str:
        return "sd" if self.quantity is Quantity.MEAN else "share"

    def measure(self, cells: Mapping[int, int], events: int) -> Level | None:
        """The level over some events of the signal; None where none of them counts for it."""
        present = events - cells.get(NULLS, 0)
        match self.quantity:
            case Quantity.NULLS:
                return _share(cells.get(NULLS, 0), events)
            case Quantity.MEAN:
                return _mean(cells.get(SUM, 0), cells.get(SQUARES, 0), present)
            case Quantity.RANGE:
                return _share(cells.get(BELOW, 0) + cells.get(ABOVE, 0), present)
            case Quantity.UNSEEN:
                return _share(cells.get(UNSEEN, 0), present)
            case Quantity.SHARE:
                return _share(sum(cells.get(FIRST_CATEGORY + index, 0) for index in self.classes), present)

    @property
    def variance(self) -> float:
        """Of one event in the reference, in squared units of `value`."""
        return 1.0 if self.quantity is Quantity.MEAN else self.reference.value * (1 - self.reference.value)

    def error(self, level: Level) -> float:
        """Standard error of `level.value`, in its unit."""
        if self.quantity is Quantity.MEAN:
            return level.error
        # A rate of exactly 0 or 1 is not certain: as if half an event had gone the other way.
        share = (level.value * level.n + 0.5) / (level.n + 1)
        return math.sqrt(share * (1 - share) / level.n)


@dataclass(frozen=True, slots=True)
class Signal:
    """A watched signal: its reference, its statistics, and the key it goes by in alerts, metrics and state."""

    reference: SignalReference
    statistics: tuple[Statistic, ...]

    @property
    def key(self) -> str:
        # A feature may bear the name of an output.
        return self.reference.name if self.reference.role == "feature" else f"metric/{self.reference.name}"


def signals_of(profile: ReferenceProfile, settings: DriftSettings) -> tuple[Signal, ...]:
    """Every signal of a profile with the statistics that suit its kind."""
    return tuple(Signal(reference, _statistics(reference, settings)) for reference in profile.signals)


def _statistics(reference: SignalReference, settings: DriftSettings) -> tuple[Statistic, ...]:
    null_rate = Statistic(
        Quantity.NULLS, settings.quality_change, _reference_share(reference.nulls, reference.rows), quality=True
    )
    if isinstance(reference, NumberReference):
        return (null_rate, *_of_number(reference, settings))
    return (null_rate, *_of_category(reference, settings))


def _of_number(reference: NumberReference, settings: DriftSettings) -> tuple[Statistic, ...]:
    present = reference.rows - reference.nulls
    outside = Statistic(
        Quantity.RANGE,
        settings.quality_change if reference.constant else settings.share_change,
        _reference_share(reference.below + reference.above, present),
        quality=reference.constant,
    )
    # A constant has no spread to measure a mean in: it moves when other values turn up.
    if reference.constant:
        return (outside,)
    return Statistic(Quantity.MEAN, settings.shift_sd, Level(max(1, present), 0.0, 0.0)), outside


def _of_category(reference: CategoryReference, settings: DriftSettings) -> tuple[Statistic, ...]:
    present = reference.rows - reference.nulls
    unseen = Statistic(
        Quantity.UNSEEN, settings.quality_change, _reference_share(reference.unseen, present), quality=True
    )
    common = sorted(range(len(reference.counts)), key=lambda index: (-reference.counts[index], index))
    groups: list[tuple[str, tuple[int, ...]]] = [
        (reference.categories[index], (index,)) for index in sorted(common[:MAX_CLASSES])
    ]
    if len(groups) == 2:
        groups = groups[1:]  # the other share says the same
    if rest := tuple(sorted(common[MAX_CLASSES:])):
        groups.append(("(others)", rest))
    shares = (
        Statistic(
            Quantity.SHARE,
            settings.share_change,
            _reference_share(sum(reference.counts[index] for index in classes), present),
            classes=classes,
            label=label,
        )
        for label, classes in groups
    )
    return (unseen, *shares)


def _reference_share(count: int, n: int) -> Level:
    return _share(count, n) or Level(1, 0.0, 0.0)


def _share(count: int, n: int) -> Level | None:
    if n <= 0:
        return None
    share = min(1.0, max(0.0, count / n))
    return Level(n, share, 2 * math.asin(math.sqrt(share)))


def _mean(total: int, squares: int, n: int) -> Level | None:
    if n <= 0:
        return None
    mean = total / (n * ONE)
    variance = max(0.0, squares / (n * ONE) - mean * mean)
    # Never below the reference's: a few equal values are no proof of a small spread.
    return Level(n, mean, mean, max(1.0, math.sqrt(variance)))


def moments(cells: Cells, events: int) -> tuple[int, float, float]:
    """n, mean and standard deviation of a number signal's clipped values, in reference standard deviations."""
    n = events - cells.get(NULLS, 0)
    if n <= 0:
        return 0, 0.0, 0.0
    mean = cells.get(SUM, 0) / (n * ONE)
    return n, mean, math.sqrt(max(0.0, cells.get(SQUARES, 0) / (n * ONE) - mean * mean))
