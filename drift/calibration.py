"""Learns from the reference how its statistics swing while nothing changes: dependence, and the cycle of a day or week.

Real streams are not independent rows. Means of consecutive rows swing wider: an hour of a series that stays high for an
hour is one value, not thousands. How much is seen by cutting the reference into ever longer windows: the batch-means
estimate of a mean's variance, taken at the length where it is largest.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from drift.joint import JointReference, rank_scores
from drift.measures import Quantity, Statistic
from drift.noise import DAY_HOURS, HOUR_MS, WEEK_HOURS, Calibration, Noise
from drift.profile import NumberReference, ReferenceProfile, SignalReference, bins_of
from drift.settings import DriftSettings
from drift.signals import Signal, signals_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FIRST_WINDOW, WINDOW_FACTOR, LEAST_WINDOWS = 8, 4, 24
DOUBT = 0.001
"""Independent rows look dependent with this probability, at each length of window."""
CAUTION = 0.1
"""Where they are dependent, the variance is taken so high that it is higher with this probability."""
LEAST_CYCLES = 3


def calibrated(profile: ReferenceProfile, matrix: Floats, times_ms: Integers | None = None) -> ReferenceProfile:
    """The profile with what its own rows (n x signals, coded as drift.profile says) tell about noise. Without
    times, or with too few rows to look at their order, they count as independent."""
    timed = times_ms is not None and any(_windows(len(times_ms))) and times_ms.min() < times_ms.max()
    order = None if times_ms is None or not timed else np.argsort(times_ms, kind="stable")
    rows = matrix if order is None else matrix[order]
    times = None if order is None or times_ms is None else times_ms[order]
    signals = signals_of(profile, DriftSettings())
    noises = tuple(
        {statistic.name: _noise(_of_rows(statistic, reference, column), times) for statistic in signal.statistics}
        for signal, reference, column in zip(signals[: len(profile.signals)], profile.signals, rows.T, strict=True)
    )
    if profile.joint:
        noises += (_of_pairs(profile, profile.joint, signals[-1], rows, times),)
    return replace(profile, calibration=Calibration("rows" if times is None else "time", noises))


def _of_rows(statistic: Statistic, reference: SignalReference, column: Floats) -> Floats:
    """What each row adds to the statistic; a row that does not count for it adds what all do on average."""
    missing = np.isnan(column)
    if statistic.quantity is Quantity.NULLS:
        return missing.astype(np.float64)
    if isinstance(reference, NumberReference):
        values = np.where(missing, reference.mean, column)
        match statistic.quantity:
            case Quantity.MEAN:
                added = (np.clip(values, reference.low, reference.high) - reference.mean) / reference.scale
            case Quantity.RANGE:
                added = ((values < reference.low) | (values > reference.high)).astype(np.float64)
            case _:
                bins = np.searchsorted(np.array(reference.edges), values, side="right")
                added = np.array(statistic.scores)[bins]
    elif statistic.quantity is Quantity.UNSEEN:
        added = ((column < 0) | (column >= len(reference.categories))).astype(np.float64)
    else:
        added = np.isin(column, statistic.classes).astype(np.float64)
    present = added[~missing]
    return np.where(missing, present.mean() if present.size else 0.0, added)


def _of_pairs(
    profile: ReferenceProfile, joint: JointReference, signal: Signal, rows: Floats, times: Integers | None
) -> dict[str, Noise]:
    columns = list(joint.columns)
    scores = np.where(
        np.isnan(rows[:, columns].T), 0.0, rank_scores(bins_of(profile.signals, columns, rows), joint.bins)
    )
    z = (scores - np.array(joint.means).reshape(-1, 1)) / np.array(joint.sds).reshape(-1, 1)
    return {
        statistic.name: replace(_noise(z[first] * z[second], times), skewness=0.0)
        for statistic, (first, second) in zip(signal.statistics, joint.pairs, strict=True)
    }


def _noise(added: Floats, times: Integers | None) -> Noise:
    deviations = added - added.mean() if added.size else added
    spread = float(np.sqrt(np.mean(deviations**2))) if added.size else 0.0
    if spread <= 0:
        return Noise()
    skewness = float(np.mean((deviations / spread) ** 3))
    if times is None:
        return Noise(skewness=skewness)
    season = _season(deviations, times)
    noise = Noise(skewness=skewness, season=season)
    if season:
        deviations = deviations - np.interp(times % (len(season) * HOUR_MS), *_points(season))
    return replace(noise, inflation=_inflation(deviations))


def _inflation(deviations: Floats) -> float:
    alone = float(np.mean(deviations**2))
    return max([1.0, *(_upper(deviations, alone, window) for window in _windows(len(deviations)))]) if alone else 1.0


def _windows(rows: int) -> Iterator[int]:
    window = FIRST_WINDOW
    while rows // window >= LEAST_WINDOWS:
        yield window
        window *= WINDOW_FACTOR


def _upper(deviations: Floats, alone: float, window: int) -> float:
    """How much wider means over windows swing than those of independent rows; 1 unless it is hardly chance."""
    count = len(deviations) // window
    means = deviations[: count * window].reshape(count, window).mean(axis=1)
    freedom, sum_of_squares = count - 1, float(np.sum((means - means.mean()) ** 2)) * window / alone
    return likely_inflation(sum_of_squares, freedom)


def likely_inflation(sum_of_squares: float, freedom: int) -> float:
    """From squared deviations of means, each over the variance that it has of independent events. With too few of them
    to tell, events count as independent."""
    if freedom < LEAST_WINDOWS - 1 or sum_of_squares <= _chi_square(1 - DOUBT, freedom):
        return 1.0
    return max(1.0, sum_of_squares / _chi_square(CAUTION, freedom))


def _chi_square(probability: float, freedom: int) -> float:
    """Its quantile, by Wilson and Hilferty (1931): good to a percent from about ten degrees of freedom on."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + NormalDist().inv_cdf(probability) * part**0.5) ** 3)


