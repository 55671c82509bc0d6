"""All rows of a file as one sample, held against a reference profile by the gate that alerts go through. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.alert import Summary
from drift.alert_summary import current_summary, reference_summary
from drift.blocks import Stretch
from drift.cells import Layout
from drift.gate import dispersion, effects, levels_of, material_effects, pooled
from drift.joint import JointReference
from drift.likely import likely_change
from drift.measures import Unit
from drift.phases import Effect, Sample
from drift.profile import ReferenceProfile
from drift.settings import DriftSettings
from drift.signals import Signal, signals_of
from drift.summary import Summariser

MOST_BLOCKS = 256
"""Rows are cut into so many at most, to see how much they differ among themselves."""


class Verdict(StrEnum):
    """Of a signal. Found are the first two."""

    DRIFTED = "drifted"  # a material change that is no accident
    QUALITY = "quality"  # the same of nulls, unseen categories, other values in a constant
    UNCLEAR = "unclear"  # material, and these rows are too few to be sure
    SAME = "same"
    FOLLOWS = "follows"  # of pairs: in each of them a feature moves itself
    EMPTY = "empty"  # no value to measure


FOUND = (Verdict.DRIFTED, Verdict.QUALITY)


class MeasuredEffect(msgspec.Struct, frozen=True):
    """How far a statistic is from the reference: `size` with its 95 % interval in `unit`, `score` in standard errors of
    which `needed` are no accident, `ratio` in units of `material`, the smallest change worth an alert."""

    statistic: str
    size: float
    interval: tuple[float, float]
    unit: Unit
    material: float
    ratio: float
    score: float
    needed: float
    quality: bool
    found: bool


class SignalReport(msgspec.Struct, frozen=True):
    """A signal against its reference. `effects` of every statistic, what counts first. `likely`: what kind of change it
    looks like; empty where none was found."""

    signal: str
    role: str
    verdict: Verdict
    effects: list[MeasuredEffect]
    reference: Summary
    current: Summary
    likely: str

    @property
    def ratio(self) -> float:
        """Of the effect that counts, 0 without any."""
        return self.effects[0].ratio if self.effects else 0.0


def measure(
    profile: ReferenceProfile,
    settings: DriftSettings,
    matrix: NDArray[np.float64],
    times_ms: NDArray[np.int64] | None,
    *,
    roles: Sequence[str],
) -> list[SignalReport]:
    """Signals of these `roles`, what was found first, then by effect.

    `matrix` is n x signals of the profile, coded as there, by rising `times_ms` where these are known.
    """
    blocks = _blocks(profile, settings, matrix)
    reports: list[SignalReport] = []
    moving: set[str] = set()
    for index, plain in enumerate(signals_of(profile, settings)):
        is_joint = isinstance(plain.reference, JointReference)
        if ("feature" if is_joint else plain.reference.role) not in roles:
            continue
        samples = [
            Sample(
                *_span(span, times_ms), events, cells[index], season=plain.season(_stretches(span, events, times_ms))
            )
            for span, events, cells in blocks
        ]
        # A feature that moves takes its pairs along.
        report = _report(plain.apart_from(moving), profile, samples, timed=times_ms is not None)
        if report.verdict in FOUND:
            moving.add(report.signal)
        reports.append(report)
    order = list(Verdict)
    return sorted(reports, key=lambda each: (each.verdict not in FOUND, -each.ratio, order.index(each.verdict)))


def _blocks(
    profile: ReferenceProfile,
    settings: DriftSettings,
    matrix: NDArray[np.float64],
) -> list[tuple[slice, int, list[dict[int, int]]]]:
    """Row ranges with their number of rows, and the cells of each signal."""
    layout, summariser = Layout.of(profile), Summariser(profile, 1)
    rows = max(settings.block_events, -(-len(matrix) // MOST_BLOCKS))
    found = []
    for begin in range(0, len(matrix), rows):
        span = slice(begin, min(begin + rows, len(matrix)))
        zeros = np.zeros(span.stop - begin, dtype=np.int64)
        (delta,) = summariser.summarise(zeros, zeros, matrix[span])[0]
        found.append((span, span.stop - begin, layout.split(layout.folded(delta.cells))))
    return found


def _span(rows: slice, times_ms: NDArray[np.int64] | None) -> tuple[int, int]:
    return (0, 0) if times_ms is None else (int(times_ms[rows.start]), int(times_ms[rows.stop - 1]) + 1)


def _stretches(rows: slice, events: int, times_ms: NDArray[np.int64] | None) -> list[Stretch]:
    """None without times: the time of day or week is not known then."""
    return [] if times_ms is None else [Stretch(*_span(rows, times_ms), events)]


def _report(signal: Signal, profile: ReferenceProfile, samples: Sequence[Sample], *, timed: bool) -> SignalReport:
    whole = pooled(samples)
    spread = {statistic.name: dispersion(statistic, [samples]) for statistic in signal.statistics}
    found = effects(signal, levels_of(signal, whole), {}, spread)
    passed = material_effects(signal, found)
    rest = sorted((each for each in found if each not in passed), key=lambda each: -each.ratio)
    measured = [_measured(signal, each, is_found=each in passed) for each in [*passed, *rest]]
    reference, current = reference_summary(signal.reference, profile), current_summary(signal.reference, whole)
    if not timed:
        current = msgspec.structs.replace(current, from_time=None, to_time=None)
    likely = likely_change(passed[0].statistic, passed[0].size, reference, current) if passed else ""
    return SignalReport(
        signal.key,
        signal.reference.role if not isinstance(signal.reference, JointReference) else "joint",
        Verdict.FOLLOWS if not signal.statistics else _verdict(measured),
        measured,
        reference,
        current,
        likely,
    )


def _measured(signal: Signal, effect: Effect, *, is_found: bool) -> MeasuredEffect:
    statistic = signal.statistic(effect.statistic)
    return MeasuredEffect(
        statistic=effect.statistic,
        size=effect.size,
        interval=(effect.low, effect.high),
        unit=statistic.unit,
        material=statistic.material,
        ratio=effect.ratio,
        score=effect.score,
        needed=statistic.clear,
        quality=statistic.quality,
        found=is_found,
    )


def _verdict(measured: Sequence[MeasuredEffect]) -> Verdict:
    if not measured:
        return Verdict.EMPTY
    if measured[0].found:
        return Verdict.QUALITY if measured[0].quality else Verdict.DRIFTED
    return Verdict.UNCLEAR if measured[0].ratio >= 1 else Verdict.SAME
