"""What is measured of a signal: statistics of its cells, each on a scale where its noise is known.

Blocks differ in size. A level's noise is `spread` / sqrt(n) on the stable scale: the value itself for a mean in
reference standard deviations or of scores, 2 asin(sqrt(p)) for a share (its variance is 1/n whatever p, also near 0 and
for small n). So a small block weighs little; the smallest are gathered (see drift.blocks).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import repeat
from operator import mul
from typing import Literal, TypeAlias

from drift.cells import ABOVE, BELOW, FIRST_BIN, FIRST_CATEGORY, NULLS, ONE, SQUARES, SUM, UNSEEN, Cells
from drift.evidence import of_mean, of_share
from drift.joint import JointReference
from drift.noise import Noise
from drift.scores import Scores
from drift.volume import LOGS
from drift.volume import ONE as ONE_LOG


class Quantity(StrEnum):
    """What a statistic is about; decides how a change is named and judged."""

    MEAN = "mean"
    SPREAD = "spread"
    SHAPE = "shape"
    NULLS = "null_rate"
    UNSEEN = "unseen_rate"
    RANGE = "out_of_range_rate"
    SHARE = "share"
    DEPENDENCE = "dependence"
    VOLUME = "volume"


Unit: TypeAlias = Literal["sd", "score", "share", "correlation", "log2"]

UNITS: dict[Quantity, Unit] = {
    Quantity.MEAN: "sd",
    Quantity.SPREAD: "score",
    Quantity.SHAPE: "score",
    Quantity.DEPENDENCE: "correlation",
    Quantity.VOLUME: "log2",
}


@dataclass(frozen=True, slots=True)
class Level:
    """A statistic over n events (of the volume: windows): `value` in its unit, `stable` as above."""

    n: int
    value: float
    stable: float
    spread: float = 1.0

    @property
    def error(self) -> float:
        """Standard error on the stable scale."""
        return self.spread / math.sqrt(self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One number to watch of a signal. `material` is the smallest change worth an alert, in the unit of `value`;
    `threshold` the evidence, in nats, at which a change is no accident. `leaps` are larger changes that evidence is
    gathered of too, in the same unit: far fewer events prove one than what is just material. `scores` are of the bins,
    for a shape, and `squares` theirs; `joint` and `pair` are for a dependence. `widened`: how much wider than in the
    profile events lie around another baseline. `most_of_one`: one event is no more of the evidence needed than this."""

    quantity: Quantity
    material: float
    reference: Level
    quality: bool = False
    at_once: bool = False
    classes: tuple[int, ...] = ()
    label: str = ""
    scores: Scores = ()
    squares: Scores = ()
    joint: JointReference | None = None
    pair: int = 0
    noise: Noise = field(default_factory=Noise)
    threshold: float = 8.0
    leaps: tuple[float, ...] = ()
    widened: float = 1.0
    most_of_one: float = math.inf
    name: str = field(init=False)
    """Kept: every block asks for it many times."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.quantity}:{self.label}" if self.label else str(self.quantity))

    @property
    def unit(self) -> Unit:
        return UNITS.get(self.quantity, "share")

    @property
    def clear(self) -> float:
        """The threshold in standard errors."""
        return math.sqrt(2 * self.threshold)

    def measure(self, cells: Mapping[int, int], events: int, season: float = 0.0) -> Level | None:
        """The level over some events of the signal, less what is due to the `season`; None where none of them counts
        for it."""
        present = events - cells.get(NULLS, 0)
        wide = math.sqrt(self.noise.inflation)
        match self.quantity:
            case Quantity.NULLS:
                return share_level(cells.get(NULLS, 0), events, season, wide)
            case Quantity.MEAN:
                return _mean(cells.get(SUM, 0) / ONE, cells.get(SQUARES, 0) / ONE, present, season, wide)
            case Quantity.SPREAD | Quantity.SHAPE:
                counts = [*map(cells.get, range(FIRST_BIN, FIRST_BIN + len(self.scores)), repeat(0))]
                # fsum: the same whatever order the counts were added in.
                total, squares = (math.fsum(map(mul, scores, counts)) for scores in (self.scores, self.squares))
                return _mean(total, squares, present, season, wide)
            case Quantity.RANGE:
                return share_level(cells.get(BELOW, 0) + cells.get(ABOVE, 0), present, season, wide)
            case Quantity.UNSEEN:
                return share_level(cells.get(UNSEEN, 0), present, season, wide)
            case Quantity.DEPENDENCE:
                return self._dependence(cells, events, season)
            case Quantity.VOLUME:
                mean = cells.get(LOGS, 0) / ONE_LOG / events - season
                return Level(events, mean, mean, self.reference.spread)
            case Quantity.SHARE:
                count = sum(cells.get(FIRST_CATEGORY + index, 0) for index in self.classes)
                return share_level(count, present, season, wide)

    def _dependence(self, cells: Mapping[int, int], events: int, season: float) -> Level | None:
        if events <= 0 or self.joint is None:
            return None
        correlation = self.joint.correlation(self.pair, cells, events) - season
        return Level(events, correlation, correlation, self.reference.spread)

    @property
    def _swing(self) -> float:
        """Deviation of one event's part, noise apart."""
        if self.quantity is Quantity.VOLUME:
            return self.reference.spread
        return (self.joint.swings[self.pair] if self.joint else 1.0) * self.widened

    @property
    def variance(self) -> float:
        """Of one event in the reference, in squared units of `value`."""
        alone = self.reference.value * (1 - self.reference.value) if self.unit == "share" else self._swing**2
        return alone * self.noise.inflation

    def error(self, level: Level) -> float:
        """Standard error of `level.value`, in its unit."""
        if self.unit != "share":
            return level.error
        # A rate of exactly 0 or 1 is not certain: as if half an event had gone the other way.
        share = (level.value * level.n + 0.5) / (level.n + 1)
        return math.sqrt(share * (1 - share) / level.n) * level.spread

    @property
    def changes(self) -> tuple[float, ...]:
        """What evidence is gathered of, the material change first."""
        return (self.material, *self.leaps)

    def best_gain(self, level: Level) -> float:
        """The most evidence in nats of any change, in either direction."""
        return max(max(self.gains(level, change)) for change in self.changes)

    def gathered(self, level: Level, least: float) -> tuple[float, float]:
        """The gains of a block, no more than one is to count for."""
        rise, fall = self.gains(level, least)
        most = level.n * self.threshold * self.most_of_one
        return min(rise, most), min(fall, most)

    def gains(self, level: Level, least: float | None = None) -> tuple[float, float]:
        """Evidence in nats that the level rose, and that it fell, by `least`: by what is material, if not said."""
        inflation, least = self.noise.inflation, self.material if least is None else least
        if self.unit != "share":
            inflation *= self._swing**2
            skewness, distance = self.noise.skewness, level.value - self.reference.value
            return (
                of_mean(level.n, distance, least, skewness, inflation),
                of_mean(level.n, -distance, least, -skewness, inflation),
            )
        # Never 0 or 1: what the reference did not hold may still be in what it stands for.
        before = (self.reference.value * self.reference.n + 0.5) / (self.reference.n + 1)
        rise = of_share(level.n, level.value, before, before + least, inflation) if before + least < 1 else 0.0
        fall = of_share(level.n, level.value, before, before - least, inflation) if before - least > 0 else 0.0
        return rise, fall


def share_level(count: int, n: int, season: float = 0.0, spread: float = 1.0) -> Level | None:
    """The level of a share of n events."""
    if n <= 0:
        return None
    share = min(1.0, max(0.0, count / n - season))
    return Level(n, share, 2 * math.asin(math.sqrt(share)), spread)


def _mean(total: float, squares: float, n: int, season: float, wide: float) -> Level | None:
    if n <= 0:
        return None
    mean = total / n
    variance = max(0.0, squares / n - mean * mean)
    # Never below the reference's: a few equal values are no proof of a small spread.
    return Level(n, mean - season, mean - season, max(1.0, math.sqrt(variance)) * wide)


def moments(cells: Cells, events: int) -> tuple[int, float, float]:
    """n, mean and standard deviation of a number signal's clipped values, in reference standard deviations."""
    n = events - cells.get(NULLS, 0)
    if n <= 0:
        return 0, 0.0, 0.0
    mean = cells.get(SUM, 0) / (n * ONE)
    return n, mean, math.sqrt(max(0.0, cells.get(SQUARES, 0) / (n * ONE) - mean * mean))