def _season(deviations: Floats, times: Integers) -> tuple[float, ...]:
    """The better of a daily and a weekly cycle, each only after three of them, and only where it foretells a cycle that
    it was not learned from better than no season at all."""
    hours, owner = np.unique(times // HOUR_MS, return_inverse=True)
    weights = np.bincount(owner).astype(np.float64)
    levels = np.bincount(owner, weights=deviations) / weights
    best, season = 0.0, ()
    for length in (DAY_HOURS, WEEK_HOURS):
        if hours[-1] - hours[0] + 1 < LEAST_CYCLES * length or len(np.unique(hours // length)) < LEAST_CYCLES:
            continue
        slots = hours % length
        totals = np.bincount(slots, weights=levels * weights, minlength=length).astype(np.float64)
        counts = np.bincount(slots, weights=weights, minlength=length).astype(np.float64)
        # An hour stands once in a cycle: its slot without it is what the other cycles say.
        foretold = _ratio(totals[slots] - levels * weights, counts[slots] - weights)
        missed, plain = float(weights @ (levels - foretold) ** 2), float(weights @ levels**2)
        if plain > 0 and 1 - missed / plain > best:
            best = 1 - missed / plain
            season = tuple(_ratio(totals, counts).tolist())
    return season


def _ratio(totals: Floats, counts: Floats) -> Floats:
    """Means; 0 where nothing was counted."""
    return np.divide(totals, counts, out=np.zeros(len(totals)), where=counts > 0)


def _points(season: tuple[float, ...]) -> tuple[Floats, Floats]:
    """The season as `Noise.expected` reads it: through the middles of the hours, and round."""
    middles = (np.arange(-1, len(season) + 1) + 0.5) * HOUR_MS
    return middles.astype(np.float64), np.array([season[-1], *season, season[0]])
